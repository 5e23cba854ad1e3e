"""The picture of a run that died and went on: what each of its lives did about each call. Nothing here reads the index.

Down are the lives, across the calls in the order in which they were made first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt

from handrail.audit.lives import Lives
from handrail.dashboard import plain, tables, theme
from handrail.dashboard.figures import Chart

MOST_CALLS = 60
"""Calls of a long run that are drawn: the last ones."""
_ROW_PX, _AXIS_PX = 34, 96
_SYMBOL_PX = 17
_LINES: dict[str, Any] = {"grid": True, "gridColor": "#EDF1F5", "ticks": False, "domain": False}

Row = Mapping[str, Any]


def mark(moment: Row, life: Row) -> str:
    """The key of :data:`theme.MARKS` for what ``life`` did about a call: a row of ``moments`` of lives.sql."""
    if not moment["ran"]:
        return {"replayed": "replayed", "asked": "asked"}.get(moment["how"], "answered")
    if moment["doubt"]:
        return "in doubt"
    if moment["began"] is False:
        return "failed"
    if moment["outcome"] is None:
        if life["outcome"] == "running":
            return "running"
        return "failed" if moment["effect"] == "read" else "in doubt"
    return {"ok": "done", "rejected": "done", "interrupted": "asked"}.get(moment["outcome"], "failed")


def picture(known: Lives) -> tuple[Chart, list[str]]:
    """The chart, and the keys of the marks in it."""
    keys = list(dict.fromkeys(moment["key"] for moment in known.moments))[-MOST_CALLS:]
    calls = {key: f"{number:04d} {_tool(known.moments, key)}" for number, key in enumerate(keys)}
    rows = {life["run"]: _label(number, life) for number, life in enumerate(known.lives, 1)}
    drawn = [one for one in _marks(known) if one["key"] in calls and one["run"] in rows]
    looks = [theme.MARKS[one["mark"]] for one in drawn]
    frame = tables.frame(
        {
            "call": [calls[one["key"]] for one in drawn],
            "life": [rows[one["run"]] for one in drawn],
            "symbol": [look.symbol for look in looks],
            "ink": [look.colour for look in looks],
            "what": [look.word for look in looks],
            "tool": [plain.name(one["tool"]) for one in drawn],
            "when": [f"{one['at_utc']:%H:%M:%S.%f}"[:-3] for one in drawn],
        }
    )
    present = {one["mark"] for one in drawn}
    return _drawn(frame, list(calls.values()), list(rows.values())), [one for one in theme.MARKS if one in present]


def _marks(known: Lives) -> Iterator[Row]:
    lives = {life["run"]: life for life in known.lives}
    for moment in known.moments:
        if moment["run"] in lives:
            yield {**moment, "mark": mark(moment, lives[moment["run"]])}
    for question in known.questions:
        if question["left_behind"] and known.lives:
            yield {**question, "run": known.lives[-1]["run"], "mark": "orphan", "at_utc": question["asked_at"]}


def _tool(moments: Sequence[Row], key: str) -> str:
    return plain.name(next(moment["tool"] for moment in moments if moment["key"] == key), limit=24)


def _label(number: int, life: Row) -> str:
    word = "died" if life["outcome"] == "lost" else theme.outcome(life["outcome"]).word
    return f"{number}  {word}  {life['started_at']:%d %b %H:%M:%S}"


def _drawn(frame: Any, calls: list[str], lives: list[str]) -> alt.Chart:
    across = alt.X("call:N", title=None, sort=calls, scale=alt.Scale(domain=calls),
                   axis=alt.Axis(**_LINES, labelExpr="slice(datum.label, 5)", orient="top", labelAngle=-35,
                                 labelLimit=150, labelOverlap=False))  # fmt: skip
    down = alt.Y("life:N", title=None, sort=lives, scale=alt.Scale(domain=lives),
                 axis=alt.Axis(**_LINES, labelLimit=260))  # fmt: skip
    tips = [alt.Tooltip(f"{name}:N") for name in ("tool", "what", "when", "life")]
    config = alt.Config(view=alt.ViewConfig(stroke=None))
    base: alt.Chart = alt.Chart(frame, height=_ROW_PX * len(lives) + _AXIS_PX, config=config)
    marks: alt.Chart = base.mark_text(fontSize=_SYMBOL_PX, fontWeight="bold").encode(
        x=across, y=down, text="symbol:N", color=alt.Color("ink:N", scale=None), tooltip=tips
    )
    return marks
