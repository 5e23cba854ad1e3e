"""Reliability figures against a count by hand, over generated histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from tests.audit import recorded

STEPS = st.sampled_from(("ok", "error", "rejected", "not_found", "interrupted", "cancelled", "open", "denied"))
RUNS = st.sampled_from(("ok", "error", "rejected", "interrupted", "cancelled", "open"))


@dataclass(frozen=True)
class History:
    """Runs with what became of each step, and of the run."""

    runs: list[tuple[list[str], str]]
    resumed: list[bool] = field(default_factory=list[bool])
    """Whether each run goes on with the one before it."""


HISTORIES = st.builds(
    History, st.lists(st.tuples(st.lists(STEPS, max_size=6), RUNS), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
)  # fmt: skip


def write(folder: Path, history: History) -> None:
    """The history as a journal whose writer is gone."""
    journal = Journal(folder)
    first = ""
    for (steps, ended), resumed in zip(history.runs, history.resumed, strict=False):
        fields = {"logical": first} if resumed and first else {}
        run = recorded.begin(journal, **fields)
        first = fields.get("logical", run)
        for number, outcome in enumerate(steps, 1):
            put(journal, run, number, outcome)
        if ended != "open":
            recorded.end(journal, run, {"outcome": ended})
    journal.close("exit")


def put(journal: Journal, run: str, number: int, outcome: str) -> None:
    """One tool call that ended so."""
    if outcome == "denied":
        recorded.tool(journal, run, number, verdict="deny", ran=False)
        return
    recorded.tool(journal, run, number, ends=False)
    if outcome != "open":
        journal.append({"k": "tool.result", "run": run, "step": f"{number:016x}", "outcome": outcome, "error": None,
                        "findings": [], "dur": 1})  # fmt: skip


def counted(history: History) -> tuple[dict[str, int], dict[str, int]]:
    """Results of steps and of logical runs, by hand."""
    word = {"ok": "success", "not_found": "success", "error": "failure", "rejected": "failure", "open": "failure"}
    steps: dict[str, int] = {}
    runs: list[str] = []
    for (outcomes, ended), resumed in zip(history.runs, history.resumed, strict=False):
        for outcome in outcomes:
            if outcome != "denied":
                key = word.get(outcome, "censored")
                steps[key] = steps.get(key, 0) + 1
        if resumed and runs:
            runs[-1] = word.get(ended, "censored")
        else:
            runs.append(word.get(ended, "censored"))
    return steps, {key: runs.count(key) for key in set(runs)}


def query(folder: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of the index."""
    index = Index(folder)
    index.refresh(block=True)
    return index.query(sql)


@settings(max_examples=15, deadline=None)
@given(HISTORIES)
def test_the_figures_are_those_counted_by_hand(history: History) -> None:
    """Claim: for any history, successes, failures and censored steps and runs are what the definition says."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, history)
        steps, runs = counted(history)
        found = query(folder, "SELECT * FROM reliability WHERE dimension = 'tool'")
        if steps:
            (row,) = found
            assert (row["value"], row["successes"], row["failures"], row["censored"]) == (
                "refund", steps.get("success", 0), steps.get("failure", 0), steps.get("censored", 0))  # fmt: skip
            assert row["attempts"] == row["successes"] + row["failures"]
            assert row["steps_to_failure"] == (row["attempts"] / row["failures"] if row["failures"] else None)
        else:
            assert not found
        (row,) = query(folder, "SELECT * FROM reliability_of_runs WHERE dimension = 'agent'")
        assert (row["successes"], row["failures"], row["censored"]) == (
            runs.get("success", 0), runs.get("failure", 0), runs.get("censored", 0))  # fmt: skip


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (8, 10), (0, 50), (50, 50), (99, 100), (3, 7)])
def test_bounds_are_wilsons(tmp_path: Path, successes: int, trials: int) -> None:
    """Claim: the bounds are those of the cited formula, and stay between 0 and 1."""
    z, p = 1.959963984540054, successes / trials
    middle, spread = p + z * z / (2 * trials), z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    expected = (middle - spread) / (1 + z * z / trials), (middle + spread) / (1 + z * z / trials)
    Journal(tmp_path).open()
    (row,) = query(
        tmp_path, f"SELECT wilson_low({successes}, {trials}) AS low, wilson_high({successes}, {trials}) AS high"
    )
    assert (row["low"], row["high"]) == (pytest.approx(expected[0], abs=1e-12), pytest.approx(expected[1], abs=1e-12))
    assert 0 <= row["low"] <= p <= row["high"] <= 1


def test_the_compounding_curve_is_p_to_the_length(tmp_path: Path) -> None:
    """Claim: 50 steps of which 99 % succeed compound to 0.605, beside what was observed of runs of that length."""
    journal = Journal(tmp_path)
    for failing in range(2):
        run = recorded.begin(journal)
        for number in range(1, 51):
            put(journal, run, number, "error" if failing == 1 and number == 7 else "ok")
        recorded.end(journal, run, {"outcome": "ok"})
    journal.close("exit")
    (row,) = query(tmp_path, "SELECT * FROM reliability_lengths")
    assert (row["length"], row["runs"], row["successes"], row["step_success_rate"]) == (56, 2, 2, 0.99)
    (row,) = query(tmp_path, "SELECT pow(step_success_rate, 50) AS fifty FROM reliability_lengths")
    assert round(row["fifty"], 3) == 0.605


def test_one_failed_run_of_few_steps_is_told_by_its_length(tmp_path: Path) -> None:
    """Claim: short lengths have rows of their own, with observed success, bounds and what was to be expected."""
    journal = Journal(tmp_path)
    write_runs = [(["ok", "ok"], "ok"), (["ok", "error"], "error"), (["ok"] * 3, "ok"), (["ok"], "interrupted")]
    for steps, ended in write_runs:
        run = recorded.begin(journal)
        for number, outcome in enumerate(steps, 1):
            put(journal, run, number, outcome)
        recorded.end(journal, run, {"outcome": ended})
    journal.close("exit")
    columns = "length, runs, successes, censored, success_rate, compounded"
    rows = query(tmp_path, f"SELECT {columns} FROM reliability_lengths ORDER BY length")
    p = 7 / 8
    assert [tuple(row.values()) for row in rows] == [
        (1, 0, 0, 1, None, pytest.approx(p)), (2, 2, 1, 0, 0.5, pytest.approx(p**2)),
        (3, 1, 1, 0, 1.0, pytest.approx(p**3))]  # fmt: skip
