"""Undoing a run: completed writes in reverse order, each once, whatever happens in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest

import handrail
from handrail.audit.backup import back_up
from handrail.audit.recorder import Recorder
from handrail.audit.restore import restore
from handrail.effects import asks, compensation
from handrail.effects.holding import holds_of
from handrail.effects.vault import Vault, vault_for
from handrail.errors import NotResumable, RunHeld
from handrail.frameworks.compensating import Compensated, compensate
from handrail.frameworks.opening import open_gate
from tests.effects.crashing import POLICY, World, child, die, dies_at, run_of
from tests.kept import kept

CONFIG = "handrail.toml"
HONOURED = "[tools.cancel]\naccepts_key = true\n"
"""The service that bookings are cancelled with takes a key twice for the same."""


def folder_with(tmp_path: Path, more: str = "") -> Path:
    """A folder with the policy of the crash tests, and ``more``."""
    (tmp_path / CONFIG).write_text(POLICY + more)
    return tmp_path


class Said(TypedDict):
    """State of a graph."""

    said: str


class Desk:
    """Tools of a clerk who books, and their undoing; what they do is in the world."""

    def __init__(self, folder: Path, dies_in: str = "", once: bool = False) -> None:
        self.world, self.folder = World(folder), folder
        self.raises = False

        def cancel(args: Any, result: Any) -> str:
            """Cancel a booking."""
            assert result == f"booked {args['what']}"
            if self.raises:
                raise ConnectionError("nobody answers")
            key, known = handrail.idempotency_key(), self.world.keys() if once else set[str]()
            if key not in known:
                self.world.do(f"cancel-{args['what']}", key)
            if args["what"] == dies_in:
                die()
            return f"cancelled {args['what']}"

        @handrail.tool(effect="write", compensate=cancel)
        def book(what: str) -> str:
            self.world.do(what)
            return f"booked {what}"

        @handrail.tool(effect="irreversible")
        def notify(whom: str) -> str:
            self.world.do(f"notify-{whom}")
            return "sent"

        @handrail.tool(effect="write", compensate=cancel)
        def fail(what: str) -> str:
            raise ConnectionError("nobody knows")

        @handrail.tool(effect="read")
        def look(what: str) -> str:
            return "found"

        self.book, self.notify, self.fail, self.look = book, notify, fail, look

    def work(self, *steps: tuple[Callable[[str], str], str]) -> str:
        """A run of the clerk; its id."""
        with handrail.run("clerk", config=self.folder / CONFIG, user="ana", session="s1", channel="web"):
            for tool, what in steps:
                try:
                    tool(what)
                except ConnectionError:
                    continue
        return run_of(self.folder)

    def undo(self, run: str, **how: bool) -> Compensated:
        """Undo it."""
        return compensate(open_gate(self.folder / CONFIG), run, **how)


def became(done: Compensated) -> list[tuple[str, str]]:
    """Tool and fate of each write."""
    return [(one.tool, one.how) for one in done.writes]


def order(world: World) -> list[str]:
    """What was done, in order."""
    return [line.split(" ")[0] for line in world.file.read_text().splitlines()]


def test_writes_are_undone_in_reverse_order_and_the_rest_is_named(tmp_path: Path) -> None:
    """Claim: the latest is undone first; reads need nothing; what has no undoing, or is in doubt, is left and named."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work(
        (desk.book, "a"), (desk.look, "x"), (desk.notify, "bob"), (desk.fail, "b"), (desk.book, "a"), (desk.book, "c")
    )
    done = desk.undo(run)
    assert became(done) == [
        ("book", "undone"), ("book", "undone"), ("fail", "in_doubt"), ("notify", "no_compensation"), ("book", "undone")
    ]  # fmt: skip
    assert order(desk.world)[-3:] == ["cancel-c", "cancel-a", "cancel-a"] and not done.settled
    assert len(desk.world.keys() - {""}) == 3  # two equal bookings are two undoings


def test_each_undo_is_a_governed_call_of_the_run_s_user(tmp_path: Path) -> None:
    """Claim: policy decides it, and the journal has it, with the user, agent, session and whom it undoes."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"))
    done = desk.undo(run)
    start = kept(tmp_path, "run.start")[-1]
    assert [start[name] for name in ("run", "compensates", "user", "agent", "session", "channel", "entry")] == [
        done.compensation, run, "ana", "clerk", "s1", "web", "compensate"
    ]  # fmt: skip
    assert start["by"].keys() == {"uid", "name"}
    call = kept(tmp_path, "tool.call")[-1]
    assert (call["tool"], call["verdict"], call["rule"], call["compensates"]) == (
        "cancel", "allow", "staff", done.writes[0].key
    )  # fmt: skip
    assert call["chain"] == ["user:ana", "agent:clerk"] and call["key"] != done.writes[0].key
    assert kept(tmp_path, "tool.result")[-1]["outcome"] == kept(tmp_path, "run.end")[-1]["outcome"] == "ok"


def test_undoing_again_does_nothing(tmp_path: Path) -> None:
    """Claim: what was undone is not undone again, no run is begun for it, and nobody is asked about orphans."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"), (desk.book, "b"))
    assert desk.undo(run).settled
    records = len(kept(tmp_path, "run.start"))
    assert became(desk.undo(run)) == [("book", "undone_before")] * 2
    assert desk.world.done() == {"a": 1, "b": 1, "cancel-a": 1, "cancel-b": 1}
    assert len(kept(tmp_path, "run.start")) == records and list(asks.open_questions(tmp_path / ".handrail")) == []


def test_a_dry_run_calls_and_writes_nothing(tmp_path: Path) -> None:
    """Claim: it says what would become of each write, and the journal is what it was."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"), (desk.notify, "bob"))
    gate = open_gate(tmp_path / CONFIG)
    before = kept(tmp_path)
    assert became(compensate(gate, run, dry_run=True)) == [("notify", "no_compensation"), ("book", "would_undo")]
    assert kept(tmp_path) == before and desk.world.done() == {"a": 1, "notify-bob": 1}


def test_what_the_policy_denies_is_not_undone_nor_what_was_done_before_it(tmp_path: Path) -> None:
    """Claim: rights are those of now; at a denial it stops, and goes on once it is allowed."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"), (desk.book, "b"))
    folder_with(tmp_path, '[[rule]]\nid = "no"\ndeny = "*"\ncall = "cancel"\nwhen = \'args.args.what == "b"\'\n')
    assert became(desk.undo(run)) == [("book", "denied"), ("book", "not_reached")]
    assert desk.world.done() == {"a": 1, "b": 1}
    folder_with(tmp_path)
    assert desk.undo(run).settled and order(desk.world)[-2:] == ["cancel-b", "cancel-a"]


def test_an_undo_that_raises_is_in_doubt_and_asked_about(tmp_path: Path) -> None:
    """Claim: it is not tried again until a person said what happened; then it goes on."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"), (desk.book, "b"))
    desk.raises = True
    (first, second) = desk.undo(run).writes
    assert (first.how, first.error, second.how) == ("undo_in_doubt", "ConnectionError", "not_reached")
    desk.raises = False
    (first, second) = desk.undo(run).writes
    assert (first.how, second.how) == ("undo_in_doubt", "not_reached") and first.question
    assert desk.world.done() == {"a": 1, "b": 1}
    asks.answer(tmp_path / ".handrail", first.question, "did_not_happen", "it was down")
    assert desk.undo(run).settled
    assert desk.world.done() == {"a": 1, "b": 1, "cancel-a": 1, "cancel-b": 1}


def test_killed_in_the_middle_of_an_undo(tmp_path: Path) -> None:
    """Claim: an undo that was carried out and not recorded is asked about; answered, the others follow, each once."""
    desk = Desk(folder_with(tmp_path), dies_in="b")
    run = desk.work((desk.book, "a"), (desk.book, "b"), (desk.book, "c"))
    assert child(lambda: desk.undo(run)) == -9
    assert order(desk.world)[-2:] == ["cancel-c", "cancel-b"]
    again = desk.undo(run)
    assert became(again) == [("book", "undone_before"), ("book", "undo_in_doubt"), ("book", "not_reached")]
    asks.answer(tmp_path / ".handrail", again.writes[1].question, "happened", "the desk says so", "cancelled b")
    assert desk.undo(run).settled
    assert desk.world.done() == {what: 1 for name in "abc" for what in (name, f"cancel-{name}")}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_point_with_a_service_that_honours_keys(after: bool, tmp_path: Path) -> None:
    """Claim: killed before or after any record, value or deed, and begun again: everything is undone exactly once."""
    points = [(Recorder, "write"), (Vault, "put"), (World, "do")]
    number, killed = 0, -9
    while killed == -9:
        (folder := tmp_path / str(number)).mkdir()
        desk = Desk(folder_with(folder, HONOURED), once=True)
        run = desk.work((desk.book, "a"), (desk.book, "b"))

        def undo(desk: Desk = desk, run: str = run, number: int = number) -> None:
            dies_at(number, points, after=after)
            desk.undo(run)

        killed = child(undo)
        assert desk.undo(run).settled
        assert desk.world.done() == {"a": 1, "b": 1, "cancel-a": 1, "cancel-b": 1}, number
        number += 1
    assert killed == 0 and number > 8


def test_a_run_that_was_undone_is_not_resumed(tmp_path: Path) -> None:
    """Claim: its recorded results hold no more, so nobody gets them; nor can the undoing be undone."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"))
    done = desk.undo(run)
    with pytest.raises(NotResumable, match="was undone"), handrail.resuming(run):
        desk.work((desk.book, "a"))
    with pytest.raises(NotResumable, match="undoes another"):
        desk.undo(done.compensation)


def test_what_was_done_inside_a_call_is_undone_with_it(tmp_path: Path) -> None:
    """Claim: where a call that can be undone made others, only it is undone: its author knows what it did."""
    desk, undone = Desk(folder_with(tmp_path)), list[Any]()

    @handrail.tool(compensate=lambda args, result: undone.append(result))
    def journey(to: str) -> list[str]:
        return [desk.book(f"train-{to}"), desk.book(f"room-{to}")]

    run = desk.work((journey, "rome"), (desk.book, "taxi"))  # type: ignore[arg-type]
    assert became(desk.undo(run)) == [("book", "undone"), ("book", "inside"), ("book", "inside"), ("journey", "undone")]
    assert undone == [["booked train-rome", "booked room-rome"]] and desk.undo(run).settled
    assert order(desk.world) == ["train-rome", "room-rome", "taxi", "cancel-taxi"]


def test_a_process_that_paused_a_run_notices_that_another_undid_it(tmp_path: Path) -> None:
    """Claim: what a process remembers of a run that it paused does not hide that the run was undone elsewhere."""
    pytest.importorskip("langgraph.graph", reason="LangGraph is not installed.")
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, StateGraph
    from langgraph.types import Command, interrupt

    desk = Desk(folder_with(tmp_path))
    graph = StateGraph(Said)
    graph.add_node("book", lambda state: {"said": desk.book("a")})
    graph.add_node("ask", lambda state: {"said": interrupt("go on?")})
    graph.add_edge(START, "book")
    graph.add_edge("book", "ask")
    agent = handrail.govern(graph.compile(checkpointer=InMemorySaver(), name="clerk"), config=tmp_path / CONFIG)
    thread: Any = {"configurable": {"thread_id": "t1"}}
    try:
        with handrail.acting_for(user="ana"):
            agent.invoke({"said": ""}, thread)
            assert child(lambda: desk.undo(run_of(tmp_path))) == 0
            with pytest.raises(NotResumable, match="was undone"):
                agent.invoke(Command(resume="yes"), thread)
    finally:
        handrail.uninstrument()
    assert desk.world.done() == {"a": 1, "cancel-a": 1}


def test_refusals(tmp_path: Path) -> None:
    """Claim: a run that is worked on, is not known, or lies in a data folder that was restored is not undone."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"))
    with pytest.raises(NotResumable, match="has no run"):
        desk.undo("0" * 32)
    holds_of(tmp_path / ".handrail").take(run)
    with pytest.raises(RunHeld):
        desk.undo(run)
    holds_of(tmp_path / ".handrail").free(run)
    back_up(tmp_path / ".handrail", tmp_path / "b.tar")
    (tmp_path / "again").mkdir()
    restore(tmp_path / "b.tar", tmp_path / "again" / ".handrail")
    with pytest.raises(NotResumable, match="restored"):
        Desk(folder_with(tmp_path / "again")).undo(run)
    (tmp_path / CONFIG).write_text(POLICY.replace("enforce", "observe"))
    with pytest.raises(NotResumable, match="observe"):
        desk.undo(run)


def test_a_write_whose_values_were_erased_is_left(tmp_path: Path) -> None:
    """Claim: without its arguments and result nothing is called."""
    desk = Desk(folder_with(tmp_path))
    run = desk.work((desk.book, "a"))
    assert vault_for(tmp_path / ".handrail").forget(run)
    assert became(desk.undo(run)) == [("book", "values_gone")] and desk.world.done() == {"a": 1}


def test_the_id_of_an_undoing_is_made_of_the_run() -> None:
    """Claim: it is the same everywhere, an id of a run, and another for every run."""
    assert compensation.run_of("1" * 32) == compensation.run_of("1" * 32) != compensation.run_of("2" * 32)
    assert len(bytes.fromhex(compensation.run_of("1" * 32))) == 16


def test_a_tool_of_langchain_s_is_undone_with_what_it_returned(tmp_path: Path) -> None:
    """Claim: the undoing function reads the tool's arguments and result, not the message that a model reads."""
    tools = pytest.importorskip("langchain_core.tools", reason="LangChain is not installed.")
    given: list[Any] = []
    handrail.instrument(config=folder_with(tmp_path) / CONFIG)
    try:

        def reserve(seat: str) -> dict[str, Any]:
            """Reserve a seat."""
            return {"seat": seat, "id": 7}

        @handrail.tool(name="reserve", compensate=lambda args, result: given.append((args, result)))
        def declared(seat: str) -> None: ...

        made = tools.StructuredTool.from_function(reserve)
        with handrail.run("clerk", user="ana"):
            message = made.invoke({"name": "reserve", "args": {"seat": "4A"}, "id": "c1", "type": "tool_call"})
        assert message.tool_call_id == "c1"
        done = compensate(open_gate(tmp_path / CONFIG), run_of(tmp_path))
    finally:
        handrail.uninstrument()
    assert became(done) == [("reserve", "undone")], declared
    assert given == [({"seat": "4A"}, {"seat": "4A", "id": 7})]
