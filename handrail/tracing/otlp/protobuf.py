"""OTLP in protobuf (opentelemetry-proto 1.x, collector/trace/v1): bytes to spans, and back.

The frame (request, resource, scope) is walked by hand and every span parsed by itself, so that one that cannot
be read takes no other with it, and no more than one is in memory twice. protobuf is loaded at the first use.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from handrail.errors import MissingExtra
from handrail.tracing.otlp import limits
from handrail.tracing.otlp.limits import Unfit
from handrail.tracing.otlp.span import (
    KINDS,
    STATUSES,
    Decoded,
    NotOtlp,
    OtlpSpan,
    Refused,
    SpanEvent,
    SpanLink,
    Value,
    grouped,
)  # fmt: skip

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = 1, 2, 2
"""Field numbers: of a request, of its resource spans, of their scope spans."""
_MAX_VARINT = 10
_NO_RESOURCE_SPANS = "The body is not an OTLP trace request: it holds no resource spans."


@cache
def messages() -> Any:
    """The generated modules, as a namespace. Raises MissingExtra without `opentelemetry-proto`."""
    try:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
        from opentelemetry.proto.trace.v1 import trace_pb2
    except ImportError as error:
        raise MissingExtra("OTLP in protobuf", "otlp") from error
    return _Messages(trace_service_pb2, trace_pb2, DecodeError)


class _Messages:
    def __init__(self, service: Any, trace: Any, error: type[Exception]) -> None:
        self.Request = service.ExportTraceServiceRequest
        self.Response = service.ExportTraceServiceResponse
        self.ResourceSpans, self.ScopeSpans, self.Span = trace.ResourceSpans, trace.ScopeSpans, trace.Span
        self.DecodeError = error


def decode(body: bytes) -> Decoded:
    """The spans of an ExportTraceServiceRequest.

    Raises NotOtlp when the body as a whole is none, and MissingExtra without `opentelemetry-proto`.
    """
    try:
        blocks = [part for number, part in _parts(body) if number == _RESOURCE_SPANS]
    except ValueError as error:
        raise NotOtlp(f"The body is not an OTLP trace request in protobuf: {error}.") from None
    if body and not blocks:
        raise NotOtlp(_NO_RESOURCE_SPANS)
    decoder = _Decoder()
    decoder.request(blocks)
    return decoder.found


def _parts(body: bytes) -> Generator[tuple[int, bytes], None, None]:
    """Number and content of each length-delimited field of a message; others are passed over.

    Raises ValueError for bytes that are no message.
    """
    at, end = 0, len(body)
    while at < end:
        tag, at = _varint(body, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(body, at)
            if size > end - at:
                raise ValueError("it is cut off")
            yield tag >> 3, body[at : at + size]
            at += size
        else:
            at = _skip(body, at, kind)


def _skip(body: bytes, at: int, kind: int) -> int:
    if kind == 0:
        return _varint(body, at)[1]
    if kind not in (1, 5):
        raise ValueError("it has a field of an unknown form")
    at += 8 if kind == 1 else 4
    if at > len(body):
        raise ValueError("it is cut off")
    return at


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for here in range(at, min(at + _MAX_VARINT, len(body))):
        byte = body[here]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, here + 1
        shift += 7
    raise ValueError("it is cut off")


def _split(block: bytes, inner: int) -> tuple[list[bytes], bytes]:
    """The fields ``inner`` of a message, and the message without them."""
    inside, rest = list[bytes](), list[bytes]()
    for number, part in _parts(block):
        if number == inner:
            inside.append(part)
        else:
            rest.append(delimited(number, part))
    return inside, b"".join(rest)


def delimited(number: int, part: bytes) -> bytes:
    """A length-delimited field of a message."""
    return varint(number << 3 | 2) + varint(len(part)) + part


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


class _Decoder:
    """Goes through one request; what it finds is in ``found``."""

    def __init__(self) -> None:
        self.found = Decoded([], [])
        self._kinds = messages()
        self._room = limits.Room()

    def request(self, blocks: list[bytes]) -> None:
        for block in self._within(blocks):
            try:
                scopes, rest = _split(block, _SCOPE_SPANS)
            except ValueError:
                self._refuse(limits.NOT_READABLE)
                continue
            shared = self._head(self._kinds.ResourceSpans, rest, _resource)
            for scope in self._within(scopes):
                self._scope(scope, shared, len(rest))

    def _within(self, parts: list[bytes]) -> list[bytes]:
        taken, over = self._room.take(parts)
        if over:
            self.found.refused.append(Refused(limits.TOO_MANY, count=over))
        return taken

    def _refuse(self, reason: str, trace: str = "", span: str = "") -> None:
        self.found.refused.append(Refused(reason, trace[:32], span[:16]))

    def _head(self, kind: Any, rest: bytes, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any] | None:
        try:
            return read(kind.FromString(rest))
        except (self._kinds.DecodeError, Unfit):
            return None

    def _scope(self, block: bytes, shared: dict[str, Any] | None, weight: int) -> None:
        try:
            spans, rest = _split(block, _SPANS)
        except ValueError:
            self._refuse(limits.NOT_READABLE)
            return
        own = self._head(self._kinds.ScopeSpans, rest, _scope)
        source = {**shared, **own} if shared is not None and own is not None else None
        for body in self._within(spans):
            self._span(body, source, weight + len(rest))

    def _span(self, body: bytes, source: dict[str, Any] | None, weight: int) -> None:
        trace = span = ""
        try:
            if len(body) > limits.MAX_SPAN_BYTES:
                raise Unfit(limits.TOO_LARGE)
            self._room.spend(len(body) + weight)
            message: Span = self._kinds.Span.FromString(body)
            trace, span = message.trace_id.hex(), message.span_id.hex()
            if source is None:
                raise Unfit(limits.BAD_RESOURCE)
            self.found.spans.append(limits.check(_span(message, trace, span, source)))
        except Unfit as error:
            self._refuse(str(error), trace, span)
        except self._kinds.DecodeError as error:
            self._refuse(limits.NOT_TEXT if "UTF-8" in str(error) else limits.NOT_READABLE)


def _resource(head: ResourceSpans) -> dict[str, Any]:
    return {
        "resource": _attributes(head.resource.attributes),
        "resource_dropped": head.resource.dropped_attributes_count,
        "resource_schema": head.schema_url,
    }


def _scope(head: ScopeSpans) -> dict[str, Any]:
    scope = head.scope
    if len(scope.name) > limits.MAX_NAME:
        raise Unfit(limits.LONG_NAME)
    return {
        "scope": scope.name,
        "scope_version": scope.version,
        "scope_attributes": _attributes(scope.attributes),
        "scope_dropped": scope.dropped_attributes_count,
        "scope_schema": head.schema_url,
    }


def _span(message: Span, trace: str, span: str, source: dict[str, Any]) -> OtlpSpan:
    parent = message.parent_span_id.hex()
    kind, status = message.kind, message.status
    events, links = message.events, message.links
    if len(events) > limits.MAX_PARTS or len(links) > limits.MAX_PARTS:
        raise Unfit(limits.TOO_MANY_PARTS)
    return OtlpSpan(
        trace,
        span,
        "" if parent == limits.ZERO_SPAN else parent,
        message.name,
        KINDS[kind] if 0 <= kind < 6 else "UNSPECIFIED",
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        _attributes(message.attributes),
        STATUSES[status.code] if 0 <= status.code < 3 else "UNSET",
        status.message,
        tuple([_event(event) for event in events]) if events else (),
        tuple([_link(link) for link in links]) if links else (),
        trace_state=message.trace_state,
        flags=message.flags,
        dropped_attributes=message.dropped_attributes_count,
        dropped_events=message.dropped_events_count,
        dropped_links=message.dropped_links_count,
        **source,
    )


def _event(event: Span.Event) -> SpanEvent:
    return SpanEvent(
        event.name, event.time_unix_nano, _attributes(event.attributes), event.dropped_attributes_count
    )  # fmt: skip


def _link(link: Span.Link) -> SpanLink:
    return SpanLink(
        link.trace_id.hex(),
        link.span_id.hex(),
        _attributes(link.attributes),
        link.trace_state,
        link.flags,
        link.dropped_attributes_count,
    )


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Value]:
    if len(pairs) > limits.MAX_PARTS:
        raise Unfit(limits.TOO_MANY_PARTS)
    found: dict[str, Value] = {}
    for pair in pairs:
        value = pair.value
        # most are texts, then numbers: asking which one it is would cost more than looking
        found[pair.key] = value.string_value or value.int_value or _value(value, 0)
    if found and max(map(len, found)) > limits.MAX_NAME:
        raise Unfit(limits.LONG_NAME)
    return found


def _value(value: AnyValue, depth: int) -> Value:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        _deeper(depth)
        return [_value(item, depth + 1) for item in value.array_value.values]
    if which == "kvlist_value":
        _deeper(depth)
        return {pair.key: _value(pair.value, depth + 1) for pair in value.kvlist_value.values}
    found: Value = getattr(value, which)
    return found


def _deeper(depth: int) -> None:
    if depth >= limits.MAX_DEPTH:
        raise Unfit(limits.TOO_DEEP)


def encode(spans: Iterable[OtlpSpan]) -> bytes:
    """An ExportTraceServiceRequest that holds ``spans``: what ``decode`` gives back as they were.

    Raises MissingExtra without `opentelemetry-proto`.
    """
    request: ExportTraceServiceRequest = messages().Request()
    for source, scopes in grouped(spans):
        block = request.resource_spans.add(schema_url=source.resource_schema)
        _put_all(block.resource.attributes, source.resource)
        block.resource.dropped_attributes_count = source.resource_dropped
        for first, inner in scopes:
            _encode_scope(block.scope_spans.add(schema_url=first.scope_schema), first, inner)
    return bytes(request.SerializeToString())


def _encode_scope(block: ScopeSpans, source: OtlpSpan, spans: list[OtlpSpan]) -> None:
    block.scope.name, block.scope.version = source.scope, source.scope_version
    block.scope.dropped_attributes_count = source.scope_dropped
    _put_all(block.scope.attributes, source.scope_attributes)
    for span in spans:
        _encode_span(span, block.spans.add())


def _encode_span(span: OtlpSpan, message: Span) -> None:
    message.trace_id, message.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    message.parent_span_id = bytes.fromhex(span.parent_id)
    message.name, message.kind = span.name, KINDS.index(span.kind)  # type: ignore[assignment]
    message.start_time_unix_nano, message.end_time_unix_nano = span.start_ns, span.end_ns
    message.trace_state, message.flags = span.trace_state, span.flags
    message.dropped_attributes_count = span.dropped_attributes
    message.dropped_events_count, message.dropped_links_count = span.dropped_events, span.dropped_links
    if span.status != "UNSET" or span.status_message:
        message.status.code = STATUSES.index(span.status)  # type: ignore[assignment]
        message.status.message = span.status_message
    _put_all(message.attributes, span.attributes)
    for event in span.events:
        made = message.events.add(name=event.name, time_unix_nano=event.time_ns)
        made.dropped_attributes_count = event.dropped_attributes
        _put_all(made.attributes, event.attributes)
    for link in span.links:
        _encode_link(link, message.links.add())


def _encode_link(link: SpanLink, message: Span.Link) -> None:
    message.trace_id, message.span_id = bytes.fromhex(link.trace_id), bytes.fromhex(link.span_id)
    message.trace_state, message.flags = link.trace_state, link.flags
    message.dropped_attributes_count = link.dropped_attributes
    _put_all(message.attributes, link.attributes)


def _put_all(pairs: Any, attributes: Any) -> None:
    for key, value in attributes.items():
        _put(pairs.add(key=key).value, value)


def _put(slot: AnyValue, value: Value) -> None:
    if isinstance(value, str):
        slot.string_value = value
    elif isinstance(value, bool):
        slot.bool_value = value
    elif isinstance(value, int):
        slot.int_value = value
    elif isinstance(value, float):
        slot.double_value = value
    elif isinstance(value, bytes):
        slot.bytes_value = value
    else:
        _put_inner(slot, value)


def _put_inner(slot: AnyValue, value: list[Value] | dict[str, Value] | tuple[Value, ...] | None) -> None:
    if isinstance(value, dict):
        slot.kvlist_value.SetInParent()
        _put_all(slot.kvlist_value.values, value)
    elif value is not None:
        slot.array_value.SetInParent()
        for item in value:
            _put(slot.array_value.values.add(), item)
