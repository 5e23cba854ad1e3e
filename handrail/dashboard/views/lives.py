"""Part of the page "Run": how it was interrupted, what was given back, and what is in doubt."""

from __future__ import annotations

import streamlit as st

from handrail.audit import lives
from handrail.audit.lives import Lives
from handrail.dashboard import lives as pictures
from handrail.dashboard import plain, tables, theme
from handrail.dashboard.data import Row, Source

_INKS = {look.text: look.colour for look in theme.EFFECTS.values()}


def show(found: Source, run: Row) -> None:
    """Draw it for a run that has more than one life, or something that only a person can say; else nothing."""
    if run["mode"] != "enforce" or (run["outcome"] == "running" and run["logical"] == run["run"]):
        return  # the first life, while it goes on, is looked at twice a second
    known = lives.of_run(found, str(run["logical"]))
    if known is None or not known.effects:
        return
    waiting = [row for row in known.effects if row["status"] == "in doubt"]
    if len(known.lives) < 2 and not waiting and not known.questions:
        return
    with st.expander(_headline(known), expanded=bool(waiting) or len(known.lives) > 1, key="lives"):
        chart, marks = pictures.picture(known)
        st.altair_chart(chart, width="stretch", key="lives-picture", alt="What each life did about each call")
        st.caption(
            " · ".join(f":{look.badge}[{look.symbol}] {look.word}" for look in map(theme.MARKS.get, marks) if look)
        )
        _table(known)
        if any(row["status"] == "open" for row in known.questions) or waiting:
            st.page_link(st.session_state["pages"]["waiting"], label="Answer", icon=":material/help:")


def _headline(known: Lives) -> str:
    run = known.run
    said = [f"{run['lives']} {'life' if run['lives'] == 1 else 'lives'}"]
    counts = (("replays", "calls given back"), ("in_doubt", "in doubt"), ("orphans", "not asked for again"))
    said += [f"{run[name]:,} {words}" for name, words in counts if run[name]]
    if run["forgotten"]:
        said.append("values erased: it cannot go on")
    return "Calls to the world: " + ", ".join(said)


def _table(known: Lives) -> None:
    numbers = {life["run"]: number for number, life in enumerate(known.lives, 1)}
    shown = known.effects
    frame = tables.frame(
        {
            "Status": [theme.EFFECTS.get(row["status"], theme.UNKNOWN).text for row in shown],
            "Tool": [plain.name(row["tool"]) for row in shown],
            "Effect": [plain.name(row["effect"]) for row in shown],
            "Attempts": [row["attempts"] for row in shown],
            "Given back": [row["replays"] for row in shown],
            "Last attempt": [
                f"life {numbers.get(row['life'], '?')}, {row['attempted_at']:%d %b %H:%M:%S}" for row in shown
            ],
            "Orphan": ["yes" if row["orphan"] else "" for row in shown],
            "Said by": [plain.name(row["resolved_by"]) for row in shown],
        }
    )
    tables.show(tables.inked(frame, {"Status": lambda cell: _INKS.get(str(cell), theme.SLATE)}),
                key="effects-table", name="Calls to the world", most_px=300)  # fmt: skip
