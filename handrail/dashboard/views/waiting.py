"""Page "Waiting": what only a person can say about calls of which nobody knows, with what is known; answered here."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial

import streamlit as st

from handrail.audit import lives
from handrail.audit.lives import Lives
from handrail.dashboard import plain, shared, tables, theme
from handrail.dashboard.data import Row, Source
from handrail.effects import answering
from handrail.effects.asks import NOT_KNOWN, Verdict
from handrail.errors import HandrailError

_REFRESH_S = 2.0
_BEFORE = 6
"""How many calls before the one in question are told."""
_MOST_ANSWERED = 50
_SAID, _WRONG = "waiting-said", "waiting-wrong"
_BUTTONS: dict[str, tuple[tuple[Verdict, str], ...]] = {
    "doubt": (("happened", "It happened"), ("did_not_happen", "It did not happen"), ("refused", "Never make it")),
    "orphan": (("acknowledged", "I know of it"),),
}
_WORDS = {"happened": "it happened", "did_not_happen": "it did not happen", "refused": "never to be made",
          "acknowledged": "known"}  # fmt: skip
ANSWERS = "HANDRAIL_ANSWERS"
"""Environment variable: where it is ``0``, questions are shown and cannot be answered here."""


def page() -> None:
    """Draw the page."""
    st.fragment(_live, run_every=_REFRESH_S)()


def _live() -> None:
    found = shared.fresh()
    shared.show_problems(found)
    rows = lives.waiting(found)
    st.markdown("##### Waiting for a person")
    # containers of their own, so that a message does not move the form that somebody is writing in
    with st.container(key="waiting-messages"):
        _messages(rows)
    with st.container(key="waiting-questions"):
        for row in rows:
            _question(found, row)
    _answered(found)


def _messages(rows: Sequence[Row]) -> None:
    for key, tell in ((_SAID, st.success), (_WRONG, st.error)):
        if key in st.session_state:
            tell(plain.chip(st.session_state[key], limit=600))
    if not rows:
        st.info("Nothing waits: it is known of every call whether it happened.", icon=":material/task_alt:")


def _question(found: Source, row: Row) -> None:
    with st.container(border=True, key=f"question-{row['id']}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {plain.chip(row['tool'])}", width="content")
            orphan = row["kind"] == "orphan"
            look = theme.EFFECTS["done" if orphan else "in doubt"]
            st.badge("done, and not asked for again" if orphan else look.text, color=look.badge)
            st.badge(plain.chip(row["effect"]), color="gray")
            if st.button("Run", icon=":material/account_tree:", key=f"run-{row['id']}", type="tertiary"):
                st.switch_page(st.session_state["pages"]["run"], query_params={"run": row["life"], "step": row["step"]})
        left, right = st.columns([7, 5])
        with left:
            _known(found, row)
        with right:
            _form(found, row)


def _known(found: Source, row: Row) -> None:
    run = lives.of_run(found, str(row["run"]))
    st.markdown("  \n".join(f":gray[{label}]  {value}" for label, value in _facts(row, run).items()))
    st.caption("Arguments")
    payload = found.payload(row["args"])
    if payload.missing:
        st.text(payload.missing)
    else:
        text = json.dumps(payload.value, indent=2, ensure_ascii=False)
        st.code(plain.block(text), language=None, wrap_lines=True)


def _facts(row: Row, run: Lives | None) -> dict[str, str]:
    numbers = {life["run"]: number for number, life in enumerate(run.lives, 1)} if run is not None else {}
    error = f"it raised {plain.chip(row['error'])}" if row["error"] else "no result was recorded"
    found = {
        "On behalf of": f"{plain.chip(row['user'])}, tenant {plain.chip(row['tenant'])}",
        "Agent": plain.chip(row["agent"]),
        "Attempt": f"{row['attempts']}, in life {numbers.get(row['life'], '?')} of {len(numbers) or '?'}, "
        f"{row['attempted_at']:%d %b %Y %H:%M:%S} UTC",
        "Known": "it was done" if row["kind"] == "orphan" else f"it was begun, and {error}",
        "Key": plain.chip(row["key"]),
        "Question": plain.chip(row["id"]),
    }
    before = _before(row, run)
    return found | ({"Before it": before} if before else {})


def _before(row: Row, run: Lives | None) -> str:
    moments = run.moments if run is not None else ()
    made = [one["tool"] for one in moments if one["ran"] and one["at_utc"] < row["attempted_at"]][-_BEFORE:]
    return ", ".join(plain.chip(tool) for tool in made)


def _form(found: Source, row: Row) -> None:
    if os.environ.get(ANSWERS) == "0":
        st.caption(f"Answer at a terminal: {plain.chip('handrail runs answer ' + str(row['id']))}")
        return
    kind = row["kind"] if row["kind"] in _BUTTONS else "doubt"
    with st.form(f"answer-{row['id']}", border=False):
        st.text_input("How do you know?", key=f"why-{row['id']}", max_chars=1_000,
                      placeholder="It goes into the record")  # fmt: skip
        if kind == "doubt":
            st.text_area("What it returned, if you know (JSON or text)", key=f"result-{row['id']}", height=68)
        with st.container(horizontal=True):
            for verdict, label in _BUTTONS[kind]:
                st.form_submit_button(label, key=f"{verdict}-{row['id']}",
                                      on_click=partial(_answer, found, row["id"], row["run"], verdict))  # fmt: skip


def _answer(found: Source, id: str, run: str, verdict: Verdict) -> None:
    """What a button does: the very function of the command line, and what it says of it."""
    for key in (_SAID, _WRONG):
        st.session_state.pop(key, None)
    why = str(st.session_state.get(f"why-{id}") or "").strip()
    written = str(st.session_state.get(f"result-{id}") or "").strip()
    if not why:
        st.session_state[_WRONG] = "Write how you know: it goes into the record."
        return
    result = _value(written) if written and verdict == "happened" else NOT_KNOWN
    try:
        answering.settle(found.data, id, verdict, why, result, channel="explorer", run=run)
    except (HandrailError, OSError) as error:
        st.session_state[_WRONG] = str(error)
        return
    st.session_state[_SAID] = f"Answered: {_WORDS[verdict]}. Go on with: handrail runs resume {run} MODULE:OBJECT"


def _value(written: str) -> object:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written


def _answered(found: Source) -> None:
    rows = [row for row in lives.questions(found) if row["status"] != "open"][-_MOST_ANSWERED:][::-1]
    if not rows:
        return
    st.markdown("##### Answered")
    columns = {
        "When (UTC)": [f"{row['answered_at']:%d %b %H:%M:%S}" for row in rows],
        "Tool": [plain.name(row["tool"]) for row in rows],
        "Answer": [_WORDS.get(row["decision"], "unknown") for row in rows],
        "By": [plain.name(row["who"]) for row in rows],
        "Over": [plain.name(row["channel"]) for row in rows],
        "Why": [plain.name(row["why"], limit=200) for row in rows],
        "Run": [plain.name(row["run"]) for row in rows],
    }
    tables.show(tables.frame(columns), key="answered-table", name="Answered questions", most_px=400)
