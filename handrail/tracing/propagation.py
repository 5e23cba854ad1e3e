"""Where a call comes from, carried to another process by the W3C trace context: ``traceparent``, ``tracestate``,
``baggage``."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import context as otel
from opentelemetry import propagate
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context

from handrail.tracing.context import Frame

KEYS = ("traceparent", "tracestate", "baggage")
"""Names under which it is carried."""
MAX_TEXT = 8192
"""Characters of one value that are read: a baggage header may have as many bytes (W3C Baggage, 3.3.2)."""


def carried(frame: Frame) -> dict[str, str]:
    """What says that a call comes from the open step of ``frame``, also where there is no span for it."""
    span = frame.span
    if span is None or not span.get_span_context().is_valid:
        ids = int(frame.state.trace, 16), int(frame.step, 16)
        span = NonRecordingSpan(SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    found: dict[str, str] = {}
    propagate.inject(found, set_span_in_context(span))
    return {name: found[name] for name in KEYS if name in found}


def origin(said: Mapping[str, object]) -> tuple[otel.Context, str, str] | None:
    """The context that a call comes from, its trace id and its step; None where ``said`` names none."""
    read = {name: value for name in KEYS if isinstance(value := said.get(name), str) and len(value) <= MAX_TEXT}
    if "traceparent" not in read:
        return None
    context = propagate.extract(read, otel.get_current())
    found = get_current_span(context).get_span_context()
    if not (found.is_valid and found.is_remote):
        return None
    return context, f"{found.trace_id:032x}", f"{found.span_id:016x}"
