"""Runs in a data folder that was restored from a backup: what they did after it is unknown, so they do not go on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

import handrail
from handrail.audit.backup import VALUES, back_up
from handrail.audit.restore import restore
from handrail.effects import past, values
from handrail.effects.vault import vault_for
from handrail.errors import NotResumable, ValueErased
from tests.effects.crashing import POLICY, World, child, die, run_of

DATA = ".handrail"


def work(folder: Path, steps: list[str], *, dies_before: str = "", run: str = "") -> list[str]:
    """A run that books, and is killed before one of its bookings."""
    world = World(folder)

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        world.do(what)
        return f"booked {what}"

    going_on = handrail.resuming(run) if run else nullcontext()
    with going_on, handrail.run("clerk", config=folder / "handrail.toml", user="ana"):
        done: list[str] = []
        for what in steps:
            if what == dies_before:
                die()
            done.append(book(what))
        return done


def made(tmp_path: Path, name: str) -> Path:
    """A folder with the policy."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "handrail.toml").write_text(POLICY)
    return folder


@pytest.fixture(autouse=True, scope="module")
def _warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a governed run loads is loaded once, before processes are forked."""
    work(made(tmp_path_factory.mktemp("warm"), "first"), ["x"])


def moved(first: Path, second: Path, *, without: tuple[str, ...] = ()) -> None:
    """Back up the data folder of one and restore it in the other."""
    back_up(first / DATA, first / "b.tar", without=without)
    restore(first / "b.tar", second / DATA)


def test_a_run_that_was_unfinished_in_the_backup_does_not_go_on(tmp_path: Path) -> None:
    """Claim: what it did after the backup is not repeated in the restored folder; a run begun there goes on."""
    first, second = made(tmp_path, "first"), made(tmp_path, "second")
    assert child(lambda: work(first, ["a", "b"], dies_before="b")) == -9
    run = run_of(first)
    moved(first, second)
    assert work(first, ["a", "b"], run=run) == ["booked a", "booked b"]  # after the backup
    with pytest.raises(NotResumable, match="unfinished in the backup"):
        work(second, ["a", "b"], run=run)
    assert World(second).done() == {}
    assert child(lambda: work(second, ["c", "d"], dies_before="d")) == -9
    assert work(second, ["c", "d"], run=run_of(second)) == ["booked c", "booked d"]
    assert World(second).done() == {"c": 1, "d": 1}


def test_values_come_with_their_keys_or_not_at_all(tmp_path: Path) -> None:
    """Claim: every result that a record refers to can be read in the restored folder; without values, none can."""
    first, second, third = (made(tmp_path, name) for name in ("first", "second", "third"))
    work(first, ["a", "b"])
    moved(first, second)
    moved_without = tmp_path / "without.tar"
    back_up(first / DATA, moved_without, without=(VALUES,))
    restore(moved_without, third / DATA)
    run = run_of(second)
    known = past.read(second / DATA, run)
    assert known is not None
    refs = [(effect.key, effect.value or {}) for effect in known.effects.values()]
    found = [values.decode(vault_for(second / DATA).get(run, *ref)) for ref in refs]
    assert found == [[{"what": "a"}, "booked a"], [{"what": "b"}, "booked b"]]
    for ref in refs:
        with pytest.raises(ValueErased):
            vault_for(third / DATA).get(run, *ref)
