"""What validators said of one step and what was done about it: of its record, and of the notes that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.audit.traces import Row, as_array, as_object

_LAST = {"refused": "refused", "escalated": "refused, and a person told", "failed": "the run ended"}
_VERDICTS = {"reject": "rejected", "would_reject": "would be rejected"}
_MAX_WORD = 40


@dataclass(frozen=True, slots=True)
class Spoken:
    """One finding."""

    validator: str
    code: str
    path: str
    """Where in the value, as a JSON pointer; empty for all of it."""
    severity: str
    on: str
    """What was checked: arguments, result, output, answer, documents, input; empty where nothing says it."""
    done: str
    """What was done, in words."""


def spoken(step: Row, notes: Sequence[Row]) -> list[Spoken]:
    """Every finding on ``step``, a row of the view ``steps``, each once. ``notes`` have ``kind`` and ``body``.

    Whatever the records hold, it is text.
    """
    found = [one for note in notes for one in _noted(note)]
    known = {(one.validator, one.code, one.path) for one in found}
    own = [one for one in _recorded(step) if (one.validator, one.code, one.path) not in known]
    return list(dict.fromkeys([*found, *own]))


def by_validators(note: Row) -> bool:
    """Whether a note is told by :func:`spoken`."""
    return note["kind"] == "validation" and bool(as_object(note["body"]).get("action"))


def done(action: object, round: object, rounds: object) -> str:
    """What was done, in words: ``rejected, round 2 of 3``."""
    word = str(action or "")[:_MAX_WORD]
    if word.startswith("would_be_"):
        return f"would be {word.removeprefix('would_be_')}"
    if word == "rejected" and isinstance(round, int) and isinstance(rounds, int):
        return f"rejected, round {round} of {rounds}"
    return f"{_LAST[word]} after {rounds} rounds" if word in _LAST and isinstance(rounds, int) else word


def _noted(note: Row) -> Iterator[Spoken]:
    facts = as_object(note["body"])
    if not by_validators(note):
        return
    told = done(facts.get("action"), facts.get("round"), facts.get("rounds"))
    yield from (_spoken(one, str(facts.get("on") or ""), told) for one in as_array(facts.get("findings")))


def _recorded(step: Row) -> Iterator[Spoken]:
    told = _VERDICTS.get(str(step["verdict"]), "") if step["decided_by"] in ("schema", "validator") else ""
    yield from (_spoken(one, "", told) for one in as_array(step["findings"]))


def _spoken(one: Any, on: str, told: str) -> Spoken:
    facts = as_object(one)
    validator, code, path, severity = (str(facts.get(name) or "") for name in ("validator", "code", "path", "severity"))
    # a warning is put down beside the errors that something was done about, and is itself only put down
    return Spoken(validator, code, path, severity, on, "recorded" if severity == "warning" and told else told)
