"""Spans of governed runs: what they are called, how they hang together, and what they never carry."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing import content, spans
from tests.conftest import shared_data
from tests.kept import kept, policy

ASK: Any = {"messages": [("user", "SENTINEL-question")]}
CALLS = [
    Turn(tool_calls=(ToolCall("add", {"a": "SENTINEL-argument"}),)),
    Turn(tool_calls=(ToolCall("wire_money", {"a": "SENTINEL-argument"}), ToolCall("look_up", {"a": "SENTINEL-x"}))),
    Turn("SENTINEL-answer"),
]
NAMES = ["invoke_agent clerk", "chat scripted", "execute_tool add", "chat scripted", "execute_tool look_up",
         "execute_tool wire_money", "chat scripted"]  # fmt: skip


def _provide(monkeypatch: pytest.MonkeyPatch, provider: Any) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)


@pytest.fixture(name="exported")
def _exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    _provide(monkeypatch, provider)
    yield exporter
    provider.shutdown()


def _run(tmp_path: Path, calls: list[Turn] = CALLS, *, fails: bool = False, mode: str = "enforce") -> None:
    @tool
    def add(a: str) -> str:
        """Add."""
        if fails:
            raise ValueError("SENTINEL-exception")
        return "SENTINEL-result"

    @tool
    def wire_money(a: str) -> str:
        """Wire."""
        return "sent"

    @tool
    def look_up(a: str) -> str:
        """Look up."""
        raise KeyError("SENTINEL-missing")

    with ScriptedModel(calls) as server:
        agent = create_agent(
            chat_openai(server), [add, wire_money, look_up], name="clerk", system_prompt="SENTINEL-system"
        )
        handrail.govern(agent, config=policy(tmp_path, mode), principal={"user": "ana"}).invoke(ASK)


def _hex(span: ReadableSpan) -> tuple[str, str, str | None]:
    assert span.context is not None
    above = f"{span.parent.span_id:016x}" if span.parent else None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", above


def test_names_kinds_and_ids_are_those_of_the_records(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """Every step has one span with the record's trace, id and parent, named and typed by the conventions."""
    _run(tmp_path)
    found = exported.get_finished_spans()
    assert sorted(span.name for span in found) == sorted(NAMES)
    assert {span.name.split()[0]: span.kind.name for span in found} == {
        "invoke_agent": "INTERNAL", "chat": "CLIENT", "execute_tool": "INTERNAL",
    }  # fmt: skip
    recorded = kept(tmp_path, "run.start", "model.call", "tool.call")
    assert {_hex(span) for span in found} == {(one["trace"], one["step"], one["parent"]) for one in recorded}


def test_the_callers_span_is_the_parent(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """A run that is started inside a span of the program's belongs to that trace, in the records as well."""
    with trace.get_tracer("theirs").start_as_current_span("request") as request:
        _run(tmp_path)
        assert trace.get_current_span() is request
    own = request.get_span_context()
    [start] = kept(tmp_path, "run.start")
    assert (start["trace"], start["parent"]) == (f"{own.trace_id:032x}", f"{own.span_id:016x}")
    [agent] = [span for span in exported.get_finished_spans() if span.name == "invoke_agent clerk"]
    assert _hex(agent)[2] == start["parent"]


@pytest.mark.parametrize("fails", [False, True])
def test_no_content_by_default(fails: bool, exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """No prompt, argument, result or text of an exception is anywhere in a span."""
    if fails:
        with pytest.raises(ValueError, match="SENTINEL"):
            _run(tmp_path, fails=True)
    else:
        _run(tmp_path)
    found = exported.get_finished_spans()
    assert found
    assert [span.name for span in found if "SENTINEL" in span.to_json()] == []
    failed = {
        span.name: span.attributes["error.type"]
        for span in found
        if span.attributes and "error.type" in span.attributes
    }
    assert failed == ({"execute_tool add": "ValueError", "invoke_agent clerk": "ValueError"} if fails else {})


def test_content_when_asked_for(
    exported: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the standard variable set, arguments and results are on the tools' spans."""
    monkeypatch.setenv(content.CAPTURE, "true")
    _run(tmp_path)
    [add] = [span for span in exported.get_finished_spans() if span.name == "execute_tool add"]
    assert add.attributes is not None
    assert json.loads(str(add.attributes["gen_ai.tool.call.arguments"])) == {"a": "SENTINEL-argument"}
    assert "SENTINEL-result" in str(add.attributes["gen_ai.tool.call.result"])


def _retrieve(tmp_path: Path) -> None:
    class Handbook(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> list[Document]:
            return [Document("SENTINEL-text")]

    def search(question: str) -> list[Document]:
        return Handbook().invoke(question)

    agent = handrail.govern(RunnableLambda(search), config=policy(tmp_path), principal={"user": "ana"}, name="clerk")
    assert agent.invoke("SENTINEL-question") == []


def test_a_retrieval_is_a_client_span_under_its_agent(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """A search is a span by the name that rules know, with nothing of the question or of what was found."""
    _retrieve(tmp_path)
    search, agent = exported.get_finished_spans()
    assert (search.name, search.kind.name, _hex(search)[2]) == ("retrieval handbook", "CLIENT", _hex(agent)[1])
    assert search.attributes == {
        "gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "handbook",
        "handrail.retrieval.returned": 1, "handrail.retrieval.removed": 1,
    }  # fmt: skip


@pytest.mark.parametrize("calls", ["allowed and denied", "failing", "retrieving"])
def test_spans_follow_the_conventions(calls: str, exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """The mechanical check of the GenAI conventions finds no violation."""
    checker = shared_data("semconv/check_spans.py")
    if calls == "failing":
        with pytest.raises(ValueError, match="SENTINEL"):
            _run(tmp_path, fails=True)
    elif calls == "retrieving":
        _retrieve(tmp_path)
    else:
        _run(tmp_path)
    lines = [
        json.dumps({
            "name": span.name, "kind": span.kind.name, "attributes": dict(span.attributes or {}),
            "status": span.status.status_code.name, "trace_id": _hex(span)[0], "span_id": _hex(span)[1],
            "parent_id": _hex(span)[2],
        }) for span in exported.get_finished_spans()
    ]  # fmt: skip
    file = tmp_path / "spans.jsonl"
    file.write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, str(checker), str(file), "--no-content"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_sampled_out_spans_keep_ids_consistent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the program's sampler drops a trace, the records are whole: one trace, distinct steps, right parents."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    _provide(monkeypatch, provider)
    _run(tmp_path)
    assert exporter.get_finished_spans() == ()
    _check_records(tmp_path)


def test_without_a_provider_there_are_ids_and_no_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: nothing is started, and records have ids of the same form."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    _provide(monkeypatch, None)
    assert spans.Spans().tracer() is None
    _run(tmp_path)
    _check_records(tmp_path)


def _check_records(folder: Path) -> None:
    found = kept(folder, "run.start", "model.call", "tool.call")
    steps = [one["step"] for one in found]
    assert len(set(steps)) == len(steps) == len(NAMES)
    assert len({one["trace"] for one in found}) == 1
    assert {one["parent"] for one in found[1:]} <= set(steps)
    assert all(len(one["step"]) == 16 and len(one["trace"]) == 32 for one in found)


def test_an_endpoint_without_an_exporter_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked to export without the exporter: one sentence with the command to install it, then silence."""
    _provide(monkeypatch, None)
    monkeypatch.setattr("handrail.tracing.exporting.metadata.entry_points", lambda **_: ())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with caplog.at_level(logging.WARNING, "handrail.tracing.exporting"):
        _run(tmp_path)
    said = [record.getMessage() for record in caplog.records if record.name == "handrail.tracing.exporting"]
    assert len(said) == 1
    assert "pip install 'handrail[otlp]'" in said[0]


class Failing(SimpleSpanProcessor):
    """A processor of the program's own that breaks."""

    def on_start(self, *args: Any, **kwargs: Any) -> None:
        """Break."""
        if self.at == "start":
            raise RuntimeError("SENTINEL")

    def on_end(self, *args: Any, **kwargs: Any) -> None:
        """Break."""
        raise RuntimeError("SENTINEL")

    at = ""


@pytest.mark.parametrize("at", ["start", "end"])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_broken_processor_stops_no_agent(mode: str, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing that fails reaches neither the agent nor the audit: the run completes and is recorded whole."""
    provider, processor = TracerProvider(), Failing(InMemorySpanExporter())
    processor.at = at
    provider.add_span_processor(processor)
    _provide(monkeypatch, provider)
    _run(tmp_path, [CALLS[0], Turn("final")], mode=mode)
    assert [record["outcome"] for record in kept(tmp_path, "tool.result", "run.end")] == ["ok", "ok"]


def test_request_parameters_and_streaming(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """What a model is set to, and that and when its answer came in pieces, is on its span in the conventions' types."""
    with ScriptedModel([Turn("one two three"), Turn("{}")]) as server:
        model = chat_openai(server, top_p=0.5, seed=7, temperature=1)

        def ask(question: str) -> str:
            list(model.stream(question))
            return str(model.bind(response_format={"type": "json_object"}).invoke(question).content)

        agent: Any = RunnableLambda(ask)
        handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}, name="clerk").invoke("now")
    first, second = [span.attributes or {} for span in exported.get_finished_spans() if span.name.startswith("chat")]
    for found in (first, second):
        assert [found[f"gen_ai.request.{name}"] for name in ("top_p", "seed", "temperature")] == [0.5, 7, 1.0]
    assert first["gen_ai.request.stream"] is True
    assert isinstance(first["gen_ai.response.time_to_first_chunk"], float)
    assert "gen_ai.request.stream" not in second
    assert second["gen_ai.output.type"] == "json"


def test_content_does_not_grow_with_the_run(
    exported: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With content on each message is on one span, after a reference to the call before; definitions come once."""
    monkeypatch.setenv(content.CAPTURE, "true")
    turns = [Turn(tool_calls=(ToolCall("add", {"a": f"mark-{number:02}"}),)) for number in range(12)]
    _run(tmp_path, [*turns, Turn("done")])
    asked = [span for span in exported.get_finished_spans() if span.name.startswith("chat")]
    said = [str((span.attributes or {})["gen_ai.input.messages"]) for span in asked]
    assert len(asked) == 13
    for number in range(12):
        assert [index for index, text in enumerate(said) if f"mark-{number:02}" in text] == [number + 1]
    assert max(map(len, said[2:])) - min(map(len, said[2:])) < 20
    assert [(span.attributes or {}).get("handrail.messages.prev") for span in asked[1:]] == [
        _hex(span)[1] for span in asked[:-1]
    ]
    assert [(span.attributes or {}).get("handrail.messages.keep") for span in asked] == [None, *range(2, 26, 2)]
    for name in ("gen_ai.system_instructions", "gen_ai.tool.definitions"):
        assert [name in (span.attributes or {}) for span in asked] == [True] + [False] * 12
