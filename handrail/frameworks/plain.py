"""The seam for plain Python: ``@handrail.tool`` for functions, ``handrail.run`` for a hand-written loop."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, MethodType, TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from handrail.audit.steps import Step
from handrail.config import Mode, Settings
from handrail.config.settings import Effect, Then
from handrail.effects.declared import Declaration
from handrail.frameworks import definitions, executables, gates, opening
from handrail.frameworks.api import watch
from handrail.frameworks.signatures import Bound, Parameters
from handrail.frameworks.validation import Checks, configured
from handrail.frameworks.viewing import remade
from handrail.gate import Gate, Refusal, ToolCall, gate_of, gates_of
from handrail.tracing import context
from handrail.tracing.acting import acting_for
from handrail.tracing.context import Frame
from handrail.validators.configured import Configured
from handrail.validators.context import On

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_ENVIRONMENT = ("HANDRAIL_CONFIG", "HANDRAIL_MODE", "HANDRAIL_DATA")


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    name: str | None = None,
    arguments: Checks | None = None,
    result: Checks | None = None,
    then: Then = "reject",
    effect: Effect | None = None,
    idempotent: bool = False,
    accepts_key: bool = False,
    query: Callable[..., Any] | None = None,
    compensate: Callable[..., Any] | None = None,
    clean: tuple[type[BaseException], ...] = (),
) -> Callable[[F], F]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    arguments: Checks | None = None,
    result: Checks | None = None,
    then: Then = "reject",
    effect: Effect | None = None,
    idempotent: bool = False,
    accepts_key: bool = False,
    query: Callable[..., Any] | None = None,
    compensate: Callable[..., Any] | None = None,
    clean: tuple[type[BaseException], ...] = (),
) -> Any:
    """Make a function or method a governed tool: each call is decided, recorded, and only then made.

    Its arguments are known to rules by their parameter names, and are checked against those annotations that
    are JSON types. ``name`` replaces the function's own. A call that is not allowed does not run and returns
    the text for the model, a ``str``, whatever the function returns otherwise. Outside a run each call is a
    run of its own.

    ``arguments`` and ``result`` are what :func:`handrail.validate` takes: checks of the table of arguments, and of what
    the function returns, after those of handrail.toml. ``then`` is what enforce mode does about an error: ``reject``
    (the model reads what is wrong, and may try again three times), ``repair``, ``redact``, ``record`` or ``ask``.

    ``effect`` is what a call does to the world: ``read``, ``write`` (what is assumed) or ``irreversible``. Where a
    crash or an error leaves it unknown whether a write happened, it is not made again, unless it is ``idempotent``,
    hands :func:`handrail.idempotency_key` to a service that honours it (``accepts_key``), or ``query(key, args)``
    finds out: it returns the result, or :class:`handrail.NotDone`. After an exception of ``clean`` nothing was done.
    ``compensate(args, result)`` undoes a call. A table ``[tools.NAME]`` in handrail.toml goes before.
    Raises ConfigError for a check that cannot be made, TypeError for what is no function: generators, classes, other
    callables.
    """
    checks: dict[On, Checks | None] = {"arguments": arguments, "result": result}
    says = (effect, idempotent, accepts_key, query, compensate, clean) != (None, False, False, None, None, ())
    names = frozenset(kind.__name__ for kind in clean)
    declared = Declaration(effect or "write", idempotent, accepts_key, query, compensate, names) if says else None
    govern = functools.partial(_governed, name=name, checks=checks, then=then, declared=declared)
    return govern if function is None else govern(function)


def _governed(
    function: Callable[..., Any],
    name: str | None,
    checks: Mapping[On, Checks | None],
    then: Then,
    declared: Declaration | None,
) -> Callable[..., Any]:
    _check(function)
    name = name or function.__name__
    made: dict[On, tuple[Configured, ...]] = {
        on: (configured(check, then, f"{name}.{on}"),) for on, check in checks.items() if check is not None
    }
    described = Described(name, inspect.getdoc(function) or "", Parameters(function), made, declared)
    wrap = _asynchronous if inspect.iscoroutinefunction(function) else _synchronous
    governed = functools.wraps(function)(wrap(function, described))
    governed.__handrail_tool__ = described  # type: ignore[attr-defined]
    executables.note(described)
    return governed


def _check(function: object) -> None:
    if isinstance(function, (classmethod, staticmethod)):
        raise TypeError("@handrail.tool goes below @classmethod or @staticmethod, next to the function.")
    if not isinstance(function, (FunctionType, MethodType)):
        raise TypeError(f"@handrail.tool takes a function or a method, not a {type(function).__qualname__}.")  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"@handrail.tool cannot take the generator {function.__qualname__}: its result is not there when the "
            "call returns, so it could not be checked. Return a list, or govern the function that consumes it."
        )


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Described:
    """What is known of a governed function; kept on it as ``__handrail_tool__``."""

    name: str
    """The tool's name in rules and records."""
    description: str
    """The function's docstring; empty without one."""
    parameters: Parameters
    checks: Mapping[On, tuple[Configured, ...]] = field(default_factory=dict[On, tuple[Configured, ...]])
    """What its author has checked."""
    declared: Declaration | None = None
    """What its author says it does to the world."""

    def call(self, bound: Bound) -> ToolCall:
        """The proposed call with these arguments."""
        return ToolCall(
            self.name, bound.seen, tool=self, schema=self.parameters.schema, description=self.description,
            pauses=_pauses(), put=remade, checks=self.checks, declared=self.declared, **_in_graph(),
        )  # fmt: skip

    def passed(self, frame: Frame, bound: Bound) -> bool:
        """Whether this call was let through already, as that of a framework's tool around this function."""
        own = getattr(frame.owner, "tool", None) is self  # a function that calls itself is decided again
        return not own and gates.already_passed(frame, self.name, bound.seen, self.parameters.defaults)


def _synchronous(function: Callable[..., Any], described: Described) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = described.parameters.bind(args, kwargs)
        with _frame(described) as frame:
            if described.passed(frame, bound):
                return function(*args, **kwargs)
            found = gate_of(frame).tool(frame, described.call(bound), lambda final: bound.make(function, final))
        return found.text if isinstance(found, Refusal) else found

    return call


def _asynchronous(function: Callable[..., Any], described: Described) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        bound = described.parameters.bind(args, kwargs)
        with _frame(described) as frame:
            if described.passed(frame, bound):
                return await function(*args, **kwargs)
            found = await gate_of(frame).atool(frame, described.call(bound), lambda final: bound.make(function, final))
        return found.text if isinstance(found, Refusal) else found

    return call


@contextmanager
def _frame(owner: Described) -> Generator[Frame]:
    """The frame that a call is made in: the current one, or that of a run of its own."""
    with gates.standing(lambda: gates.enter(own_gate(), "", owner, entry="tool"), _pauses()) as frame:
        assert frame is not None  # enter returns None only inside a run, or without a gate
        yield frame


def own_gate() -> Gate:
    """The gate of what no ``govern`` covers: the process's own, else that of the handrail.toml found from here."""
    return opening.default_gate() or _found_gate(*(os.environ.get(name) for name in _ENVIRONMENT))


@functools.lru_cache(maxsize=8)
def _found_gate(*environment: str | None) -> Gate:
    return opening.open_gate()


def _pauses() -> tuple[type[BaseException], ...]:
    """Exceptions that suspend a run: plain functions are called from LangGraph's nodes too."""
    if "langgraph.errors" not in sys.modules:
        return ()
    from handrail.frameworks.langchain.pauses import PAUSES

    return PAUSES


def _in_graph() -> dict[str, Any]:
    """What LangGraph knows of a call from one of its nodes."""
    if "langgraph.pregel" not in sys.modules:
        return {}
    from handrail.frameworks.langchain import repeats

    return {"at": repeats.at, "place": repeats.place, "pause": repeats.pause()}


def visible(tools: Iterable[T]) -> list[T]:
    """Those of ``tools`` that may be called here, in their order: what to send to a model from a loop of one's own.

    Each is a name, a function under ``@handrail.tool``, a framework's tool, or a definition in the form of OpenAI,
    Anthropic, Google or Bedrock. Left out is what no arguments could make an enforced policy allow; a tool that
    the provider runs only where the configuration names it. Outside a run, as for a call that is a run of its own.
    """
    given = list(tools)
    hosted = {name for each in given if definitions.is_hosted(each) for name in definitions.names_of(each)}
    frame = context.current()
    if frame is not None:
        asked = [(opening.renewed(gate.rulebook), frame.principal) for gate in gates_of(frame)]
    else:
        own = own_gate()
        asked = [(opening.renewed(own.rulebook), gates.whoever(own, "", {}, {}))]
    hides = lambda name: any(rules.hides(who, name, runs=name not in hosted) for rules, who in asked)  # noqa: E731
    return definitions.shown(given, hides)[0]


class Run:
    """A run of an agent that is plain Python; made by :func:`run`. It takes ``with`` and ``async with``, and again.

    Entered inside another run it is a sub-agent there: a step of that run, with a longer delegation chain.
    """

    def __init__(
        self, agent: str, source: str | Path | Settings | None, mode: Mode | None, said: Mapping[str, str | None]
    ) -> None:
        self._agent, self._source, self._said = agent, source, said
        self._mode: Mode | None = mode
        self._opened: Gate | None = None

    def __enter__(self) -> Self:
        """Start the run. Raises ConfigError, or JournalError in enforce mode."""
        gate = self._gate()
        watch()
        with ExitStack() as stack:
            stack.enter_context(acting_for(**self._said))
            step = gates.enter(gate, self._agent, object(), entry="run")
            assert step is not None  # the owner is new, and outside a run there is a gate
            stack.push(functools.partial(_left, step))
            stack.enter_context(context.use(step.frame))
            _entered.set((*_entered.get(), (self, stack.pop_all())))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        """End the run; how it ended is recorded, and an exception goes on."""
        open_runs = list(_entered.get())
        last = max(index for index, (run, _) in enumerate(open_runs) if run is self)
        _, stack = open_runs.pop(last)
        _entered.set(tuple(open_runs))
        stack.__exit__(kind, error, trace)
        return False

    async def __aenter__(self) -> Self:
        """Start the run. Raises ConfigError, or JournalError in enforce mode."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        """End the run; how it ended is recorded, and an exception goes on."""
        return self.__exit__(kind, error, trace)

    def _gate(self) -> Gate | None:
        if self._source is None and self._mode is None:
            return None if context.current() is not None else own_gate()
        if self._opened is None:
            self._opened = opening.open_gate(self._source, self._mode)
        return self._opened


_entered: ContextVar[tuple[tuple[Run, ExitStack], ...]] = ContextVar("handrail_runs", default=())
"""The runs that are open here, outermost first: one Run object may be open in several tasks at once."""


def _left(step: Step, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
    gates.leave(step, error, _pauses())


def run(
    agent: str,
    *,
    config: str | Path | Settings | None = None,
    mode: Mode | None = None,
    tenant: str | None = None,
    user: str | None = None,
    session: str | None = None,
    channel: str | None = None,
) -> Run:
    """A run of the agent called ``agent``: ``with handrail.run("helpdesk", user="ana"):`` around its loop.

    Inside it every governed tool, MCP call and agent belongs to the run. ``config`` is a handrail.toml (default:
    that of ``instrument()``, else the one found from the working directory upwards); ``mode`` goes before the
    file's; the rest says on whose behalf the run acts, as in ``acting_for``. Entering raises what ``govern`` raises.
    """
    said = {"tenant": tenant, "user": user, "session": session, "channel": channel}
    return Run(agent, config, mode, said)
