"""The MCP seam, against real servers: over stdio in a process of its own, and in memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import handrail
from tests.frameworks.mcp_server import server
from tests.frameworks.recorded import NEUTRAL, Recorded, write_policy

pytest.importorskip("mcp", reason="The MCP SDK is not installed: pip install 'handrail[mcp]'.")
seam = import_module("handrail.frameworks.mcp")


@asynccontextmanager
async def _stdio(wired: Path) -> AsyncIterator[Any]:
    """A session with a server in a process of its own."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    script = str(Path(__file__).with_name("mcp_server.py"))
    parameters = StdioServerParameters(command=sys.executable, args=[script], env={"WIRE_FILE": str(wired)})
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def _memory(wired: Path, clerk: Any = None) -> AsyncIterator[Any]:
    """A session with a server in this process, over the SDK's own in-memory transport."""
    del wired  # the variable is set for the whole test
    clerk = clerk or server()
    async with AsyncExitStack() as stack:
        try:
            connect = import_module("mcp.shared.memory").create_connected_server_and_client_session
        except AttributeError:  # 2.0 and later have a client that takes the server itself
            yield await stack.enter_async_context(import_module("mcp").Client(clerk))
        else:
            yield await stack.enter_async_context(connect(clerk))


CONNECTIONS = {"stdio": _stdio, "memory": _memory}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()
    seam.uninstall()


@pytest.fixture(name="wired")
def _wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that exists once money was wired."""
    monkeypatch.setenv("WIRE_FILE", str(tmp_path / "wired"))
    return tmp_path / "wired"


def _text(result: Any) -> str:
    return str(result.content[0].text)


def _failed(result: Any) -> bool:
    return bool(result.model_dump(by_alias=True)["isError"])


@pytest.mark.parametrize("connection", CONNECTIONS)
async def test_allowed_and_denied(connection: str, wired: Path, tmp_path: Path) -> None:
    """An allowed call reaches the server, a denied one never does, and both are recorded with their results."""
    journal = Recorded(tmp_path / ".handrail")
    run = handrail.run("clerk", config=write_policy(tmp_path), user="ana")
    async with CONNECTIONS[connection](wired) as session, run:
        added = await session.call_tool("add", {"a": 2, "b": 3})
        denied = await session.call_tool("wire_money", {"amount": 900})
    assert (_text(added), _failed(added)) == ("5", False)
    assert (_text(denied), _failed(denied)) == (NEUTRAL, True)
    assert not wired.exists()
    assert journal.calls() == [
        ("add", {"a": 2, "b": 3}, "allow", True),
        ("wire_money", {"amount": 900}, "deny", False),
    ]
    kept = journal.value(journal.all("tool.result")[0]["result"])
    assert (kept["isError"], kept["content"][0]["text"]) == (False, "5")
    journal.check_complete()


async def test_unknown_tool_gives_the_same_bytes_as_a_denied_one(wired: Path, tmp_path: Path) -> None:
    """Whether a server has a tool cannot be learnt from the answer to a call that is not allowed."""
    async with _memory(wired) as session, handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
        denied = await session.call_tool("wire_money", {"amount": 1})
        unknown = await session.call_tool("no_such_tool", {"amount": 1})
    assert denied.model_dump_json() == unknown.model_dump_json()


@pytest.mark.parametrize("connection", CONNECTIONS)
async def test_a_run_lists_what_it_may_call(connection: str, wired: Path, tmp_path: Path) -> None:
    """Inside a run the server's tools are those that may be called; outside, and when observing, all of them."""
    policy = write_policy(tmp_path)
    async with CONNECTIONS[connection](wired) as session:
        listed = []
        for mode in ("enforce", "observe"):
            async with handrail.run("clerk", config=policy, mode=mode, user="ana"):
                listed.append([tool.name for tool in (await session.list_tools()).tools])
        listed.append([tool.name for tool in (await session.list_tools()).tools])
    assert listed == [["add"], ["add", "wire_money"], ["add", "wire_money"]]


async def test_result_of_an_unknown_tool_is_recorded(wired: Path, tmp_path: Path) -> None:
    """What the server says of a tool that it does not have is kept: as its result, or as its exception."""
    journal = Recorded(tmp_path / ".handrail")
    policy = write_policy(tmp_path)
    async with _memory(wired) as session, handrail.run("clerk", config=policy, mode="observe", user="ana"):
        try:
            said = _text(await session.call_tool("no_such_tool", {}))
        except Exception as error:  # newer servers answer with a protocol error
            said = str(error)
    assert "no_such_tool" in said
    assert journal.calls() == [("no_such_tool", {}, "would_deny", True)]
    result = journal.all("tool.result")[0]
    assert result["outcome"] == "error" or journal.value(result["result"])["isError"] is True


async def test_without_governance_nothing_changes(wired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside every run and without instrument(), the wrapped method is the plain one, and nothing is recorded."""
    monkeypatch.chdir(tmp_path)
    seam.install()
    async with _memory(wired) as session:
        result = await session.call_tool("wire_money", {"amount": 1})
    assert _text(result) == "sent"
    assert wired.exists()
    assert not (tmp_path / ".handrail").exists()


async def test_call_outside_a_run_of_a_governed_process(wired: Path, tmp_path: Path) -> None:
    """After instrument() a call that no agent makes is decided too, as a run of its own."""
    journal = Recorded(tmp_path / ".handrail")
    handrail.instrument(config=write_policy(tmp_path))
    async with _memory(wired) as session:
        with handrail.acting_for(user="ana"):
            denied = await session.call_tool("wire_money", {"amount": 1})
    assert _text(denied) == NEUTRAL
    assert [record["entry"] for record in journal.all("run.start")] == ["tool"]
    journal.check_complete()


async def test_uninstall_puts_the_original_back() -> None:
    """After uninstall the class has the very function it had before."""
    from mcp.client.session import ClientSession

    before = ClientSession.__dict__["call_tool"]
    seam.install()
    seam.install()
    assert ClientSession.__dict__["call_tool"] is not before
    wrapped = {f"mcp.client.session.ClientSession.{name}" for name in ("call_tool", "list_tools", "send_request")}
    assert wrapped < seam.patches.state().keys()
    assert all(seam.patches.state().values())
    seam.uninstall()
    assert ClientSession.__dict__["call_tool"] is before


async def test_adapter_tool_is_decided_once_with_equal_arguments(wired: Path, tmp_path: Path) -> None:
    """A LangChain tool that only passes its call on is one call; one that changes it is decided again."""
    tools = pytest.importorskip("langchain_core.tools", reason="LangChain is not installed.")
    journal = Recorded(tmp_path / ".handrail")
    async with _memory(wired) as session:

        @tools.tool("add")  # type: ignore[untyped-decorator]
        async def adapter(a: int, b: int) -> str:
            """Add two numbers, on the server."""
            return _text(await session.call_tool("add", {"a": a, "b": b}))

        @tools.tool("greet")  # type: ignore[untyped-decorator]
        async def rewriting(amount: int) -> str:
            """Greet, but wire money."""
            return _text(await session.call_tool("wire_money", {"amount": amount}))

        async with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
            assert await adapter.ainvoke({"a": 2, "b": 3}) == "5"
            assert await rewriting.ainvoke({"amount": 9}) == NEUTRAL
    assert not wired.exists()
    assert [(tool, ran) for tool, _, _, ran in journal.calls()] == [
        ("add", True),
        ("greet", True),
        ("wire_money", False),
    ]
    journal.check_complete()


async def test_cancelled_call_is_closed(wired: Path, tmp_path: Path) -> None:
    """A client that gives up on a slow server leaves a cancelled step behind, and no open one."""
    journal = Recorded(tmp_path / ".handrail")
    slow, entered = server(), asyncio.Event()

    @slow.tool()  # type: ignore[untyped-decorator, unused-ignore]
    async def greet() -> str:
        """Wait for ever."""
        entered.set()
        await asyncio.Event().wait()
        return "never"

    async def work(session: Any) -> None:
        async with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
            await session.call_tool("greet", {})

    async with _memory(wired, slow) as session:
        task = asyncio.create_task(work(session))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [journal.all(kind)[0]["outcome"] for kind in ("tool.result", "run.end")] == ["cancelled", "cancelled"]
    journal.check_complete()


async def test_real_adapter_tools_are_decided_once(wired: Path, tmp_path: Path) -> None:
    """LangChain's own MCP adapter: one record for each logical call, and the denied one does not reach the server."""
    adapters = pytest.importorskip("langchain_mcp_adapters.tools", reason="The adapter needs mcp before 2.0.")
    journal = Recorded(tmp_path / ".handrail")
    async with _stdio(wired) as session:
        tools = {tool.name: tool for tool in await adapters.load_mcp_tools(session)}
        async with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
            added = await tools["add"].ainvoke({"a": 2, "b": 3})
            denied = await tools["wire_money"].ainvoke({"amount": 9})
    assert "5" in str(added)
    assert denied == NEUTRAL
    assert not wired.exists()
    assert [(tool, ran) for tool, _, _, ran in journal.calls()] == [("add", True), ("wire_money", False)]
    journal.check_complete()
