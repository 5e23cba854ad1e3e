"""Other instrumentations of the same program: where one shows a call already, ours does not show it again.

Spans alone are concerned. The journal has every step; a record that has no span of ours says in ``shown_by`` whose
span there is, and that span carries ``handrail.*`` attributes.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.trace import Span

from handrail.tracing import context

log = logging.getLogger(__name__)

Shown = Literal["model", "tool"]
"""Kinds of steps that others show as well. Agents are shown by both: ours names the run and who it is for."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """A span of another instrumentation that stands for a step of ours."""

    scope: str
    """Name of the instrumentation."""
    span: Span | None = None
    """The span, where it is open already."""


@dataclass(frozen=True, slots=True)
class Other:
    """One instrumentation that is known."""

    scope: str
    """Name of its module and of its instrumentation scope."""
    instrumentor: str
    """Class in that module, derived from OpenTelemetry's BaseInstrumentor."""
    library: str
    """Whose calls it shows."""
    handler: str = ""
    """Class of the callback handler that it adds to LangChain, which knows the span of a call."""
    find: Callable[[Any, Any], Any] | None = None
    """Takes that handler and a call's id; returns the span."""

    @property
    def active(self) -> bool:
        """Whether it instruments this process now."""
        module = sys.modules.get(self.scope)
        kind = getattr(module, self.instrumentor, None) if module is not None else None
        found = getattr(kind, "_instance", None)
        return bool(getattr(found, "is_instrumented_by_opentelemetry", False))


KNOWN = (
    Other("openinference.instrumentation.langchain", "LangChainInstrumentor", "langchain",
          "OpenInferenceTracer", lambda handler, call: handler.get_span(call)),
    Other("opentelemetry.instrumentation.langchain", "LangchainInstrumentor", "langchain",
          "TraceloopCallbackHandler", lambda handler, call: handler.spans[call].span),
    Other("opentelemetry.instrumentation.genai.langchain", "LangChainInstrumentor", "langchain",
          "OpenTelemetryLangChainCallbackHandler",
          lambda handler, call: handler._invocation_manager.get_invocation(call).span),
    Other("openinference.instrumentation.openai", "OpenAIInstrumentor", "openai"),
    Other("opentelemetry.instrumentation.openai", "OpenAIInstrumentor", "openai"),
    Other("opentelemetry.instrumentation.openai_v2", "OpenAIInstrumentor", "openai"),
    Other("opentelemetry.instrumentation.genai.openai", "OpenAIInstrumentor", "openai"),
    Other("openinference.instrumentation.anthropic", "AnthropicInstrumentor", "anthropic"),
    Other("opentelemetry.instrumentation.anthropic", "AnthropicInstrumentor", "anthropic"),
    Other("opentelemetry.instrumentation.genai.anthropic", "AnthropicInstrumentor", "anthropic"),
)  # fmt: skip
"""Every instrumentation that shows the calls of a library which Handrail shows as well."""
_SAYS = ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind", "llm.request.type")
_KINDS: Mapping[object, Shown] = {
    "chat": "model", "text_completion": "model", "generate_content": "model", "LLM": "model", "completion": "model",
    "execute_tool": "tool", "TOOL": "tool", "tool": "tool",
}  # fmt: skip
"""What the attributes in ``_SAYS`` say -> kind of step."""
_SCOPES = frozenset(other.scope for other in KNOWN)


def active() -> list[Other]:
    """The instrumentations that are known and at work in this process."""
    return [other for other in KNOWN if other.scope in sys.modules and other.active]


def by_call(handlers: Iterable[object], call: object) -> Theirs | None:
    """Who shows the call that LangChain gave the id ``call``: found among the call's own callback ``handlers``."""
    for handler in handlers:
        name = type(handler).__name__
        for other in KNOWN:
            if other.handler == name and other.find is not None and other.active:
                span = _found(other, handler, call)
                if span is not None and _comes_to_us(span):
                    return Theirs(other.scope, span)
    return None


def of_library(libraries: Sequence[str], kind: Shown) -> Theirs | None:
    """Who is going to show a call of one of these libraries: an active instrumentation whose spans come to us."""
    found = (other for other in active() if other.library in libraries and stamp.expects(other.scope, kind))
    return next((Theirs(other.scope) for other in found), None)


def _found(other: Other, handler: object, call: object) -> Span | None:
    assert other.find is not None
    try:
        span = other.find(handler, call)
    except Exception:  # another release of it, or a call that it leaves out: then ours is shown
        return None
    return span if isinstance(span, Span) and span.is_recording() else None


def _comes_to_us(span: Span) -> bool:
    """Whether a span goes the way that ours go: to the provider of the program, and not to one of its own."""
    theirs = getattr(span, "_span_processor", None)
    ours = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    return theirs is ours or theirs is None


class Stamp:
    """A span processor that says, on spans which others start in a governed run, which step they belong to."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, Shown]] = set()
        self._present: set[str] = set()
        self._assumed: set[str] = set()
        self._watched: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()

    def watch(self, provider: trace.TracerProvider) -> None:
        """Look at the spans of ``provider`` from now on."""
        add: Callable[[Stamp], None] | None = getattr(provider, "add_span_processor", None)
        with self._lock:
            if add is not None and provider not in self._watched:
                self._watched.add(provider)
                add(self)

    def on_start(self, span: Any, parent_context: object = None) -> None:
        """A span has started."""
        scope = getattr(span.instrumentation_scope, "name", "")
        if scope not in _SCOPES:
            return
        self._present.add(scope)
        frame = context.current()
        if frame is not None:
            _stamp(span, frame)

    def _on_ending(self, span: object) -> None:
        """Asked of every processor by newer releases of the SDK."""

    def on_end(self, span: Any) -> None:
        """A span has ended: now it says of what kind it was."""
        scope = getattr(span.instrumentation_scope, "name", "")
        if scope in _SCOPES:
            said: Mapping[str, Any] = span.attributes or {}
            kinds: list[Shown] = [_KINDS[said[name]] for name in _SAYS if said.get(name) in _KINDS]
            self._seen.update((scope, kind) for kind in kinds[:1])

    def expects(self, scope: str, kind: Shown) -> bool:
        """Whether ``scope`` shows such steps where we do.

        A tool is called when spans have come by that led to it. A model may be the first of all, which nothing
        leads to: once it is taken for shown, and then believed when seen.
        """
        if kind == "tool":
            return scope in self._present
        first = scope not in self._assumed
        self._assumed.add(scope)
        return first or (scope, kind) in self._seen

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits."""
        return True


stamp = Stamp()
_MARKS = "marks"


def mark(frame: context.Frame, attributes: Mapping[str, Any]) -> None:
    """Remember what a step that is shown by others has to say, until :func:`unmark`."""
    own = {name: value for name, value in attributes.items() if name.startswith("handrail.")}
    frame.state.notes.setdefault(_MARKS, {})[frame.step] = own
    if frame.span is not None:  # open already
        _stamp(frame.span, frame)


def _stamp(span: Any, frame: context.Frame) -> None:
    said: Mapping[str, Any] = frame.state.notes.get(_MARKS, {}).get(frame.step, {})
    try:
        span.set_attributes({"handrail.run.id": frame.state.run, "handrail.step.id": frame.step, **said})
    except Exception as problem:
        log.warning("A span of another instrumentation could not be marked: %s", type(problem).__name__)


def unmark(frame: context.Frame) -> None:
    """Forget what :func:`mark` has remembered."""
    frame.state.notes.get(_MARKS, {}).pop(frame.step, None)
