"""Logical runs as people look at them: their lives, what they did to the world, and what is asked about that.

Everything comes from the index, which is made of the journal. What decides whether a run may go on is read from the
journal itself: see `handrail.effects.past`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.audit.index import Queries
from handrail.audit.schema import statement
from handrail.audit.traces import find_run

Row = Mapping[str, Any]

MOST = 2_000
"""Effects, questions or moments of one run that are read."""


@dataclass(frozen=True, slots=True)
class Lives:
    """One logical run."""

    run: Row
    """What `listed` says of it."""
    lives: Sequence[Row]
    """One row for each of its runs, oldest first: ``run``, ``outcome``, ``started_at``, ``ended_at`` and more."""
    effects: Sequence[Row]
    """Its rows of the view ``effects``, in the order of their first attempts."""
    questions: Sequence[Row]
    """Its rows of the view ``asks``, open ones first."""
    moments: Sequence[Row]
    """Each call in each life: an attempt (``ran``), or what was done in its place (``how``)."""


def listed(index: Queries, *, unfinished: bool = False, most: int = 100) -> list[dict[str, Any]]:
    """Logical runs, those first that did not come to their end or have an open question, then the newest.

    With ``unfinished`` only those; a run in observe mode is none of them, since it cannot go on.
    """
    return index.query(statement("lives", "runs"), {"run": None, "unfinished": unfinished, "most": most})


def logical_of(index: Queries, named: str) -> str:
    """The logical run of the run that ``named`` means: an id of any of its lives, the beginning of one, or ``last``.

    Raises JournalError where it means no run or several.
    """
    run = find_run(index, named)
    return str(index.query(statement("lives", "logical"), {"run": run})[0]["logical"])


def of_run(index: Queries, run: str) -> Lives | None:
    """All about the logical run with the id ``run``; None where there is none."""
    found = index.query(statement("lives", "runs"), {"run": run, "unfinished": False, "most": 1})
    if not found:
        return None
    wanted = {"run": run, "most": MOST}
    lives, effects, moments = (
        index.query(statement("lives", name), wanted) for name in ("lives", "effects", "moments")
    )
    return Lives(found[0], lives, effects, questions(index, run=run), moments)


def questions(index: Queries, *, run: str | None = None, only_open: bool = False) -> list[dict[str, Any]]:
    """Rows of the view ``asks``: of one logical run or of all, open ones first, oldest first."""
    return index.query(statement("lives", "questions"), {"run": run, "open": only_open, "most": MOST})


def run_of_question(index: Queries, question: str) -> str | None:
    """The logical run whose effect a question is about, whether it was asked or not; None where there is none."""
    found = index.query(statement("lives", "of_question"), {"question": question})
    return str(found[0]["run"]) if len(found) == 1 else None


def waiting(index: Queries) -> list[dict[str, Any]]:
    """Everything that only a person can say, of all runs, oldest first: one row for each question."""
    runs = [row["run"] for row in index.query(statement("lives", "unsettled"))]
    return index.query(statement("lives", "waiting"), {"runs": tuple(runs), "most": MOST}) if runs else []
