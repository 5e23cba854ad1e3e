"""What a killed agent did before is known when it goes on: validators are told of it, and it is no orphan."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
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

DECLARED = """
[tools.ask_desk]
effect = "read"
[tools.look]
effect = "read"
[tools.book]
effect = "irreversible"
accepts_key = true
[tools.confirm]
effect = "irreversible"
accepts_key = true
[[rule]]
id = "no-secrets"
deny = "*"
call = "secret"
[[delegate]]
from = "agent:clerk"
to = "agent:desk"
call = "*"
"""
BOOKED = "after('book', same=['what'], result={'$.state': 'booked'})"
ONCE = "counts('book', max=1)"
ASK = {"messages": [("user", "Book a, and say so.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
DESK = (call("book", what="a"), call("look"), Turn(text="Booked."))


class Office:
    """A clerk that has a sub-agent book something, and then confirms it; the process dies in the tool ``dies_in``."""

    def __init__(self, folder: Path, check: str, *, checkpointed: bool, desk: Sequence[Any] = DESK) -> None:
        self.folder, self.checkpointed, self.desk = folder, checkpointed, desk
        validate = "".join(
            f'[[validate]]\nid = "{on}"\non = "{on}.arguments"\ncheck = "{what}"\n'
            for on, what in (("confirm", check), ("book", ONCE))
        )
        (folder / "handrail.toml").write_text(POLICY + DECLARED + validate)

    def life(self, *, dies_in: str = "") -> Any:
        """The governed agent of one process."""
        tools = {one.name: one for one in self._tools(dies_in)}
        desk: Any = create_agent(
            ByAnswers(turns=self.desk), [tools["book"], tools["look"], tools["secret"]], name="desk"
        )

        @tool
        def ask_desk(what: str) -> str:
            """Have the desk book."""
            return str(desk.invoke({"messages": [("user", f"Book {what}.")]})["messages"][-1].text)

        turns = (call("ask_desk", what="a"), call("confirm", what="a"), Turn(text="Done."))
        agent = create_agent(
            ByAnswers(turns=turns), [ask_desk, tools["confirm"]], name="clerk", checkpointer=self._saver()
        )
        return handrail.govern(agent, config=self.folder / "handrail.toml", principal={"user": "ana"})

    def _saver(self) -> SqliteSaver | None:
        file = self.folder / "threads.db"
        return SqliteSaver(sqlite3.connect(file, check_same_thread=False)) if self.checkpointed else None

    def _tools(self, dies_in: str) -> list[Any]:
        world = World(self.folder)

        def done(name: str) -> None:
            if name == dies_in:
                die()
            world.do(name, handrail.idempotency_key())

        @tool
        def book(what: str) -> dict[str, str]:
            """Book it."""
            done("book")
            return {"state": "booked"}

        @tool
        def look() -> str:
            """Look at it."""
            done("look")
            return "fine"

        @tool
        def secret() -> str:
            """Nobody may."""
            return "secret"

        @tool
        def confirm(what: str) -> str:
            """Write that it is booked."""
            done("confirm")
            return "sent"

        return [book, look, secret, confirm]

    def crash(self, dies_in: str) -> None:
        """Work until the process dies there."""
        assert child(lambda: self.life(dies_in=dies_in).invoke(ASK, THREAD)) == -9

    def go_on(self) -> list[str]:
        """Resume in this process: the results that the clerk's model read."""
        with handrail.resuming(run_of(self.folder)):
            found = self.life().invoke(None if self.checkpointed else ASK, THREAD)
        return [message.text for message in found["messages"] if message.type == "tool"]

    @property
    def asked(self) -> list[asks.Question]:
        """What a person is asked."""
        return list(asks.open_questions(self.folder / ".handrail"))


@pytest.mark.parametrize("dies_in", ["confirm", "look"])
@pytest.mark.parametrize("checkpointed", [False, True])
def test_what_a_sub_agent_did_is_known_in_the_next_life(tmp_path: Path, checkpointed: bool, dies_in: str) -> None:
    """A validator finds the booking of the life before, and finds it once; nobody is asked about it as an orphan.

    The sub-agent had ended, so that its answer is given back whole, or had not, so that it goes through its calls.
    """
    office = Office(tmp_path, f"{BOOKED} & {ONCE}", checkpointed=checkpointed)
    office.crash(dies_in)
    assert office.go_on() == ["Booked.", "sent"]
    assert World(tmp_path).done() == {"book": 1, "look": 1, "confirm": 1}
    assert office.asked == []


def test_what_is_not_known_is_not_taken_for_not_done(tmp_path: Path) -> None:
    """A refused call of the life before is not told: what must be there is found, what must not is not vouched for."""
    desk = (call("secret"), *DESK)
    found = Office(tmp_path, BOOKED, checkpointed=True, desk=desk)
    found.crash("confirm")
    assert found.go_on() == ["Booked.", "sent"]
    (tmp_path / "other").mkdir()
    vouched = Office(tmp_path / "other", ONCE, checkpointed=True, desk=desk)
    vouched.crash("confirm")
    assert "Only a part of this run is known" in vouched.go_on()[-1]
    assert "confirm" not in World(tmp_path / "other").done()


def test_a_result_that_cannot_be_read_is_not_made_up(tmp_path: Path) -> None:
    """Where recorded results are damaged, a validator that needs one says that it cannot tell, and the call waits."""
    office = Office(tmp_path, BOOKED, checkpointed=True)
    office.crash("confirm")
    for file in (tmp_path / ".handrail" / "replay").glob("*.values"):
        file.write_bytes(bytes(file.stat().st_size))
    assert "Only a part of this run is known" in office.go_on()[-1]
    assert "confirm" not in World(tmp_path).done()
