"""The agents of the crash campaign: one plan, carried out by a plain loop, an agent and a hand-written graph."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosqlite import connect
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

import handrail
from handrail.testing import ToolCall, Turn
from tests.effects.service import Service, reached
from tests.frameworks.langchain.kit import ByAnswers

Plan = Sequence[Sequence[str]]
"""What is booked, turn by turn; the calls of one turn are made together where the agent can."""
ASK = {"messages": [HumanMessage("Book what is needed.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
WAITS, WRONG = 3, 4
"""How a life ends that waits for a person, and one that was given the result of something else."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write an agent."""

    kind: str
    """``loop``, ``agent`` or ``graph``."""
    checkpointed: bool = False
    asynchronous: bool = False

    def __str__(self) -> str:
        kept = ", checkpointer" if self.checkpointed else ""
        return f"{self.kind}{kept}, {'async' if self.asynchronous else 'sync'}"


SHAPES = tuple(
    Shape(kind, checkpointed, asynchronous)
    for kind in ("loop", "agent", "graph")
    for checkpointed in (False, True)
    for asynchronous in (False, True)
    if not (kind == "loop" and checkpointed)
)


@dataclass(frozen=True, slots=True)
class Life:
    """One process of one run."""

    shape: Shape
    folder: Path
    plan: Plan
    declared: str
    """How the tool is declared: a name in the campaign's ``DECLARED``."""
    run: str = ""
    """The logical run to go on with; empty for a new one."""
    governed: bool = True
    durability: Any = None
    """LangGraph's word for when it keeps checkpoints."""

    def live(self) -> None:
        """Carry the plan out. Exits with WAITS or WRONG where it does not come to its end."""
        reached.append(Service(self.folder))
        try:
            results = self._loop() if self.shape.kind == "loop" else self._graph()
        except handrail.InDoubt:
            raise SystemExit(WAITS) from None
        if results is None:
            raise SystemExit(WAITS)
        if not _right(results):
            raise SystemExit(WRONG)

    @property
    def _config(self) -> Path:
        return self.folder / "handrail.toml"

    def _book(self, what: str) -> str:
        key = handrail.idempotency_key() if self.governed else "none"
        return reached[-1].book(what, key, honours=self.declared == "accepts_key")

    # A plain loop.

    def _loop(self) -> list[tuple[str, str]]:
        with handrail.resuming(self.run) if self.run else nullcontext():
            run = handrail.run("clerk", config=self._config, user="ana")
            return asyncio.run(self._together(run)) if self.shape.asynchronous else self._in_turn(run)

    def _in_turn(self, run: Any) -> list[tuple[str, str]]:
        book = handrail.tool(name="book")(self._book_it())
        with run:
            return [(what, book(what)) for turn in self.plan for what in turn]

    def _book_it(self) -> Callable[[str], str]:
        def book(what: str) -> str:
            return self._book(what)

        return book

    async def _together(self, run: Any) -> list[tuple[str, str]]:
        @handrail.tool
        async def book(what: str) -> str:
            await asyncio.sleep(0)
            return self._book(what)

        async with run:
            results: list[tuple[str, str]] = []
            for turn in self.plan:
                results += zip(turn, await asyncio.gather(*(book(what) for what in turn)), strict=True)
            return results

    # Agents and graphs.

    def _graph(self) -> list[tuple[str, str]] | None:
        return asyncio.run(self._awaited()) if self.shape.asynchronous else self._invoked()

    def _invoked(self) -> list[tuple[str, str]] | None:
        if not self.shape.checkpointed:
            return _results(self._made(None).invoke(*self._input(False), **self._options(False)))
        saver = SqliteSaver(sqlite3.connect(self._threads, check_same_thread=False))
        begun = saver.get_tuple(THREAD) is not None
        return _results(self._made(saver).invoke(*self._input(begun), **self._options(begun)))

    async def _awaited(self) -> list[tuple[str, str]] | None:
        if not self.shape.checkpointed:
            return _results(await self._made(None).ainvoke(*self._input(False), **self._options(False)))
        async with connect(self._threads) as connection:
            saver = AsyncSqliteSaver(connection)
            begun = await saver.aget_tuple(THREAD) is not None
            return _results(await self._made(saver).ainvoke(*self._input(begun), **self._options(begun)))

    @property
    def _threads(self) -> Path:
        return self.folder / "threads.db"

    def _input(self, begun: bool) -> tuple[Any, Any]:
        """Nothing new for a thread that has a checkpoint: it goes on by itself."""
        return (None if begun else ASK), (THREAD if self.shape.checkpointed else None)

    def _options(self, begun: bool) -> dict[str, Any]:
        durable = {"durability": self.durability} if self.durability and self.shape.checkpointed else {}
        return {**durable, **({"run_id": self.run} if self.run and not begun else {})}

    def _made(self, saver: Any) -> Any:
        turns = [Turn(tool_calls=tuple(ToolCall("book", {"what": what}) for what in turn)) for turn in self.plan]
        model = ByAnswers(turns=[*turns, Turn(text="Booked.")])
        make = create_agent if self.shape.kind == "agent" else _written
        made = make(model, [self._tool()], name="clerk", checkpointer=saver)
        return handrail.govern(made, config=self._config, principal={"user": "ana"}) if self.governed else made

    def _tool(self) -> Any:
        if self.shape.asynchronous:

            @tool("book")
            async def abook(what: str) -> str:
                """Book it."""
                await asyncio.sleep(0)
                return self._book(what)

            return abook
        return tool("book", description="Book it.")(self._book_it())


def _written(model: Any, tools: list[Any], *, name: str, checkpointer: Any) -> Any:
    """A hand-written graph around a ToolNode."""
    bound = model.bind_tools(tools)

    def ask(state: MessagesState) -> Any:
        return {"messages": [bound.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=checkpointer, name=name)


def _results(state: Any) -> list[tuple[str, str]] | None:
    """What was asked for, and what was answered; None where the graph waits for a person."""
    if state.get("__interrupt__"):
        return None
    messages = state["messages"]
    asked = {call["id"]: call["args"]["what"] for message in messages for call in getattr(message, "tool_calls", ())}
    return [(asked[one.tool_call_id], str(one.content)) for one in messages if isinstance(one, ToolMessage)]


def _right(results: list[tuple[str, str]]) -> bool:
    """Whether each call got its own result, or was told that it is not known."""
    from handrail.gate.once import CARRIED_OUT

    return all(found in (f"booked {what}", CARRIED_OUT) for what, found in results)
