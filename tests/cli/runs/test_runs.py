"""``handrail runs``: an agent that was killed is looked at, answered for and resumed by somebody at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from handrail.cli.runs import command
from handrail.cli.runs.resume import WAITS
from handrail.effects import asks, past
from handrail.errors import HandrailError, JournalError, NotResumable
from tests.effects.crashing import POLICY, World, child, run_of

AGENT = '''
import os
import sqlite3
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

import handrail
from tests.effects.crashing import World, die
from tests.frameworks.langchain.kit import ByAnswers, call
from handrail.testing import Turn

HERE = Path(__file__).parent
BOOKINGS = (call("book", what="a"), call("book", what="b"), call("book", what="c"), Turn(text="Booked."))


@tool
def book(what: str) -> str:
    """Book it."""
    World(HERE).do(what, handrail.idempotency_key())
    if (HERE / "dies").exists() and what == "b":
        die()
    return f"booked {what}"


def made(saver=None):
    return create_agent(ByAnswers(turns=BOOKINGS), [book], name="clerk", checkpointer=saver)


agent = made()
kept = made(SqliteSaver(sqlite3.connect(HERE / "threads.db", check_same_thread=False)))


def plain():
    with handrail.run("clerk", config=HERE / "handrail.toml"):
        return handrail.tool(effect="write")(lambda what: World(HERE).do(what))("x")
'''
ASK = {"messages": [{"role": "user", "content": "Book a, b and c."}]}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a policy and an importable agent that is killed in its second booking."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    (tmp_path / "booking.py").write_text(AGENT)
    (tmp_path / "dies").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("booking", None)


def _killed(folder: Path, name: str, config: Any = None) -> str:
    """The run of an agent that was killed in the middle."""

    def work() -> None:
        import booking  # type: ignore[import-not-found]

        import handrail

        governed = handrail.govern(getattr(booking, name), config=folder / "handrail.toml")
        with handrail.acting_for(user="ana", session="s-1", channel="mail"):
            governed.invoke(ASK, config)

    assert child(work) == -9
    (folder / "dies").unlink()
    return run_of(folder)


def runs(*words: str, fails: bool = False) -> Result:
    """The result of a command; its errors are raised unless it ``fails``."""
    return CliRunner().invoke(command, list(words), catch_exceptions=fails, color=False)


def test_a_run_that_was_killed_is_shown_answered_and_resumed(folder: Path) -> None:
    """From list to answer: the input of then is used, on behalf of the user of then, and nothing is done twice."""
    run = _killed(folder, "agent")
    (row,) = json.loads(runs("list", "--unfinished", "--json").stdout)
    assert (row["run"], row["outcome"], row["in_doubt"], row["open_questions"]) == (run, "lost", 1, 0)
    text = runs("show", run[:20]).stdout
    assert 'arguments: {"what": "b"}' in text
    assert "before it: book" in text
    stopped = runs("resume", run, "booking:agent")
    assert stopped.exit_code == WAITS
    (question,) = [row["id"] for row in json.loads(runs("show", run, "--json").stdout)["questions"]]
    assert f"handrail runs answer {question}" in stopped.stderr
    runs("answer", question, "--happened", "--result", "booked b", "--why", "it is in the calendar")
    done = runs("resume", run, "booking:agent")
    assert (done.exit_code, done.stdout) == (0, "Booked.\n")
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    assert json.loads(runs("list", "--unfinished", "--json").stdout) == []
    lives = past.read(folder / ".handrail", run)
    assert lives is not None
    assert {(one["user"], one["session"], one["channel"]) for one in lives.lives.values()} == {("ana", "s-1", "mail")}
    assert "it is in the calendar" in runs("show", run).stdout


def test_a_thread_goes_on_from_where_its_checkpoint_is(folder: Path) -> None:
    """With a checkpointer no input is needed: the graph waits for the answer, then goes on behind what it did."""
    run = _killed(folder, "kept", {"configurable": {"thread_id": "t1"}})
    stopped = runs("resume", run, "booking:kept")
    assert stopped.exit_code == WAITS
    question = stopped.stderr.split()[-1]
    runs("answer", question, "--did-not-happen", "--why", "it is not in the calendar")
    done = runs("resume", run, "booking:kept")
    assert (done.exit_code, done.stdout) == (0, "Booked.\n")
    assert World(folder).done() == {"a": 1, "b": 2, "c": 1}


def test_what_nobody_asked_yet_can_be_answered(folder: Path) -> None:
    """A call in doubt is answered before anybody resumes the run: then it goes on without stopping."""
    run = _killed(folder, "agent")
    shown = json.loads(runs("show", run, "--json").stdout)["effects"]
    (question,) = [row["question"] for row in shown if row["status"] == "in doubt"]
    runs("answer", question, "--did-not-happen", "--why", "looked")
    assert runs("resume", run, "booking:agent").stdout == "Booked.\n"
    (asked,) = json.loads(runs("show", run, "--json").stdout)["questions"]
    assert (asked["id"], asked["decision"], asked["why"], asked["channel"], asked["times_asked"]) == (
        question, "did_not_happen", "looked", "command", 0)  # fmt: skip


def test_a_forgotten_run_cannot_go_on(folder: Path) -> None:
    """Its values are erased, which is recorded: to resume it is refused with a sentence, and nothing is done again."""
    run = _killed(folder, "agent")
    assert "its values are erased" in runs("forget", run, "--why", "asked for by the customer").stdout
    for _ in range(2):
        with pytest.raises(NotResumable, match="erased"):
            runs("resume", run, "booking:agent")
    assert "no values are kept" in runs("forget", run, "--why", "again").stdout
    (row,) = json.loads(runs("list", "--json").stdout)
    assert row["forgotten"]
    assert World(folder).done() == {"a": 1, "b": 1}


@pytest.mark.parametrize("id", ["../../etc/passwd", "0123456789abcdef-1/../x", "0123456789abcdef-0", "", "x" * 400])
def test_an_id_that_is_none_reaches_no_file(folder: Path, id: str) -> None:
    """A question's id with parts of a path, or of any other form, is refused before a file is looked for."""
    (folder / ".handrail" / "journal").mkdir(parents=True)
    with pytest.raises(HandrailError, match="no id of a question"):
        runs("answer", id, "--refuse", "--why", "x")


def test_only_the_first_answer_holds(folder: Path) -> None:
    """Two people answer: the second is told who was first, and the record has one answer."""
    run = _killed(folder, "agent")
    assert runs("resume", run, "booking:agent").exit_code == WAITS
    (question,) = asks.open_questions(folder / ".handrail")
    runs("answer", question.id, "--did-not-happen", "--why", "first")
    with pytest.raises(JournalError, match=r"answered already, by .*did_not_happen"):
        runs("answer", question.id, "--happened", "--why", "second")
