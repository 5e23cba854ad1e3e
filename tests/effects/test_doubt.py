"""When a call is in doubt, and when it is not; and what is done about it where the disk is full."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit import oscalls
from handrail.effects import asks, past
from handrail.gate import NEUTRAL, once
from tests.effects.clerk import Call, answer, booked, clerk, office, resumed
from tests.effects.crashing import World, child, die, run_of

A, B = ("a", 1), ("b", 2)


def _raises(error: BaseException) -> Callable[[Call], None]:
    def fail(call: Call) -> None:
        raise error

    return fail


def _status(folder: Path) -> list[str]:
    known = past.read(folder / ".handrail", run_of(folder))
    assert known is not None
    return [effect.status for effect in known.effects.values()]


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError(), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_raised_may_have_happened(tmp_path: Path, error: BaseException) -> None:
    """An exception, a timeout or a cancellation after the intent: the call is in doubt, and is asked about."""
    folder = office(tmp_path)
    with pytest.raises(type(error)):
        clerk(folder, [A], after=_raises(error))
    assert _status(folder) == ["doubt"]
    assert resumed(folder, [A, B], run_of(folder)) == [once.CARRIED_OUT, booked(B)]
    assert World(folder).done() == {"a": 1, "b": 1}


def test_a_clean_exception_leaves_no_doubt(tmp_path: Path) -> None:
    """After an exception that the tool declares clean nothing was done: the call is made again, and nobody is asked."""
    folder = office(tmp_path)
    with pytest.raises(LookupError):
        clerk(folder, [A], before=_raises(LookupError("no such table")), clean=(LookupError,))
    assert _status(folder) == ["failed"]
    assert clerk(folder, [A], run=run_of(folder), clean=(LookupError,)) == [booked(A)]
    assert World(folder).done() == {"a": 1}


def test_in_a_first_life_a_call_in_doubt_is_not_tried_again(tmp_path: Path) -> None:
    """The agent catches what its tool raised and calls it again: it reads that a person was asked, and nothing runs."""
    folder, said = office(tmp_path), list[str]()

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        World(folder).do(what)
        raise ConnectionError(what)

    with handrail.run("clerk", config=folder / "handrail.toml", user="ana"):
        with pytest.raises(ConnectionError):
            book("a")
        said.append(book("a"))
    assert said == [once.ASKED]
    assert World(folder).done() == {"a": 1}
    assert [one.kind for one in asks.open_questions(folder / ".handrail")] == ["doubt"]


class _Disk:
    """Stands before the disk: refuses what it is told to refuse, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses: Callable[[bytes], bool] = lambda data: False
        original = oscalls.write

        def write(fd: int, data: Any) -> int:
            if self.refuses(bytes(data)):
                raise OSError(errno.ENOSPC, "No space left on device")
            return original(fd, data)

        monkeypatch.setattr(oscalls, "write", write)


def _once(what: bytes) -> Callable[[bytes], bool]:
    """Refuses the first thing that has ``what`` in it."""
    left = [what]

    def refuses(data: bytes) -> bool:
        hit = bool(left) and what in data
        if hit:
            left.clear()
        return hit

    return refuses


def test_a_full_disk_at_the_intent_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the intent cannot be written the tool does not run; the run goes on later as if it had not been called."""
    folder, disk = office(tmp_path), _Disk(monkeypatch)
    disk.refuses = lambda data: b'"tool.call"' in data and b'"book"' in data
    assert clerk(folder, [A]) == [NEUTRAL]
    disk.refuses = lambda data: False
    assert World(folder).done() == {}
    assert clerk(folder, [A, A], run=run_of(folder)) == [booked(A), booked(A)]


def test_a_call_behind_one_that_was_refused_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of two equal calls finds the disk full, the second does not: after a crash that one is not repeated."""
    folder = office(tmp_path)

    def life() -> None:
        _Disk(monkeypatch).refuses = _once(b'"tool.call"')
        clerk(folder, [A, A, B], before=lambda call: die() if call == B else None)

    assert child(life) == -9
    assert World(folder).done() == {"a": 1}
    assert resumed(folder, [A, B], run_of(folder)) == [booked(A), booked(B)]
    assert World(folder).done() == {"a": 1, "b": 1}


def test_a_full_disk_at_the_value_loses_the_value_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the result cannot be kept the call counts as done: a later life is told so, and does not repeat it."""
    folder = office(tmp_path)

    def life() -> None:
        monkeypatch.setattr("handrail.effects.vault._File.add", _full)
        clerk(folder, [A, B], before=lambda call: die() if call == B else None)

    assert child(life) == -9
    assert resumed(folder, [A, B], run_of(folder)) == [once.CARRIED_OUT, booked(B)]
    assert World(folder).done() == {"a": 1, "b": 1}


def _full(*given: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_intent_that_is_not_on_the_disk_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An irreversible call whose intent cannot be synced does not run, counts as not done, and holds up none."""
    folder = office(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("handrail.audit.recorder.Recorder.sync", _full)
        assert clerk(folder, [A, A], effect="irreversible") == [NEUTRAL, NEUTRAL]
    assert World(folder).done() == {}
    assert _status(folder) == ["failed"]
    assert clerk(folder, [A], run=run_of(folder), effect="irreversible") == [booked(A)]


def test_nothing_is_done_in_a_run_that_could_not_be_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of a life's beginning is written before its first intent, or nothing runs: else its effects, which
    belong to that life, would be forgotten by the next.
    """
    folder = office(tmp_path)
    assert child(lambda: clerk(folder, [A, B], before=lambda call: die() if call == B else None)) == -9
    run, plan = run_of(folder), [A, B, ("c", 3), ("d", 4)]
    with pytest.raises(handrail.InDoubt):
        clerk(folder, plan, run=run)
    answer(folder)

    def life() -> None:
        _Disk(monkeypatch).refuses = _once(b'"run.start"')
        clerk(folder, plan, run=run, before=lambda call: die() if call[0] == "d" else None)

    assert child(life) == -9
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    resumed(folder, plan, run)
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1, "d": 1}
