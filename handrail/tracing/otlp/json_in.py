"""OTLP in JSON: bytes to spans. The way back is in `json_out`.

The mapping is protobuf's for JSON with OTLP's own turns: ids are hex digits, not base64, and enums are numbers.
Taken besides: snake_case names, names of enums, numbers for 64-bit integers, and base64 ids, which can be told
by their length (24 and 12 characters against 32 and 16). Fields that are not known are passed over.
"""

from __future__ import annotations

import binascii
import math
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from handrail.tracing.otlp import limits
from handrail.tracing.otlp.fields import Tree, bytes_of, list_of, name_of, text_of, tree_of, weight_of
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
)  # fmt: skip

_MAX_NESTING = 512
"""Arrays and objects in one another in a body; what is deeper is cut out before reading, and its span refused."""
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,20}").fullmatch
_HEX = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{16})?").fullmatch
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_KIND_NAMES = {f"SPAN_KIND_{name}": name for name in KINDS}
_STATUS_NAMES = {f"STATUS_CODE_{name}": name for name in STATUSES}
_I64, _U32, _U64 = (-1 << 63, (1 << 63) - 1), (0, (1 << 32) - 1), (0, (1 << 64) - 1)
Raws = list[msgspec.Raw]


class _Request(msgspec.Struct):
    resourceSpans: Raws | None = None
    resource_spans: Raws | None = None


class _ResourceSpans(msgspec.Struct):
    scopeSpans: Raws | None = None
    scope_spans: Raws | None = None
    resource: Any = None
    schemaUrl: Any = None
    schema_url: Any = None


class _ScopeSpans(msgspec.Struct):
    spans: Raws | None = None
    scope: Any = None
    schemaUrl: Any = None
    schema_url: Any = None


_request = msgspec.json.Decoder(_Request).decode
_resource_spans = msgspec.json.Decoder(_ResourceSpans).decode
_scope_spans = msgspec.json.Decoder(_ScopeSpans).decode
_tree = msgspec.json.Decoder(dict[str, Any]).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(body: bytes) -> Decoded:
    """The spans of an ExportTraceServiceRequest. Raises NotOtlp when the body as a whole is none."""
    try:
        request = _request(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        request = _mended(body)
    blocks = request.resourceSpans if request.resourceSpans is not None else request.resource_spans
    if blocks is None and body.strip() != b"{}":
        raise NotOtlp('The body is not an OTLP trace request: it has no "resourceSpans".')
    decoder = _Decoder()
    decoder.request(blocks or [])
    return decoder.found


def _mended(body: bytes) -> _Request:
    """The request with what no reader takes cut out or spoilt, so that only the spans around it are refused."""
    try:
        return _request(_shallow(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotOtlp(f"The body is not an OTLP trace request in JSON: {error}.") from None
    except RecursionError:
        raise NotOtlp("The body is not an OTLP trace request in JSON: it is nested too deeply.") from None


def _shallow(body: bytes) -> bytes:
    pieces, depth, done = list[bytes](), 0, 0
    for found in _TOKEN.finditer(body):
        token = found[0]
        if token in b"[{":
            depth += 1
            if depth == _MAX_NESTING + 1:
                pieces.append(body[done : found.start()])
        elif token in b"]}":
            depth -= 1
            if depth == _MAX_NESTING:
                pieces.append(b"0")
                done = found.end()
        elif depth <= _MAX_NESTING and (b"\\u" in token or token[:1] != b'"'):
            pieces += (body[done : found.start()], _mended_token(token))
            done = found.end()
    pieces.append(body[done:] if depth <= _MAX_NESTING else b"")
    return b"".join(pieces)


def _mended_token(token: bytes) -> bytes:
    """A string literal; one that no text has, such as half a pair of surrogates, becomes one that is no UTF-8.

    What some write for a number that is none becomes the text that OTLP has for it.
    """
    if token[:1] != b'"':
        return b'"%b"' % token
    try:
        msgspec.json.decode(token)
    except msgspec.DecodeError:
        return b'"\xff"'
    except UnicodeDecodeError:
        return token
    return token


class _Decoder:
    """Goes through one request; what it finds is in ``found``."""

    def __init__(self) -> None:
        self.found = Decoded([], [])
        self._room = limits.Room()

    def request(self, blocks: Raws) -> None:
        for block in self._within(blocks):
            try:
                part = _resource_spans(block)
            except _UNREADABLE:
                self._refuse(limits.NOT_READABLE)
                continue
            shared, weight = _head(_resource, part), weight_of(part.resource, part.schemaUrl, part.schema_url)
            for scope in self._within(part.scopeSpans or part.scope_spans or []):
                self._scope(scope, shared, weight)

    def _within(self, parts: Raws) -> Raws:
        taken, over = self._room.take(parts)
        if over:
            self.found.refused.append(Refused(limits.TOO_MANY, count=over))
        return taken

    def _refuse(self, reason: str, trace: str = "", span: str = "") -> None:
        self.found.refused.append(Refused(reason, trace, span))

    def _scope(self, block: msgspec.Raw, shared: Tree | None, weight: int) -> None:
        try:
            part = _scope_spans(block)
        except _UNREADABLE:
            self._refuse(limits.NOT_READABLE)
            return
        own = _head(_scope, part)
        source = {**shared, **own} if shared is not None and own is not None else None
        weight += weight_of(part.scope, part.schemaUrl, part.schema_url)
        for raw in self._within(part.spans or []):
            self._span(raw, source, weight)

    def _span(self, raw: msgspec.Raw, source: Tree | None, weight: int) -> None:
        trace = span = ""
        try:
            if len(memoryview(raw)) > limits.MAX_SPAN_BYTES:
                raise Unfit(limits.TOO_LARGE)
            self._room.spend(len(memoryview(raw)) + weight)
            tree = _tree(raw)
            trace, span = _id(tree, "traceId", "trace_id", 24), _id(tree, "spanId", "span_id", 12)
            if source is None:
                raise Unfit(limits.BAD_RESOURCE)
            self.found.spans.append(limits.check(_made(tree, trace, span, source)))
        except Unfit as error:
            self._refuse(str(error), trace, span)
        except UnicodeDecodeError:
            self._refuse(limits.NOT_TEXT)
        except (msgspec.DecodeError, RecursionError):
            self._refuse(limits.NOT_READABLE)


def _head(read: Callable[[Any], Tree], part: Any) -> Tree | None:
    try:
        return read(part)
    except Unfit:
        return None


def _resource(part: _ResourceSpans) -> Tree:
    resource = tree_of(part.resource)
    return {
        "resource": _attributes(resource),
        "resource_dropped": _dropped(resource, "Attributes"),
        "resource_schema": text_of(part.schemaUrl or part.schema_url),
    }


def _scope(part: _ScopeSpans) -> Tree:
    scope = tree_of(part.scope)
    return {
        "scope": name_of(scope.get("name")),
        "scope_version": text_of(scope.get("version")),
        "scope_attributes": _attributes(scope),
        "scope_dropped": _dropped(scope, "Attributes"),
        "scope_schema": text_of(part.schemaUrl or part.schema_url),
    }


def _made(tree: Tree, trace: str, span: str, source: Tree) -> OtlpSpan:
    status = tree_of(tree.get("status"))
    parent = _id(tree, "parentSpanId", "parent_span_id", 12)
    events, links = list_of(tree.get("events")), list_of(tree.get("links"))
    return OtlpSpan(
        trace,
        span,
        "" if parent == limits.ZERO_SPAN else parent,
        name_of(tree.get("name")),
        _enum(tree.get("kind"), KINDS, _KIND_NAMES),
        _time(tree, "startTimeUnixNano", "start_time_unix_nano"),
        _time(tree, "endTimeUnixNano", "end_time_unix_nano"),
        _attributes(tree),
        _enum(status.get("code"), STATUSES, _STATUS_NAMES),
        text_of(status.get("message")),
        tuple([_event(tree_of(event)) for event in events]) if events else (),
        tuple([_link(tree_of(link)) for link in links]) if links else (),
        trace_state=text_of(_either(tree, "traceState", "trace_state")),
        flags=_number(tree.get("flags"), _U32),
        dropped_attributes=_dropped(tree, "Attributes"),
        dropped_events=_dropped(tree, "Events"),
        dropped_links=_dropped(tree, "Links"),
        **source,
    )


def _event(event: Tree) -> SpanEvent:
    when = _time(event, "timeUnixNano", "time_unix_nano")
    return SpanEvent(name_of(event.get("name")), when, _attributes(event), _dropped(event, "Attributes"))


def _link(link: Tree) -> SpanLink:
    return SpanLink(
        _id(link, "traceId", "trace_id", 24),
        _id(link, "spanId", "span_id", 12),
        _attributes(link),
        text_of(_either(link, "traceState", "trace_state")),
        _number(link.get("flags"), _U32),
        _dropped(link, "Attributes"),
    )


def _either(tree: Tree, camel: str, snake: str) -> Any:
    found = tree.get(camel)
    return tree.get(snake) if found is None else found


def _number(found: Any, bounds: tuple[int, int]) -> int:
    if found is None:
        return 0
    if (type(found) is str and _INTEGER(found)) or (type(found) is float and found.is_integer()):
        found = int(found)
    if type(found) is not int or not bounds[0] <= found <= bounds[1]:
        raise Unfit(limits.WRONG_TYPE)
    return found


def _time(tree: Tree, camel: str, snake: str) -> int:
    try:
        return _number(_either(tree, camel, snake), _U64)
    except Unfit:
        raise Unfit(limits.BAD_TIME) from None


def _dropped(tree: Tree, what: str) -> int:
    return _number(_either(tree, f"dropped{what}Count", f"dropped_{what.lower()}_count"), _U32)


def _enum(found: Any, names: tuple[Any, ...], long: dict[str, Any]) -> Any:
    if found is None:
        return names[0]
    if type(found) is str and found in long:
        return long[found]
    if type(found) is not int:
        raise Unfit(limits.WRONG_TYPE)
    return names[found] if 0 <= found < len(names) else names[0]  # as a reader of OTLP takes one that it does not know


def _id(tree: Tree, camel: str, snake: str, base64_length: int) -> str:
    """An id in lower-case hex; empty where it is none, which the check then tells."""
    found = _either(tree, camel, snake)
    if found is None:
        return ""
    if type(found) is not str:
        return "?"
    if len(found) == base64_length:
        return _from_base64(found).hex()
    return found.lower() if _HEX(found) else "?"


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _attributes(tree: Tree) -> dict[str, Value]:
    return _pairs(list_of(tree.get("attributes")), 0)


def _pairs(pairs: Sequence[Any], depth: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for pair in pairs:
        fields = tree_of(pair)
        key = fields.get("key", "")
        if type(key) is not str or len(key) > limits.MAX_NAME:
            raise Unfit(limits.LONG_NAME if type(key) is str else limits.WRONG_TYPE)
        value = tree_of(fields.get("value"))
        text = value.get("stringValue")  # most are texts
        found[key] = text if type(text) is str else _value(value, depth)
    return found


def _value(value: Any, depth: int) -> Value:
    for name, found in tree_of(value).items():
        read = _READ.get(name)
        if read is not None and found is not None:
            return read(found, depth)
    return None


def _read_text(found: Any, depth: int) -> Value:
    return text_of(found)


def _read_bool(found: Any, depth: int) -> Value:
    if type(found) is not bool:
        raise Unfit(limits.WRONG_TYPE)
    return found


def _read_int(found: Any, depth: int) -> Value:
    return _number(found, _I64)


def _read_double(found: Any, depth: int) -> Value:
    if type(found) is str:
        found = _SPECIAL.get(found, found)
    try:
        return float(found) if type(found) in (float, int) else _decimal(found)
    except (ValueError, OverflowError):
        raise Unfit(limits.WRONG_TYPE) from None


def _decimal(found: Any) -> float:
    if type(found) is not str or not re.fullmatch(r"-?[0-9.eE+-]{1,40}", found):
        raise ValueError
    return float(found)


def _read_bytes(found: Any, depth: int) -> Value:
    return bytes_of(found)


def _read_array(found: Any, depth: int) -> Value:
    if depth >= limits.MAX_DEPTH:
        raise Unfit(limits.TOO_DEEP)
    return [_value(item, depth + 1) for item in list_of(tree_of(found).get("values"))]


def _read_map(found: Any, depth: int) -> Value:
    if depth >= limits.MAX_DEPTH:
        raise Unfit(limits.TOO_DEEP)
    return _pairs(list_of(tree_of(found).get("values")), depth + 1)


_READ: dict[str, Callable[[Any, int], Value]] = {
    "stringValue": _read_text, "string_value": _read_text,
    "boolValue": _read_bool, "bool_value": _read_bool,
    "intValue": _read_int, "int_value": _read_int,
    "doubleValue": _read_double, "double_value": _read_double,
    "bytesValue": _read_bytes, "bytes_value": _read_bytes,
    "arrayValue": _read_array, "array_value": _read_array,
    "kvlistValue": _read_map, "kvlist_value": _read_map,
}  # fmt: skip
