"""MCP requests as steps: one at the client, one at a governed server, in one trace; and no tool call shown twice."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import handrail
from handrail.audit.index import Index
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.recorded import NEUTRAL, Recorded, write_policy
from tests.frameworks.test_mcp import _memory

pytest.importorskip("mcp", reason="The MCP SDK is not installed: pip install 'handrail[mcp]'.")
seam = import_module("handrail.frameworks.mcp")
OPEN = 'version = 1\nmode = "observe"\n'
METHODS = ["tools/list", "tools/call", "resources/list", "resources/read", "prompts/list", "prompts/get"]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()
    seam.uninstall()


@pytest.fixture(name="exported")
def _exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


@asynccontextmanager
async def _process(folder: Path) -> AsyncIterator[Any]:
    """A session with a server in a governed process of its own, whose records lie beside ``folder``'s file."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    script = str(Path(__file__).with_name("mcp_server.py"))
    environment = {"WIRE_FILE": str(folder / "wired"), "GOVERNED_BY": str(policy(folder, text=OPEN))}
    parameters = StdioServerParameters(command=sys.executable, args=[script], env=environment)
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def _ask_everything(session: Any) -> None:
    await session.list_tools()
    await session.call_tool("add", {"a": 2, "b": 3})
    await session.list_resources()
    await session.read_resource("note://one")
    await session.list_prompts()
    await session.get_prompt("ask", {"topic": "SENTINEL"})


async def test_each_request_is_a_step_here_and_there(tmp_path: Path) -> None:
    """In one process: each server step lies below its client's; the tool call has its decision and one step each."""
    async with handrail.run("clerk", config=policy(tmp_path, text=OPEN)), _memory(tmp_path) as session:
        await _ask_everything(session)
    steps = [s for s in recorded(tmp_path, "step.start", "tool.call") if s["method"] in METHODS]
    clients, servers = [s for s in steps if not s.get("server")], [s for s in steps if s.get("server")]
    assert [s["method"] for s in clients] == METHODS == [s["method"] for s in servers]
    assert [s["parent"] for s in servers] == [s["step"] for s in clients]
    assert [s["k"] for s in clients] == ["step.start", "tool.call", *["step.start"] * 4]
    names = {s["method"]: s.get("name", s.get("tool")) for s in clients}
    assert (names["tools/call"], names["prompts/get"], names["tools/list"]) == ("add", "ask", "tools/list")
    assert clients[3]["uri"] == "note://one"
    assert "SENTINEL" not in str(recorded(tmp_path))
    Recorded(tmp_path / ".handrail").check_complete()


async def test_a_server_in_another_process_knows_where_a_request_is_from(tmp_path: Path) -> None:
    """A governed server has a run for each request, in the client's trace and below the client's step."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    async with _process(there) as session, handrail.run("clerk", config=policy(here, text=OPEN)):
        await _ask_everything(session)
    clients = [s for s in recorded(here, "step.start", "tool.call") if s["method"] in METHODS]
    runs = [r for r in recorded(there, "run.start") if r["method"] in METHODS]
    assert [r["method"] for r in runs] == METHODS
    assert {(r["type"], r["server"], r["transport"], r["entry"]) for r in runs} == {("mcp", True, "pipe", "mcp")}
    assert [(r["trace"], r["parent"]) for r in runs] == [(s["trace"], s["step"]) for s in clients]
    kept = Recorded(there / ".handrail")
    kept.check_complete()
    index = Index(there / ".handrail")
    index.refresh(block=True)
    [root] = index.query("SELECT type, name FROM steps WHERE name = 'add'")
    assert root == {"type": "mcp", "name": "add"}
    ends = [e for e in recorded(there, "run.end") if "args" in e]
    assert [(kept.value(e["args"]), kept.value(e["result"])["isError"]) for e in ends] == [({"a": 2, "b": 3}, False)]


async def test_one_span_for_each_side(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """Neither the SDK's own spans nor a tool span stand beside ours; the numbers of requests agree."""
    seam.install()  # before the handshake, which the SDK before 2.0 tells the version of the protocol in
    async with _process(tmp_path / "there") as session, handrail.run("clerk", config=policy(tmp_path, text=OPEN)):
        await _ask_everything(session)
    spans = [s for s in exported.get_finished_spans() if (s.attributes or {}).get("mcp.method.name") in METHODS]
    ours = {
        s.name: s for s in spans if s.instrumentation_scope is not None and s.instrumentation_scope.name == "handrail"
    }
    assert len(spans) == len(ours) == len(METHODS)
    call = ours["tools/call add"]
    assert call.attributes is not None
    assert (call.kind.name, call.attributes["gen_ai.operation.name"], call.attributes["gen_ai.tool.name"]) == (
        "CLIENT", "execute_tool", "add",
    )  # fmt: skip
    assert call.attributes["mcp.protocol.version"]
    numbers = [(s.attributes or {}).get("jsonrpc.request.id") for s in spans]
    assert len(set(numbers)) == len(METHODS)
    assert None not in numbers


async def test_a_frameworks_tool_is_told_of_the_session(exported: InMemorySpanExporter, tmp_path: Path) -> None:
    """Below LangChain's tool the call has no second span: the tool's own record learns the protocol."""
    tools = pytest.importorskip("langchain_core.tools", reason="LangChain is not installed.")
    seam.install()
    async with _memory(tmp_path) as session:

        @tools.tool("add")  # type: ignore[untyped-decorator]
        async def adapter(a: int, b: int) -> str:
            """Add two numbers, on the server."""
            return str((await session.call_tool("add", {"a": a, "b": b})).content[0].text)

        async with handrail.run("clerk", config=policy(tmp_path, text=OPEN)):
            assert await adapter.ainvoke({"a": 2, "b": 3}) == "5"
    named = [span.name for span in exported.get_finished_spans() if span.kind.name in ("CLIENT", "INTERNAL")]
    assert named[-2:] == ["execute_tool add", "invoke_agent clerk"]
    [result] = recorded(tmp_path, "tool.result")
    assert result["protocol"]


async def test_a_denied_call_never_reaches_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is denied has a step at the client, and none at a server."""
    monkeypatch.setenv("WIRE_FILE", str(tmp_path / "wired"))
    async with handrail.run("clerk", config=write_policy(tmp_path), user="ana"), _memory(tmp_path) as session:
        denied = await session.call_tool("wire_money", {"amount": 1})
    assert denied.content[0].text == NEUTRAL
    assert [r["verdict"] for r in recorded(tmp_path, "tool.call")] == ["deny"]
    assert [s for s in recorded(tmp_path, "step.start") if s["name"] == "wire_money"] == []


async def test_what_the_server_refuses_is_an_error(tmp_path: Path) -> None:
    """A resource that is not there: the caller gets the SDK's exception, both steps have its code."""
    async with handrail.run("clerk", config=policy(tmp_path, text=OPEN)), _memory(tmp_path) as session:
        with pytest.raises(Exception, match="note://two"):
            await session.read_resource("note://two")
    ends = [e for e in recorded(tmp_path, "step.end") if "code" in e]
    assert len(ends) == 2
    assert len({e["code"] for e in ends}) == 1


async def test_the_callers_own_meta_goes_along(tmp_path: Path) -> None:
    """Entries of ``_meta`` that the program sends arrive, beside where the call is from."""
    from handrail.frameworks.mcp import wire

    types = import_module("mcp.types")
    asked: Any = types.CallToolRequestParams(name="add", arguments={}, _meta={"mine": "x", "progressToken": 7})
    request = types.CallToolRequest(method="tools/call", params=asked)
    listing = types.ListToolsRequest(method="tools/list")
    with handrail.run("clerk", config=policy(tmp_path, text=OPEN)):
        from handrail.tracing import context

        frame = context.current()
        assert frame is not None
        sent = wire.carrying(request, frame).model_dump(by_alias=True, mode="json", exclude_none=True)
        bare = wire.carrying(listing, frame).model_dump(by_alias=True, mode="json", exclude_none=True)
        start = f"00-{frame.state.trace}-{frame.step}-01"
    assert sent["params"]["_meta"] == {"mine": "x", "progressToken": 7, "traceparent": start}
    assert bare["params"]["_meta"] == {"traceparent": start}
    assert request.model_dump(by_alias=True, exclude_none=True)["params"]["_meta"] == {"mine": "x", "progressToken": 7}
