"""Page "Run": who ran for whom, and every step of it as tree and waterfall, live while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from handrail.audit.tree import Place, in_tree_order
from handrail.dashboard import conversations, data, figures, plain, shared, tables, theme
from handrail.dashboard.data import Row, Source
from handrail.dashboard.views import lives, step

_REFRESH_S = 0.5
_CHART = "waterfall"
_SCROLL_AFTER_ROWS = 24
_SCROLL_PX = 680
_VIEWS = ("waterfall", "table")


def page() -> None:
    """Draw the page of the run in the URL; without one, that of the latest run."""
    found = shared.fresh()
    run_id = st.query_params.get("run") or data.latest_run(found)
    run = data.run(found, run_id) if run_id else None
    if run_id is None or run is None:
        shared.show_problems(found)
        st.info("There is no such run in this journal.", icon=":material/search_off:")
        st.page_link(st.session_state["pages"]["runs"], label="All runs", icon=":material/arrow_back:")
        return
    shared.set_query({"run": run_id})
    alive = run["outcome"] == "running"
    st.fragment(_live, run_every=_REFRESH_S if alive else None)(run_id, alive=alive)


def _live(run_id: str, *, alive: bool) -> None:
    found = shared.fresh()
    run = data.run(found, run_id)
    if run is None or (alive and run["outcome"] != "running"):
        st.rerun()
        return
    shared.show_problems(found)
    _header(found, run)
    lives.show(found, run)
    chosen = st.query_params.get("step")
    if not chosen:
        _steps(found, run, None)
        return
    left, right = st.columns([7, 5])
    with left:
        _steps(found, run, chosen)
    with right:
        step.drawer(found, run_id, chosen)


def _header(found: Source, run: Row) -> None:
    look = theme.outcome(run["outcome"])
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Runs", icon=":material/arrow_back:", key="back", type="tertiary"):
            st.switch_page(st.session_state["pages"]["runs"], query_params=st.session_state.get("runs-url"))
        st.markdown(f"#### {plain.chip(run['agent'])}", width="content")
        st.badge(look.text, color=look.badge)
        st.badge(_mode(run), color="blue" if run["mode"] == "enforce" else "gray")
        if run["error"]:
            st.markdown(plain.chip(run["error"]), width="content")
    _parts(found, run)
    _session(found, run)
    _who(data.chains(found, run["run"]), run)
    _figures(run)


def _mode(run: Row) -> str:
    """In which mode a run was governed; of an observed one, which instrumentation told of it."""
    if run["source"] != "handrail":
        return f"observed by {plain.chip(run['source'], limit=40)}"
    return str(run["mode"]) if run["mode"] in ("observe", "enforce") else "mode unknown"


def _parts(found: Source, run: Row) -> None:
    """The other parts of a run that was interrupted and went on."""
    parts = data.parts(found, run["run"])
    if len(parts) < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="parts"):
        st.caption(f"One logical run in {len(parts)} parts:", width="content")
        for number, part in enumerate(parts, 1):
            look = theme.outcome(part["outcome"])
            st.button(f"{number} {look.text}", key=f"part-{number}", disabled=part["run"] == run["run"],
                      on_click=shared.set_query, args=({"run": part["run"], "step": None, "page": None},))  # fmt: skip


def _session(found: Source, run: Row) -> None:
    """The conversation that the run is part of, where it is not all of it."""
    name = run["session"] or run["thread"]
    session = conversations.session(found, run["tenant"], name) if name else None
    if session is None or session["runs"] < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="session"):
        through = f" through {plain.chip(session['channels'])}" if session["channels"] else ""
        st.caption(f"One of {session['runs']:,} runs of a session{through}:", width="content")
        if st.button(plain.chip(name, limit=40), key="to-session"):
            where = {"tenant": run["tenant"], "session": name}
            st.switch_page(st.session_state["pages"]["sessions"], query_params=where)


def _who(chains: Sequence[Sequence[str]], run: Row) -> None:
    if run["source"] != "handrail" and not run["user"] and not chains:
        return  # nobody said on whose behalf it ran
    shown = chains[:4] or [(f"user:{run['user']}",)]
    for chain in shown:
        links = "  →  ".join(plain.chip(link) for link in chain)
        st.markdown(f"{links}  ·  tenant {plain.chip(run['tenant'])}")
    if len(chains) > len(shown):
        st.caption(f"and {len(chains) - len(shown)} more chains below: see the steps")


def _figures(run: Row) -> None:
    denied = f"{run['denied']:,}" + (f" (+{run['would_deny']:,} would)" if run["would_deny"] else "")
    took = run["duration_ms"] if run["duration_ms"] is not None else _age_ms(run)
    values = {
        "Started (UTC)": f"{run['started_at']:%d %b %H:%M:%S}",
        "Duration": plain.duration(took),
        "Steps": f"{run['steps']:,}",
        "Model calls": f"{run['model_calls']:,}",
        "Tool calls": f"{run['tool_calls']:,}",
        "Denied": denied,
        "Tokens in / out": f"{run['input_tokens']:,} / {run['output_tokens']:,}",
    }
    for column, (label, value) in zip(st.columns(len(values)), values.items(), strict=True):
        column.metric(label, value)
    facts = {"model": run["model"], "policy": str(run["policy"] or "")[:12], "session": run["session"],
             "channel": run["channel"], "run": run["run"], "trace": run["trace"]}  # fmt: skip
    st.caption("  ·  ".join(f"{label} {plain.chip(value, limit=48)}" for label, value in facts.items() if value))


def _age_ms(run: Row) -> float | None:
    if run["outcome"] != "running":
        return None
    started: datetime = run["started_at"]
    return max(0.0, (_now() - started).total_seconds() * 1000)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _steps(found: Source, run: Row, chosen: str | None) -> None:
    places = in_tree_order(data.skeleton(found, run["run"]))
    last = -(-len(places) // data.PAGE_STEPS)
    start = (shared.page_number(last) - 1) * data.PAGE_STEPS
    window = places[start : start + data.PAGE_STEPS]
    rows = data.steps(found, run["run"], [place.step for place in window])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        _view_switch()
        st.caption(_legend(rows.values()), width="content")
    long = len(window) > _SCROLL_AFTER_ROWS
    with st.container(height=_SCROLL_PX if long else "content", border=True, key="steps-box"):
        if _view() == "table":
            _step_table(window, rows)
        else:
            _waterfall(window, rows, run, chosen, part=last > 1)
    shared.turn_page(last=last, total=len(places), size=data.PAGE_STEPS, what="Steps")


def _legend(rows: Iterable[Row]) -> str:
    """The looks of the steps in sight, in the order of the theme."""
    seen = {figures.step_look(row).word for row in rows}
    return " · ".join(f":{look.badge}[{look.symbol}] {look.word}" for look in theme.STEPS.values() if look.word in seen)


def _view() -> str:
    asked = st.query_params.get("view", "")
    return asked if asked in _VIEWS else _VIEWS[0]


def _view_switch() -> None:
    if st.session_state.get("view") != _view():
        st.session_state["view"] = _view()
    st.segmented_control("View", _VIEWS, key="view", format_func=str.capitalize, label_visibility="collapsed",
                         on_change=_switched)  # fmt: skip


def _switched() -> None:
    chosen = st.session_state["view"]
    shared.set_query({"view": chosen if chosen != _VIEWS[0] else None})


def _waterfall(window: Sequence[Place], rows: Mapping[str, Row], run: Row, chosen: str | None, *, part: bool) -> None:
    chart = figures.waterfall(window, rows, now=_now(), begin=run["started_at"], chosen=chosen, part=part)
    st.altair_chart(chart, width="stretch", key=_CHART, on_select=_clicked,
                    alt="Steps of the run over time")  # fmt: skip


def _clicked() -> None:
    points = st.session_state[_CHART].selection.get(figures.PICK) or ()
    if points and points[0].get("step"):
        _choose(str(points[0]["step"]))


def _step_table(window: Sequence[Place], rows: Mapping[str, Row]) -> None:
    shown = [(place, rows[place.step]) for place in window if place.step in rows]
    cells = [_cells(place, row) for place, row in shown]
    frame = tables.frame({name: [row[name] for row in cells] for name in (cells[0] if cells else ())})
    text = st.column_config.TextColumn
    tables.show(frame, key="steps-table", name="Steps of the run", picks=[place.step for place, _ in shown],
                picked=_choose, columns={"Step": text(width=230), "Rule": text(width=120)},
                most_px=_SCROLL_PX - 40)  # fmt: skip


def _choose(step_id: str) -> None:
    shared.set_query({"step": step_id})


def _cells(place: Place, row: Row) -> dict[str, Any]:
    verdict = theme.VERDICTS.get(row["verdict"] or "")
    return {
        "Step": figures.row_label(place, row),
        "Kind": figures.step_look(row).word,
        "Verdict": verdict.text if verdict else "",
        "Rule": plain.name(row["rule"]),
        "Outcome": theme.outcome(row["outcome"]).text,
        "Agent": plain.name(row["agent"]),
        "Tokens": f"{(row['input_tokens'] or 0) + (row['output_tokens'] or 0):,}" if row["type"] == "model" else "",
        "Duration": plain.duration(row["duration_ms"]),
    }
