"""What lies beside the journal about threads may be lost or older: nothing is repeated."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, interrupt

import handrail
from handrail.audit.lineage import FOLDER
from handrail.testing import Turn
from tests.effects.crashing import POLICY, World, child, die
from tests.frameworks.langchain.kit import ByAnswers, call

ASK: Any = {"messages": [HumanMessage("Book it.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
DONE = Turn(text="Done.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _agent(folder: Path, turns: Sequence[Any], does: Callable[[str], object] = lambda what: None) -> Any:
    @tool
    def book(what: str) -> str:
        """Book it."""
        if what == "asked":
            interrupt("may I?")
        World(folder).do(what, handrail.idempotency_key())
        does(what)
        return f"booked {what}"

    saver = SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False))
    made = create_agent(ByAnswers(turns=turns), [book], name="clerk", checkpointer=saver)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})


def _dies(what: str) -> None:
    if what == "b":
        die()


@pytest.mark.parametrize("how", ["missing", "older"])
def test_a_lost_lineage_repeats_nothing(folder: Path, how: str) -> None:
    """A second turn was killed in its booking; the thread's file is gone, or that of the first turn: it is asked."""
    turns, lineage = [call("book", what="a"), DONE, call("book", what="b"), DONE], folder / ".handrail" / FOLDER
    assert child(lambda: _agent(folder, turns).invoke(ASK, THREAD)) == 0
    shutil.copytree(lineage, folder / "copy")
    assert child(lambda: _agent(folder, turns, _dies).invoke(ASK, THREAD)) == -9
    shutil.rmtree(lineage)
    if how == "older":
        shutil.copytree(folder / "copy", lineage)
    state = _agent(folder, turns).invoke(None, THREAD)
    assert state["__interrupt__"][0].value["tool"] == "book"
    assert World(folder).done() == {"a": 1, "b": 1}


def test_a_process_that_paused_a_run_is_not_misled_by_an_older_lineage(folder: Path) -> None:
    """This process paused the run, another went on with it and was killed; the thread's file is that of before."""
    turns, lineage = [call("book", what="asked"), call("book", what="b"), DONE], folder / ".handrail" / FOLDER
    agent = _agent(folder, turns)
    assert "__interrupt__" in agent.invoke(ASK, THREAD)
    shutil.copytree(lineage, folder / "copy")
    assert child(lambda: _agent(folder, turns, _dies).invoke(Command(resume=True), THREAD)) == -9
    shutil.rmtree(lineage)
    shutil.copytree(folder / "copy", lineage)
    state = agent.invoke(None, THREAD)
    assert state["__interrupt__"][0].value["tool"] == "book"
    assert World(folder).done() == {"asked": 1, "b": 1}
