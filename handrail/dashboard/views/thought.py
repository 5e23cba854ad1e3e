"""What the drawer says of a step besides what was asked and came back: why, from what, what was noted, what changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from handrail.audit.spoken import by_validators
from handrail.dashboard import data, figures, plain, shared, tables
from handrail.dashboard.data import Row, Source

_LINKS = {
    "caused_by": "Caused by", "retry_of": "Tries again", "resumed_from": "Goes on with", "forked_from": "Forked from",
    "rejoins": "Rejoins", "handed_over_by": "Handed over by",
}  # fmt: skip
_BACK = {
    "caused_by": "Led to", "retry_of": "Tried again by", "resumed_from": "Went on in", "forked_from": "Forked by",
    "rejoins": "Rejoined by", "handed_over_by": "Handed over to",
}  # fmt: skip
_HIDDEN = frozenset(
    {
        "v", "w", "n", "t", "k", "run", "step", "trace", "parent", "type", "name", "agent", "chain", "links", "cause",
        "causes", "outcome", "error", "dur", "tenant", "findings", "like",
    }
)  # fmt: skip
"""Fields of a record that stand elsewhere in the drawer."""
_PLAN = {"added": "+", "removed": "−", "changed": "~", "moved": "↕"}
_MAX_ITEMS = 200
_MAX_NAMES = 40

ShowPayload = Callable[[Source, object], None]


def show(found: Source, run_id: str, step: Row, payload: ShowPayload) -> None:
    """Draw it. ``payload`` shows what a reference of the journal refers to."""
    if step["type"] == "tool":
        _why(found, run_id, step, payload)
    _notes(found, run_id, step, payload)
    facts = data.as_object(step["detail"]) | data.as_object(step["ends"])
    if facts:
        _facts(found, step, facts, payload)
    _links(found, run_id, step)


def _why(found: Source, run_id: str, step: Row, payload: ShowPayload) -> None:
    """Which answer proposed a call, what the model said beside it, and what it could have called instead."""
    cause = step["cause"]
    if not cause:
        return
    st.markdown("**Why this tool**")
    said = f"{step['said']:,} characters beside the call" if step["said"] else "nothing beside the call"
    thought = f", {step['reasoning']:,} characters of reasoning" if step["reasoning"] else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"The model said {said}{thought}.", width="content")
        _jump("Its answer", run_id, run_id, cause, key="cause")
    others = [name for name in data.offered(found, run_id, cause) if name != step["name"]]
    if others:
        more = f" and {len(others) - _MAX_NAMES:,} more" if len(others) > _MAX_NAMES else ""
        chips = "  ".join(plain.chip(name, limit=40) for name in others[:_MAX_NAMES])
        st.markdown(f":gray[It could have called]  {chips}{more}")
    proposer = data.step(found, run_id, cause)
    if step["said"] and proposer is not None and proposer["result"] is not None:
        with st.expander("What the model said"):
            payload(found, proposer["result"])


def _notes(found: Source, run_id: str, step: Row, payload: ShowPayload) -> None:
    notes = [note for note in data.notes(found, run_id, step["step"]) if not by_validators(note)]
    for number, note in enumerate(notes):
        facts = data.as_object(note["body"])
        with st.container(border=True, key=f"note-{number}"):
            st.markdown(f"**{_NOTED.get(note['kind'], 'Noted')}**  {plain.chip(_title(note['kind'], facts))}")
            _lines({name: value for name, value in facts.items() if name not in _TITLED.get(note["kind"], ())})
            _refs(found, facts, payload)


_TITLED = {
    "limit": ("what", "per", "used", "limit", "hit"),
    "approval": ("decision",),
    "validation": ("verdict", "code"),
}
"""Kind of a note -> what its title says."""
_NOTED = {"limit": "Limit", "approval": "Approval", "validation": "Validation", "intervention": "Intervention",
          "plan": "Plan"}  # fmt: skip


def _title(kind: str, facts: Mapping[str, Any]) -> str:
    if kind == "limit":
        hit = "hit: " if facts.get("hit") else ""
        return f"{hit}{facts.get('what')}: {facts.get('used')} of {facts.get('limit')} used per {facts.get('per')}"
    if kind == "approval":
        told = facts.get("decision") or facts.get("event")
        return f"{told} {facts.get('tool') or ''}".strip()
    if kind == "validation":
        return f"{facts.get('verdict')}: {facts.get('code')}"
    return str(facts.get("by") or kind)


def _facts(found: Source, step: Row, facts: Mapping[str, Any], payload: ShowPayload) -> None:
    st.markdown(f"**{figures.step_look(step).word.capitalize()}**")
    _lines(facts)
    if step["type"] == "plan":
        _plan(found, facts)
    else:
        _refs(found, facts, payload)


def _lines(facts: Mapping[str, Any]) -> None:
    shown = {name: value for name, value in facts.items() if name not in _HIDDEN and not _is_ref(value)}
    lines = [f":gray[{plain.chip(name, limit=40)}]  {plain.chip(_said(value), limit=200)}"
             for name, value in shown.items() if value not in (None, "", [])]  # fmt: skip
    if lines:
        st.markdown("  \n".join(lines))


def _said(value: object) -> str:
    listed = data.as_array(value) if not isinstance(value, str) else []
    return ", ".join(map(str, listed[:_MAX_NAMES])) if listed else str(value)


def _is_ref(value: object) -> bool:
    return isinstance(value, dict) and "c" in value


def _refs(found: Source, facts: Mapping[str, Any], payload: ShowPayload) -> None:
    for name, value in facts.items():
        if name not in _HIDDEN and _is_ref(value):
            st.markdown(f":gray[{plain.chip(name, limit=40)}]")
            payload(found, value)


def _plan(found: Source, facts: Mapping[str, Any]) -> None:
    """The items of a first plan, or what a revision changed."""
    for name in ("plan", "diff"):
        if not _is_ref(facts.get(name)):
            continue
        kept = found.payload(facts[name])
        if kept.missing:
            st.text(kept.missing)
        elif name == "plan":
            _items([("", item) for item in data.as_array(kept.value)])
        else:
            changes = data.as_object(kept.value)
            _items([(sign, item) for kind, sign in _PLAN.items() for item in data.as_array(changes.get(kind))])


def _items(items: list[tuple[str, Any]]) -> None:
    rows = [(sign, data.as_object(item)) for sign, item in items[:_MAX_ITEMS]]
    columns = {
        " ": [sign for sign, _ in rows],
        "Item": [plain.name(item.get("content"), limit=200) for _, item in rows],
        "Status": [plain.name(item.get("status"), limit=24) for _, item in rows],
        "Before": [plain.name(", ".join(map(str, data.as_object(item.get("before")).values()))) for _, item in rows],
    }
    if not any(columns["Before"]):
        del columns["Before"]
    if not any(columns[" "]):
        del columns[" "]
    tables.show(tables.frame(columns), key="plan", name="Plan")
    if len(items) > _MAX_ITEMS:
        st.caption(f"The first {_MAX_ITEMS} of {len(items):,}")


def _links(found: Source, run_id: str, step: Row) -> None:
    away = [(_LINKS.get(row["type"], "Linked to"), row["to_run"], row["to_step"])
            for row in data.links_from(found, run_id, step["step"])]  # fmt: skip
    back = [(_BACK.get(row["type"], "Linked by"), row["run"], row["step"])
            for row in data.links_to(found, run_id, step["step"])]  # fmt: skip
    if not away and not back:
        return
    st.markdown("**Came from, led to**")
    with st.container(horizontal=True, key="links"):
        for number, (word, to_run, to_step) in enumerate(away + back):
            _jump(f"{word} {_name(found, run_id, to_run, to_step)}", run_id, to_run, to_step, key=f"link-{number}")


def _name(found: Source, run_id: str, to_run: str, to_step: str) -> str:
    row = data.step(found, to_run, to_step)
    name = plain.chip(row["name"] if row else to_step, limit=32)
    return name if to_run == run_id else f"{name} of another run"


def _jump(label: str, run_id: str, to_run: str, to_step: str, *, key: str) -> None:
    """A button to another step. ``label`` is read as markdown: names in it have to be chips."""
    target = {"step": to_step} if to_run == run_id else {"run": to_run, "step": to_step, "page": None}
    st.button(label, key=f"jump-{key}", on_click=shared.set_query, args=(target,))
