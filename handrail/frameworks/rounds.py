"""What the validators say of a model's reply, and whether the model is asked again. Knows no framework.

The reply of every model is an ``output`` of the agent that asked it; the reply with which an agent ends is its
``answer`` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from handrail.audit.recorder import findings_of
from handrail.audit.steps import Step
from handrail.errors import ValidationFailed
from handrail.frameworks.viewing import View
from handrail.gate import gate_of
from handrail.gate.checking import Checked, changes, check, configured
from handrail.tracing.context import Frame
from handrail.validators.context import On
from handrail.validators.plain import read, written

T = TypeVar("T")

WITHHELD = "The answer is withheld because it is not valid."
"""What a user reads in place of a reply that was rejected too often, or waits for a person."""
_REPLIES: tuple[On, ...] = ("output", "answer")
_ACCEPTED = "accepted"
_MOST_KNOWN = 1_000
"""Accepted answers of one run that are remembered."""


def looks(frame: Frame) -> bool:
    """Whether anything looks at the replies of models that are asked in ``frame``."""
    for gate in frame.gates:  # every call of a model asks this: agents without such checks pay for one look
        ons = gate.rulebook.now.validators.ons
        if ons and ("output" in ons or "answer" in ons):
            agent = frame.principal.agent
            return configured(frame, "output", agent) or configured(frame, "answer", agent)
    return False


def holds(frame: Frame) -> bool:
    """Whether a reply may be rejected or changed there, so that nobody may see a part of it before."""
    if not looks(frame):
        return False
    agent = frame.principal.agent
    return any(changes(frame, on, agent) for on in _REPLIES)


@dataclass(slots=True)
class Verdict(Generic[T]):
    """What became of one reply."""

    reply: T
    """What goes on in its place; the very reply where nothing was changed."""
    checks: list[Checked]
    told: str = ""
    """What the model is told, and asked again; empty where it is not."""
    withheld: bool = False
    """Whether nothing of the reply may go on."""
    failure: ValidationFailed | None = None
    """What the run ends with."""

    @property
    def accepted(self) -> bool:
        """Whether the reply, or what was made of it, goes on."""
        return not (self.told or self.withheld or self.failure)

    @property
    def facts(self) -> dict[str, object]:
        """Facts of the closing record of the model's step."""
        found = [finding for checked in self.checks for finding in checked.findings]
        return {"findings": findings_of(found)} if found else {}

    @property
    def answered(self) -> frozenset[str] | None:
        """Ids of the validators that an accepted answer passed; None where it was withheld."""
        if self.withheld:
            return None
        return frozenset(id for checked in self.checks if checked.on == "answer" for id in checked.ids)

    def record(self, step: Step) -> None:
        """Put down what was said at the model's step."""
        gate = gate_of(step.frame)
        for checked in self.checks:
            checked.record(gate, step.frame)
            checked.judged(gate, step)


def judge(frame: Frame, reply: T, seen: View | None, *, answer: bool, strict: bool, row: str) -> Verdict[T]:
    """What the validators of the agent in ``frame`` say of ``reply``, which they see as ``seen``.

    ``answer`` says that it is the agent's answer; ``strict``, that whoever asked can do nothing with a plain text in
    place of it. ``row`` names the request that is made again for a rejected reply.
    """
    verdict = Verdict(reply, [])
    if seen is None:
        return verdict
    value = seen.value
    for on in _REPLIES if answer else _REPLIES[:1]:
        if not configured(frame, on, frame.principal.agent):
            continue
        checked = look(frame, on, value, row)
        verdict.checks.append(checked)
        if checked.action != "pass":
            return _stopped(verdict, checked, strict=strict)
        if checked.value is not checked.given:
            value = written(value, checked.value)
    return verdict if value is seen.value else _changed(verdict, seen, value)


def look(frame: Frame, on: On, value: object, row: str = "") -> Checked:
    """What the validators say of ``value``; a text that is a table or a list in JSON is looked at as such."""
    text = value if isinstance(value, str) else None
    return check(frame, on, frame.principal.agent, read(value, on), text=text, row=row)


def _changed(verdict: Verdict[T], seen: View, value: object) -> Verdict[T]:
    try:
        verdict.reply = seen.again(value)
    except (TypeError, ValueError):  # what was taken out is needed for the form that the reply must have
        verdict.failure = verdict.checks[-1].failure()
    return verdict


def _stopped(verdict: Verdict[T], checked: Checked, *, strict: bool) -> Verdict[T]:
    if checked.action == "reject" and checked.last is None:
        verdict.told = checked.text
    elif checked.last == "fail" or strict:
        verdict.failure = checked.failure()
    else:
        verdict.withheld = True
    return verdict


def remember(frame: Frame, text: str | None, looked: Iterable[str] | None = ()) -> None:
    """``text`` is what the agent in ``frame`` said last; None where it said nothing, but called tools.

    ``looked`` are the ids of the validators that it passed as an answer; None where it stands in place of one. What
    the outermost agent said last is the answer of the run, and is checked when that ends, where it was not.
    """
    if text is None:
        return
    if looked is None or looked:
        known: dict[str, frozenset[str] | None] = frame.state.notes.setdefault(_ACCEPTED, {})
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[text] = frozenset(looked) if looked is not None else None
    if frame.principal.chain == frame.state.principal.chain:
        frame.state.notes["answer"] = text


def was_accepted(frame: Frame, text: object) -> bool:
    """Whether every validator of the answer in ``frame`` has looked at ``text`` when a model gave it."""
    known: Mapping[object, frozenset[str] | None] = frame.state.notes.get(_ACCEPTED, {})
    if text not in known:
        return False
    looked, agent = known[text], frame.principal.agent
    return looked is None or looked.issuperset(
        one.id for gate in frame.gates for one in gate.rulebook.now.validators.of("answer", agent)
    )


def has_accepted(frame: Frame) -> bool:
    """Whether the agent's last words were accepted as its answer."""
    return was_accepted(frame, frame.state.notes.get("answer"))


def stopped_by(checks: Sequence[Checked]) -> str:
    """Ids of the validators that stopped a reply, for the record of the calls in it."""
    return ", ".join(sorted({one.id for checked in checks for one in checked.stopped}))
