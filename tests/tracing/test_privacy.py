"""Eight sentinels, one for each kind of content: where they are found with content off, on, limited and redacted."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool
from langgraph.store.memory import InMemoryStore
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.baggage import set_baggage
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import handrail
from handrail.testing import Turn
from handrail.tracing.content import CAPTURE
from tests.frameworks.langchain.kit import Scripted, call

SENTINELS = ("prompt", "arguments", "result", "exception", "status", "link", "definition", "system")
ASK: Any = {"messages": [("user", "SENTINEL-prompt")]}
_FOUND = re.compile("SENTINEL-([a-z]+)")
POLICY = """
version = 1
mode = "enforce"
agent = "clerk"

[users]
"acme/ana" = ["staff"]

[[rule]]
id = "all"
allow = "staff"
call = "*"
read = "*"
write = "*"

[[rule]]
id = "no-wires"
deny = "*"
call = "wire"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
read = "*"
write = "*"
"""


@dataclass
class Out:
    """Everything that leaves for OpenTelemetry and for Python's logging."""

    spans: InMemorySpanExporter
    reader: InMemoryMetricReader
    events: InMemoryLogRecordExporter
    logged: pytest.LogCaptureFixture

    def texts(self) -> dict[str, str]:
        """Where it leaves -> all of it as text, what the program itself made left out."""
        ours = [span for span in self.spans.get_finished_spans() if span.name != "theirs"]
        assert len(ours) > 3
        lines = [record for record in self.logged.records if record.name.startswith("handrail")]
        formatter = logging.Formatter()
        return {
            "spans": "\n".join(span.to_json() for span in ours),
            "metrics": str(self.reader.get_metrics_data()),
            "events": "\n".join(one.to_json() for one in self.events.get_finished_logs()),
            "logs": "\n".join(formatter.format(record) for record in lines),
        }

    def found(self) -> dict[str, set[str]]:
        """Where it leaves -> the sentinels that are there."""
        return {where: set(_FOUND.findall(text)) for where, text in self.texts().items()}


@pytest.fixture(name="out")
def _out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Out]:
    caplog.set_level(logging.DEBUG)
    spans, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    reader = InMemoryMetricReader()
    meters = MeterProvider(metric_readers=[reader])
    events, loggers = InMemoryLogRecordExporter(), LoggerProvider()  # type: ignore[no-untyped-call]
    loggers.add_log_record_processor(SimpleLogRecordProcessor(events))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers)
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", meters)
    monkeypatch.setattr("opentelemetry._logs._internal._LOGGER_PROVIDER", loggers)
    yield Out(spans, reader, events, caplog)
    handrail.uninstrument()
    for provider in (tracers, meters, loggers):
        provider.shutdown()


class _Odd(RuntimeError):
    """An exception whose text is content."""

    def __str__(self) -> str:
        return "SENTINEL-status"


class Handbook(BaseRetriever):
    """Finds what it is asked for, or fails."""

    fails: bool = False

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> list[Document]:
        if self.fails:
            raise _Odd
        return [Document("SENTINEL-result", id="7", metadata={"of": "SENTINEL-result"})]


def _agent(config: Path) -> Any:
    """An agent that plans, searches, remembers, delegates, is denied, and then fails."""

    @tool
    def look(what: str) -> str:
        """SENTINEL-definition"""
        store.put(("notes", "ana"), "k", {"text": "SENTINEL-result"})
        store.search(("notes", "ana"), query="SENTINEL-prompt")
        handrail.plan(["SENTINEL-prompt", "SENTINEL-result"])
        handrail.plan(["SENTINEL-result", "SENTINEL-arguments"])
        handrail.reflect("SENTINEL-prompt", confidence=0.5, about="SENTINEL-prompt")
        return "SENTINEL-result" + "".join(found.page_content for found in Handbook().invoke("SENTINEL-prompt"))

    @tool
    def wire(amount: str) -> str:
        """SENTINEL-definition"""
        return "SENTINEL-result"

    @tool
    def ask(what: str) -> str:
        """Ask a colleague."""
        return str(inner.invoke(ASK)["messages"][-1].content)

    @tool
    def fail(how: str) -> str:
        """SENTINEL-definition"""
        with suppress(_Odd):
            Handbook(fails=True).invoke("SENTINEL-prompt")
        raise ValueError("SENTINEL-exception")

    store = InMemoryStore()
    turns = [call("look", what="SENTINEL-arguments"), Turn("SENTINEL-result")]
    inner = create_agent(Scripted(turns=turns), [look], name="sub", system_prompt="SENTINEL-system")
    turns = [call("look", what="SENTINEL-arguments"), call("wire", amount="SENTINEL-arguments"),
             call("ask", what="SENTINEL-arguments"), call("fail", how="SENTINEL-arguments")]  # fmt: skip
    outer = create_agent(
        Scripted(turns=turns), [look, wire, ask, fail], name="clerk", system_prompt="SENTINEL-system", store=store
    )
    return handrail.govern(outer, config=config, principal={"tenant": "acme", "user": "ana"})


async def _astream(agent: Any) -> None:
    async for _ in agent.astream(ASK, stream_mode="messages"):
        pass


DRIVES: dict[str, Callable[[Any], Any]] = {
    "sync": lambda agent: agent.invoke(ASK),
    "async": lambda agent: agent.ainvoke(ASK),
    "stream": lambda agent: list(agent.stream(ASK, stream_mode="messages")),
    "astream": _astream,
}


def _drive(drive: str, folder: Path, table: str = "") -> None:
    """Run the agent under a span of the program's that has a link and baggage."""
    config = folder / "handrail.toml"
    config.write_text(POLICY + table)
    agent = _agent(config)
    pointed = trace.Link(trace.SpanContext(1, 1, is_remote=True), {"of": "SENTINEL-link"})
    with trace.get_tracer("theirs").start_as_current_span("theirs", links=[pointed]):
        token = otel.attach(set_baggage("of", "SENTINEL-link"))
        try:
            with pytest.raises(ValueError, match="SENTINEL-exception"):
                _finished(DRIVES[drive](agent))
        finally:
            otel.detach(token)


def _finished(result: Any) -> None:
    if result is not None and hasattr(result, "__await__"):

        async def wait() -> None:
            await result

        asyncio.run(wait())


@pytest.mark.parametrize("vocabulary", ["genai", "openinference"])
@pytest.mark.parametrize("drive", DRIVES)
def test_nothing_leaves_by_default(
    drive: str, vocabulary: str, out: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With content off no sentinel is in any span, metric, event or line of the log."""
    monkeypatch.setenv("HANDRAIL_SPAN_VOCABULARY", vocabulary)
    _drive(drive, tmp_path)
    assert out.found() == {"spans": set(), "metrics": set(), "events": set(), "logs": set()}
    assert {"execute_tool fail", "invoke_agent sub", "retrieval handbook", "plan sub", "reflection sub"} <= {
        span.name for span in out.spans.get_finished_spans()
    }
    assert "gen_ai.client.operation.exception" in out.texts()["events"]


@pytest.mark.parametrize("drive", ["sync", "astream"])
def test_all_of_it_is_there_when_asked_for(
    drive: str, out: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With content on every kind is on spans, so the test above would see it; a caller's links are never ours."""
    monkeypatch.setenv(CAPTURE, "true")
    _drive(drive, tmp_path)
    found = out.found()
    assert found["spans"] == set(SENTINELS) - {"link"}
    assert found["events"] == {"status"}
    assert found["metrics"] == found["logs"] == set()


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("[content]\nspans = true\n", set(SENTINELS) - {"link"}),
        ('[content]\nspans = true\ntenants = ["acme"]\n', set(SENTINELS) - {"link"}),
        ('[content]\nspans = true\ntenants = ["other"]\n', set()),
        ('[content]\nspans = true\ntools = ["ask"]\n', {"arguments", "result"}),
        ('[content]\nspans = true\ntools = ["fail"]\n', {"arguments", "exception", "definition"}),
    ],
)
def test_per_tenant_and_per_tool(table: str, found: set[str], out: Out, tmp_path: Path) -> None:
    """Content leaves for the tenants and the tools that the file names, and for no others."""
    _drive("sync", tmp_path, table)
    assert out.found()["spans"] == found


def test_what_is_redacted_is_nowhere(out: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With content on and everything redacted, no sentinel is on spans or events, and none in the journal's files."""
    monkeypatch.setenv(CAPTURE, "SPAN_AND_EVENT")
    _drive("sync", tmp_path, "[content]\nredact = ['SENTINEL-[a-z]+']\n")
    assert out.found() == {"spans": set(), "metrics": set(), "events": set(), "logs": set()}
    assert "[redacted]" in out.texts()["spans"]
    assert "[redacted]" in out.texts()["events"]
    files = [file for file in (tmp_path / ".handrail").rglob("*") if file.is_file()]
    assert sum(len(file.read_bytes()) for file in files) > 1_000
    left = {name.decode() for file in files for name in re.findall(b"SENTINEL-([a-z]+)", file.read_bytes())}
    assert left == set()


@pytest.mark.parametrize("value", ["", "true"])
async def test_calls_of_an_mcp_server(value: str, out: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments and results of MCP tools leave on the same terms, on the client's side and on the server's."""
    pytest.importorskip("mcp", reason="The MCP SDK is not installed: pip install 'handrail[mcp]'.")
    from tests.frameworks.test_mcp import _memory

    monkeypatch.setenv(CAPTURE, value)
    (tmp_path / "handrail.toml").write_text(POLICY)
    run = handrail.run("clerk", config=tmp_path / "handrail.toml", tenant="acme", user="ana")
    module: Any = import_module("mcp.server" if _new() else "mcp.server.fastmcp")
    server = (module.MCPServer if _new() else module.FastMCP)("clerk")

    @server.tool()  # type: ignore[untyped-decorator, unused-ignore]
    def look(what: str) -> str:
        """SENTINEL-definition"""
        if what == "SENTINEL-exception":
            raise ValueError("SENTINEL-status")
        return "SENTINEL-result"

    async with _memory(tmp_path, server) as session, run:
        await session.list_tools()
        await session.call_tool("look", {"what": "SENTINEL-arguments"})
        await session.call_tool("look", {"what": "SENTINEL-exception"})
    found = out.found()
    assert (found["spans"] == set()) == (value == "")
    assert {"arguments", "result"} <= found["spans"] or value == ""
    assert found["metrics"] == found["logs"] == set()


def _new() -> bool:
    return hasattr(import_module("mcp"), "Client")


class Undescribed(Scripted):
    """A model that we cannot describe, whoever else asks: the exception quotes content."""

    def _get_ls_params(self, *args: Any, **kwargs: Any) -> Any:
        if str(sys._getframe(1).f_globals["__name__"]).startswith("handrail"):
            raise ValueError("SENTINEL-prompt")
        return super()._get_ls_params(*args, **kwargs)


def test_our_faults_quote_nothing(out: Out, tmp_path: Path) -> None:
    """What goes wrong in recording is logged with its class and its places, and nothing of what the exception says."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    agent = create_agent(Undescribed(turns=[call("look", what="x"), Turn("done")]), [_look], name="clerk")
    governed: Any = handrail.govern(
        agent, config=tmp_path / "handrail.toml", principal={"tenant": "acme", "user": "ana"}
    )
    governed.invoke(ASK)
    lines = [record for record in out.logged.records if record.name.startswith("handrail")]
    text = "\n".join(logging.Formatter().format(record) for record in lines)
    assert "could not be recorded" in text
    assert "RuntimeError: ValueError" in text
    assert _FOUND.findall(text.replace('raise ValueError("SENTINEL-prompt")', "")) == []


@tool("look")
def _look(what: str) -> str:
    """Look."""
    return what
