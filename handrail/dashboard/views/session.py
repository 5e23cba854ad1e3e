"""Page "Sessions": every conversation, and one of them as a thread over all its channels, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from handrail.audit.sessions import told
from handrail.dashboard import conversations, plain, shared, tables, theme
from handrail.dashboard.data import Row, Source

_REFRESH_S = 1.0
_PICKED, _PICKED_RUN = "picked-session", "picked-session-run"
_OUTCOME_INKS = {look.text: look.colour for look in theme.OUTCOMES.values()}


def page() -> None:
    """Draw the thread of the session in the URL; without one, the list of sessions."""
    _open_picked()
    st.fragment(_live, run_every=_REFRESH_S)()


def _open_picked() -> None:
    # a callback may not leave the page, so it leaves a note and the page does
    run = st.session_state.pop(_PICKED_RUN, None)
    if run is not None:
        st.switch_page(st.session_state["pages"]["run"], query_params={"run": run})
    picked = st.session_state.pop(_PICKED, None)
    if picked is not None:
        shared.set_query({"tenant": picked[0], "session": picked[1]})


def _live() -> None:
    if _PICKED in st.session_state or _PICKED_RUN in st.session_state:
        st.rerun()
    found = shared.fresh()
    shared.show_problems(found)
    tenant, name = st.query_params.get("tenant", ""), st.query_params.get("session")
    if not name:
        _list(found)
        return
    session = conversations.session(found, tenant, name)
    if session is None:
        st.info("There is no such session in this journal.", icon=":material/search_off:")
        st.button("All sessions", icon=":material/arrow_back:", on_click=_leave)
        return
    _header(session)
    _thread(conversations.thread(found, tenant, name))


def _leave() -> None:
    shared.set_query({"tenant": None, "session": None})


def _list(found: Source) -> None:
    rows = conversations.sessions(found)
    if not rows:
        st.info("No run named a session so far. Name one with `handrail.acting_for(session=...)`.",
                icon=":material/forum:")  # fmt: skip
        return
    frame = tables.frame(
        {
            "Latest (UTC)": [row["latest_at"] for row in rows],
            "Session": [plain.name(row["session"], limit=60) for row in rows],
            "Who": [_who(row) for row in rows],
            "Channels": [plain.name(row["channels"]) for row in rows],
            "Agents": [plain.name(row["agents"]) for row in rows],
            "Runs": [row["runs"] for row in rows],
            "Paused": [row["interruptions"] for row in rows],
            "Denied": [row["denied"] for row in rows],
            "Outcome": [theme.outcome(row["outcome"]).text for row in rows],
        }
    )
    picks = [str(number) for number in range(len(rows))]

    def pick(number: str) -> None:
        row = rows[int(number)]
        st.session_state[_PICKED] = row["tenant"], row["session"]

    tables.show(tables.inked(frame, _INKS), key="sessions-table", name="Sessions", picks=picks, picked=pick,
                columns=_columns("Latest (UTC)", "Runs", "Paused", "Denied"))  # fmt: skip
    if len(rows) == conversations.MOST_SESSIONS:
        st.caption(f"The latest {conversations.MOST_SESSIONS:,}; `handrail traces sessions` lists more.")


def _who(row: Row) -> str:
    more = f" and {row['users'] - 1} more" if row["users"] > 1 else ""
    return f"{plain.name(row['tenant'], limit=40)} / {plain.name(row['user'], limit=60)}{more}"


def _header(session: Row) -> None:
    look = theme.outcome(session["outcome"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Sessions", icon=":material/arrow_back:", key="back", type="tertiary", on_click=_leave)
        st.markdown(f"#### {plain.chip(session['session'])}", width="content")
        st.badge(look.text, color=look.badge)
        for channel in filter(None, str(session["channels"]).split(", ")):
            st.badge(plain.chip(channel, limit=30), color="blue")
    st.markdown(f"{plain.chip(_who(session))}  ·  with {plain.chip(session['agents'])}")
    values = {
        "Began (UTC)": f"{session['started_at']:%d %b %H:%M:%S}",
        "Latest (UTC)": f"{session['latest_at']:%d %b %H:%M:%S}",
        "Runs": f"{session['runs']:,}",
        "Paused": f"{session['interruptions']:,}",
        "Denied": f"{session['denied']:,}",
        "Tokens in / out": f"{session['input_tokens']:,} / {session['output_tokens']:,}",
    }
    for column, (label, value) in zip(st.columns(len(values)), values.items(), strict=True):
        column.metric(label, value)


def _thread(rows: Sequence[Mapping[str, Any]]) -> None:
    frame = tables.frame(
        {
            "Time (UTC)": [row["moment"] for row in rows],
            "Channel": [plain.name(row["channel"]) or "–" for row in rows],
            "Who": [plain.name(row["user"]) for row in rows],
            "Agent": [plain.name(row["agent"]) for row in rows],
            "What": [plain.name(told(row), limit=120) for row in rows],
            "Outcome": [theme.outcome(row["outcome"]).text if row["outcome"] else "" for row in rows],
            "Tokens": [f"{row['tokens']:,}" if row["event"] == "run" else "" for row in rows],
            "Duration": [plain.duration(row["duration_ms"]) if row["event"] == "run" else "" for row in rows],
        }
    )
    tables.show(tables.inked(frame, {"Outcome": _outcome_ink}), key="thread-table", name="Thread of the session",
                picks=[row["run"] or "" for row in rows], picked=_pick_run,
                columns=_columns("Time (UTC)"), most_px=900)  # fmt: skip
    if len(rows) == conversations.MOST_ROWS:
        st.caption(f"The first {conversations.MOST_ROWS:,} rows; `handrail traces sessions` lists more.")


def _pick_run(run: str) -> None:
    if run:
        st.session_state[_PICKED_RUN] = run


def _columns(moment: str, *numbers: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        moment: st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", width=150),
        **{name: number(format="localized", width=80) for name in numbers},
    }


def _outcome_ink(word: object) -> str:
    return _OUTCOME_INKS.get(str(word), theme.SLATE)


def _denied_ink(count: object) -> str:
    return theme.VERMILION if count else theme.SILVER


_INKS = {"Outcome": _outcome_ink, "Denied": _denied_ink}
