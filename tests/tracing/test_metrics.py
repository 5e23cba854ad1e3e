"""Metrics and events: named, typed and attributed by the conventions, and nothing where nobody listens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import handrail
from handrail.frameworks import gates, opening
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing import conventions, events
from handrail.tracing import metrics as measured
from handrail.tracing.content import CAPTURE
from tests.kept import POLICY, kept, policy
from tests.tracing.test_vocabulary import CLOSED, OPENED

USED = {"input": 9, "output": 3, "cache_read": 1, "cache_write": 1, "reasoning": 1, "audio_input": 2}

ASK: Any = {"messages": [("user", "SENTINEL-question")]}
CHECKED = (
    POLICY
    + """
[[validate]]
id = "short"
on = "add.result"
schema = {maxLength = 3}

[[validate]]
id = "named"
on = "add.arguments"
schema = {required = ["a"]}
"""
)


@pytest.fixture(name="reader")
def _reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", provider)
    yield reader
    provider.shutdown()


@pytest.fixture(name="emitted")
def _emitted(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryLogRecordExporter]:
    exporter, provider = InMemoryLogRecordExporter(), LoggerProvider()  # type: ignore[no-untyped-call]
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def _points(reader: InMemoryMetricReader) -> dict[str, tuple[str, list[Any]]]:
    """Metric -> its unit and its points."""
    data = reader.get_metrics_data()
    assert data is not None
    found = [one for r in data.resource_metrics for s in r.scope_metrics for one in s.metrics]
    return {one.name: (str(one.unit), list(one.data.data_points)) for one in found}


def _run(folder: Path, *, text: str = POLICY, fails: bool = False, mode: str = "enforce") -> None:
    @tool
    def add(a: str) -> str:
        """Add."""
        if fails:
            raise ValueError("SENTINEL-exception")
        return "SENTINEL-result"

    calls = [Turn(tool_calls=(ToolCall("add", {"a": "x"}), ToolCall("wire_money", {}), ToolCall("made_up", {})))]
    with ScriptedModel([*calls, Turn("done")]) as server:
        agent = create_agent(chat_openai(server), [add], name="clerk")
        handrail.govern(agent, config=policy(folder, mode, text), principal={"user": "ana"}).invoke(ASK)


def test_a_governed_run_is_measured_by_the_conventions(reader: InMemoryMetricReader, tmp_path: Path) -> None:
    """Durations, tokens and calls have the table's names and units, and every attribute that it requires."""
    _run(tmp_path)
    found = _points(reader)
    assert {
        "gen_ai.client.operation.duration", "gen_ai.invoke_agent.duration", "gen_ai.invoke_agent.inference_calls",
        "gen_ai.invoke_agent.tool_calls", "gen_ai.execute_tool.duration", "handrail.decisions",
        "gen_ai.client.inference.usage.input_tokens", "gen_ai.client.inference.operation.output_tokens",
    } <= set(found)  # fmt: skip
    for name, (unit, points) in found.items():
        if name.startswith("handrail."):
            assert measured.OURS[name][1] == unit
            continue
        row = conventions.METRICS[name]
        assert row.unit == unit
        known = {*row.required, *row.conditional, *row.recommended}
        for point in points:
            assert set(row.required) <= set(point.attributes) <= known
    calls = found["gen_ai.invoke_agent.inference_calls"][1][0]
    assert (calls.sum, found["gen_ai.invoke_agent.tool_calls"][1][0].sum) == (2, 1)
    decided = {
        (p.attributes["handrail.decision.verdict"], p.attributes.get("gen_ai.tool.name")): p.value
        for p in found["handrail.decisions"][1]
    }
    assert decided == {("allow", "add"): 1, ("deny", None): 2}
    [ran] = found["gen_ai.execute_tool.duration"][1]
    assert ran.attributes["gen_ai.tool.name"] == "add"
    assert "SENTINEL" not in str(found)


def test_every_kind_is_measured_within_the_table() -> None:
    """Whatever the facts of a step, names and attributes are the table's, and values are not negative."""
    seen = set()
    for kind, name, facts, _, _ in OPENED:
        both = {"dur": 5_000_000, **facts, **CLOSED.get(kind, {}), "usage": USED}
        for one in measured.closed(kind, name, both, "ValueError"):
            row = conventions.METRICS[one.name]
            known = {*row.required, *row.conditional, *row.recommended}
            assert set(row.required) <= set(one.attributes) <= known, one
            assert one.value >= 0
            seen.add(one.name)
    assert set(conventions.METRICS) - seen == {
        "gen_ai.client.operation.time_per_output_chunk", "mcp.client.session.duration", "mcp.server.session.duration",
    }  # fmt: skip


def test_an_error_is_measured_by_its_type(reader: InMemoryMetricReader, tmp_path: Path) -> None:
    """A tool that raised, and the run that it ended, are measured with the class of the exception."""
    with pytest.raises(ValueError, match="SENTINEL"):
        _run(tmp_path, fails=True)
    found = _points(reader)
    for name in ("gen_ai.execute_tool.duration", "gen_ai.invoke_agent.duration"):
        assert found[name][1][0].attributes["error.type"] == "ValueError"


def test_lost_records_are_counted(reader: InMemoryMetricReader, tmp_path: Path) -> None:
    """What the journal could not take is a metric, by the class of the error."""
    gate = opening.open_gate(policy(tmp_path, "observe"))
    step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
    assert step is not None
    gate.steps.recorder.lost(OSError("SENTINEL"))
    gates.leave(step)
    [point] = _points(reader)["handrail.records.lost"][1]
    assert (point.value, dict(point.attributes)) == (1, {"error.type": "OSError"})


def _of(emitted: InMemoryLogRecordExporter, name: str) -> list[Any]:
    found = [one.log_record for one in emitted.get_finished_logs()]
    return [one for one in found if one.event_name == name]


def test_verdicts_of_validators_are_events(emitted: InMemoryLogRecordExporter, tmp_path: Path) -> None:
    """Each validator that looked has one event: what it says, and nothing of the value it looked at."""
    _run(tmp_path, text=CHECKED)
    found = {one.attributes["gen_ai.evaluation.name"]: one.attributes for one in _of(emitted, events.EVALUATION)}
    assert {name: said["gen_ai.evaluation.score.label"] for name, said in found.items()} == {
        "named": "pass", "short": "fail",
    }  # fmt: skip
    known = {name for names in conventions.EVENTS[events.EVALUATION] for name in names}
    for said in found.values():
        assert {name for name in said if not name.startswith("handrail.")} <= known
    assert "SENTINEL" not in str([one.to_json() for one in emitted.get_finished_logs()])


def test_explanations_only_with_content_on(
    emitted: InMemoryLogRecordExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding's message may quote the value: it is on the event only where content may be."""
    monkeypatch.setenv(CAPTURE, "EVENT_ONLY")
    _run(tmp_path, text=CHECKED)
    said = {one.attributes["gen_ai.evaluation.name"]: one.attributes for one in _of(emitted, events.EVALUATION)}
    assert "too long" in said["short"]["gen_ai.evaluation.explanation"]
    assert "gen_ai.evaluation.explanation" not in said["named"]


@pytest.mark.parametrize(("value", "details"), [("", 0), ("true", 0), ("SPAN_ONLY", 0), ("SPAN_AND_EVENT", 2)])
def test_details_of_model_calls_only_when_asked_for(
    value: str, details: int, emitted: InMemoryLogRecordExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event with everything about a model's call is there for the values that name events, and structured."""
    monkeypatch.setenv(CAPTURE, value)
    _run(tmp_path)
    found = _of(emitted, events.DETAILS)
    assert len(found) == details
    if found:
        first, second = (one.attributes for one in found)
        assert first["gen_ai.operation.name"] == "chat"
        assert first["gen_ai.input.messages"][0]["parts"][0]["content"] == "SENTINEL-question"
        assert first["gen_ai.output.messages"][0]["parts"][0]["type"] == "tool_call"
        assert [part["parts"][0]["type"] for part in second["gen_ai.input.messages"]][1:] == ["tool_call_response"] * 3
        assert "gen_ai.tool.definitions" not in second
        spans = conventions.SPANS["gen_ai.inference.client"]
        known = {name for names in spans[1:] for name in names}
        assert {name for one in (first, second) for name in one if not name.startswith("handrail.")} <= known


@pytest.mark.parametrize("value", ["", "SPAN_ONLY", "EVENT_ONLY"])
def test_exceptions_of_clients_are_events(
    value: str, emitted: InMemoryLogRecordExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that fails is an event with the class of the exception, and its text only where content may be."""
    monkeypatch.setenv(CAPTURE, value)
    with ScriptedModel([Turn(status=400)]) as server:
        agent = create_agent(chat_openai(server), [], name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        with pytest.raises(Exception, match="400"):
            governed.invoke(ASK)
    [one] = _of(emitted, events.EXCEPTION)
    assert one.attributes["exception.type"].rpartition(".")[2] in ("BadRequestError", "OpenAIInvalidRequestError")
    assert one.severity_number is SeverityNumber.WARN
    assert ("exception.message" in one.attributes) == (value == "EVENT_ONLY")
    assert ("exception.stacktrace" in one.attributes) == (value == "EVENT_ONLY")


def test_without_providers_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: no meter, no logger, and the SDK's metrics and logs are not even loaded."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    code = """
import sys, handrail
@handrail.tool
def look() -> str:
    "Look."
    return "x"
with handrail.run("clerk", user="ana"):
    look()
loaded = [name for name in sys.modules if name.startswith(("opentelemetry.sdk.metrics", "opentelemetry.sdk._logs",
          "opentelemetry.exporter"))]
assert loaded == [], loaded
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_named_exporters_get_metrics_and_events(tmp_path: Path) -> None:
    """Where only the standard variables name exporters, they get both, and nothing of it is global."""
    code = """
import handrail
from opentelemetry import metrics, _logs
@handrail.tool
def look() -> str:
    "Look."
    return "x"
with handrail.run("clerk", user="ana"):
    look()
assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"
assert type(_logs.get_logger_provider()).__name__ == "ProxyLoggerProvider"
"""
    (tmp_path / "handrail.toml").write_text(
        'version = 1\n[[validate]]\nid = "text"\non = "look.result"\nschema = {type = "string"}\n'
    )
    environ = {"PATH": "/usr/bin:/bin", "OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "console"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert '"gen_ai.execute_tool.duration"' in done.stdout
    assert '"gen_ai.evaluation.result"' in done.stdout


class Broken(MeterProvider):
    """A provider of the program's own that breaks."""

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        """Give a meter that breaks."""
        return object()


def test_a_broken_provider_stops_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring that fails reaches neither the agent nor the audit."""
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", Broken())
    _run(tmp_path)
    assert [record["outcome"] for record in kept(tmp_path, "run.end")] == ["ok"]


def test_an_answer_that_is_given_back_is_measured_as_nothing() -> None:
    """A run that goes on is given what its models answered before: no duration and no tokens of a model are told."""
    facts: dict[str, Any] = {"provider": "openai", "dur": 1_000, "usage": {"input": 11}}
    assert len(list(measured.closed("model", "m", facts, None))) > 1
    assert list(measured.closed("model", "m", {**facts, "replayed": True}, None)) == []
