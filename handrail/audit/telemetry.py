"""What leaves a step for OpenTelemetry: its span, measurements and events, with content only where it may be.

The journal does not depend on any of it. Content has gone through the recorder's redaction before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span

from handrail.audit.model_call import ModelCall
from handrail.audit.recorder import Recorder
from handrail.config import ContentSettings
from handrail.tracing import events, ids, messages, metrics, others, spans, vocabulary
from handrail.tracing.content import NOTHING, Shown, Switch
from handrail.tracing.context import Frame
from handrail.tracing.links import Link, causal
from handrail.validators.findings import Finding, codes_of

if TYPE_CHECKING:
    from handrail.audit.steps import Step

Facts = Mapping[str, object]
_TOOLS = {"tool", "mcp"}
"""Kinds of steps whose content belongs to the tool that they are called by."""


class Telemetry:
    """Tells OpenTelemetry what one recorder writes down."""

    def __init__(self, recorder: Recorder, content: Callable[[], ContentSettings]) -> None:
        """``content`` is asked where content may leave, as it is in force."""
        self._recorder = recorder
        self._spans = spans.Spans(recorder.exported)
        self._meters, self._events = metrics.Meters(), events.Events()
        self._switch, self._words = Switch(content), vocabulary.chosen()
        recorder.on_lost = self._lost

    def renew(self) -> None:
        """A run begins: look who listens now."""
        self._meters.renew()
        self._events.renew()

    def start(
        self, kind: str, name: str, facts: Facts, thread: str, links: Sequence[Link], started: int
    ) -> Span | None:
        """The span of a step that opens; None where nobody listens."""
        return self._spans.start(lambda: self._words.opened(kind, name, facts, thread), causal(facts, links), started)

    def mark(self, frame: Frame, kind: str, name: str, facts: Facts) -> None:
        """Tell the span of another instrumentation, which stands for a step of ours, what that step is."""
        others.mark(frame, self._words.opened(kind, name, facts, "").attributes)

    def opened(self, step: Step) -> None:
        """A step has opened, and its record is written or about to be."""
        if self._meters.listens:
            self._meters.take(metrics.decided(step.name, step.facts))
        if step.kind == "model" and self._events.listens and self._shown(step).details:
            step.said = self._words.opened(step.shape, step.name, step.facts, step.frame.state.thread).attributes

    def wants(self, step: Step) -> bool:
        """Whether anybody sees the content of ``step``."""
        return step.said is not None or (spans.listens(step.frame.span) and self._shown(step).spans)

    def show(self, step: Step, bodies: Mapping[str, bytes], closing: Facts) -> None:
        """Show payloads (JSON, redacted) of a step of which somebody sees the content."""
        for field, body in bodies.items():
            if body:
                self._put(step, self._words.content(step.shape, field, body, closing))

    def alone(self, step: Step, values: Facts) -> None:
        """Show content that no record has, where anybody sees it."""
        if values and self.wants(step):
            self.show(step, {field: self._recorder.redacted(value)[0] for field, value in values.items()}, {})

    def asked(self, step: Step, call: ModelCall, facts: Mapping[str, Any], added: Sequence[bytes]) -> None:
        """Show a model's input, where anybody sees it: what is new since the agent's previous call."""
        if not self.wants(step):
            return
        seen: set[str] = step.frame.state.notes.setdefault("shown tools", set[str]())
        new = call.tools if facts["tools"] not in seen else ()
        seen.add(facts["tools"])
        tools = messages.decoded(self._recorder.redacted(list(new))[0]) if new else ()
        self._put(step, self._words.asked([body for body in added if body], facts["messages"], tools))

    def noted(self, frame: Frame, kind: str, facts: Facts) -> None:
        """Something was learnt about the open step of ``frame``."""
        spans.event(frame.span, f"handrail.{kind}", self._words.noted(kind, facts))
        if self._meters.listens:
            self._meters.take(metrics.noted(kind, facts))
        if kind == "validation" and self._events.listens:
            for event in events.noted(facts):
                self._events.emit(event, frame.span, ids.now_ns())

    def judged(self, step: Step, validators: Iterable[str], findings: Iterable[Finding]) -> None:
        """What ``validators`` said of a value of ``step``: those without a finding let it pass."""
        if not self._events.listens:
            return
        said: dict[str, list[Finding]] = {name: [] for name in validators}
        for finding in findings:
            said.setdefault(finding.validator, []).append(finding)
        for name, found in said.items():
            failed = any(finding.severity == "error" for finding in found)
            text = " ".join(finding.message for finding in found) if found and self._shown(step).events else ""
            codes = codes_of(found)
            verdict = "fail" if failed else "warn" if found else "pass"
            event = events.judged(name, verdict, codes, self._redacted(text) if text else None)
            self._events.emit(event, step.frame.span, ids.now_ns())

    def closed(
        self, step: Step, closing: Facts, failed: str | None, error: str | BaseException | None, now: int
    ) -> None:
        """A step has closed. ``failed`` is its error type; ``error`` what was raised, or the name of its class."""
        if self._meters.listens:
            self._meters.take(metrics.closed(step.shape, step.name, {**step.facts, **closing}, failed))
        if self._events.listens:
            self._emit(step, closing, failed, error, now)
        span = step.frame.span
        if step.theirs is not None:
            others.unmark(step.frame)
        elif not spans.listens(span):
            spans.end(span, {}, failed, now)
        else:
            shown = isinstance(error, BaseException) and failed and self._shown(step).spans
            text = self._redacted(str(error)) if shown else ""
            spans.end(span, self._words.closed(step.shape, closing), failed, now, text)

    def _emit(
        self, step: Step, closing: Facts, failed: str | None, error: str | BaseException | None, now: int
    ) -> None:
        span = step.frame.span
        if failed and step.shape in events.CLIENTS:
            shown = isinstance(error, BaseException) and self._shown(step).events
            text = self._redacted(str(error)) if shown else None
            self._events.emit(events.raised(error or failed, text), span, now)
        if step.said is not None:
            found = {**step.said, **self._words.closed(step.shape, closing)}
            self._events.emit(events.details(found | ({"error.type": failed} if failed else {})), span, now)

    def _put(self, step: Step, attributes: Mapping[str, Any]) -> None:
        if self._shown(step).spans:
            spans.add(step.frame.span, attributes)
        if step.said is not None:
            step.said.update(attributes)

    def _shown(self, step: Step) -> Shown:
        """What of the content of ``step`` may leave on what is ours."""
        shown = self._switch.of(step.frame.principal.tenant) if step.theirs is None else NOTHING
        return shown if shown.at(step.name if step.kind in _TOOLS else None) else NOTHING

    def _redacted(self, text: str) -> str:
        return messages.text(self._recorder.redacted(text)[0])

    def _lost(self, error: Exception) -> None:
        if self._meters.listens:
            lost = metrics.Measured("handrail.records.lost", 1, {"error.type": type(error).__name__})
            self._meters.take(iter([lost]))
