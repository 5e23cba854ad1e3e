"""OTLP in JSON: spans to bytes, as `json_in` reads them."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import msgspec

from handrail.tracing.otlp.span import KINDS, STATUSES, Attributes, OtlpSpan, SpanEvent, SpanLink, Value, grouped

_Tree = dict[str, Any]


def encode(spans: Iterable[OtlpSpan]) -> bytes:
    """An ExportTraceServiceRequest that holds ``spans``: what ``decode`` gives back as they were."""
    return msgspec.json.encode(
        {"resourceSpans": [_encode_resource(source, scopes) for source, scopes in grouped(spans)]}
    )


def _encode_resource(source: OtlpSpan, scopes: list[tuple[OtlpSpan, list[OtlpSpan]]]) -> _Tree:
    resource = _with({"attributes": _encode_all(source.resource)}, droppedAttributesCount=source.resource_dropped)
    inner = [_encode_scope(first, spans) for first, spans in scopes]
    return _with({"resource": resource, "scopeSpans": inner}, schemaUrl=source.resource_schema)


def _encode_scope(source: OtlpSpan, spans: list[OtlpSpan]) -> _Tree:
    scope = _with(
        {},
        name=source.scope,
        version=source.scope_version,
        attributes=_encode_all(source.scope_attributes),
        droppedAttributesCount=source.scope_dropped,
    )
    return _with({"scope": scope, "spans": [_encode_span(span) for span in spans]}, schemaUrl=source.scope_schema)


def _with(tree: _Tree, **fields: Any) -> _Tree:
    tree.update((name, value) for name, value in fields.items() if value)
    return tree


def _encode_span(span: OtlpSpan) -> _Tree:
    status = _with({}, code=STATUSES.index(span.status), message=span.status_message)
    return _with(
        {
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "name": span.name,
            "kind": KINDS.index(span.kind),
            "startTimeUnixNano": str(span.start_ns),
            "endTimeUnixNano": str(span.end_ns),
        },
        parentSpanId=span.parent_id,
        attributes=_encode_all(span.attributes),
        status=status,
        events=[_encode_event(event) for event in span.events],
        links=[_encode_link(link) for link in span.links],
        traceState=span.trace_state,
        flags=span.flags,
        droppedAttributesCount=span.dropped_attributes,
        droppedEventsCount=span.dropped_events,
        droppedLinksCount=span.dropped_links,
    )


def _encode_event(event: SpanEvent) -> _Tree:
    return _with(
        {"name": event.name, "timeUnixNano": str(event.time_ns)},
        attributes=_encode_all(event.attributes),
        droppedAttributesCount=event.dropped_attributes,
    )


def _encode_link(link: SpanLink) -> _Tree:
    return _with(
        {"traceId": link.trace_id, "spanId": link.span_id},
        attributes=_encode_all(link.attributes),
        traceState=link.trace_state,
        flags=link.flags,
        droppedAttributesCount=link.dropped_attributes,
    )


def _encode_all(attributes: Attributes) -> list[_Tree]:
    return [{"key": key, "value": _encode_value(value)} for key, value in attributes.items()]


def _encode_value(value: Value) -> _Tree:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _special(value)}
    if isinstance(value, bytes):
        return {"bytesValue": b64encode(value).decode()}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _encode_all(value)}}
    return {} if value is None else {"arrayValue": {"values": [_encode_value(item) for item in value]}}


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
