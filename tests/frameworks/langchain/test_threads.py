"""Threads and pools that a governed tool starts: they keep the run, its policy and its record."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing import context, threads
from tests.kept import kept, outcomes, policy

ASK: Any = {"messages": [("user", "hi")]}
OUTSIDE = contextvars.copy_context()


class Subclass(threading.Thread):
    """A thread with a run method of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        """Do the work."""
        self.work()


def _joined(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


def _pool(work: Callable[[], Any], use: Callable[[ThreadPoolExecutor], Any]) -> None:
    with ThreadPoolExecutor(1) as pool:
        use(pool)


def _nested(work: Callable[[], Any]) -> None:
    with ThreadPoolExecutor(1) as outer:
        outer.submit(
            lambda: _joined(threading.Thread(target=lambda: _pool(work, lambda p: p.submit(work).result())))
        ).result()


async def _in_loop(work: Callable[[], Any]) -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, work)
    with ThreadPoolExecutor(1) as pool:
        await loop.run_in_executor(pool, work)
    await asyncio.to_thread(work)


def _copied() -> Any:
    return contextvars.copy_context().run


STARTS: dict[str, tuple[Callable[[Callable[[], Any]], Any], int]] = {
    "Thread": (lambda work: _joined(threading.Thread(target=work)), 1),
    "Thread subclass": (lambda work: _joined(Subclass(work)), 1),
    "Timer": (lambda work: _joined(threading.Timer(0, work)), 1),
    "submit": (lambda work: _pool(work, lambda pool: pool.submit(work).result()), 1),
    "map": (lambda work: _pool(work, lambda pool: list(pool.map(lambda _: work(), range(3)))), 3),
    "nested": (_nested, 1),
    "event loop": (lambda work: asyncio.run(_in_loop(work)), 3),
    "own copied context": (lambda work: _joined(threading.Thread(target=_copied(), args=(work,))), 1),
    "context from outside, thread": (lambda work: _joined(threading.Thread(target=OUTSIDE.run, args=(work,))), 1),
    "context from outside, pool": (
        lambda work: _pool(work, lambda pool: pool.submit(OUTSIDE.run, work).result()), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_a_denied_tool_called_from_a_thread_does_not_run(start: Any, tmp_path: Path) -> None:
    """Wherever a governed tool moves its work, a denied call there does not run and is a step under that tool."""
    begin, times = start
    ran: list[str] = []

    @tool
    def wire_money(amount: int) -> str:
        """Wire money."""
        ran.append("wired")
        return "sent"

    @tool("start")
    def starts() -> str:
        """Start threads."""
        begin(lambda: wire_money.invoke({"amount": 1}))
        return "started"

    with ScriptedModel([Turn(tool_calls=(ToolCall("start", {}),)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [starts], name="clerk")
        handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}).invoke(ASK)
    assert ran == []
    calls = kept(tmp_path, "tool.call")
    assert [(call["tool"], call["verdict"]) for call in calls] == [("start", "allow")] + [
        ("wire_money", "deny")
    ] * times
    assert {call["parent"] for call in calls[1:]} == {calls[0]["step"]}


def test_a_thread_that_outlives_its_run_is_still_governed(tmp_path: Path) -> None:
    """Calls that come after the run's end are decided as before, recorded in that run, and shown by the index."""
    from handrail.audit.index import Index

    release, started = threading.Event(), []
    ran: list[str] = []

    @tool
    def wire_money(amount: int) -> str:
        """Wire money."""
        ran.append("wired")
        return "sent"

    @tool
    def add(a: int) -> int:
        """Add."""
        ran.append("added")
        return a

    @tool("start")
    def starts() -> str:
        """Start a thread and go."""

        def late() -> None:
            release.wait(10)
            wire_money.invoke({"amount": 1})
            add.invoke({"a": 1})

        started.append(threading.Thread(target=late))
        started[0].start()
        return "started"

    with ScriptedModel([Turn(tool_calls=(ToolCall("start", {}),)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [starts], name="clerk")
        handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}).invoke(ASK)
    release.set()
    started[0].join()
    assert ran == ["added"]
    assert outcomes(tmp_path, "wire_money") == ["rejected"]
    index = Index(tmp_path / ".handrail")
    index.refresh(block=True)
    assert [row["outcome"] for row in index.query("select outcome from runs")] == ["ok"]
    assert len(index.query("select * from steps where name in ('add', 'wire_money')")) == 2


def test_workers_of_a_shared_pool_do_not_keep_a_run(tmp_path: Path) -> None:
    """A pool thread that was started by a run's work serves others afterwards outside every run."""
    with ThreadPoolExecutor(1) as pool:

        @tool("start")
        def starts() -> str:
            """Use the pool."""
            assert pool.submit(context.current).result() is not None
            return "started"

        with ScriptedModel([Turn(tool_calls=(ToolCall("start", {}),)), Turn("final")]) as server:
            agent = create_agent(chat_openai(server), [starts], name="clerk")
            handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}).invoke(ASK)
        assert pool.submit(context.current).result() is None


def test_outside_a_run_threads_are_untouched() -> None:
    """Without a run a thread's run and a pool's callable are the very ones that the program gave."""
    threads.install()
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert "run" not in thread.__dict__
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(context.current).result() is None


def test_uninstrument_restores_threads() -> None:
    """After uninstrument, Thread.start and ThreadPoolExecutor.submit are the functions that stood there before."""
    threads.uninstall()
    before = threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"]
    threads.install()
    assert threading.Thread.__dict__["start"] is not before[0]
    threads.install()
    handrail.uninstrument()
    assert (threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"]) == before


def test_exceptions_and_results_of_threads_are_their_own(tmp_path: Path) -> None:
    """A future started inside a run gives back the very result or exception of its call."""

    @tool("start")
    def starts() -> str:
        """Use a pool."""
        error = ValueError("own")

        def fails() -> None:
            raise error

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(fails).exception() is error
            assert pool.submit(int, "7", base=8).result() == 7
        return "started"

    with ScriptedModel([Turn(tool_calls=(ToolCall("start", {}),)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), [starts], name="clerk")
        handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}).invoke(ASK)
    assert outcomes(tmp_path, "start") == ["ok"]
