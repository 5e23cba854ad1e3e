"""Where in a run the running code is: the frame, how it is found, and how it follows the program's flow.

A frame is kept in a context variable of its own and in the OpenTelemetry context. Either suffices: code that
carries only one of the two into a thread keeps the run.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from opentelemetry import context as otel
from opentelemetry.trace import set_span_in_context

from handrail.tracing.identity import Principal

T = TypeVar("T")


class Counters:
    """What a run has done so far; shared by every thread of the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def add(self, name: str, amount: int = 1) -> None:
        """Add ``amount`` to the counter ``name``."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + amount

    def get(self, name: str) -> int:
        """The counter's value; 0 when nothing was counted."""
        return self._counts.get(name, 0)


_MOST_MODELS = 16


class Tally:
    """What one agent has used since it was called, with everything that was called below it. Thread-safe."""

    def __init__(self, above: Tally | None = None) -> None:
        """``above`` is the tally of the agent that called this one."""
        self._above, self._lock = above, threading.Lock()
        self.model_calls = self.tool_calls = self.input_tokens = self.output_tokens = 0
        self.models: list[str] = []
        """Models that were asked, each once; the first few."""
        self.finish: list[str] = []
        """Why the latest answer of a model ended."""

    def model(self, name: str, used: Mapping[str, int], finish: list[str]) -> None:
        """Count one call of the model ``name``. ``used`` has ``input`` and ``output`` tokens, where they are known."""
        with self._lock:
            self.model_calls += 1
            self.input_tokens += used.get("input", 0)
            self.output_tokens += used.get("output", 0)
            self.finish = finish
            if name not in self.models and len(self.models) < _MOST_MODELS:
                self.models.append(name)
        if self._above is not None:
            self._above.model(name, used, finish)

    def tool(self) -> None:
        """Count one tool that ran."""
        with self._lock:
            self.tool_calls += 1
        if self._above is not None:
            self._above.tool()


@dataclass(slots=True, eq=False)
class RunState:
    """One run of one agent: the mutable part, one object shared by everything that happens in the run."""

    run: str
    """Run id, 32 hex digits."""
    trace: str
    """Trace id, 32 hex digits."""
    principal: Principal
    """Who the run acts for, as it started."""
    agent: str
    """Name of the outermost agent."""
    thread: str = ""
    """The caller's conversation id (LangGraph's ``thread_id``); empty when there is none."""
    logical: str = ""
    """The first run of those that go on with each other; itself where it goes on with none."""
    counters: Counters = field(default_factory=Counters)
    handoffs: dict[str, Principal] = field(default_factory=dict[str, Principal])
    """Agent that was handed to -> whoever handed over, with the chain and scopes it had."""
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    """What other rooms remember for the length of the run, each under a key of its own."""
    kept: dict[str, Any] = field(default_factory=dict[str, Any])
    """What they remember from run to run of the thread, while this process lives; of the run only without a thread."""

    def __post_init__(self) -> None:
        self.logical = self.logical or self.run


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A place in a run: the step that is open here, and for whom it acts."""

    state: RunState
    gates: tuple[Any, ...]
    """The gates that a call made here must pass, outermost first; opaque here, see ``handrail.gate.gates_of``."""
    step: str
    """Id of the open step, 16 hex digits: the parent of whatever starts here."""
    principal: Principal
    """Who acts here: the run's principal with the chain as far as it has grown."""
    owner: Any = None
    """The object whose step this is, to recognise its own inner calls; None inside a tool or model call."""
    span: Any = None
    """The open OpenTelemetry span, or None."""
    home: str = ""
    """Step of the innermost agent, the outermost included."""
    tally: Tally = field(default_factory=Tally, repr=False)
    """What the agent that acts here has used so far."""
    made: list[tuple[otel.Context, otel.Context]] = field(
        default_factory=list[tuple[otel.Context, otel.Context]], init=False, repr=False
    )
    """The OpenTelemetry context made last for this frame, after the one that it was made from: at most one pair."""

    # by hand, since ``dataclasses.replace`` takes several times as long, and a step needs four

    def below(self, step: str, span: Any) -> Frame:
        """The frame of a ``step`` that opens here; nobody owns it yet."""
        return Frame(self.state, self.gates, step, self.principal, None, span, self.home, self.tally)

    def owned(self, owner: object) -> Frame:
        """The same place, as ``owner`` stands in it."""
        return Frame(self.state, self.gates, self.step, self.principal, owner, self.span, self.home, self.tally)


_frame: ContextVar[Frame | None] = ContextVar("handrail_frame", default=None)
_KEY = otel.create_key("handrail-frame")


def current() -> Frame | None:
    """The frame that the running code stands in; None outside every run."""
    return _frame.get() or cast("Frame | None", otel.get_value(_KEY))


def carried_by(copied: Context) -> Frame | None:
    """The frame that a copied context brings along; None where it was copied outside every run."""
    return copied.get(_frame)


class use:  # a verb, because it reads as one; a class, because a generator costs three times as much
    """Stand in ``frame`` for the length of the block, and make its span the current one."""

    __slots__ = ("_attached", "_frame", "_token")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __enter__(self) -> Frame:
        self._token = _frame.set(self._frame)
        self._attached = otel.attach(_otel_context(self._frame))
        return self._frame

    def __exit__(self, *raised: object) -> None:
        try:
            _frame.reset(self._token)
        except ValueError:  # a coroutine or generator that is thrown away elsewhere: nothing of ours is set there
            return
        otel.detach(self._attached)


def _otel_context(frame: Frame) -> otel.Context:
    base = otel.get_current()
    known = frame.made[0] if frame.made else None
    if known is not None and known[0] is base:
        return known[1]
    context = otel.set_value(_KEY, frame, base)
    if frame.span is not None:
        context = set_span_in_context(frame.span, context)
    frame.made[:] = [(base, context)]  # one slot, replaced whole: threads may race, and both be right
    return context


def iterate(frame: Frame, items: Iterator[T]) -> Generator[T]:
    """Yield from ``items``, standing in ``frame`` only while the next item is made, never in the consumer."""
    try:
        while True:
            with use(frame):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            with use(frame):
                close()


async def aiterate(frame: Frame, items: AsyncIterator[T]) -> AsyncGenerator[T]:
    """The asynchronous twin of :func:`iterate`."""
    try:
        while True:
            with use(frame):
                try:
                    item = await items.__anext__()
                except StopAsyncIteration:
                    return
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            with use(frame):
                await close()
