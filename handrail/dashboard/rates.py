"""Pictures of reliability: rates with their bounds, and the compounding curve."""

from __future__ import annotations

import altair as alt

from handrail.dashboard import plain, tables, theme
from handrail.dashboard.figures import Chart, Rows

_HEIGHT = 260
_POINTS = 80
_TOP = 14
_SHARE = alt.Axis(format=".0%", tickCount=5, title=None)


def by_length(rows: Rows) -> Chart:
    """Observed success of runs by length with bounds, and p^n as a line. ``rows`` are of ``reliability_lengths``."""
    seen = [row for row in rows if row["runs"]]
    longest = max((row["length"] for row in seen), default=1)
    rate = seen[0]["step_success_rate"] if seen else 1.0
    places = [longest * step / _POINTS for step in range(_POINTS + 1)]
    curve = tables.frame({"length": places, "share": [rate**place for place in places]})
    observed = tables.frame({name: [row[name] for row in seen]
                             for name in ("length", "success_rate", "low", "high", "runs", "compounded")})  # fmt: skip
    across = alt.X("length:Q", title="attempts in the run", axis=alt.Axis(grid=False, tickMinStep=1))
    up = alt.Scale(domain=[0, 1])
    tips = [
        alt.Tooltip("length:Q", title="attempts"),
        alt.Tooltip("runs:Q", title="runs"),
        alt.Tooltip("success_rate:Q", title="succeeded", format=".1%"),
        alt.Tooltip("low:Q", title="from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        alt.Tooltip("compounded:Q", title="to expect", format=".1%"),
    ]
    line = alt.Chart(curve).mark_line(color=theme.VERMILION, strokeWidth=1.5).encode(
        x=across, y=alt.Y("share:Q", scale=up, axis=_SHARE)
    )  # fmt: skip
    base = alt.Chart(observed).encode(x=across, tooltip=tips)
    ranges = base.mark_rule(color=theme.SILVER).encode(y=alt.Y("low:Q", scale=up, axis=_SHARE), y2="high:Q")
    dots = base.mark_point(filled=True, size=60, color=theme.BLUE, opacity=1).encode(
        y=alt.Y("success_rate:Q", scale=up, axis=_SHARE)
    )
    return alt.LayerChart(layer=[line, ranges, dots], height=_HEIGHT)


def by_value(rows: Rows) -> Chart:
    """Success rates with bounds, the lowest first. ``rows`` have value, success_rate, low, high, attempts."""
    shown = sorted(rows, key=lambda row: (row["success_rate"], str(row["value"])))[:_TOP]
    frame = tables.frame(
        {"value": [plain.name(row["value"], limit=32) for row in shown]}
        | {name: [row[name] for row in shown] for name in ("success_rate", "low", "high", "attempts")}
    )
    down = alt.Y("value:N", title=None, sort=None, axis=alt.Axis(labelLimit=180, ticks=False, domain=False))
    tips = [
        alt.Tooltip("value:N", title="what"),
        alt.Tooltip("attempts:Q", title="attempts"),
        alt.Tooltip("success_rate:Q", title="succeeded", format=".1%"),
        alt.Tooltip("low:Q", title="from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
    ]
    base = alt.Chart(frame).encode(y=down, tooltip=tips)
    across = alt.Scale(domain=[min([1.0, *(row["low"] for row in shown)]), 1], nice=True)
    ranges = base.mark_rule(color=theme.SILVER, strokeWidth=2).encode(
        x=alt.X("low:Q", scale=across, axis=alt.Axis(format=".0%", tickCount=5, title=None)), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=70, color=theme.BLUE, opacity=1).encode(x="success_rate:Q")
    return alt.LayerChart(layer=[ranges, dots], height=max(90, 26 * len(shown) + 30))
