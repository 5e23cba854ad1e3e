"""Agents on a full disk: the enforcing one runs no tool that it cannot record, the observing one runs as ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.journal import journal_for
from handrail.audit.verify import verify
from handrail.effects.holding import holds_of
from handrail.effects.vault import vault_for
from handrail.gate import NEUTRAL
from tests.acceptance.agents import Script, build, hold, write_policy
from tests.audit.places import everything, mounted

BLOCK = b"x" * 4096


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    with mounted(tmp_path / "disk", kilobytes=512) as disk:
        try:
            yield disk
        finally:
            journal_for(disk / "data").close()
            vault_for(disk / "data").close()
            holds_of(disk / "data").close()


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No byte is left on the disk while the context lasts."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(BLOCK):
            pass
    yield
    ballast.unlink()


def answers(state: Any) -> list[str]:
    """What the model was given for each of its calls."""
    return [message.text for message in state["messages"] if message.type == "tool"]


def test_an_enforcing_agent_is_denied_its_tools_until_there_is_room(disk: Path) -> None:
    """Full: no tool runs, the model reads the neutral text, the run ends well. Room again: tools run; losses show.

    A session that nobody opened before cannot be given an owner then, so it does not begin.
    """
    ran: list[str] = []
    script = Script(turns=3)
    script.say = lambda what, key: ran.append(key) if what == "began" else None  # type: ignore[method-assign]
    agent = handrail.govern(build(script), config=write_policy(disk))
    assert answers(hold(agent, "before")) == [f"did before/{turn}/0" for turn in range(3)]
    with full(disk):
        until_denied(agent)
        ran.clear()
        state = hold(agent, "before")
        assert answers(state) == [NEUTRAL] * 3 and state["messages"][-1].text == "done"
        with pytest.raises(handrail.NotAvailable):
            hold(agent, "full")
    assert ran == []
    assert answers(hold(agent, "after")) == [f"did after/{turn}/0" for turn in range(3)]
    records = everything(disk / "data")
    sessions = [record["session"] for record in records if record["k"] == "run.start"]
    assert sessions[0] == "before" and sessions[-1] == "after" and "full" not in sessions
    assert sum(int(str(record["count"])) for record in records if record["k"] == "drop") > 3
    assert verify(disk / "data").intact


def until_denied(agent: Any) -> None:
    """Use up what room the last blocks of open files have."""
    for _ in range(200):
        if set(answers(hold(agent, "before"))) == {NEUTRAL}:
            return
    pytest.fail("the disk is not full")


def test_an_observing_agent_runs_as_ever(disk: Path) -> None:
    """Full: every tool runs and the state equals the bare agent's. Room again: the number of losses is recorded."""
    script = Script(turns=8)
    bare = hold(build(script), "same")
    agent = handrail.govern(build(script), config=write_policy(disk, mode="observe"))
    with full(disk):
        for _ in range(20):
            assert plain(hold(agent, "same")) == plain(bare)
    assert plain(hold(agent, "same")) == plain(bare)
    records = everything(disk / "data")
    lost = sum(int(str(record["count"])) for record in records if record["k"] == "drop")
    assert lost > 20, "the disk was never full"
    assert verify(disk / "data").intact


def plain(state: Any) -> list[tuple[str, str, Any]]:
    """Messages without their random ids."""
    return [(one.type, one.text, getattr(one, "tool_calls", None)) for one in state["messages"]]
