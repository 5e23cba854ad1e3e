"""Runs with several lives for tests and pictures: killed, asked about, with an orphan, and with hostile content."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import handrail
from handrail.errors import InDoubt
from tests.effects.crashing import POLICY, World, child, die, run_of

HOSTILE = "<img src=x onerror=window.stolen=1> **x** [a](javascript:window.stolen=1) `t` :red[x]"


def clerk(folder: Path, steps: Sequence[str], *, dies_in: str = "", run: str = "") -> list[str]:
    """A plain loop that books each of ``steps``; it is killed in ``dies_in``, after it did it."""
    world = World(folder)

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        world.do(what.split(" ")[0])
        if what == dies_in:
            die()
        return f"booked {what} {HOSTILE}"

    @handrail.tool(effect="read")
    def look(what: str) -> str:
        return f"{what} is there"

    config = folder / "handrail.toml"
    with (
        handrail.resuming(run) if run else nullcontext(),
        handrail.run("clerk", config=config, user="ana"),
    ):
        return [look("all"), *(book(what) for what in steps)]


def in_doubt(folder: Path, steps: Sequence[str] = ("a", "b", "c"), dies_in: str = "b") -> str:
    """A run that was killed, and that somebody tried to resume: its question is open. The logical run."""
    (folder / "handrail.toml").write_text(POLICY)
    assert child(lambda: clerk(folder, steps, dies_in=dies_in)) == -9
    run = run_of(folder)

    def resumed() -> None:
        try:
            clerk(folder, steps, run=run)
        except InDoubt:
            return
        raise AssertionError("nothing was in doubt")

    assert child(resumed) == 0
    return run


def with_orphan(folder: Path) -> str:
    """A run that was killed after it had booked `a`, and whose next life booked something else. The logical run."""
    (folder / "handrail.toml").write_text(POLICY)

    assert child(lambda: clerk(folder, ["a", "x"], dies_in="x")) == -9
    run = run_of(folder)
    assert child(lambda: clerk(folder, ["other"], run=run)) == 0
    return run
