"""A plain loop that is killed goes on: what it did is not done again, and what is not known is asked."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

import handrail
from handrail.effects import asks
from tests.effects.crashing import POLICY, World, child, die, run_of

CONFIG = "handrail.toml"


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _clerk(folder: Path, steps: list[str], *, dies_in: str = "", dies_before: str = "", run: str = "") -> list[str]:
    world = World(folder)

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        if what == dies_before:
            die()
        world.do(what, handrail.idempotency_key())
        if what == dies_in:
            die()
        return f"booked {what}"

    with handrail.resuming(run) if run else nullcontext(), handrail.run("clerk", config=folder / CONFIG, user="ana"):
        return [book(what) for what in steps]


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    """Killed in the third booking and resumed: the first two are given back, the third waits for a person."""
    folder = _folder(tmp_path)
    assert child(lambda: _clerk(folder, ["a", "b", "c", "d"], dies_in="c")) == -9
    run = run_of(folder)
    with pytest.raises(handrail.InDoubt) as told:
        _clerk(folder, ["a", "b", "c", "d"], run=run)
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    asks.answer(folder / ".handrail", told.value.question, "happened", "the bank says so", "booked c")
    assert _clerk(folder, ["a", "b", "c", "d"], run=run) == ["booked a", "booked b", "booked c", "booked d"]
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1, "d": 1}
