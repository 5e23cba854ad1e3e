"""An unmodified agent that is killed goes on, with and without a checkpointer, and does nothing twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command

import handrail
from handrail.effects import asks
from handrail.testing import Turn
from tests.effects.crashing import POLICY, World, child, die, run_of
from tests.frameworks.langchain.kit import ByAnswers, Scripted, call

ASK = {"messages": [HumanMessage("Book a, b and c.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
BOOKINGS = (call("book", what="a"), call("book", what="b"), call("book", what="c"), Turn(text="Booked."))


def _tool(folder: Path, dies_in: str) -> Any:
    world = World(folder)

    @tool
    def book(what: str) -> str:
        """Book it."""
        world.do(what, handrail.idempotency_key())
        if what == dies_in:
            die()
        return f"booked {what}"

    return book


def _agent(
    folder: Path, *, dies_in: str = "", turns: Sequence[Any] = BOOKINGS, saver: Any = None, **more: Any
) -> tuple[Any, Scripted]:
    model = ByAnswers(turns=turns)
    made = create_agent(model, [_tool(folder, dies_in)], name="clerk", checkpointer=saver, **more)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"}), model


def _graph(
    folder: Path, *, dies_in: str = "", turns: Sequence[Any] = BOOKINGS, saver: Any = None
) -> tuple[Any, Scripted]:
    """A hand-written graph around a ToolNode."""
    book, model = _tool(folder, dies_in), ByAnswers(turns=turns)
    bound = model.bind_tools([book])
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([book]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    made = graph.compile(checkpointer=saver, name="clerk")
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"}), model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _saver(folder: Path) -> SqliteSaver:
    return SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False))


@pytest.mark.parametrize("make", [_agent, _graph])
@pytest.mark.parametrize("again", [{}, {"idempotent": True}])
def test_without_a_checkpointer(folder: Path, make: Callable[..., Any], again: dict[str, bool]) -> None:
    """Begun again from its first step, it is given what it did; a call that may have happened waits for a person."""
    assert child(lambda: make(folder, dies_in="b")[0].invoke(ASK)) == -9
    run = run_of(folder)
    with pytest.raises(handrail.InDoubt) as told:
        make(folder)[0].invoke(ASK, run_id=run)
    asks.answer(folder / ".handrail", told.value.question, "happened", "seen in the calendar")
    found = make(folder)[0].invoke(ASK, run_id=run)
    assert found["messages"][-1].content == "Booked."
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("make", [_agent, _graph])
def test_with_a_checkpointer(folder: Path, make: Callable[..., Any]) -> None:
    """With a checkpointer an empty input goes on by itself; the graph pauses until the person has answered."""
    assert child(lambda: make(folder, dies_in="b", saver=_saver(folder))[0].invoke(ASK, THREAD)) == -9
    agent, _ = make(folder, saver=_saver(folder))
    paused = agent.invoke(None, THREAD)
    asked = paused["__interrupt__"][0].value
    assert asked["tool"] == "book"
    asks.answer(folder / ".handrail", asked["question"], "did_not_happen", "not in the calendar")
    found = agent.invoke(Command(resume=True), THREAD)
    assert found["messages"][-1].content == "Booked."
    assert World(folder).done() == {"a": 1, "b": 2, "c": 1}


def test_a_run_that_is_called_twice_under_one_id_does_its_work_once(folder: Path) -> None:
    """Whoever chooses the id of a run may call it twice: the second call gives out what the first one did."""
    run = "ab" * 16
    first = _agent(folder)[0].invoke(ASK, run_id=run)
    again = _agent(folder)[0].invoke(ASK, run_id=run)
    assert again["messages"][-1].content == first["messages"][-1].content == "Booked."
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


@pytest.mark.parametrize("run", ["../../etc", "ab", 7, "g" * 32])
def test_what_is_no_id_of_a_run_is_refused(folder: Path, run: object) -> None:
    """A wrong id is said in a sentence, and nothing runs."""
    with pytest.raises(handrail.NotResumable, match="is no id of a run"):
        _agent(folder)[0].invoke(ASK, run_id=run)
    assert World(folder).done() == {}


def test_an_ungoverned_runnable_keeps_its_own_run_id() -> None:
    """``run_id`` means ours on governed objects only."""
    handrail.govern(RunnableLambda(str) | RunnableLambda(str), mode="observe")  # the seams are in place
    seen: list[object] = []

    def note(value: str, **more: object) -> str:
        seen.append(more)
        return value

    (RunnableLambda(note) | RunnableLambda(str)).invoke("x", run_id="mine")
    assert seen == [{"run_id": "mine"}]
