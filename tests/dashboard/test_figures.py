"""The pictures' data: what is marked, what is cut, and that every chart is valid for the browser."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("altair", reason="The extra `dashboard` is not installed.")

from handrail.audit.tree import Place
from handrail.dashboard import figures, theme
from tests.dashboard.sample import HOSTILE

BEGIN = datetime(2026, 11, 20, 12)


def step(
    number: int,
    *,
    kind: str = "tool",
    verdict: str | None = "allow",
    outcome: str = "ok",
    seconds: tuple[float, float | None] = (0, 1),
    name: str = "read_order",
    **more: Any,
) -> dict[str, Any]:
    """A row of the view ``steps``."""
    end = None if seconds[1] is None else BEGIN + timedelta(seconds=seconds[1])
    return {"step": str(number), "type": kind, "name": name, "verdict": verdict, "rule": None, "outcome": outcome,
            "decided_by": "policy", "error": None, "started_at": BEGIN + timedelta(seconds=seconds[0]),
            "ended_at": end, "duration_ms": 1.0, **more}  # fmt: skip


def drawn(*steps: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """The rows that the waterfall of ``steps`` draws."""
    places = [Place(one["step"], 0) for one in steps]
    chart = figures.waterfall(places, {one["step"]: one for one in steps}, now=BEGIN + timedelta(seconds=9),
                              begin=BEGIN, chosen=None, **options)  # fmt: skip
    [rows] = chart.to_dict()["datasets"].values()
    found: list[dict[str, Any]] = rows
    return found


@pytest.mark.parametrize("verdict", ["deny", "reject", "would_deny", "would_reject"])
def test_a_stopped_step_is_marked_without_colour(verdict: str) -> None:
    """Its label has a symbol of its own and the note beside its bar says verdict and rule."""
    [row] = drawn(step(1, verdict=verdict, rule="nobody-wires", outcome="rejected"))
    [allowed] = drawn(step(1))
    assert theme.VERDICTS[verdict].word in row["note"] and "nobody-wires" in row["note"]
    assert row["row"].split("\u2002")[0] != allowed["row"].split("\u2002")[0]


def test_default_deny_is_explained() -> None:
    """Where no rule matched the note does not name one."""
    assert "no rule allows it" in drawn(step(1, verdict="deny"))[0]["note"]


def test_a_running_step_reaches_to_now_and_a_lost_one_does_not() -> None:
    """What nobody heard of again has no known end."""
    running, lost = drawn(step(1, outcome="running", seconds=(2, None)), step(2, outcome="lost", seconds=(2, None)))
    assert running["to"] == 9
    assert lost["to"] < 3


def test_a_part_of_a_long_run_is_not_squeezed_by_its_agent() -> None:
    """On page 40 of a run the bar of the agent, hours long, is cut to what the page shows."""
    agent = step(0, kind="agent", verdict=None, seconds=(0, 9000))
    cut = drawn(agent, step(1, seconds=(4000, 4001)), step(2, seconds=(4001, 4003)), part=True)
    assert (cut[0]["from"], cut[0]["to"]) == (4000, 4003)
    assert cut[0]["left"] == 4000


@pytest.mark.parametrize("text", HOSTILE)
def test_a_row_is_one_line_of_text(text: str) -> None:
    """Names reach the picture as one visible line, whatever they hold."""
    [row] = drawn(step(1, verdict=text, rule=text, outcome=text, name=text, kind=text, error=text, decided_by=text))
    for value in row.values():
        assert not re.search(r"[\x00-\x1f\u202a-\u202e]", str(value))


def test_words_of_a_foreign_journal_are_unknown() -> None:
    """An outcome or verdict that is not in the format is shown as unknown, not as its text."""
    chart = figures.runs_over_time([{"bucket": BEGIN, "outcome": "**x**", "runs": 1}], bucket_s=60).to_dict()
    assert "**x**" not in str(chart) and "unknown" in str(chart["datasets"])
    assert "**x**" not in str(figures.by_verdict([{"verdict": "**x**", "calls": 1}]).to_dict())


def test_the_most_stopped_tools_come_first() -> None:
    """Six tools at most, by all their stopped calls together."""
    rows = [{"name": f"tool{n}", "verdict": verdict, "calls": n} for n in range(9) for verdict in ("deny", "reject")]
    chart = figures.denied_tools(rows).to_dict()
    assert chart["encoding"]["y"]["sort"] == ["tool8", "tool7", "tool6", "tool5", "tool4", "tool3"]


def test_validators_that_find_most_come_first() -> None:
    """At most six, by what was done; what a foreign record calls it is unknown, and only marked is told apart."""
    rows = [{"validator": f"v{n}", "action": "rejected", "checks": n} for n in range(1, 9)]
    rows += [{"validator": "v8", "action": action, "checks": 1} for action in ("would_be_rejected", "escalated", "<b>")]
    [drawn] = figures.by_validator(rows).to_dict()["datasets"].values()
    assert {row["validator"] for row in drawn} == {f"v{n}" for n in range(3, 9)}
    assert [row["done"] for row in drawn if row["validator"] == "v8"] == [
        "rejected", "only marked", "given up", "unknown",
    ]  # fmt: skip
