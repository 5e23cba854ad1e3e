"""The views `effects` and `asks` over runs that were killed, resumed and answered: the same as the journal says."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.index import Index
from handrail.effects import asks, past
from tests.effects.crashing import POLICY, World, child, die, run_of

STEPS = ["a", "b", "c", "d"]
WORDS = {"done": {"done", "resolved"}, "doubt": {"in doubt", "running", "refused"}, "suspended": {"suspended"},
         "failed": {"failed"}}  # fmt: skip
"""Status of the journal's reader -> those of the view that say the same."""


def _clerk(folder: Path, *, dies_in: str = "", run: str = "") -> list[str]:
    world = World(folder)

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        world.do(what)
        if what == dies_in:
            die()
        return f"booked {what}"

    @handrail.tool(effect="read")
    def look(what: str) -> str:
        return f"{what} is there"

    config = folder / "handrail.toml"
    with handrail.resuming(run) if run else nullcontext(), handrail.run("clerk", config=config, user="ana"):
        return [look("all"), *(book(what) for what in STEPS)]


def _view(folder: Path, sql: str) -> list[dict[str, Any]]:
    index = Index(folder / ".handrail")
    index.refresh(block=True)
    return index.query(sql)


def _agree(folder: Path, run: str) -> Mapping[str, dict[str, Any]]:
    """The rows of the view by what was booked, after a look at whether the journal's reader says the same."""
    rows = {row["key"]: row for row in _view(folder, "SELECT * FROM effects ORDER BY started_at")}
    known = past.read(folder / ".handrail", run)
    assert known is not None
    assert rows.keys() == known.effects.keys()
    for key, effect in known.effects.items():
        row = rows[key]
        assert row["status"] in WORDS[effect.status]
        assert (row["run"], row["attempts"], row["life"], row["step"], row["tool"]) == (
            run, effect.attempts, effect.life, effect.step, effect.tool)  # fmt: skip
    return {name: row for name, row in zip(["look", *STEPS], rows.values(), strict=False)}


def test_what_the_views_say_of_a_run_is_what_the_journal_says(tmp_path: Path) -> None:
    """Killed in the third booking, then asked about, answered, resumed: each status is the journal's at each time."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    assert child(lambda: _clerk(tmp_path, dies_in="c")) == -9
    run = run_of(tmp_path)
    rows = _agree(tmp_path, run)
    assert [row["status"] for row in rows.values()] == ["done", "done", "done", "in doubt"]
    assert _view(tmp_path, "SELECT * FROM asks") == []
    with pytest.raises(handrail.InDoubt) as told:
        _clerk(tmp_path, run=run)
    rows = _agree(tmp_path, run)
    assert rows["c"]["question"] == told.value.question
    assert [row["replays"] for row in rows.values()] == [1, 1, 1, 0]
    (asked,) = _view(tmp_path, 'SELECT id, kind, run, attempt, "user", status FROM asks')
    assert tuple(asked.values()) == (told.value.question, "doubt", run, 1, "ana", "open")
    waiting = _view(tmp_path, "SELECT name, ran, how FROM steps WHERE verdict = 'ask'")
    assert [tuple(row.values()) for row in waiting] == [("book", False, "asked")]
    asks.answer(tmp_path / ".handrail", told.value.question, "happened", "it is in the books", "booked c")
    assert _clerk(tmp_path, run=run)[-1] == "booked d"
    rows = _agree(tmp_path, run)
    assert [row["status"] for row in rows.values()] == ["done", "done", "done", "resolved", "done"]
    assert rows["c"]["resolved_by"] == "person"
    (asked,) = _view(tmp_path, "SELECT status, decision FROM asks")
    assert tuple(asked.values()) == ("answered", "happened")
    assert World(tmp_path).done() == dict.fromkeys(STEPS, 1)


def test_replayed_and_waiting_calls_are_no_attempts(tmp_path: Path) -> None:
    """What was given back or waits is allowed or `ask`, did not run, and counts neither as success nor as failure."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    assert child(lambda: _clerk(tmp_path, dies_in="b")) == -9
    with pytest.raises(handrail.InDoubt):
        _clerk(tmp_path, run=run_of(tmp_path))
    replayed = _view(tmp_path, "SELECT DISTINCT verdict, ran FROM steps WHERE how = 'replayed'")
    assert [tuple(row.values()) for row in replayed] == [("allow", False)]
    counted = _view(tmp_path, "SELECT tool, result, count(*) AS c FROM reliability_steps GROUP BY ALL ORDER BY ALL")
    assert [tuple(row.values()) for row in counted] == [
        ("book", "failure", 1), ("book", "success", 1), ("look", "success", 1)]  # fmt: skip
