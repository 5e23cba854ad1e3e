"""Page "Runs": pictures and a table of runs, filtered by what the URL says, kept fresh while it is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from handrail.dashboard import data, figures, plain, shared, tables, theme
from handrail.dashboard.data import Filters, Row, Source

_REFRESH_S = 1.0
_PICKED = "picked-run"
_PERIOD_WORDS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}
_OUTCOME_INKS = {look.text: look.colour for look in theme.OUTCOMES.values()}
_KEYS = ("tenant", "user", "agent", "outcome", "period", "text", "denials")
_OUTCOME_PERIOD_WORDS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}


def page() -> None:
    """Draw the page."""
    _open_picked()
    found = shared.fresh()
    st.session_state["runs-url"] = {key: st.query_params[key] for key in st.query_params}
    if data.latest_run(found) is None:
        st.fragment(_waiting, run_every=_REFRESH_S)()
        return
    _filter_bar(data.choices(found))
    st.fragment(_live, run_every=_REFRESH_S)()


def _waiting() -> None:
    found = shared.fresh()
    if data.latest_run(found) is not None:
        st.rerun()
    shared.show_problems(found)
    st.subheader("No run has been recorded yet")
    st.write("Write a policy for your agent's real tools, then run your program as it is:")
    st.code("handrail init --agent myapp:agent\nhandrail run app.py", language="shell")
    st.caption("Nothing of your own at hand? `handrail demo` plays a bank assistant under attack, without key or "
               "network. This page notices the first run by itself. It reads the journal in")  # fmt: skip
    st.code(plain.name(found.data, limit=300), language=None)


def filters() -> Filters:
    """The filters that the URL names; what it names wrongly counts as not named."""
    asked = {key: st.query_params.get(key) or None for key in _KEYS}
    return Filters(
        tenant=asked["tenant"],
        user=asked["user"],
        agent=asked["agent"],
        outcome=asked["outcome"] if asked["outcome"] in theme.OUTCOMES else None,
        denials=asked["denials"] == "1",
        period=asked["period"] if asked["period"] in data.PERIODS else None,
        text=asked["text"],
    )


def _filter_bar(choices: Mapping[str, Sequence[str]]) -> None:
    now = filters()
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        _choice("Tenant", "tenant", choices["tenant"], now.tenant)
        _choice("User", "user", choices["user"], now.user)
        _choice("Agent", "agent", choices["agent"], now.agent)
        _choice("Outcome", "outcome", list(theme.OUTCOMES), now.outcome, words=_outcome_words())
        _choice("Period", "period", list(data.PERIODS), now.period, words=_PERIOD_WORDS)
        _synced("text", now.text or "")
        st.text_input("Text", key="filter-text", on_change=_changed, args=("text",), width=220,
                      placeholder="name, id, rule, reason", icon=":material/search:")  # fmt: skip
        _synced("denials", now.denials)
        st.toggle("Only with denials", key="filter-denials", on_change=_changed, args=("denials",))


def _choice(
    label: str, key: str, options: Sequence[str], value: str | None, *, words: Mapping[str, str] | None = None
) -> None:
    _synced(key, value)
    listed = [*options, *([value] if value and value not in options else [])]
    st.selectbox(label, listed, index=None, key=f"filter-{key}", placeholder="all", width=150, on_change=_changed,
                 args=(key,), format_func=lambda option: (words or {}).get(option) or plain.name(option))  # fmt: skip


def _synced(key: str, value: object) -> None:
    # the URL is the truth: going back in the browser must move the widgets too
    if st.session_state.get(f"filter-{key}") != value:
        st.session_state[f"filter-{key}"] = value


def _changed(key: str) -> None:
    value = st.session_state[f"filter-{key}"]
    shared.set_query({key: "1" if value is True else value or None, "page": None})


def _outcome_words() -> dict[str, str]:
    return {key: look.text for key, look in theme.OUTCOMES.items()}


def _live() -> None:
    if _PICKED in st.session_state:
        st.rerun()  # the whole page leaves: a fragment that left would race its own next refresh
    found = shared.fresh()
    chosen = filters()
    shared.show_problems(found)
    total = data.summary(found, chosen)
    if not total["runs"]:
        st.info("No run fits these filters.", icon=":material/filter_alt_off:")
        st.button("Clear the filters", on_click=shared.set_query, args=({key: None for key in (*_KEYS, "page")},))
        return
    _pictures(found, chosen, total)
    last = -(-int(total["runs"]) // data.PAGE_RUNS)
    _headline(total)
    _table(data.runs(found, chosen, page=shared.page_number(last)))
    shared.turn_page(last=last, total=int(total["runs"]), size=data.PAGE_RUNS, what="Runs")


def _pictures(found: Source, chosen: Filters, total: Row) -> None:
    bucket_s = data.bucket_seconds(total["first"], total["last"])
    over_time, verdicts, tools, findings = st.columns([5, 3, 4, 4], border=True)
    with over_time:
        _picture("Runs over time, by outcome", figures.runs_over_time(
            data.over_time(found, chosen, bucket_s=bucket_s), bucket_s=bucket_s))  # fmt: skip
    with verdicts:
        rows = data.verdicts(found, chosen)
        _picture("Tool calls by verdict", figures.by_verdict(rows) if rows else None)
    with tools:
        rows = data.denied_tools(found, chosen)
        _picture("Tools stopped most", figures.denied_tools(rows) if rows else None)
    with findings:
        rows = data.findings(found, chosen)
        _picture("Findings by validator", figures.by_validator(rows) if rows else None)


def _picture(title: str, chart: figures.Chart | None) -> None:
    st.caption(f"**{title}**")
    if chart is None:
        st.text("None so far.")
    else:
        st.altair_chart(chart, width="stretch", key=f"picture-{title}", alt=title)


def _headline(total: Row) -> None:
    running = f" · **{total['running']:,} running**" if total["running"] else ""
    would = f" · {total['would_deny']:,} that would be denied" if total["would_deny"] else ""
    st.markdown(f"**{total['runs']:,}** {'run' if total['runs'] == 1 else 'runs'}{running} · "
                f"**{total['denied']:,}** denied {'call' if total['denied'] == 1 else 'calls'}{would} · "
                f"{total['tokens']:,} tokens")  # fmt: skip


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    number = st.column_config.NumberColumn
    frame = tables.frame(
        {
            "Started (UTC)": [row["started_at"] for row in rows],
            "Who": [_who(row) for row in rows],
            "Agent": [plain.name(row["agent"]) for row in rows],
            "Outcome": [theme.outcome(row["outcome"]).text for row in rows],
            "Steps": [row["steps"] for row in rows],
            "Denied": [row["denied"] for row in rows],
            "Would deny": [row["would_deny"] for row in rows],
            "Tokens": [row["tokens"] for row in rows],
            "Duration": [plain.duration(row["duration_ms"]) for row in rows],
            "Run": [plain.name(row["run"])[:8] for row in rows],
        }
    )
    columns: dict[str, Any] = {
        "Started (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", width=150),
        "Who": st.column_config.TextColumn(width=190),
        "Agent": st.column_config.TextColumn(width=170),
        "Outcome": st.column_config.TextColumn(width=110),
        **{name: number(format="localized", width=80) for name in ("Steps", "Denied", "Would deny", "Tokens")},
        "Duration": st.column_config.TextColumn(width=100),
        "Run": st.column_config.TextColumn(width=80),
    }
    tables.show(tables.inked(frame, _INKS), key="runs-table", name="Runs", picks=[row["run"] for row in rows],
                picked=_pick, columns=columns)  # fmt: skip


def _who(row: Mapping[str, Any]) -> str:
    """Who a run acted for; of one that another instrumentation told of and that names nobody, who told of it."""
    if row["source"] != "handrail" and not row["user"]:
        return f"seen by {plain.name(row['source'], limit=40)}"
    return f"{plain.name(row['tenant'], limit=40)} / {plain.name(row['user'], limit=60)}"


def _outcome_ink(word: object) -> str:
    return _OUTCOME_INKS.get(str(word), theme.SLATE)


def _denied_ink(count: object) -> str:
    return theme.VERMILION if count else theme.SILVER


def _would_ink(count: object) -> str:
    return theme.AMBER if count else theme.SILVER


_INKS = {"Outcome": _outcome_ink, "Denied": _denied_ink, "Would deny": _would_ink}


def _pick(run: str) -> None:
    st.session_state[_PICKED] = run


def _open_picked() -> None:
    # a callback may not leave the page, so it leaves a note and the page does
    picked = st.session_state.pop(_PICKED, None)
    if picked is not None:
        st.switch_page(st.session_state["pages"]["run"], query_params={"run": picked})
