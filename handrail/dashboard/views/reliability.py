"""Page "Reliability": how often steps and runs succeed, with bounds, beside what steps compound to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from handrail.dashboard import data, plain, rates, shared, tables
from handrail.dashboard.data import Filters, Reliability, Row, Source

_REFRESH_S = 2.0
_KEYS = ("tenant", "agent", "period")
_PERIODS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}


def page() -> None:
    """Draw the page."""
    found = shared.fresh()
    _filter_bar(data.choices(found))
    st.fragment(_live, run_every=_REFRESH_S)()


def _filters() -> Filters:
    asked = {key: st.query_params.get(key) or None for key in _KEYS}
    period = asked["period"] if asked["period"] in data.PERIODS else None
    return Filters(tenant=asked["tenant"], agent=asked["agent"], period=period)


def _filter_bar(choices: Mapping[str, Sequence[str]]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="reliability-filters"):
        _choice("Tenant", "tenant", choices["tenant"])
        _choice("Agent", "agent", choices["agent"])
        _choice("Period", "period", list(data.PERIODS))


def _choice(label: str, key: str, options: Sequence[str]) -> None:
    value = st.query_params.get(key) or None
    state = f"reliability-{key}"
    if st.session_state.get(state) != value:  # the URL is the truth, also when one goes back in the browser
        st.session_state[state] = value
    listed = [*options, *([value] if value and value not in options else [])]
    st.selectbox(label, listed, index=None, key=state, placeholder="all", width=180, on_change=_changed, args=(key,),
                 format_func=lambda option: _PERIODS.get(option) or plain.name(option))  # fmt: skip


def _changed(key: str) -> None:
    shared.set_query({key: st.session_state[f"reliability-{key}"] or None})


def _live() -> None:
    found: Source = shared.fresh()
    shared.show_problems(found)
    figures = data.reliability(found, _filters())
    if not figures.steps and not figures.runs:
        st.info("Nothing has been attempted yet, or nothing fits these filters.", icon=":material/filter_alt_off:")
        return
    _headline(figures)
    left, right = st.columns([6, 6], border=True)
    with left:
        st.caption("**Success of runs by how many attempts they made**")
        st.altair_chart(rates.by_length(figures.lengths), width="stretch", key="by-length",
                        alt="Success of runs by length, beside the compounding curve")  # fmt: skip
        st.caption("The line is the success rate of all attempts to the power of the length: what to expect if no run "
                   "could recover from a failed step. Dots are what was observed, with 95 % bounds.")  # fmt: skip
    with right:
        st.caption("**Success by tool**, those that fail most first")
        tools = [row for row in figures.steps if row["dimension"] == "tool" and row["attempts"]]
        if tools:
            st.altair_chart(rates.by_value(tools), width="stretch", key="by-tool", alt="Success by tool")
        else:
            st.text("No tool was tried.")
    st.markdown("##### Steps")
    _table(figures.steps, "attempts", "Attempts", key="reliability-steps")
    st.markdown("##### Logical runs")
    _table(figures.runs, "runs", "Runs", key="reliability-runs")


def _headline(figures: Reliability) -> None:
    steps = next((row for row in figures.steps if row["dimension"] == "all"), None)
    runs = next((row for row in figures.runs if row["dimension"] == "all"), None)
    values: dict[str, str] = {}
    if steps is not None:
        values |= {"Attempts": f"{steps['attempts']:,}", "that succeeded": _percent(steps["success_rate"]),
                   "Steps to failure": _number(steps["steps_to_failure"])}  # fmt: skip
        rate = steps["success_rate"]
        values["50 in a row"] = _percent(rate**50 if rate is not None else None)
    if runs is not None:
        values |= {"Logical runs": f"{runs['runs']:,}", "that succeeded ": _percent(runs["success_rate"]),
                   "Censored": f"{runs['censored']:,}"}  # fmt: skip
    for column, (label, value) in zip(st.columns(len(values)), values.items(), strict=True):
        column.metric(label, value)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def _table(rows: Sequence[Row], counted: str, title: str, *, key: str) -> None:
    order = ["all", "kind", "agent", "tool", "model"]
    shown = sorted(rows, key=lambda row: (order.index(row["dimension"]), -row[counted], str(row["value"])))
    columns: dict[str, list[Any]] = {
        "By": [row["dimension"] for row in shown],
        "": [plain.name(row["value"]) for row in shown],
        title: [row[counted] for row in shown],
        "Succeeded": [_percent(row["success_rate"]) for row in shown],
        "95 % range": [f"{_percent(row['low'])} to {_percent(row['high'])}" if row["low"] is not None else "–"
                       for row in shown],
        "Failed": [row["failures"] for row in shown],
        "Censored": [row["censored"] for row in shown],
        "Steps to failure": [_number(row["steps_to_failure"]) for row in shown],
    }  # fmt: skip
    tables.show(tables.frame(columns), key=key, name=title)
