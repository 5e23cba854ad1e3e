"""The explorer's pictures, as Altair charts over plain rows. Nothing here reads the index.

Charts keep one spec while a run grows: all that changes is data, which the browser redraws without flicker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import altair as alt

from handrail.audit.traces import as_object
from handrail.audit.tree import Place
from handrail.dashboard import plain, tables, theme

Rows = Sequence[Mapping[str, Any]]
Chart: TypeAlias = alt.Chart | alt.LayerChart

PICK = "pick"
"""Name of the waterfall's selection; its points carry the field ``step``."""
_HEIGHT = 180
_ROW_PX = 24
_AXIS_PX = 46
_MAX_LABEL_PX = 300
_CHARACTER_PX = 7.5
_MAX_INDENT = 10
_TOP_TOOLS = 6
_CONFIG = alt.Config(view=alt.ViewConfig(stroke=None), legend=alt.LegendConfig(padding=0, offset=6))
_NAMES = alt.Axis(labelLimit=180, labelOverlap=False, ticks=False, domain=False)
_COLUMNS = ("step", "row", "left", "right", "from", "to", "looks", "stripe", "note", "ink", "step name", "kind",
            "verdict", "rule", "outcome", "took")  # fmt: skip


def runs_over_time(rows: Rows, *, bucket_s: int) -> Chart:
    """Stacked bars: runs by start time and outcome. ``rows`` have ``bucket``, ``outcome``, ``runs``."""
    looks = theme.OUTCOMES
    width = timedelta(seconds=bucket_s)
    frame = tables.frame(
        {
            "start": [row["bucket"] for row in rows],
            "end": [row["bucket"] + width for row in rows],
            "outcome": [theme.outcome(row["outcome"]).word for row in rows],
            "runs": [row["runs"] for row in rows],
        }
    )
    # at least forty bars wide, or a history of one second would be one huge bar
    end = max((row["bucket"] + width for row in rows), default=datetime(2026, 1, 1))
    begin = min([end - 40 * width, *(row["bucket"] for row in rows)])
    across = alt.Scale(domain=[begin, end])
    chart: alt.Chart = (
        alt.Chart(frame, height=_HEIGHT, config=_CONFIG)
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("start:T", title=None, scale=across, axis=alt.Axis(tickCount=6, grid=False, labelFlush=True)),
            x2="end:T",
            y=alt.Y("sum(runs):Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1, format="~s")),
            color=_colour("outcome", looks, {theme.outcome(row["outcome"]).word for row in rows}),
            tooltip=[
                alt.Tooltip("start:T", title="from (UTC)", format="%Y-%m-%d %H:%M:%S"),
                alt.Tooltip("outcome:N", title="outcome"),
                alt.Tooltip("sum(runs):Q", title="runs"),
            ],
        )
    )
    return chart


def by_verdict(rows: Rows) -> Chart:
    """Bars: decisions by verdict. ``rows`` have ``verdict`` and ``calls``."""
    looks = [theme.verdict(row["verdict"]) for row in rows]
    frame = tables.frame(
        {
            "verdict": [look.text for look in looks],
            "colour": [look.colour for look in looks],
            "calls": [row["calls"] for row in rows],
        }
    )
    base = alt.Chart(frame, height=_HEIGHT).encode(
        y=alt.Y("verdict:N", title=None, sort="-x", axis=_NAMES),
        x=alt.X("sum(calls):Q", title=None, axis=None),
        tooltip=[alt.Tooltip("verdict:N"), alt.Tooltip("sum(calls):Q", title="calls")],
    )
    bars = base.mark_bar(size=18, cornerRadiusEnd=3).encode(color=alt.Color("colour:N", scale=None))
    counts = base.mark_text(align="left", dx=5, color=theme.SLATE).encode(text=alt.Text("sum(calls):Q", format=","))
    return _layered(bars, counts, height=_HEIGHT)


def denied_tools(rows: Rows) -> Chart:
    """Stacked bars: the tools stopped most often, in the colours of ``by_verdict``.

    ``rows`` have ``name``, ``verdict`` and ``calls``.
    """
    totals: dict[str, int] = {}
    for row in rows:
        totals[plain.name(row["name"], limit=32)] = totals.get(plain.name(row["name"], limit=32), 0) + row["calls"]
    top = sorted(totals, key=lambda tool: (-totals[tool], tool))[:_TOP_TOOLS]
    shown = [row for row in rows if plain.name(row["name"], limit=32) in top]
    looks = {key: look for key, look in theme.VERDICTS.items() if key != "allow"}
    frame = tables.frame(
        {
            "tool": [plain.name(row["name"], limit=32) for row in shown],
            "verdict": [theme.verdict(row["verdict"]).word for row in shown],
            "calls": [row["calls"] for row in shown],
        }
    )
    chart: alt.Chart = (
        alt.Chart(frame, height=_HEIGHT, config=_CONFIG)
        .mark_bar(size=14, cornerRadiusEnd=2)
        .encode(
            y=alt.Y("tool:N", title=None, sort=top, axis=_NAMES),
            x=alt.X("sum(calls):Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1, format="~s")),
            color=_colour("verdict", looks),
            tooltip=[alt.Tooltip("tool:N"), alt.Tooltip("verdict:N"), alt.Tooltip("sum(calls):Q", title="calls")],
        )
    )
    return chart


def by_validator(rows: Rows) -> Chart:
    """Stacked bars: validators that found something most often, by what was done about it.

    ``rows`` have ``validator``, ``action`` and ``checks``.
    """
    totals: Counter[str] = Counter()
    for row in rows:
        totals[plain.name(row["validator"], limit=32)] += row["checks"]
    top = sorted(totals, key=lambda name: (-totals[name], name))[:_TOP_TOOLS]
    shown = [row for row in rows if plain.name(row["validator"], limit=32) in top]
    words = [theme.action(row["action"]).word for row in shown]
    frame = tables.frame(
        {
            "validator": [plain.name(row["validator"], limit=32) for row in shown],
            "done": words,
            "checks": [row["checks"] for row in shown],
        }
    )
    chart: alt.Chart = (
        alt.Chart(frame, height=_HEIGHT, config=_CONFIG)
        .mark_bar(size=14, cornerRadiusEnd=2)
        .encode(
            y=alt.Y("validator:N", title=None, sort=top, axis=_NAMES),
            x=alt.X("sum(checks):Q", title=None, axis=alt.Axis(tickCount=4, tickMinStep=1, format="~s")),
            color=_colour("done", theme.ACTIONS, set(words), across=2),
            tooltip=[alt.Tooltip("validator:N"), alt.Tooltip("done:N"), alt.Tooltip("sum(checks):Q", title="values")],
        )
    )
    return chart


def waterfall(
    places: Sequence[Place],
    steps: Mapping[str, Mapping[str, Any]],
    *,
    now: datetime,
    begin: datetime,
    chosen: str | None,
    part: bool = False,
) -> Chart:
    """Steps as bars: down in tree order, across in seconds since ``begin``.

    ``steps`` are rows of the view ``steps`` by id; those still running reach to ``now`` (UTC, naive). Where they
    are only ``part`` of a run, agents that last longer than what they do here are cut. A click anywhere in a row
    selects it under :data:`PICK`.
    """
    known = [place for place in places if place.step in steps]
    spans = _spans([steps[place.step] for place in known], now, begin, part)
    frame = _waterfall_frame([_bar(place, steps[place.step], place.step == chosen) for place in known], spans)
    longest = max((len(row) for row in frame["row"]), default=0)
    label_px = int(min(_MAX_LABEL_PX, 40 + _CHARACTER_PX * longest))
    rows = alt.Y("row:N", title=None, sort=None, scale=alt.Scale(paddingInner=0, paddingOuter=0),
                 axis=alt.Axis(labelExpr="slice(datum.label, 7)", labelAlign="left", labelPadding=label_px,
                               labelLimit=label_px - 10, labelFontSize=12, labelColor=theme.INK, ticks=False,
                               labelOverlap=False, labelFlush=False, domain=False))  # fmt: skip
    across = alt.Axis(
        title=None,
        labelExpr="datum.label + ' s'",
        orient="top",
        grid=True,
        gridColor="#EDF1F5",
        tickCount=6,
        domain=False,
        ticks=False,
        labelColor=theme.SLATE,
        titleColor=theme.SLATE,
    )
    tips = [
        alt.Tooltip(f"{field}:N", title=field) for field in ("step name", "kind", "verdict", "rule", "outcome", "took")
    ]
    base = alt.Chart(frame).encode(y=rows, tooltip=tips)
    pick = alt.selection_point(name=PICK, fields=["step"], on="click", clear="dblclick", toggle="false")
    stripes = base.mark_bar(cursor="pointer").encode(
        x=alt.X("left:Q", axis=across, scale=alt.Scale(nice=False, zero=False)), x2="right:Q",
        color=alt.Color("stripe:N", scale=None), 
    ).add_params(pick)  # fmt: skip
    bars = base.mark_bar(height=12, cornerRadius=2, cursor="pointer").encode(
        x="from:Q", x2="to:Q", color=_colour("looks", theme.STEPS)
    )
    notes = base.mark_text(align="left", baseline="middle", dx=6, fontSize=11, cursor="pointer").encode(
        x="to:Q", text="note:N", color=alt.Color("ink:N", scale=None)
    )
    return _layered(stripes, bars, notes, height=max(1, len(frame)) * _ROW_PX + _AXIS_PX)


def _waterfall_frame(bars: Sequence[Mapping[str, Any]], spans: Sequence[tuple[float, float]]) -> Any:
    left = min((start for start, _ in spans), default=0.0)
    width = max((end for _, end in spans), default=0.0) - left or 0.001
    sliver, right = width / 250, left + width * 1.3
    rows = [
        bar | {"row": f"{number:06d} {bar['row']}", "left": left, "right": right, "from": start,
               "to": max(end, start + sliver)}
        for number, (bar, (start, end)) in enumerate(zip(map(dict, bars), spans, strict=True))
    ]  # fmt: skip
    return tables.frame({column: [row[column] for row in rows] for column in _COLUMNS})


def _spans(steps: Rows, now: datetime, begin: datetime, part: bool) -> list[tuple[float, float]]:
    """Start and end of each step in seconds since ``begin``."""
    spans = [_span(step, now, begin) for step in steps]
    leaves = [span for span, step in zip(spans, steps, strict=True) if step["type"] != "agent"]
    if not (part and leaves):
        return spans
    first, last = min(start for start, _ in leaves), max(end for _, end in leaves)
    return [(min(max(start, first), last), min(max(end, first), last)) for start, end in spans]


def _span(step: Mapping[str, Any], now: datetime, begin: datetime) -> tuple[float, float]:
    start = max(0.0, (step["started_at"] - begin).total_seconds())
    if step["ended_at"] is not None:
        return start, max(start, (step["ended_at"] - begin).total_seconds())
    open_still = step["outcome"] == "running"
    return start, max(start, (now - begin).total_seconds()) if open_still else start


def _bar(place: Place, step: Mapping[str, Any], chosen: bool) -> dict[str, Any]:
    look = step_look(step)
    verdict = theme.VERDICTS.get(step["verdict"] or "")
    marked = look in (theme.STEPS["stopped"], theme.STEPS["marked"], theme.STEPS["failed"])
    return {
        "step": place.step,
        "row": row_label(place, step),
        "looks": look.word,
        "stripe": "#E3EEF7" if chosen else "#FFFFFF",
        "note": note(step),
        "ink": look.colour if marked else theme.SLATE,
        "step name": plain.name(step["name"]),
        "kind": look.word,
        "verdict": verdict.word if verdict else "–",
        "rule": plain.name(step["rule"]) or "–",
        "outcome": theme.outcome(step["outcome"]).word,
        "took": plain.duration(step["duration_ms"]),
    }


def step_look(step: Mapping[str, Any]) -> theme.Look:
    """How a row of the view ``steps`` appears in tree and waterfall."""
    operation = str(_detail(step).get("operation") or "") if step["type"] == "memory" else ""
    how = str(step.get("how") or "")
    return theme.STEPS[theme.step_kind(step["type"], step["verdict"], step["outcome"], operation, how=how)]


def _detail(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_object(step.get("detail"))


def row_label(place: Place, step: Mapping[str, Any]) -> str:
    """Indentation, symbol and name of a step, on one line."""
    # lines, not spaces: Vega trims what it draws
    indent = "│\u2002" * min(place.depth, _MAX_INDENT) + ("…" if place.depth > _MAX_INDENT else "")
    return f"{indent}{step_look(step).symbol}\u2002{plain.name(step['name'], limit=48)}"


def note(step: Mapping[str, Any]) -> str:
    """What stands beside a step's bar: what was decided where that matters, else how it ended and how long it took."""
    verdict = theme.VERDICTS.get(step["verdict"] or "")
    if verdict and step["verdict"] != "allow":
        return f"{verdict.text}: {plain.name(step['rule'], limit=40) or _decider(step['decided_by'])}"
    if step["outcome"] == "ok":
        return f"{_revised(step)}{plain.duration(step['duration_ms'])}"
    look = theme.outcome(step["outcome"])
    return f"{look.text} {plain.name(step['error'], limit=40)}".rstrip()


def _revised(step: Mapping[str, Any]) -> str:
    """Of a plan which revision it is and what changed; else nothing."""
    if step["type"] != "plan":
        return ""
    facts = _detail(step)
    changes = [f"{sign}{facts[name]}" for name, sign in (("added", "+"), ("removed", "−"), ("changed", "~"))
               if isinstance(facts.get(name), int) and facts[name]]  # fmt: skip
    revision = plain.name(facts.get("revision"), limit=8)
    return f"revision {revision}{' ' if changes else ''}{' '.join(changes)} · " if revision else ""


def _layered(*charts: alt.Chart, height: int) -> alt.LayerChart:
    return alt.LayerChart(layer=list(charts), height=height, config=_CONFIG)


def _decider(key: str | None) -> str:
    return "no rule allows it" if key == "policy" else theme.DECIDERS.get(key or "", "unknown")


def _colour(
    field: str, looks: Mapping[str, theme.Look], legend: Set[str] = frozenset(), *, across: int = 0
) -> alt.Color:
    known = [*looks.values(), theme.UNKNOWN]
    scale = alt.Scale(domain=[look.word for look in known], range=[look.colour for look in known])
    words = [look.word for look in known if look.word in legend]
    shown = alt.Legend(title=None, orient="bottom", symbolType="square", labelFontSize=11, values=words, columns=across)
    return alt.Color(f"{field}:N", scale=scale, legend=shown if words else None)
