"""One logical run over interrupt, crash and resume, in any process; time travel is a fork, a new message a turn."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

import handrail
from handrail.audit.lineage import FOLDER
from tests.frameworks.langchain import episode
from tests.frameworks.langchain.asked import UNPROPOSED, Asked, check_exact
from tests.frameworks.langchain.episode import ASKED, drive
from tests.frameworks.langchain.kit import policy

ROOT = Path(__file__).parents[3]
RUNS = "SELECT run, step, trace, logical, outcome FROM runs ORDER BY started_at"
LINKS = "SELECT run, step, type, to_run, to_step, to_trace FROM links WHERE type IN ('resumed_from', 'forked_from')"


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _part(folder: Path, part: str) -> subprocess.CompletedProcess[str]:
    """Play one part of the episode in a process of its own."""
    command = [sys.executable, "-m", "tests.frameworks.langchain.episode", str(folder), part]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def _two_processes(folder: Path, *parts: str) -> Asked:
    episode.write_policy(folder)
    for part in parts:
        done = _part(folder, part)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return Asked(folder)


def _is_resumed(asked: Asked) -> None:
    """Two runs are one logical one, and the second points to the first: run, step and trace."""
    first, second = asked.rows(RUNS)
    assert second[3] == first[3] == first[0]
    links = asked.rows(LINKS)
    assert (second[0], second[1], "resumed_from", first[0], first[1], first[2]) in links


def test_an_approval_in_another_process(tmp_path: Path) -> None:
    """What one process asked, another answers: one logical run, the answer bound to the question and to the call."""
    asked = _two_processes(tmp_path, "start", "resume")
    _is_resumed(asked)
    assert [row[4] for row in asked.rows(RUNS)] == ["interrupted", "ok"]
    check_exact(tmp_path, episode.RAN)
    assert asked.rows(
        "SELECT a.call_id, b.call_id AS answered, a.tool, b.decision, b.asked_run = a.run AS bound, "
        "b.waited_ms > 0 AS waited "
        "FROM approvals a JOIN approvals b ON a.id = b.id AND a.event = 'asked' AND b.event = 'answered'"
    ) == [("clerk_8_0", "clerk_8_0", "send_mail", "approve", True, True)]


def test_killed_between_question_and_answer(tmp_path: Path) -> None:
    """A process that is killed after it asked has lost nothing: another answers, and it is the same logical run."""
    asked = _two_processes(tmp_path, "start-and-die", "resume")
    _is_resumed(asked)
    assert asked.rows("SELECT * FROM proposals WHERE decisions <> proposed") == []


def test_killed_in_a_tool(tmp_path: Path) -> None:
    """A run that died in a tool is resumed from its checkpoint: linked to the dead run, which stays lost."""
    asked = _two_processes(tmp_path, "die-in-tool", "go-on")
    _is_resumed(asked)
    assert [row[4] for row in asked.rows(RUNS)] == ["lost", "interrupted"]
    lost = asked.rows(
        "SELECT outcome, count(*) FROM steps WHERE type = 'tool' AND name = 'ask_researcher' GROUP BY outcome"
    )
    assert sorted(lost) == [("lost", 1), ("ok", 1)]


def test_a_call_in_flight_is_one_proposal(tmp_path: Path) -> None:
    """What was in flight when the process died is tried again: one decision, a second attempt that names the first."""
    asked = _two_processes(tmp_path, "die-in-tool", "go-on")
    assert asked.rows("SELECT tool, call_id FROM proposals WHERE decisions <> proposed AND tool <> 'send_mail'") == []
    again = asked.rows(
        "SELECT s.name, o.outcome FROM links l JOIN steps s USING (run, step) "
        "JOIN steps o ON o.run = l.to_run AND o.step = l.to_step WHERE l.type = 'resumed_from' AND s.type = 'tool'"
    )
    assert sorted(again) == [("ask_researcher", "lost"), ("search", "lost")]  # the sub-agent goes on as well
    found = asked.rows(
        "SELECT tool, decisions, executions, finished FROM proposals WHERE executions > 1 AND tool <> 'flaky'"
    )
    assert sorted(found) == [("ask_researcher", 1, 2, 1), ("search", 1, 2, 1)]


def test_calls_that_are_made_again(tmp_path: Path) -> None:
    """Where the checkpoint is older than the calls, they are made again: each proposed call has one decision still."""
    asked = _two_processes(tmp_path, "die-in-tool-early", "go-on")
    undecided = asked.rows("SELECT tool FROM proposals WHERE decisions <> proposed")
    assert undecided == [("send_mail",)]  # it waits for a person
    assert asked.rows(UNPROPOSED) == []


def test_killed_after_the_answer(tmp_path: Path) -> None:
    """A run that took an answer over and died: the call that it made is not decided again by the run after it."""
    asked = _two_processes(tmp_path, "start", "approve-and-die", "go-on")
    assert [row[4] for row in asked.rows(RUNS)] == ["interrupted", "lost", "ok"]
    assert asked.rows("SELECT * FROM proposals WHERE decisions <> proposed") == []
    assert asked.rows("SELECT decisions, verdict, outcome FROM proposals WHERE tool = 'send_mail'") == [
        (1, "allow", "ok")
    ]


def _pausing(checkpointer: Any, name: str = "clerk") -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [HumanMessage(str(interrupt("how many?")))]})
    graph.add_node("ask_again", lambda state: {"messages": [HumanMessage(str(interrupt("sure?")))]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "ask_again")
    return graph.compile(name=name, checkpointer=checkpointer)


def _governed(folder: Path, agent: Any) -> Any:
    return handrail.govern(agent, config=policy(folder))


HI: Any = {"messages": [HumanMessage("hi")]}
ANSWER: Any = Command(resume=3)


@pytest.mark.parametrize("way", episode.WAYS)
def test_a_chain_of_interrupts_is_one_logical_run(way: episode.Way, tmp_path: Path) -> None:
    """Every run of the chain names the first; each points to the one before it; each answer is recorded once."""
    agent = _governed(tmp_path, _pausing(InMemorySaver()))
    answers: list[Any] = [Command(resume=3), Command(resume="yes")]
    for given in (HI, *answers):
        drive(agent, given, way)
    asked = Asked(tmp_path)
    runs = asked.rows(RUNS)
    assert [row[4] for row in runs] == ["interrupted", "interrupted", "ok"]
    assert {row[3] for row in runs} == {runs[0][0]}
    assert [(row[0], row[3]) for row in asked.rows(LINKS)] == [(runs[1][0], runs[0][0]), (runs[2][0], runs[1][0])]
    events = asked.rows("SELECT event, decision, source FROM approvals ORDER BY noted_at")
    bare = "langgraph.interrupt"
    assert events == [("asked", None, bare), ("answered", "answer", bare)] * 2
    assert asked.one("SELECT count(*) FROM steps WHERE outcome = 'error'") == 0


def test_a_new_message_is_a_turn(tmp_path: Path) -> None:
    """A new message on an interrupted thread is a run of its own; the question that nobody answered is withdrawn."""
    agent = _governed(tmp_path, _pausing(InMemorySaver()))
    drive(agent, HI)
    drive(agent, HI)
    asked = Asked(tmp_path)
    assert all(row[0] == row[3] for row in asked.rows(RUNS))
    assert asked.rows(LINKS) == []
    assert asked.rows("SELECT event FROM approvals ORDER BY noted_at") == [("asked",), ("withdrawn",), ("asked",)]


def test_time_travel_is_a_fork(tmp_path: Path) -> None:
    """A run from an earlier checkpoint points to the run that made it, and is the first of its own chain."""
    agent = _governed(tmp_path, _pausing(InMemorySaver()))
    drive(agent, HI)
    drive(agent, ANSWER)
    config = {"configurable": {"thread_id": episode.THREAD}}
    past = [each.config for each in agent.get_state_history(config) if each.next == ("ask",)]
    agent.invoke(None, past[0])
    asked = Asked(tmp_path)
    first, _, third = asked.rows(RUNS)
    assert third[3] == third[0]
    assert [row[2:4] for row in asked.rows(LINKS) if row[0] == third[0]] == [("forked_from", first[0])]


def test_without_the_file_a_link_is_missing_and_nothing_else(tmp_path: Path) -> None:
    """Erased or damaged, what is remembered of a thread costs the link; the answer is recorded from the checkpoint."""
    for damage in ("erased", "damaged"):
        folder = tmp_path / damage
        folder.mkdir()
        agent = _governed(folder, _pausing(InMemorySaver()))
        drive(agent, HI)
        (file,) = (folder / ".handrail" / FOLDER).iterdir()
        file.unlink() if damage == "erased" else file.write_bytes(b'{"runs": 3}')
        drive(agent, ANSWER)
        asked = Asked(folder)
        assert [row[4] for row in asked.rows(RUNS)] == ["interrupted", "interrupted"]
        assert asked.rows(LINKS) == []
        assert asked.one("SELECT count(*) FROM approvals WHERE event = 'answered'") == 1


def test_nothing_is_kept_without_a_thread(tmp_path: Path) -> None:
    """No checkpointer or no thread, no file."""
    agent = _governed(tmp_path, _pausing(None))
    agent.invoke(HI)
    assert not (tmp_path / ".handrail" / FOLDER).exists()


def test_nothing_of_ours_in_a_checkpoint(tmp_path: Path) -> None:
    """A governed run leaves the same checkpoints as a bare one: no metadata, no channel of ours."""
    kept: list[Any] = []
    for governed in (False, True):
        saver = InMemorySaver()
        agent = _pausing(saver)
        agent = _governed(tmp_path, agent) if governed else agent
        drive(agent, HI)
        found = list(saver.list({"configurable": {"thread_id": episode.THREAD}}))
        kept.append([(sorted(each.metadata), sorted(each.checkpoint["channel_values"])) for each in found])
    assert kept[0] == kept[1]


def test_content_is_in_no_file_of_a_thread(tmp_path: Path) -> None:
    """What is remembered of a thread has ids and names, nothing that anybody said."""
    episode.write_policy(tmp_path)
    drive(episode.govern(episode.clerk([], InMemorySaver()), tmp_path), ASKED)
    (file,) = (tmp_path / ".handrail" / FOLDER).iterdir()
    kept = file.read_text()
    assert "send_mail" in kept
    assert "settled" not in kept
    assert episode.THREAD not in kept
    assert "example.org" not in kept
