"""Runs that are cut short, wherever they stand: the step and the run are closed, and nothing of ours stays set."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.frameworks import gates, opening
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing import context
from tests.kept import kept, outcomes, policy

ASK: Any = {"messages": [("user", "hi")]}
SLOW = Turn(tool_calls=(ToolCall("slow", {}),))


def _ends(folder: Path, kind: str) -> list[str]:
    return [record["outcome"] for record in kept(folder, kind)]


def _check_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    gc.collect()
    assert context.current() is None
    assert [record.getMessage() for record in caplog.records if "detach" in record.getMessage()] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("wait_for", [False, True], ids=["cancel", "timeout"])
def test_cancelled_while_the_model_thinks(
    stream: bool, wait_for: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that is cancelled, or times out, while the model's answer is awaited leaves call and run cancelled."""
    hold = threading.Event()

    async def drive(governed: Any, server: ScriptedModel) -> None:
        async def go() -> None:
            if stream:
                async for _ in governed.astream(ASK, stream_mode="messages"):
                    pass
            else:
                await governed.ainvoke(ASK)

        task = asyncio.create_task(asyncio.wait_for(go(), 0.3) if wait_for else go())
        await asyncio.to_thread(server.wait_for_requests, 1)
        if not wait_for:
            task.cancel()
        with pytest.raises(TimeoutError if wait_for else asyncio.CancelledError):
            await task
        assert context.current() is None

    with ScriptedModel([Turn("final", hold=hold, hold_after=1)]) as server:
        # the client's own timeout between chunks may turn a cancellation into an error of its own
        agent = create_agent(chat_openai(server, stream_chunk_timeout=None), [], name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        asyncio.run(drive(governed, server))
    assert _ends(tmp_path, "model.result") == ["cancelled"]
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


def test_cancelled_while_an_asynchronous_tool_sleeps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The tool's call is recorded as cancelled, and so is the run."""
    inside = asyncio.Event()

    @tool
    async def slow() -> str:
        """Sleep."""
        inside.set()
        await asyncio.Event().wait()
        return "never"

    async def drive(governed: Any) -> None:
        task = asyncio.create_task(governed.ainvoke(ASK))
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert context.current() is None

    with ScriptedModel([SLOW, Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [slow], name="clerk")
        asyncio.run(drive(handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})))
    assert outcomes(tmp_path, "slow") == ["cancelled"]
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


def test_cancelled_while_the_intent_goes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that cannot be undone and is cancelled during its fsync does not run, and is recorded as cancelled."""
    ran: list[str] = []

    @tool
    async def pay() -> str:
        """Pay."""
        ran.append("paid")
        return "paid"

    async def drive(governed: Any, journal: Any) -> None:
        loop, started, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        original = journal.sync

        def sync() -> None:
            if threading.current_thread().name.startswith("asyncio"):
                loop.call_soon_threadsafe(started.set)
                release.wait(10)
            original()

        monkeypatch.setattr(journal, "sync", sync)
        task = asyncio.create_task(governed.ainvoke(ASK))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()

    with ScriptedModel([Turn(tool_calls=(ToolCall("pay", {}),)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [pay], name="clerk")
        file = policy(tmp_path)
        governed = handrail.govern(agent, config=file, principal={"user": "ana"})
        asyncio.run(drive(governed, opening.open_gate(file).steps.recorder._open()))
    assert ran == []
    assert outcomes(tmp_path, "pay") == ["cancelled"]
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


def _add(*, fails: type[BaseException] | None = None) -> Any:
    @tool
    def add(a: int) -> int:
        """Add."""
        if fails is not None:
            raise fails
        return a

    return add


ADD = Turn(tool_calls=(ToolCall("add", {"a": 1}),))


@pytest.mark.parametrize("how", ["close", "collect", "another thread"])
@pytest.mark.parametrize("mode", ["updates", "messages"])
def test_stream_closed_early(how: str, mode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A consumer that closes a stream, drops it, or has it closed by another thread, leaves a cancelled run."""
    with ScriptedModel([ADD, Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [_add()], name="clerk")
        governed: Any = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        stream = governed.stream(ASK, stream_mode=mode)
        next(stream)
        assert context.current() is None
        if how == "close":
            stream.close()
        elif how == "another thread":
            closer = threading.Thread(target=stream.close)
            closer.start()
            closer.join()
        del stream
        gc.collect()
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


@pytest.mark.parametrize("how", ["aclose", "break", "loop ends"])
@pytest.mark.parametrize("mode", ["updates", "messages"])
def test_asynchronous_stream_closed_early(
    how: str, mode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same holds for astream: closed, dropped by a break, or left to the end of the event loop."""

    async def drive(governed: Any) -> Any:
        if how == "break":
            async for _ in governed.astream(ASK, stream_mode=mode):
                assert context.current() is None
                break
            while not _ends(tmp_path, "run.end"):  # the loop closes a dropped generator in a task of its own
                gc.collect()
                await asyncio.sleep(0.01)
            return None
        stream = governed.astream(ASK, stream_mode=mode)
        await stream.__anext__()
        assert context.current() is None
        if how == "aclose":
            await stream.aclose()
            assert context.current() is None
        return stream if how == "loop ends" else None

    with ScriptedModel([ADD, Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [_add()], name="clerk")
        asyncio.run(drive(handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})))
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


def test_model_stream_closed_early(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A chain's stream that is closed between two tokens leaves a cancelled run, and the model call as it ended.

    LangChain reads the rest of a synchronous stream when its consumer goes: there the call did complete.
    """
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    async def drive(governed: Any) -> None:
        stream = governed.astream({"input": "hi"})
        await stream.__anext__()
        await stream.aclose()
        assert context.current() is None
        while not _ends(tmp_path, "model.result")[1:]:  # LangChain leaves its inner generators to the loop
            gc.collect()
            await asyncio.sleep(0.01)

    for asynchronous in (False, True):
        with ScriptedModel([Turn("one two three")]) as server:
            chain = ChatPromptTemplate.from_messages([("human", "{input}")]) | chat_openai(server) | StrOutputParser()
            governed = handrail.govern(chain, config=policy(tmp_path), principal={"user": "ana"}, name="chain")
            if asynchronous:
                asyncio.run(drive(governed))
                continue
            stream: Any = governed.stream({"input": "hi"})
            next(stream)
            stream.close()
    assert _ends(tmp_path, "model.result") == ["ok", "cancelled"]
    assert _ends(tmp_path, "run.end") == ["cancelled"] * 2
    _check_nothing_is_left(caplog)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_inside_a_tool(error: type[BaseException], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C inside a tool reaches the caller as in a bare agent; tool and run are recorded as cancelled."""
    with ScriptedModel([ADD, Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [_add(fails=error)], name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        with pytest.raises(error):
            governed.invoke(ASK)
    assert outcomes(tmp_path, "add") == ["cancelled"]
    assert _ends(tmp_path, "run.end") == ["cancelled"]
    _check_nothing_is_left(caplog)


def test_a_coroutine_that_is_thrown_away_elsewhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A step whose coroutine is closed in another context is still ended, and disturbs nobody there."""
    gate = opening.open_gate(policy(tmp_path))
    step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
    assert step is not None

    async def hang(args: Any) -> None:
        await asyncio.sleep(60)

    from handrail.gate import ToolCall as Proposed

    call = gate.atool(step.frame, Proposed("add", {"a": 1}), hang)
    loop = asyncio.new_event_loop()
    try:
        loop.call_later(0.05, loop.stop)
        task = loop.create_task(call)
        loop.run_forever()
        call.close()
        assert context.current() is None
        with caplog.at_level(logging.CRITICAL, "asyncio"):
            task.cancel()
            del task
    finally:
        loop.close()
    gates.leave(step)
    assert outcomes(tmp_path, "add") == ["cancelled"]
    _check_nothing_is_left(caplog)


_PROGRAM = """
import os, signal, sys, time
from langchain.agents import create_agent
from langchain_core.tools import tool
import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai

if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))

@tool
def slow() -> str:
    "Wait to be told to stop."
    print("inside", flush=True)
    time.sleep(float(sys.argv[2]))
    return "done"

with ScriptedModel([Turn(tool_calls=(ToolCall("slow", {}),)), Turn("final")]) as server:
    agent = create_agent(chat_openai(server), [slow], name="clerk")
    handrail.govern(agent, config="handrail.toml", principal={"user": "ana"}).invoke({"messages": [("user", "hi")]})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("handler", "sent", "ends"),
    [
        ("none", signal.SIGTERM, "lost"),
        ("none", signal.SIGKILL, "lost"),
        ("none", signal.SIGINT, "cancelled"),
        ("handled", signal.SIGTERM, "cancelled"),
    ],
    ids=["SIGTERM", "SIGKILL", "SIGINT", "SIGTERM with a handler"],
)
def test_signal_to_a_process(handler: str, sent: int, ends: str, tmp_path: Path) -> None:
    """A stopped program leaves what it did, whole: a run that could be closed is cancelled, another one is lost."""
    from handrail.audit.index import Index

    policy(tmp_path)
    (tmp_path / "program.py").write_text(textwrap.dedent(_PROGRAM))
    repo = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "program.py", handler, "2"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(repo)}, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "inside\n"
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "detach" not in said
    index = Index(tmp_path / ".handrail")
    index.refresh(block=True)
    assert [row["outcome"] for row in index.query("select outcome from runs")] == [ends]
    assert len(outcomes(tmp_path, "slow")) == 1
    assert index.query("select * from problems") == []


def test_disconnect_ends_only_its_own_run(tmp_path: Path) -> None:
    """Of two runs of one agent on a loop, the one whose client goes away is cancelled, the other completes."""
    release = asyncio.Event()
    inside = [asyncio.Event(), asyncio.Event()]

    @tool
    async def slow(n: int) -> str:
        """Wait."""
        inside[n].set()
        await release.wait()
        return "done"

    def script(request: Any) -> Turn:
        done = request.last.role == "tool"
        return Turn("final") if done else Turn(tool_calls=(ToolCall("slow", {"n": int(request.user)}),))

    async def drive(governed: Any) -> Any:
        tasks = [asyncio.create_task(governed.ainvoke({"messages": [("user", str(n))]})) for n in (0, 1)]
        for each in inside:
            await each.wait()
        tasks[0].cancel()
        await asyncio.wait([tasks[0]])
        release.set()
        return (await tasks[1])["messages"][-1].content

    with ScriptedModel(script) as server:
        agent = create_agent(chat_openai(server), [slow], name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        assert asyncio.run(drive(governed)) == "final"
    assert sorted(_ends(tmp_path, "run.end")) == ["cancelled", "ok"]


DRIVES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda agent: agent.invoke(ASK),
    "stream": lambda agent: list(agent.stream(ASK)),
}


@pytest.mark.parametrize("drive", DRIVES.values(), ids=DRIVES.keys())
def test_a_failed_model_call_ends_the_run(drive: Callable[[Any], Any], tmp_path: Path) -> None:
    """An error of the model service reaches the caller; call and run end with its class and nothing of its text."""
    import openai

    with ScriptedModel([Turn(status=400, error="SENTINEL")]) as server:
        agent = create_agent(chat_openai(server), [], name="clerk")
        governed = handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"})
        with pytest.raises(openai.BadRequestError) as raised:
            drive(governed)
    ends = kept(tmp_path, "model.result", "run.end")
    assert [record["outcome"] for record in ends] == ["error", "error"]
    assert ends[1]["error"] == type(raised.value).__name__
    assert "SENTINEL" not in str(kept(tmp_path))
