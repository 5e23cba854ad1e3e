"""OpenTelemetry spans out: a copy of the steps for the ecosystem, never the audit path.

The user's own TracerProvider is used when there is one. Without one, spans are made only when the standard
``OTEL_*`` variables name an exporter; then they go to a provider that is private to Handrail.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, Status, StatusCode, TraceFlags, Tracer

from handrail.tracing import exporting
from handrail.tracing.exporting import Acknowledge
from handrail.tracing.genai import Described
from handrail.tracing.links import Link
from handrail.tracing.others import stamp

log = logging.getLogger(__name__)


class Spans:
    """Starts spans at the right provider; None where nobody listens."""

    def __init__(self, acknowledge: Acknowledge | None = None) -> None:
        """``acknowledge`` is told what has arrived where, of the spans that Handrail exports itself."""
        self._lock = threading.Lock()
        self._acknowledge = acknowledge
        self._private: tuple[Tracer | None] | None = None
        self._known: tuple[trace.TracerProvider, Tracer] | None = None

    def tracer(self) -> Tracer | None:
        """The tracer to use now. A provider that the user sets later is seen."""
        provider = trace.get_tracer_provider()
        if isinstance(provider, trace.ProxyTracerProvider):
            return self._own()
        known = self._known
        if known is None or known[0] is not provider:
            known = self._known = provider, provider.get_tracer("handrail")
            stamp.watch(provider)
        return known[1]

    def _own(self) -> Tracer | None:
        if self._private is None:
            with self._lock:
                if self._private is None:
                    provider = exporting.provider(os.environ, self._acknowledge)
                    self._private = (provider.get_tracer("handrail") if provider else None,)
        return self._private[0]

    def start(self, describe: Callable[[], Described], links: Sequence[Link], start_ns: int) -> Span | None:
        """A span under the current one, or None where nobody listens; only then is it not even described."""
        try:
            tracer = self.tracer()
            if tracer is None:
                return None
            name, kind, attributes = describe()
            return tracer.start_span(
                name,
                kind=kind,
                attributes=attributes,
                links=[_linked(link) for link in links],
                start_time=start_ns,
                record_exception=False,
                set_status_on_exception=False,
            )
        except Exception as error:  # a provider, sampler or processor of the user's own
            log.warning("A span could not be started: %s", type(error).__name__)
            return None


def _linked(link: Link) -> trace.Link:
    """The link as OpenTelemetry has it; one without a trace of its own stays in the current one."""
    above = trace.get_current_span().get_span_context()
    found = int(link.trace, 16) if link.trace else above.trace_id
    pointed = SpanContext(found, int(link.step, 16), is_remote=bool(link.trace))
    return trace.Link(pointed, {"handrail.link.type": link.type})


def listens(span: Span | None) -> bool:
    """Whether what is put on ``span`` is kept by anybody."""
    return span is not None and span.is_recording()


def add(span: Span | None, attributes: Mapping[str, Any]) -> None:
    """Put attributes on an open span."""
    if span is not None and attributes:
        try:
            span.set_attributes(dict(attributes))
        except Exception as problem:
            log.warning("A span could not be written to: %s", type(problem).__name__)


def event(span: Span | None, name: str, attributes: Mapping[str, Any]) -> None:
    """Put an event on an open span."""
    if span is not None:
        try:
            span.add_event(name, dict(attributes))
        except Exception as problem:
            log.warning("A span could not be written to: %s", type(problem).__name__)


def end(span: Span | None, attributes: Mapping[str, Any], error: str | None, end_ns: int, text: str = "") -> None:
    """End a span; ``error`` is an exception class name or another low-cardinality error type.

    ``text`` is what the exception says: content, so empty unless that is switched on.
    """
    if span is None:
        return
    try:
        if span.is_recording():
            if attributes:
                span.set_attributes(attributes)
            if error is not None:
                span.set_attribute("error.type", error)
                span.set_status(Status(StatusCode.ERROR, text or None))
        span.end(end_ns)
    except Exception as problem:
        log.warning("A span could not be ended: %s", type(problem).__name__)


def ids(span: Span | None) -> tuple[str, str] | None:
    """Trace id and span id in hex; None when the span has none."""
    found = span.get_span_context() if span is not None else None
    if found is None or not found.is_valid:
        return None
    return f"{found.trace_id:032x}", f"{found.span_id:016x}"


def caller() -> tuple[str, str] | None:
    """Trace and span id of the span in which the caller stands."""
    return ids(trace.get_current_span())


def remote(trace_id: str, step: str) -> otel.Context | None:
    """A context below a span of another process; None where a span is current already, or there is no such span."""
    if caller() is not None or not trace_id or not step:
        return None
    span = SpanContext(int(trace_id, 16), int(step, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return trace.set_span_in_context(NonRecordingSpan(span))
