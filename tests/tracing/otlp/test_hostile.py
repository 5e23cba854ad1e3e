"""Spans and bodies that nobody should send: what is bad is refused with its reason, and takes nothing with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.internal.encoder import _VarintBytes  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from handrail.tracing.otlp import limits
from handrail.tracing.otlp.codec import Encoding, decode, encode
from handrail.tracing.otlp.dump import from_line
from handrail.tracing.otlp.limits import Unfit
from handrail.tracing.otlp.span import NotOtlp, OtlpSpan

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
GOOD = OtlpSpan(TRACE, SPAN, name="good", start_ns=1, end_ns=2)


def good_message() -> Span:
    """A protobuf span that is taken."""
    return Span(
        trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), start_time_unix_nano=1, end_time_unix_nano=2
    )


def nested(levels: int) -> AnyValue:
    """A value of as many arrays in one another."""
    value = AnyValue(string_value="x")
    for _ in range(levels):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


def with_attribute(value: AnyValue, key: str = "k") -> dict[str, Any]:
    """Fields of a span with one attribute."""
    return {"attributes": [KeyValue(key=key, value=value)]}


BAD_MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"trace_id": b"\x01" * 15}, limits.NO_TRACE_ID),
    ({"trace_id": b"\x01" * 24}, limits.NO_TRACE_ID),
    ({"trace_id": bytes(16)}, limits.NO_TRACE_ID),
    ({"trace_id": b""}, limits.NO_TRACE_ID),
    ({"span_id": bytes(8)}, limits.NO_SPAN_ID),
    ({"span_id": b"\x01" * 9}, limits.NO_SPAN_ID),
    ({"parent_span_id": b"\x01" * 4}, limits.BAD_PARENT),
    ({"start_time_unix_nano": 0}, limits.NO_START),
    ({"start_time_unix_nano": 1 << 63}, limits.BAD_TIME),
    ({"end_time_unix_nano": (1 << 64) - 1}, limits.BAD_TIME),
    ({"start_time_unix_nano": 3}, limits.BACKWARDS),
    ({"name": "n" * (limits.MAX_NAME + 1)}, limits.LONG_NAME),
    (with_attribute(AnyValue(int_value=1), "k" * (limits.MAX_NAME + 1)), limits.LONG_NAME),
    (with_attribute(nested(limits.MAX_DEPTH + 1)), limits.TOO_DEEP),
    (with_attribute(AnyValue(string_value="v" * limits.MAX_SPAN_BYTES)), limits.TOO_LARGE),
    ({"attributes": [KeyValue(key=str(n)) for n in range(limits.MAX_PARTS + 1)]}, limits.TOO_MANY_PARTS),
    ({"events": [Span.Event(name="e")] * (limits.MAX_PARTS + 1)}, limits.TOO_MANY_PARTS),
    ({"links": [Span.Link(trace_id=b"1", span_id=b"2")]}, limits.BAD_LINK),
    ({"events": [Span.Event(time_unix_nano=1 << 63)]}, limits.BAD_TIME),
]


@pytest.mark.parametrize(("fields", "reason"), BAD_MESSAGES)
def test_a_bad_span_in_protobuf_is_refused_alone(fields: dict[str, Any], reason: str) -> None:
    """Each defect is refused with its own reason, and the spans before and after it are taken."""
    bad = good_message()
    for name in fields:
        bad.ClearField(name)  # type: ignore[arg-type]
    bad.MergeFrom(Span(**fields))
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend([good_message(), bad, good_message()])
    found = decode(request.SerializeToString(), "protobuf")
    assert len(found.spans) == 2
    assert [refused.reason for refused in found.refused] == [reason]


def test_a_value_nested_too_deeply_for_protobuf_is_refused_alone() -> None:
    """protobuf's own limit on depth would give up the whole request."""
    value = b"\x0a\x01x"
    for _ in range(400):
        value = b"\x0a" + _VarintBytes(len(value)) + value
        value = b"\x2a" + _VarintBytes(len(value)) + value
    pair = b"\x12" + _VarintBytes(len(value)) + value
    span = b"\x4a" + _VarintBytes(len(pair)) + pair
    block = encode([GOOD], "protobuf")
    scope = b"\x12" + _VarintBytes(len(span)) + span
    body = b"\x12" + _VarintBytes(len(scope)) + scope
    found = decode(block + b"\x0a" + _VarintBytes(len(body)) + body, "protobuf")
    assert found.spans == [GOOD]
    assert [refused.reason for refused in found.refused] == [limits.NOT_READABLE]


DEEP: Any = {"stringValue": "x"}
for _ in range(limits.MAX_DEPTH + 1):
    DEEP = {"arrayValue": {"values": [DEEP]}}
BAD_TREES: list[tuple[dict[str, Any], str]] = [
    ({"traceId": TRACE[:31]}, limits.NO_TRACE_ID),
    ({"traceId": "g" * 32}, limits.NO_TRACE_ID),
    ({"traceId": 5}, limits.NO_TRACE_ID),
    ({"traceId": "0" * 32}, limits.NO_TRACE_ID),
    ({"traceId": "!" * 24}, limits.NO_TRACE_ID),
    ({"spanId": None}, limits.NO_SPAN_ID),
    ({"parentSpanId": "xyz"}, limits.BAD_PARENT),
    ({"name": ["n"]}, limits.WRONG_TYPE),
    ({"kind": "WORKER"}, limits.WRONG_TYPE),
    ({"kind": True}, limits.WRONG_TYPE),
    ({"status": "ERROR"}, limits.WRONG_TYPE),
    ({"startTimeUnixNano": "-1"}, limits.BAD_TIME),
    ({"startTimeUnixNano": "now"}, limits.BAD_TIME),
    ({"startTimeUnixNano": 1e300}, limits.BAD_TIME),
    ({"startTimeUnixNano": "9" * 5000}, limits.BAD_TIME),
    ({"endTimeUnixNano": str(1 << 63)}, limits.BAD_TIME),
    ({"attributes": {"k": "v"}}, limits.WRONG_TYPE),
    ({"attributes": ["k"]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": 1}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": "v"}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"intValue": str(1 << 63)}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"intValue": True}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"boolValue": 1}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"doubleValue": "very"}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"bytesValue": "***"}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"stringValue": 1}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": {"arrayValue": [1]}}]}, limits.WRONG_TYPE),
    ({"attributes": [{"key": "k", "value": DEEP}]}, limits.TOO_DEEP),
    ({"attributes": [{"key": "k", "value": {"stringValue": "v" * limits.MAX_SPAN_BYTES}}]}, limits.TOO_LARGE),
    ({"events": [{}] * (limits.MAX_PARTS + 1)}, limits.TOO_MANY_PARTS),
    ({"links": [{}]}, limits.BAD_LINK),
    ({"flags": -1}, limits.WRONG_TYPE),
    ({"droppedLinksCount": 1.5}, limits.WRONG_TYPE),
]
TREE: dict[str, Any] = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}


def request(*spans: bytes) -> bytes:
    """An OTLP/JSON request around spans that are JSON already, or nearly."""
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % b",".join(spans)


def around(bad: bytes) -> list[str]:
    """Reasons for which ``bad`` is refused; the good spans before and after it must be taken."""
    good = json.dumps(TREE).encode()
    found = decode(request(good, bad, good), "json")
    assert len(found.spans) == 2
    return [refused.reason for refused in found.refused]


@pytest.mark.parametrize(("fields", "reason"), BAD_TREES)
def test_a_bad_span_in_json_is_refused_alone(fields: dict[str, Any], reason: str) -> None:
    """Each defect is refused with its own reason, and the spans before and after it are taken."""
    assert around(json.dumps(TREE | fields).encode()) == [reason]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"7", limits.NOT_READABLE),
        (b'{"name":"\xff\xfe"}', limits.NOT_TEXT),
        (b'{"name":"\\ud800"}', limits.NOT_TEXT),
        (b'{"name":"\\udfff\\ud800 and then \\" more"}', limits.NOT_TEXT),
        (json.dumps(TREE | {"attributes": 0}).encode().replace(b"0}", b"[" * 9000 + b"]" * 9000 + b"}"), "type"),
    ],
)
def test_what_no_json_reader_takes_is_refused_alone(bad: bytes, reason: str) -> None:
    """Bytes that are no UTF-8, halves of surrogate pairs and bottomless nesting spoil their own span only."""
    (told,) = around(bad)
    assert reason in told


def test_what_is_no_number_in_json_is_taken_where_a_double_may_be_none() -> None:
    """NaN without quotes is no JSON, but Python writes it: a double may be it; as an integer its span is refused."""
    numbers = {"a": float("nan"), "b": float("inf"), "c": float("-inf")}
    doubles = [{"key": key, "value": {"doubleValue": number}} for key, number in numbers.items()]
    good, bad = TREE | {"attributes": doubles}, TREE | {"flags": float("nan")}
    found = decode(request(json.dumps(good).encode(), json.dumps(bad).encode()), "json")
    assert [repr(span.attributes) for span in found.spans] == [repr(numbers)]
    assert [refused.reason for refused in found.refused] == [limits.WRONG_TYPE]


def test_a_pair_of_surrogates_beside_a_broken_one_is_still_read() -> None:
    """Mending a body for one span changes no text of another."""
    smile = json.dumps(TREE | {"name": "\U0001f600 \\ud800"}).encode()
    found = decode(request(smile, b'{"name":"\\ud800"}'), "json")
    assert [span.name for span in found.spans] == ["\U0001f600 \\ud800"]


def test_text_that_is_no_utf8_in_protobuf_is_refused_alone() -> None:
    """protobuf itself would give up the whole request for one byte."""
    good = encode([GOOD, GOOD], "protobuf")
    bad = good.replace(b"good", b"g\xffod", 1)
    found = decode(bad, "protobuf")
    assert found.spans == [GOOD]
    assert [refused.reason for refused in found.refused] == [limits.NOT_TEXT]


def test_a_resource_that_cannot_be_read_refuses_its_own_spans_by_their_ids() -> None:
    """The spans of another resource are taken; those of the broken one are named."""
    broken = encode([OtlpSpan(TRACE, SPAN, start_ns=1, resource={"r": "text"})], "protobuf").replace(
        b"text", b"t\xffxt"
    )
    found = decode(broken + encode([GOOD], "protobuf"), "protobuf")
    assert found.spans == [GOOD]
    assert [(r.reason, r.trace_id, r.span_id) for r in found.refused] == [(limits.BAD_RESOURCE, TRACE, SPAN)]


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_more_spans_than_a_request_may_hold_are_counted(encoding: Encoding, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over the limit is refused in one piece with its count; what is within it is taken."""
    monkeypatch.setattr(limits, "MAX_SPANS", 5)
    found = decode(encode([GOOD] * 9, encoding), encoding)
    assert (len(found.spans), found.rejected) == (3, 6)  # the resource and the scope count, too


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("part", ["resource", "scope_attributes"])
def test_a_large_resource_cannot_be_kept_a_thousand_times(
    encoding: Encoding, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all spans of a request share, and is kept with each of them, counts with each of them."""
    monkeypatch.setattr(limits, "MAX_WHOLE_BYTES", 100_000)
    shared: dict[str, Any] = {part: {"r": "x" * 10_000}}
    found = decode(encode([OtlpSpan(TRACE, SPAN, start_ns=1, **shared)] * 50, encoding), encoding)
    assert len(found.spans) == 9
    assert {one.reason for one in found.refused} == {limits.TOO_MUCH}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"<html>", "protobuf"),
        (b"{}", "protobuf"),
        (b"\x08\x01", "protobuf"),
        (b"\x0a\xff\xff\xff\xff\x0f", "protobuf"),
        (encode([GOOD], "protobuf")[:-3], "protobuf"),
        (b"<html>", "json"),
        (b"", "json"),
        (b"[]", "json"),
        (b'{"resourceMetrics":[]}', "json"),
        (b'{"resourceSpans":{}}', "json"),
        (encode([GOOD], "json")[:-3], "json"),
        (b"[" * 5_000_000, "json"),
        (b'{"resourceSpans":NaN}', "json"),
        (b'"' + b'\\"' * 2_000_000, "json"),
    ],
)
def test_a_body_that_is_not_otlp_is_refused_as_a_whole(body: bytes, encoding: Encoding) -> None:
    """The sentence says that the body is no OTLP trace request, and does not quote it."""
    with pytest.raises(NotOtlp, match="The body is not an OTLP trace request"):
        decode(body, encoding)


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans(), raw=st.binary(max_size=40))
@example(at=0, byte=0, cut=False, raw=b"")
def test_no_body_breaks_the_reader(encoding: Encoding, at: int, byte: int, cut: bool, raw: bytes) -> None:
    """Bytes changed, cut or put in anywhere give spans, refusals or NotOtlp; whatever is taken can be sent on."""
    body = encode([GOOD, OtlpSpan(TRACE, SPAN, start_ns=1, attributes={"a": [1, 2.5], "b": {"c": b"x"}})], encoding)
    at %= len(body)
    body = body[:at] + raw + (b"" if cut else bytes([byte]) + body[at + 1 :])
    try:
        found = decode(body, encoding)
    except NotOtlp:
        return
    assert repr(decode(encode(found.spans, encoding), encoding).spans) == repr(found.spans)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([TRACE, SPAN]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["key", "value", "stringValue", "intValue", "values", "arrayValue"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(
    fields=st.dictionaries(st.sampled_from([*TREE, "attributes", "events", "links", "status", "kind", "name"]), _json)
)
def test_any_json_in_any_field_is_taken_or_refused(fields: dict[str, Any]) -> None:
    """A span with whatever JSON in its fields is one span or one refusal, and its neighbours are taken."""
    good = json.dumps(TREE).encode()
    found = decode(request(good, json.dumps(TREE | fields).encode(), good), "json")
    assert len(found.spans) + len(found.refused) == 3
    assert len(found.spans) >= 2


@settings(deadline=None, max_examples=300)
@given(
    fields=st.dictionaries(
        st.sampled_from(["trace_id", "start", "attributes", "events", "links", "status", "kind", "flags", "resource"]),
        _json,
    )
)
def test_any_json_in_a_line_is_taken_or_refused(fields: dict[str, Any]) -> None:
    """A line is a span, or is refused with a reason."""
    line = json.dumps({"trace_id": TRACE, "span_id": SPAN, "start": 1, "name": "n"} | fields)
    try:
        span = from_line(line)
    except (Unfit, NotOtlp):
        return
    assert repr(decode(encode([span], "protobuf"), "protobuf").spans) == repr([span])
