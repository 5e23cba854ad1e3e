"""The recorded episode, as four instrumentations told it."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from handrail.tracing.dialects.classify import classify
from handrail.tracing.dialects.observed import Observed
from handrail.tracing.dialects.resolve import Resolved, resolve
from handrail.tracing.otlp import codec, dump
from handrail.tracing.otlp.span import OtlpSpan

Data = Callable[[str], Path]
NAMES = ("otel-genai", "openinference", "traceloop", "langfuse")
_FIRST = [
    ("agent", "clerk"), ("model", "scripted-1"), ("tool", "write_todos"), ("model", "scripted-1"), ("tool", "lookup"),
    ("tool", "lookup"), ("model", "scripted-1"), ("model", "scripted-1"), ("tool", "write_todos"),
    ("model", "scripted-1"), ("tool", "delegate"), ("agent", "researcher"), ("model", "scripted-1"), ("tool", "lookup"),
    ("model", "scripted-1"), ("model", "scripted-1"), ("tool", "flaky"), ("model", "scripted-1"),
]  # fmt: skip
_RESUMED = [("agent", "clerk"), ("tool", "send_mail"), ("model", "scripted-1")]


def _read(data: Data, name: str) -> list[OtlpSpan]:
    lines = gzip.decompress(data(f"spans/{name}.jsonl.gz").read_bytes()).splitlines()
    return [dump.from_line(line) for line in lines]


def _runs(data: Data, name: str) -> list[Resolved]:
    traces: dict[str, list[Observed]] = defaultdict(list)
    for span in _read(data, name):
        traces[span.trace_id].append(classify(span))
    found = [resolved for spans in traces.values() if (resolved := resolve(spans)).run is not None]
    return sorted(found, key=lambda one: one.steps[0].span.start_ns)


@pytest.mark.parametrize("name", NAMES)
def test_99_of_100_spans_are_classified(test_data: Data, name: str) -> None:
    """Of each dump at least 99 % of the spans are understood, and all as made by their instrumentation."""
    found = [classify(span) for span in _read(test_data, name)]
    assert sum(one.step != "unknown" for one in found) >= 0.99 * len(found)
    assert {one.dialect for one in found} == {{"traceloop": "openllmetry"}.get(name, name)}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_episode_is_the_same_steps(test_data: Data, name: str) -> None:
    """Agents, models and tools come in one and the same sequence, in the run and in the one that resumed it."""
    first, resumed = _runs(test_data, name)
    assert [(step.span.step, step.span.name) for step in first.shown() if step.ran] == _FIRST
    assert [(step.span.step, step.span.name) for step in resumed.shown()] == _RESUMED


@pytest.mark.parametrize("name", NAMES)
def test_the_denied_call_the_error_and_the_pause_are_found(test_data: Data, name: str) -> None:
    """The denied call is there though it has no span; only the broken tool is an error; the conversation is one."""
    first, resumed = _runs(test_data, name)
    assert first.run is not None
    assert resumed.run is not None
    unmade = [(step.span.name, step.span.call_id, step.outcome) for step in first.shown() if not step.ran]
    assert unmade == [("delete_record", "c3", "rejected")]
    assert [step.span.name for step in first.shown() if step.outcome == "error"] == ["flaky"]
    assert (first.run.session, resumed.run.session) == ("thread-42", "thread-42")
    assert (first.run.pending, resumed.run.begins_with) == (("send_mail",), "send_mail")
    assert resumed.run.outcome == "ok"
    if name != "otel-genai":  # which has no word of the interrupt
        assert first.run.outcome == "interrupted"


@pytest.mark.parametrize("name", NAMES)
def test_the_dumps_go_to_otlp_and_back_without_a_loss(test_data: Data, name: str) -> None:
    """Sent as OTLP/JSON or kept as a line, every span is what it was."""
    spans = _read(test_data, name)
    assert codec.decode(codec.encode(spans, "json"), "json").spans == spans
    assert [dump.from_line(dump.to_line(span)) for span in spans] == spans
