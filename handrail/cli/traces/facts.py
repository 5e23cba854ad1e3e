"""One line each for what a step is besides its name: a plan's revision, a memory operation, a limit, a link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handrail.audit.traces import Row, Trace, as_array, as_object
from handrail.cli.traces.columns import shown

_LINKS = {
    "caused_by": "caused by", "retry_of": "tries again", "resumed_from": "goes on with", "forked_from": "forked from",
    "rejoins": "rejoins", "handed_over_by": "handed over by",
}  # fmt: skip
_CHANGES = (("added", "added"), ("removed", "removed"), ("changed", "changed"), ("moved", "moved"))


def about(step: Row) -> Iterator[str]:
    """What a step of another kind than agent, model and tool did."""
    facts = as_object(step["detail"]) | as_object(step["ends"])
    if step["type"] == "plan":
        changed = [f"{facts[key]} {word}" for key, word in _CHANGES if facts.get(key)]
        yield f"revision {_word(facts, 'revision')}: {_word(facts, 'items')} items, " + ", ".join(
            [*changed, f"{_word(facts, 'done')} done"]
        )
    elif step["type"] == "memory":
        count = f", {_word(facts, 'records')} records" if "records" in facts else ""
        yield f"{_word(facts, 'operation')} in {_word(facts, 'store')}{count}"
    elif step["type"] == "reflection" and "confidence" in facts:
        yield f"confidence {_word(facts, 'confidence')}"
    elif step["type"] == "mcp":
        yield _word(facts, "method")


def _word(facts: Mapping[str, Any], name: str) -> str:
    return shown(facts.get(name), most=60) or "?"


def linked(trace: Trace, step: Row) -> Iterator[str]:
    """The stated links of a step."""
    for link in map(as_object, as_array(step["links"])):
        to_step, to_run = str(link.get("step", "")), str(link.get("run") or "")
        target = trace.steps.get(to_step) if to_run in ("", trace.run["run"]) else None
        name = f"{shown(target['type'], most=20)} {shown(target['name'], most=60)} " if target is not None else ""
        run = f" of run {shown(to_run, most=32)}" if to_run and target is None else ""
        yield f"{_LINKS.get(str(link.get('type')), 'linked to')} {name}{shown(to_step, most=16)}{run}"


def noted_all(notes: Sequence[Row]) -> Iterator[str]:
    """What was noted about a step; of a limit that is counted again and again, what was used in the end."""
    latest = {_counted(note): number for number, note in enumerate(notes)}
    return (noted(note) for number, note in enumerate(notes) if latest[_counted(note)] == number)


def _counted(note: Row) -> tuple[object, ...]:
    """What one note has in common with those that it takes the place of."""
    facts = as_object(note["body"])
    if note["kind"] != "limit" or facts.get("hit"):
        return (id(note),)
    return tuple(str(facts.get(name)) for name in ("by", "what", "per", "tool", "limit"))


def noted(note: Row) -> str:
    """What was noted about a step: a limit, an approval, a validation, or something else."""
    facts = as_object(note["body"])
    if note["kind"] == "limit":
        hit = "limit hit" if facts.get("hit") else "limit"
        return (
            f"{hit}: {_word(facts, 'used')} of {_word(facts, 'limit')} {_word(facts, 'what')} per {_word(facts, 'per')}"
        )
    if note["kind"] == "approval":
        who = f" by {_word(facts, 'user')}" if facts.get("user") else ""
        tool = f" of {_word(facts, 'tool')}" if facts.get("tool") else ""
        return f"approval{tool} {shown(facts.get('decision') or facts.get('event'), most=60)}{who}"
    if note["kind"] == "validation":
        return f"validator {_word(facts, 'validator')}: {_word(facts, 'verdict')}, {_word(facts, 'code')}"
    return f"{shown(note['kind'], most=24)} by {_word(facts, 'by')}"
