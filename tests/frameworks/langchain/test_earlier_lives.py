"""What a killed agent did before is known when it goes on: validators are told of it, and it is no orphan."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

import handrail
from handrail.effects import asks
from handrail.testing import Turn
from tests.effects.crashing import POLICY, World, child, die, run_of
from tests.frameworks.langchain.kit import ByAnswers, call

CHECKS = """
[tools.ask_desk]
effect = "read"
[tools.book]
effect = "irreversible"
[tools.confirm]
effect = "irreversible"
accepts_key = true
[[delegate]]
from = "agent:clerk"
to = "agent:desk"
call = "*"
[[validate]]
id = "no-letter-before"
on = "confirm.arguments"
check = "after('book', same=['what'], result={'$.state': 'booked'}) & counts('book', max=1)"
"""
ASK = {"messages": [("user", "Book a, and say so.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}


def _agent(folder: Path, *, dies: bool, checkpointed: bool) -> Any:
    """A clerk that has a sub-agent book, and confirms it: the letter is done, and the process dies."""
    world = World(folder)

    @tool
    def book(what: str) -> dict[str, str]:
        """Book it."""
        world.do(f"book-{what}", handrail.idempotency_key())
        return {"state": "booked"}

    desk: Any = create_agent(ByAnswers(turns=(call("book", what="a"), Turn(text="Booked."))), [book], name="desk")

    @tool
    def ask_desk(what: str) -> str:
        """Have the desk book."""
        return str(desk.invoke({"messages": [("user", f"Book {what}.")]})["messages"][-1].text)

    @tool
    def confirm(what: str) -> str:
        """Write that it is booked."""
        if dies:
            die()
        world.do(f"confirm-{what}", handrail.idempotency_key())
        return "sent"

    turns = (call("ask_desk", what="a"), call("confirm", what="a"), Turn(text="Done."))
    saver = SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False)) if checkpointed else None
    agent = create_agent(ByAnswers(turns=turns), [ask_desk, confirm], name="clerk", checkpointer=saver)
    return handrail.govern(agent, config=folder / "handrail.toml", principal={"user": "ana"})


@pytest.mark.parametrize("checkpointed", [False, True])
def test_what_a_sub_agent_did_is_known_in_the_next_life(tmp_path: Path, checkpointed: bool) -> None:
    """A validator finds the booking of the life before, once; the booking is no orphan, though nobody asked again."""
    (tmp_path / "handrail.toml").write_text(POLICY + CHECKS)
    assert child(lambda: _agent(tmp_path, dies=True, checkpointed=checkpointed).invoke(ASK, THREAD)) == -9
    agent = _agent(tmp_path, dies=False, checkpointed=checkpointed)
    with handrail.resuming(run_of(tmp_path)):
        found = agent.invoke(None if checkpointed else ASK, THREAD)
    assert [message.text for message in found["messages"] if message.type == "tool"] == ["Booked.", "sent"]
    assert World(tmp_path).done() == {"book-a": 1, "confirm-a": 1}
    assert list(asks.open_questions(tmp_path / ".handrail")) == []
