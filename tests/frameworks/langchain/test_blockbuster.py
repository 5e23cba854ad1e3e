"""Asynchronous agents under a detector of blocking calls, which LangGraph's development server switches on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from langchain.agents import create_agent
from langchain_core.tools import BaseTool, tool

import handrail
from handrail.audit import writer
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from tests.kept import kept, outcomes, policy

ASK: Any = {"messages": [("user", "hi")]}
CALLS = [
    Turn(tool_calls=(ToolCall("add", {"a": 1}), ToolCall("pay", {"a": 2}))),
    Turn(tool_calls=(ToolCall("wire_money", {"a": 3}), ToolCall("nothing", {}), ToolCall("add", {"a": "x"}))),
    Turn(tool_calls=(ToolCall("look_up", {"a": 4}),)),
    Turn("final"),
]


def _tools() -> list[BaseTool]:
    @tool
    async def add(a: int) -> int:
        """Add."""
        return a

    @tool
    async def pay(a: int) -> str:
        """Pay."""
        return "paid"

    @tool
    async def wire_money(a: int) -> str:
        """Wire."""
        raise AssertionError("a denied tool ran")

    @tool
    async def look_up(a: int) -> str:
        """Look up."""
        raise KeyError("nothing")

    return [add, pay, wire_money, look_up]


@pytest.fixture(name="watched")
def _watched() -> Iterator[BlockBuster]:
    with blockbuster_ctx() as detector:
        yield detector


def _check(folder: Path, runs: int = 1) -> None:
    assert outcomes(folder, "add") == ["ok", "rejected"] * runs
    assert outcomes(folder, "pay") == ["ok"] * runs
    assert outcomes(folder, "wire_money") == ["rejected"] * runs
    assert outcomes(folder, "look_up") == ["not_found"] * runs
    assert kept(folder, "drop") == []
    assert [record["outcome"] for record in kept(folder, "run.end")] == ["ok"] * runs


def test_the_detector_sees_blocking_calls(watched: BlockBuster, tmp_path: Path) -> None:
    """The detector is on: the same calls made directly in the loop are caught."""
    from blockbuster import BlockingError

    async def blocks() -> None:
        tmp_path.stat()

    async def writes() -> None:
        (tmp_path / "x").write_text("x")

    for each in (blocks, writes):
        with pytest.raises(BlockingError):
            asyncio.run(each())


def test_governed_before_the_loop(watched: BlockBuster, tmp_path: Path) -> None:
    """Appends, decisions and the fsync of an irreversible intent hold no loop; all is decided and recorded."""
    with ScriptedModel(CALLS) as server:
        agent = create_agent(chat_openai(server), _tools(), name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        found = asyncio.run(governed.ainvoke(ASK))
    assert found["messages"][-1].content == "final"
    _check(tmp_path)


def test_governed_inside_the_running_loop(watched: BlockBuster, tmp_path: Path) -> None:
    """A notebook or a server calls govern while its loop runs: reading the config opens the journal off the loop."""

    async def drive(agent: Any) -> Any:
        governed = handrail.govern(agent, config=path, principal={"user": "ana"})
        return await governed.ainvoke(ASK)

    path = policy(tmp_path)
    with ScriptedModel(CALLS) as server:
        agent = create_agent(chat_openai(server), _tools(), name="clerk")
        asyncio.run(drive(agent))
    _check(tmp_path)


def test_config_reload_and_rotation(watched: BlockBuster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed config is read off the loop, and a full segment is followed by the next without holding it."""
    monkeypatch.setattr(writer, "SEGMENT_BYTES", 500)
    path = policy(tmp_path)
    with ScriptedModel([*CALLS, *CALLS]) as server:
        agent = create_agent(chat_openai(server), _tools(), name="clerk")
        governed = handrail.govern(agent, config=path, principal={"user": "ana"})

        async def drive() -> None:
            await governed.ainvoke(ASK)
            await asyncio.to_thread(lambda: path.write_text(path.read_text() + "\n# changed\n"))
            await governed.ainvoke(ASK)

        asyncio.run(drive())
    _check(tmp_path, runs=2)
    assert [record["outcome"] for record in kept(tmp_path, "config.load")] == ["loaded", "loaded"]


def test_streams_and_subgraphs(watched: BlockBuster, tmp_path: Path) -> None:
    """Streaming holds the loop no more than invoking does."""

    async def drive(governed: Any) -> None:
        async for _ in governed.astream(ASK, stream_mode="messages"):
            pass

    with ScriptedModel(CALLS) as server:
        agent = create_agent(chat_openai(server), _tools(), name="clerk")
        asyncio.run(drive(handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})))
    _check(tmp_path)


_LATE = """
import asyncio, sys
from blockbuster import BlockBuster
from langchain.agents import create_agent
from handrail.testing import ScriptedModel, chat_openai
from tests.frameworks.langchain.test_blockbuster import ASK, CALLS, _tools

for name in [name for name in sys.modules if name == "handrail" or name.startswith("handrail.")]:
    if not name.startswith("handrail.testing"):
        del sys.modules[name]
BlockBuster().activate()

async def drive(agent):
    import handrail
    return await handrail.govern(agent, config="handrail.toml", principal={"user": "ana"}).ainvoke(ASK)

with ScriptedModel(CALLS) as server:
    print(asyncio.run(drive(create_agent(chat_openai(server), _tools(), name="clerk")))["messages"][-1].content)
"""


def test_imported_after_the_detector(tmp_path: Path) -> None:
    """A server that switches the detector on before it imports the agents finds nothing either."""
    policy(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _LATE], cwd=tmp_path, capture_output=True, text=True, timeout=100,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )  # fmt: skip
    assert done.stdout == "final\n", done.stderr
    _check(tmp_path)
