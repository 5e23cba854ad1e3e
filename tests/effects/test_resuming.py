"""Who may go on with a run, when it may not go on at all, and that no file beside the journal is believed."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit import reader
from handrail.audit.compact import compact
from handrail.effects import asks
from handrail.effects.vault import vault_for
from handrail.errors import JournalError, NotAvailable, NotResumable, RunHeld
from handrail.gate import NEUTRAL, once
from tests.effects.clerk import answer, booked, clerk, office, resumed
from tests.effects.crashing import POLICY, World, child, die, run_of

A, B, C = ("a", 1), ("b", 2), ("c", 3)
PLAN = [A, B, C]


def _died(folder: Path) -> str:
    """A run that booked ``a`` and was killed before it booked ``b``; its id."""
    assert child(lambda: clerk(folder, PLAN, before=lambda call: die() if call == B else None)) == -9
    assert World(folder).done() == {"a": 1}
    return run_of(folder)


def test_a_result_is_given_out_only_where_the_call_is_allowed_now(tmp_path: Path) -> None:
    """The right to book was revoked after the crash: the recorded result stays where it is; nothing runs."""
    folder = office(tmp_path)
    run = _died(folder)
    office(folder, POLICY.replace('call = "*"\n[[delegate]]', 'call = "read_*"\n[[delegate]]'))
    assert clerk(folder, PLAN, run=run) == [NEUTRAL] * 3
    assert World(folder).done() == {"a": 1}


@pytest.mark.parametrize(
    ("who", "name", "error"),
    [
        ({"user": "ben"}, "clerk", NotAvailable),
        ({"user": "ana", "tenant": "other"}, "clerk", NotAvailable),
        ({"user": "ana"}, "teller", NotResumable),
    ],
)
def test_nobody_else_goes_on_with_a_run(tmp_path: Path, who: dict[str, Any], name: str, error: type[Exception]) -> None:
    """Another user, tenant or agent is refused; the one whose run it is goes on afterwards."""
    folder = office(tmp_path)
    run = _died(folder)
    with pytest.raises(error):
        clerk(folder, PLAN, run=run, who=who, name=name)
    assert World(folder).done() == {"a": 1}
    assert resumed(folder, PLAN, run) == [booked(call) for call in PLAN]


def test_observe_mode_changes_nothing(tmp_path: Path) -> None:
    """A tool that failed is called again as ever; nothing is asked, kept or held; going on with a run is refused."""
    folder = office(tmp_path, POLICY.replace('mode = "enforce"', 'mode = "observe"'))
    fails = [True]

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        World(folder).do(what)
        if fails:
            fails.pop()
            raise ConnectionError
        return f"booked {what}"

    with handrail.run("clerk", config=folder / "handrail.toml", user="ana"):
        with pytest.raises(ConnectionError):
            book("a")
        assert book("a") == "booked a"
        assert book("a") == "booked a"
    assert World(folder).done() == {"a": 3}
    assert not list(asks.open_questions(folder / ".handrail"))
    assert not (folder / ".handrail" / "replay").exists()
    with pytest.raises(NotResumable, match="observe mode"):
        clerk(folder, PLAN, run=run_of(folder))


def test_of_two_processes_one_goes_on(tmp_path: Path) -> None:
    """While one process goes on with a run, another that wants to is told its number, and does nothing."""
    folder = office(tmp_path)
    run = _died(folder)
    answered, told = os.pipe(), list[int | None]()

    def first() -> None:
        def wait(call: object) -> None:
            os.write(answered[1], b"+")
            os.read(stay[0], 1)

        clerk(folder, PLAN, run=run, before=lambda call: wait(call) if call == B else None)

    with pytest.raises(handrail.InDoubt):
        clerk(folder, PLAN, run=run)
    answer(folder)
    stay = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            first()
        os._exit(0)
    os.read(answered[0], 1)
    try:
        clerk(folder, PLAN, run=run)
    except RunHeld as held:
        told.append(held.process)
    os.write(stay[1], b"+")
    os.waitpid(pid, 0)
    assert told == [pid]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


def test_of_two_threads_one_goes_on(tmp_path: Path) -> None:
    """Likewise two threads of one process, neither of which is inside the other's run."""
    folder = office(tmp_path)
    run = _died(folder)
    with pytest.raises(handrail.InDoubt):
        clerk(folder, PLAN, run=run)
    answer(folder)
    told, begun, over = list[int | None](), threading.Event(), threading.Event()

    def second() -> None:
        begun.wait()
        try:
            clerk(folder, PLAN, run=run)
        except RunHeld as held:
            told.append(held.process)
        over.set()

    def beside(call: object) -> None:
        if call == B:
            begun.set()
            over.wait()

    thread = threading.Thread(target=second)
    thread.start()
    assert clerk(folder, PLAN, run=run, before=beside) == [booked(call) for call in PLAN]
    thread.join()
    assert told == [os.getpid()]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


def test_erased_values_end_a_run(tmp_path: Path) -> None:
    """A run whose values were erased cannot go on, says so, and repeats nothing."""
    folder = office(tmp_path)
    run = _died(folder)
    assert vault_for(folder / ".handrail").forget(run)
    with pytest.raises(NotResumable, match="erased"):
        clerk(folder, PLAN, run=run)
    assert World(folder).done() == {"a": 1}


def test_a_journal_that_cannot_be_read_ends_a_run(tmp_path: Path) -> None:
    """Where a record of the run was changed, what was done behind it is not known: going on is refused."""
    folder = office(tmp_path)
    run = _died(folder)
    part = next(part for part in reader.parts(folder / ".handrail") if run.encode() in part.place.path.read_bytes())
    content = part.place.path.read_bytes()
    part.place.path.write_bytes(content.replace(b'"tool.call"', b'"tool.cell"', 1))
    with pytest.raises(JournalError):
        clerk(folder, PLAN, run=run)
    assert World(folder).done() == {"a": 1}


def test_a_packed_journal_is_read_as_ever(tmp_path: Path) -> None:
    """The segments of the killed process were packed before the run goes on: nothing is forgotten."""
    folder = office(tmp_path)
    run = _died(folder)
    assert child(lambda: compact(folder / ".handrail", min_writers=1)) == 0
    assert [path.name for path in (folder / ".handrail" / "journal").glob("*.jl")] == []
    assert resumed(folder, PLAN, run) == [booked(call) for call in PLAN]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


def test_without_its_questions_a_run_repeats_nothing(tmp_path: Path) -> None:
    """The folder with questions and answers is lost: what was answered and put down holds, the rest is asked again."""
    folder = office(tmp_path)
    run = _died(folder)
    with pytest.raises(handrail.InDoubt):
        clerk(folder, PLAN, run=run)
    answer(folder)
    shutil.rmtree(folder / ".handrail" / asks.FOLDER)
    with pytest.raises(handrail.InDoubt):
        clerk(folder, PLAN, run=run)
    answer(folder)
    assert child(lambda: clerk(folder, PLAN, run=run, after=lambda call: die() if call == C else None)) == -9
    shutil.rmtree(folder / ".handrail" / asks.FOLDER)
    assert resumed(folder, PLAN, run) == [booked(A), booked(B), once.CARRIED_OUT]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


def test_what_a_forked_child_did_is_the_run_s(tmp_path: Path) -> None:
    """A child that is forked in the middle of a run makes a call there: after a crash its result is given back."""
    folder = office(tmp_path)

    def life(run: str = "") -> list[str]:
        @handrail.tool(effect="write")
        def book(what: str) -> str:
            World(folder).do(what, handrail.idempotency_key())
            return f"booked {what}"

        with (
            handrail.resuming(run) if run else nullcontext(),
            handrail.run("clerk", config=folder / "handrail.toml", user="ana"),
        ):
            first = book("a")
            if not run:
                assert child(lambda: book("b")) == 0
                die()
            return [first, book("b"), book("c")]

    assert child(life) == -9
    assert life(run_of(folder)) == ["booked a", "booked b", "booked c"]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
