"""One span as one line of JSON: how spans are kept as payloads, and how they are often dumped to files.

A line has ``name``, ``kind``, ``trace_id``, ``span_id``, ``parent_id``, ``start``, ``end`` (nanoseconds),
``status``, ``status_description``, ``scope``, ``scope_version``, ``attributes``, ``events``, ``links``, and
besides what a lossless round trip needs. Attributes are plain JSON; what JSON has no word for is tagged:
``{"$bytes": base64}``, ``{"$float": "NaN"}``, and ``{"$map": {...}}`` around a map that looks like a tag.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from handrail.tracing.otlp import limits
from handrail.tracing.otlp.fields import Tree, bytes_of, list_of, name_of, text_of, tree_of
from handrail.tracing.otlp.limits import Unfit
from handrail.tracing.otlp.span import KINDS, STATUSES, Attributes, NotOtlp, OtlpSpan, SpanEvent, SpanLink, Value

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_PLAIN = frozenset({str, int, bool, type(None)})
_NEARLY = _PLAIN | {float, list}
_MAPS = "resource", "scope_attributes"
_TEXTS = "resource_schema", "scope_schema", "trace_state"
_COUNTS = "resource_dropped", "scope_dropped", "flags", "dropped_attributes", "dropped_events", "dropped_links"


def to_line(span: OtlpSpan) -> bytes:
    """The line of ``span``, without a newline: what ``from_line`` gives back as it was."""
    line: Tree = {
        "name": span.name,
        "kind": span.kind,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id or None,
        "status": span.status,
        "status_description": span.status_message or None,
        "scope": span.scope,
        "scope_version": span.scope_version,
        "start": span.start_ns,
        "end": span.end_ns,
        "attributes": _tagged(span.attributes),
        "events": [_event_line(event) for event in span.events],
        "links": [_link_line(link) for link in span.links],
    }
    for name in _MAPS:
        if value := getattr(span, name):
            line[name] = _tagged(value)
    for name in (*_TEXTS, *_COUNTS):
        if value := getattr(span, name):
            line[name] = value
    return _encode(line)


def _event_line(event: SpanEvent) -> Tree:
    line: Tree = {"name": event.name, "time": event.time_ns, "attributes": _tagged(event.attributes)}
    if event.dropped_attributes:
        line["dropped_attributes"] = event.dropped_attributes
    return line


def _link_line(link: SpanLink) -> Tree:
    line: Tree = {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": _tagged(link.attributes)}
    extra = {"trace_state": link.trace_state, "flags": link.flags, "dropped_attributes": link.dropped_attributes}
    line.update((name, value) for name, value in extra.items() if value)
    return line


def _tagged(attributes: Attributes) -> Attributes:
    kinds = set(map(type, attributes.values()))
    if kinds <= _PLAIN or (kinds <= _NEARLY and all(map(_is_json, attributes.values()))):
        return attributes
    return {key: _tag(value) for key, value in attributes.items()}


def _is_json(value: Value) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is not list or _PLAIN.issuperset(map(type, value))


def _tag(value: Value) -> Value:
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": b64encode(value).decode()}
    if isinstance(value, dict):
        inner: Value = {key: _tag(item) for key, item in value.items()}
        return {"$map": inner} if len(value) == 1 and next(iter(value)).startswith("$") else inner
    return [_tag(item) for item in value] if isinstance(value, (list, tuple)) else value


def from_line(line: bytes | str, *, most: int = limits.MAX_SPAN_BYTES) -> OtlpSpan:
    """The span of one line. Ids may stand after ``0x``, and kinds after ``SpanKind.``, as the SDKs print them.

    A line may have ``most`` bytes: one of ours may be longer than the span was when it came.
    Raises NotOtlp for a line that is no JSON object, and Unfit, with the reason, for a span that is not taken.
    """
    if len(line) > most:
        raise Unfit(limits.TOO_LARGE)
    try:
        tree = _decode(line)
    except UnicodeDecodeError:
        raise Unfit(limits.NOT_TEXT) from None
    except RecursionError:
        raise Unfit(limits.TOO_DEEP) from None
    except msgspec.DecodeError as error:
        raise NotOtlp(f"The line is not a JSON object: {error}.") from None
    return limits.check(_span(tree))


def _span(tree: Tree) -> OtlpSpan:
    return OtlpSpan(
        _id(tree.get("trace_id")),
        _id(tree.get("span_id")),
        _id(tree.get("parent_id")),
        name_of(tree.get("name")),
        _word(tree.get("kind"), KINDS),
        _count(tree.get("start"), limits.MAX_TIME_NS),
        _count(tree.get("end"), limits.MAX_TIME_NS),
        _untagged(tree.get("attributes")),
        _word(tree.get("status"), STATUSES),
        text_of(tree.get("status_description")),
        tuple([_event(event) for event in list_of(tree.get("events"))]),
        tuple([_link(link) for link in list_of(tree.get("links"))]),
        scope=text_of(tree.get("scope")),
        scope_version=text_of(tree.get("scope_version")),
        **_rest(tree),
    )


def _rest(tree: Tree) -> dict[str, Any]:
    return {
        **{name: _untagged(tree[name]) for name in _MAPS if name in tree},
        **{name: text_of(tree[name]) for name in _TEXTS if name in tree},
        **{name: _count(tree[name]) for name in _COUNTS if name in tree},
    }


def _event(tree: Any) -> SpanEvent:
    event = tree_of(tree)
    return SpanEvent(
        name_of(event.get("name")),
        _count(event.get("time"), limits.MAX_TIME_NS),
        _untagged(event.get("attributes")),
        _count(event.get("dropped_attributes")),
    )


def _link(tree: Any) -> SpanLink:
    link = tree_of(tree)
    return SpanLink(
        _id(link.get("trace_id")),
        _id(link.get("span_id")),
        _untagged(link.get("attributes")),
        text_of(link.get("trace_state")),
        _count(link.get("flags")),
        _count(link.get("dropped_attributes")),
    )


def _id(found: Any) -> str:
    return text_of(found).lower().removeprefix("0x")


def _word(found: Any, words: tuple[Any, ...]) -> Any:
    word = text_of(found).rpartition(".")[2] or words[0]
    if word not in words:
        raise Unfit(limits.WRONG_TYPE)
    return word


def _count(found: Any, most: int = (1 << 32) - 1) -> int:
    if found is None:
        return 0
    if type(found) is not int:
        raise Unfit(limits.WRONG_TYPE)
    if not 0 <= found <= most:
        raise Unfit(limits.BAD_TIME if most == limits.MAX_TIME_NS else limits.WRONG_TYPE)
    return found


def _untagged(found: Any) -> dict[str, Value]:
    attributes = tree_of(found)
    if len(attributes) > limits.MAX_PARTS:
        raise Unfit(limits.TOO_MANY_PARTS)
    if attributes and len(max(attributes, key=len)) > limits.MAX_NAME:
        raise Unfit(limits.LONG_NAME)
    if _PLAIN.issuperset(map(type, attributes.values())) and not _huge(attributes):
        return attributes
    return {key: _untag(value, 0) for key, value in attributes.items()}


def _huge(attributes: Mapping[str, Any]) -> bool:
    return any(type(value) is int and not -1 << 63 <= value < 1 << 63 for value in attributes.values())


def _untag(value: Any, depth: int) -> Value:
    if isinstance(value, int) and not -1 << 63 <= value < 1 << 63:
        raise Unfit(limits.WRONG_TYPE)
    if not isinstance(value, (list, dict)):
        return cast("Value", value)
    if depth > limits.MAX_DEPTH:
        raise Unfit(limits.TOO_DEEP)
    if isinstance(value, list):
        return [_untag(item, depth + 1) for item in cast("Sequence[Any]", value)]
    return _untag_map(cast("Tree", value), depth)


def _untag_map(value: Tree, depth: int) -> Value:
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "$map" and type(inner) is dict:
            return {key: _untag(item, depth + 1) for key, item in cast("Tree", inner).items()}
        if tag == "$float" and inner in ("nan", "inf", "-inf"):
            return float(inner)
        if tag == "$bytes" and type(inner) is str:
            return bytes_of(inner)
    return {key: _untag(item, depth + 1) for key, item in value.items()}
