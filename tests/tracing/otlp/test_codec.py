"""Spans to bytes and back."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.tracing.otlp.codec import Encoding, decode, encode
from handrail.tracing.otlp.dump import from_line, to_line
from handrail.tracing.otlp.span import OtlpSpan
from tests.tracing.otlp.spans_made import spans

ENCODINGS: tuple[Encoding, ...] = ("protobuf", "json")
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(deadline=None, max_examples=150)
@given(made=st.lists(spans(), max_size=4))
def test_a_round_trip_loses_nothing(encoding: Encoding, made: list[OtlpSpan]) -> None:
    """Every span that OTLP can say comes back from its bytes as it was, with types, order and grouping."""
    found = decode(encode(made, encoding), encoding)
    assert repr(found.spans) == repr(made)
    assert found.refused == []


@settings(deadline=None, max_examples=300)
@given(made=spans())
def test_a_line_loses_nothing(made: OtlpSpan) -> None:
    """Every span comes back from its line as it was; a line has no line break in it."""
    line = to_line(made)
    assert b"\n" not in line
    assert repr(from_line(line)) == repr(made)


@pytest.mark.parametrize("name", ["langfuse", "openinference", "otel-genai", "traceloop"])
def test_the_recorded_dumps_survive_every_form(name: str, test_data: Callable[[str], Path]) -> None:
    """What four instrumentations dumped is the same after line, protobuf and JSON, and has all that the dump had."""
    lines = gzip.decompress(test_data(f"spans/{name}.jsonl.gz").read_bytes()).splitlines()
    made = [from_line(line) for line in lines]
    for encoding in ENCODINGS:
        assert repr(decode(encode(made, encoding), encoding).spans) == repr(made)
    for line, span in zip(lines, made, strict=True):
        before, after = json.loads(line), json.loads(to_line(span))
        before["events"] = [{"time": 0, **event} for event in before["events"]]
        assert {**after, **before} == after


def request(**span: Any) -> bytes:
    """An OTLP/JSON request with one span, which has ids and times unless ``span`` says otherwise."""
    whole = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "1", "endTimeUnixNano": "2", **span}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}).encode()


def one(body: bytes) -> OtlpSpan:
    """The only span of an OTLP/JSON body."""
    (span,) = decode(body, "json").spans
    return span


def test_ids_in_json_are_hex_digits_and_base64_only_where_its_length_tells() -> None:
    """32 and 16 characters are hex even where they could be base64; 24 and 12 characters are base64."""
    assert one(request()).trace_id == TRACE
    assert one(request(traceId=TRACE.upper(), parentSpanId=SPAN.upper())).parent_id == SPAN
    encoded = b64encode(bytes.fromhex(TRACE)).decode(), b64encode(bytes.fromhex(SPAN)).decode()
    assert (one(request(traceId=encoded[0], spanId=encoded[1])).trace_id, SPAN) == (TRACE, SPAN)


def test_json_is_taken_in_every_spelling_that_exporters_use() -> None:
    """snake_case, numbers for 64-bit integers, names of enums and unknown fields give the same span."""
    usual = one(
        request(
            kind=3,
            status={"code": 2, "message": "m"},
            attributes=[{"key": "n", "value": {"intValue": "7"}}, {"key": "x", "value": {"doubleValue": "NaN"}}],
            droppedAttributesCount=4,
            parentSpanId="0000000000000000",
        )
    )
    span = {
        "trace_id": TRACE, "span_id": SPAN, "start_time_unix_nano": 1, "end_time_unix_nano": 2.0,
        "kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR", "message": "m", "new": 1},
        "attributes": [{"key": "n", "value": {"int_value": 7}}, {"key": "x", "value": {"double_value": "NaN"}}],
        "dropped_attributes_count": "4", "unheardOf": {"a": [1]},
    }  # fmt: skip
    other = {"resource_spans": [{"scope_spans": [{"spans": [span], "schema_url": None}], "resource": None}]}
    assert repr(one(json.dumps(other).encode())) == repr(usual)
    assert (usual.kind, usual.status, usual.attributes["n"], usual.parent_id) == ("CLIENT", "ERROR", 7, "")


def test_protobuf_is_not_loaded_before_its_first_use_and_its_absence_is_one_sentence() -> None:
    """Importing the codec loads no protobuf; without the extra, decoding says what to install."""
    program = """
import sys
import handrail, handrail.tracing.otlp.codec as codec
assert not [name for name in sys.modules if name.startswith(("google.protobuf", "opentelemetry.proto"))]
sys.modules["opentelemetry.proto"] = None
try:
    codec.decode(codec.encode([], "json") and b"\\x0a\\x00", "protobuf")
except handrail.errors.MissingExtra as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "OTLP in protobuf needs an extra that is not installed: pip install 'handrail[otlp]'\n"
