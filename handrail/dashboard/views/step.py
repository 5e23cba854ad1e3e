"""The drawer of one step: what was asked, what was decided and why, what came back. Content is shown as text only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from handrail.audit.spoken import by_validators, spoken
from handrail.dashboard import data, figures, plain, shared, tables, theme
from handrail.dashboard.data import Row, Source
from handrail.dashboard.views import thought

_DRAWER_PX = 740
_MAX_MESSAGES = 50


def drawer(found: Source, run_id: str, step_id: str) -> None:
    """Draw everything known of one step of a run."""
    step = data.step(found, run_id, step_id)
    with st.container(border=True, height=_DRAWER_PX, key="drawer"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"##### {plain.chip(step['name'] if step else step_id)}", width="content")
            st.button("Close", icon=":material/close:", key="close-step", type="tertiary",
                      on_click=shared.set_query, args=({"step": None},))  # fmt: skip
        if step is None:
            st.text("This step is not in the run.")
            return
        _badges(step)
        if step["source"] != "handrail":
            _told(found, step)
            _facts(step)
            return
        if step["type"] == "tool":
            _decision(step)
        _findings(found, run_id, step)
        thought.show(found, run_id, step, _payload)
        _asked(found, run_id, step)
        _came_back(found, step)
        _facts(step)


def _badges(step: Row) -> None:
    kind = figures.step_look(step)
    outcome = theme.outcome(step["outcome"])
    with st.container(horizontal=True):
        st.badge(kind.text, color=kind.badge)
        if step["source"] != "handrail":
            st.badge(f"observed by {plain.chip(step['source'], limit=40)}", color="gray")
        elif step["type"] == "tool":
            verdict = theme.verdict(step["verdict"])
            st.badge(verdict.text, color=verdict.badge)
        if step["type"] == "tool":
            st.badge("ran" if step["ran"] else "did not run", color="gray")
        st.badge(outcome.text, color=outcome.badge)


def _told(found: Source, step: Row) -> None:
    """The whole span, for a step that another instrumentation told of: nobody here asked or decided."""
    ref = data.span_of(found, step)
    if ref is None:
        why = "a model proposed the call, and nobody made it" if step["ran"] is False else "what lies below it shows it"
        st.text(f"No span tells of this step: {why}.")
        return
    st.markdown("**The span, as it was sent**")
    _payload(found, ref)


def _decision(step: Row) -> None:
    st.markdown("**Decided**")
    links = data.as_array(step["chain"])
    by = theme.DECIDERS.get(step["decided_by"] or "")
    lines = {
        "Rule": plain.chip(step["rule"]) if step["rule"] else "none matched",
        "Decided by": by or plain.chip(step["decided_by"]),
        "On behalf of": "  →  ".join(plain.chip(link) for link in links) or "–",
        "Tenant": plain.chip(step["tenant"]),
        "Effect": plain.chip(step["effect"]),
    }
    _lines(lines)
    if step["reason"]:
        st.code(plain.name(step["reason"], limit=1000), language=None, wrap_lines=True)


def _lines(lines: dict[str, str]) -> None:
    st.markdown("  \n".join(f":gray[{label}]  {value}" for label, value in lines.items()))


def _findings(found: Source, run_id: str, step: Row) -> None:
    """What validators said, and what was done; what they quote only where somebody opens it."""
    notes = [note for note in data.notes(found, run_id, step["step"]) if by_validators(note)]
    said = spoken(step, notes)
    if not said:
        return
    st.markdown("**Findings**")
    columns = {
        "Validator": [plain.name(one.validator) for one in said],
        "What": [plain.name(one.code) for one in said],
        "Where": [plain.name(f"{one.on} {one.path}".strip()) or "/" for one in said],
        "Done": [plain.name(one.done) or "–" for one in said],
        "Severity": [plain.name(one.severity) for one in said],
    }
    tables.show(tables.frame(columns), key="findings", name="Findings")
    told = [ref for note in notes if (ref := data.as_object(note["body"]).get("found"))]
    if told:
        with st.expander("What they said, in full"):
            for ref in told:
                _payload(found, ref)


def _asked(found: Source, run_id: str, step: Row) -> None:
    if step["type"] == "tool":
        st.markdown("**Asked, with these arguments**")
        _payload(found, step["args"])
    elif step["type"] == "model":
        _messages(found, run_id, step)


def _messages(found: Source, run_id: str, step: Row) -> None:
    messages = data.as_object(step["messages"])
    if not messages:
        return
    added, kept = data.as_array(messages.get("add")), data.as_count(messages.get("keep"))
    st.markdown(f"**Asked:** {len(added):,} new {'message' if len(added) == 1 else 'messages'}"
                + (f" after {kept:,} that were sent before" if kept else ""))  # fmt: skip
    if kept and st.toggle("Show those sent before", key="earlier"):
        _message_list(found, data.earlier_messages(found, run_id, messages))
        st.divider()
    _message_list(found, added)


def _message_list(found: Source, refs: Sequence[Any]) -> None:
    if len(refs) > _MAX_MESSAGES:
        st.caption(f"The last {_MAX_MESSAGES} of {len(refs):,}")
    for ref in refs[-_MAX_MESSAGES:]:
        _payload(found, ref)


def _came_back(found: Source, step: Row) -> None:
    if step["outcome"] == "running":
        st.markdown("**Came back:** not yet")
    elif step["result"] is not None:
        st.markdown("**Came back**")
        _payload(found, step["result"])
    elif step["type"] in ("tool", "model"):
        st.markdown("**Came back:** nothing was recorded")


def _payload(found: Source, ref: object) -> None:
    payload = found.payload(ref)
    if payload.missing:
        st.text(payload.missing)
        return
    value: object = payload.value
    message = {} if isinstance(value, str) else data.as_object(value)
    if isinstance(message.get("role"), str):
        _message(message)
    else:
        _value(value)


def _message(message: dict[str, Any]) -> None:
    st.markdown(f":gray[from] {plain.chip(message['role'], limit=24)}")
    rest = {key: value for key, value in message.items() if key not in ("role", "content") and value}
    if message.get("content") or not rest:
        _value(message.get("content"))
    if rest:
        _value(rest)


def _value(value: object) -> None:
    if isinstance(value, str):
        st.code(plain.block(value) or "(empty text)", language=None, wrap_lines=True)
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        st.code(plain.block(text), language="json", wrap_lines=True)


def _facts(step: Row) -> None:
    facts = {
        "Took": plain.duration(step["duration_ms"]),
        "Error": plain.chip(step["error"]) if step["error"] else "",
        "Model": plain.chip(step["model"]) if step["model"] else "",
        "Tokens": f"{step['input_tokens'] or 0:,} in, {step['output_tokens'] or 0:,} out"
        if step["type"] == "model"
        else "",
        "Agent": plain.chip(step["agent"]),
        "Call id": plain.chip(step["call_id"]) if step["call_id"] else "",
        "Step": plain.chip(step["step"]),
        "Started (UTC)": f"{step['started_at']:%Y-%m-%d %H:%M:%S.%f}"[:-3],
    }
    st.markdown("**Facts**")
    _lines({label: value for label, value in facts.items() if value})
