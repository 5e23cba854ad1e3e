"""What validators say of a value, and what is done about it: put down, taken out, put right, refused, asked.

The value is checked by every gate of the frame, outermost first. Nothing is changed or refused in observe mode.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from handrail.audit.recorder import findings_of
from handrail.audit.steps import Step
from handrail.config.settings import Last
from handrail.errors import AnswerRejected, ValidationFailed
from handrail.gate.seen import run_of
from handrail.tracing.context import Frame
from handrail.tracing.why import why_of
from handrail.validators.configured import Configured
from handrail.validators.context import Context, On, Run
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, codes_of
from handrail.validators.mending import redacted, repaired
from handrail.validators.plain import written

if TYPE_CHECKING:
    from handrail.gate.pipeline import Gate

log = logging.getLogger(__name__)

Action = Literal["recorded", "redacted", "repaired", "rejected", "asked", "refused", "escalated", "failed"]
"""What was done about what one validator found. The last three: it was rejected more often than it may be."""
_LAST: Mapping[Last, Action] = {"refuse": "refused", "escalate": "escalated", "fail": "failed"}
_STOPS = frozenset(("rejected", "asked", "refused", "escalated", "failed"))
_FAILED: Mapping[On, str] = {
    "arguments": "The arguments of {!r}",
    "result": "The result of {!r}",
    "output": "The output of a model",
    "answer": "The final answer",
    "documents": "What {!r} found",
    "input": "The input",
}
_NOTE = "rejections"
_UNSEEN = Run(complete=False)
_MOST_TOLD = 20
_MOST_PASSES = 5
"""Checks of one value while it is redacted: each tells twenty findings at most."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one validator said, and what was done."""

    id: str
    findings: Findings
    action: Action
    enforced: bool
    """Whether it was done; otherwise only marked."""
    round: int = 0
    """How many rejections in a row this is; 0 where it is none."""
    rounds: int = 0
    """How many of them are told to the model."""

    @property
    def stops(self) -> bool:
        """Whether the value may not be used."""
        return self.enforced and self.action in _STOPS


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one value."""

    value: object
    """To be used in place of the value that was given; the same object where nothing was changed."""
    said: tuple[Said, ...] = ()
    """Validators that found something."""
    ids: tuple[str, ...] = ()
    """Validators that looked."""
    on: On = ""
    name: str = ""
    given: object = field(default=None, repr=False)

    @property
    def findings(self) -> Findings:
        """Everything that was found."""
        return tuple(finding for one in self.said for finding in one.findings)

    @property
    def stopped(self) -> tuple[Said, ...]:
        """Those because of which the value may not be used."""
        return tuple(one for one in self.said if one.stops)

    @property
    def action(self) -> Literal["pass", "reject", "ask"]:
        """Whether the value may be used."""
        actions = {one.action for one in self.stopped}
        return "pass" if not actions else "ask" if actions == {"asked"} else "reject"

    @property
    def left(self) -> int:
        """How often the model may still try again; 0: what comes last was done."""
        return min((max(0, one.rounds - one.round + 1) for one in self.stopped if one.round), default=0)

    @property
    def last(self) -> Last | None:
        """What comes last and was done; None while the model may try again, or where a person is asked."""
        done = {one.action for one in self.stopped}
        return next((last for last in ("fail", "escalate", "refuse") if _LAST[last] in done), None)

    @property
    def text(self) -> str:
        """What the model is told of a value that may not be used."""
        return told(self)

    def failure(self) -> ValidationFailed:
        """The error that ends the run, where that comes last."""
        first = (self.stopped or self.said)[0]  # what was changed where nothing can be changed any more, ends it too
        codes = codes_of(first.findings)
        kind = AnswerRejected if self.on == "answer" else ValidationFailed
        return kind(_FAILED.get(self.on, "The value").format(self.name), first.id, codes)

    def record(self, gate: Gate, frame: Frame) -> None:
        """Put down what was said, at the open step of ``frame``: what was found is content, what was done is not."""
        for one in self.said:
            errors = any(finding.severity == "error" for finding in one.findings)
            facts: dict[str, object] = {
                "validator": one.id,
                "on": self.on,
                "path": self.name or self.on,
                "verdict": "fail" if errors else "warn",
                "code": ", ".join(codes_of(one.findings)),
                "action": one.action if one.enforced or one.action == "recorded" else f"would_be_{one.action}",
                "findings": findings_of(one.findings),
            }
            if one.round:
                facts |= {"round": one.round, "rounds": one.rounds}
            gate.steps.note(frame, "validation", facts, content={"found": [_content(each) for each in one.findings]})

    def judged(self, gate: Gate, step: Step) -> None:
        """Tell whoever listens to evaluations, those that let the value pass included."""
        if self.ids:
            gate.steps.telemetry.judged(step, self.ids, self.findings)


def check(
    frame: Frame,
    on: On,
    name: str,
    value: object,
    *,
    args: Mapping[str, Any] | None = None,
    text: str | None = None,
    row: str = "",
    more: tuple[Configured, ...] = (),
) -> Checked:
    """What the validators of every gate say of ``value``, which is ``on`` of the tool, retriever or agent ``name``.

    ``args`` are those of the call; ``text`` is what ``value`` was read from. A rejection counts as a round of the run;
    a value that passes ends the row. ``row`` names what is tried again and again, where that is known: then others
    beside it have rounds of their own. ``more`` is what a tool's author checks besides, with the outermost gate.
    Never raises: what breaks while checking is a finding.
    """
    looking = _Looking(value, text)
    for gate in frame.gates:
        chain = gate.rulebook.now.validators.of(on, name)
        if gate is frame.gates[0]:
            chain = (*chain, *more)
        if not chain:
            continue
        context = _context(frame, on, name, args, any(one.check.needs_run for one in chain))
        for one in chain:
            looking.ask(_Check(frame, gate, one, context, row))
    ids = tuple(asked.what.id for asked in looking.asked)
    return Checked(looking.value, tuple(looking.said), ids, on, name, value)


def configured(frame: Frame, on: On, name: str) -> bool:
    """Whether anything looks at ``on`` of the tool, retriever or agent ``name``."""
    return any(gate.rulebook.now.validators.of(on, name) for gate in frame.gates)


def changes(frame: Frame, on: On, name: str) -> bool:
    """Whether what looks at it may hold it back or change it, so that nobody may see it before it was checked."""
    return any(
        gate.rulebook.enforces and any(one.then != "record" for one in gate.rulebook.now.validators.of(on, name))
        for gate in frame.gates
    )


@dataclass(frozen=True, slots=True)
class _Check:
    """One check at one gate."""

    frame: Frame
    gate: Gate
    what: Configured
    context: Context
    row: str = ""

    def run(self, value: object, text: str | None = None) -> Findings:
        return self.what.check.check(value, self.context, text)

    @property
    def enforced(self) -> bool:
        return bool(self.gate.rulebook.enforces)

    @property
    def grave(self) -> bool:
        """Whether what could not be checked is rejected whatever is configured."""
        return (
            self.context.on == "arguments" and self.gate.rulebook.now.settings.tool(self.context.tool).effect != "read"
        )


class _Looking:
    """One value on its way through the checks."""

    def __init__(self, value: object, text: str | None) -> None:
        """``text`` is what the value was read from."""
        self.value, self.text = value, text
        self.said: list[Said] = []
        self.asked: list[_Check] = []

    def ask(self, check: _Check) -> None:
        """Have one look; the next one looks at what there is then, as the text that is given out too."""
        said, new = _applied(check, self.value, self.text)
        self.said += (said,) if said is not None else ()
        if new is not self.value:
            text = _text(self.text, new)
            if said is not None and said.action == "repaired":
                self._again(new, text)
            self.value, self.text = new, text
        self.asked.append(check)

    def _again(self, new: object, text: str | None) -> None:
        """A repair may bring to light what those before could not see: of that they say what they would have said."""
        for check in self.asked:
            before = Counter((one.code, one.path) for one in check.run(self.value, self.text))
            found = check.run(new, text)
            fresh = Counter((one.code, one.path) for one in found if _is_error(check, one)) - before
            if fresh and check.what.then != "record" and check.enforced:
                self.said.append(_rejected(check, found))


def _text(before: str | None, new: object) -> str | None:
    """The text as which ``new`` is given out, where ``before`` was one."""
    return new if isinstance(new, str) else str(written(before, new)) if before is not None else None


def _applied(check: _Check, value: object, text: str | None) -> tuple[Said | None, object]:
    found = check.run(value, text)
    errors = tuple(one for one in found if _is_error(check, one))
    then = check.what.then
    if not errors:
        _row(check, reset=True)
        return (Said(check.what.id, found, "recorded", check.enforced) if found else None), value
    if then == "record":
        return Said(check.what.id, found, "recorded", check.enforced), value
    if then in ("redact", "repair"):
        mended = _mended(check, value, text, errors)
        if mended is not None:
            action: Action = "redacted" if then == "redact" else "repaired"
            return Said(check.what.id, found, action, check.enforced), mended[0] if check.enforced else value
    if then == "ask":
        return Said(check.what.id, found, "asked", check.enforced), value
    return _rejected(check, found), value


def _mended(check: _Check, value: object, text: str | None, errors: Findings) -> tuple[object] | None:
    """The value redacted or repaired; None where that cannot be, or breaks at what somebody else's check says."""
    mend = _redacted if check.what.then == "redact" else _repaired
    try:
        mended = mend(check, value, text, errors)
    except Exception as error:  # a place where nothing stands, a repair that is no value
        log.warning("What %s found could not be mended: %s", check.what.id, type(error).__name__)
        return None
    if mended is not None and check.context.on == "arguments" and not isinstance(mended[0], dict):
        return None  # a mark is no arguments
    return mended


def _redacted(check: _Check, value: object, text: str | None, errors: Findings) -> tuple[object] | None:
    """The value without what was found; None where it does not come to an end, or nobody knows what to take out."""
    gone: set[str] = set()
    for _ in range(_MOST_PASSES):
        if any(one.unchecked for one in errors):
            return None
        value = redacted(value, errors)
        # the mark that stands for a whole value is no better a value: it is not looked at again
        gone |= {one.path for one in errors if one.span is None}
        found = check.run(value, _text(text, value))
        errors = tuple(one for one in found if one.severity == "error" and (one.span or one.path not in gone))
        if not errors and len(found) < MAX_FINDINGS:  # at its most, a check may have more to say
            return (value,)
    return None


def _repaired(check: _Check, value: object, text: str | None, errors: Findings) -> tuple[object] | None:
    """The value put right; None where that is not beyond doubt."""
    if any(one.fix is None for one in errors):
        return None
    mended = repaired(value, errors)
    found = check.run(mended, _text(text, mended))
    return None if any(one.severity == "error" for one in found) else (mended,)


def _is_error(check: _Check, finding: Finding) -> bool:
    return finding.severity == "error" and not _passes(check, finding)


def _passes(check: _Check, finding: Finding) -> bool:
    """Whether a value counts as good although it could not be checked."""
    return finding.unchecked and check.what.unchecked == "record" and not check.grave


def _rejected(check: _Check, found: Findings) -> Said:
    what = check.what
    if not check.enforced:
        return Said(what.id, found, "rejected", False)
    count = _row(check)
    action: Action = "rejected" if count <= what.rounds else _LAST[what.last]
    return Said(what.id, found, action, True, count, what.rounds)


_lock = threading.Lock()


def _row(check: _Check, *, reset: bool = False) -> int:
    """How many rejections in a row this is, by one validator of one agent of the run.

    Several calls that a model asked for in one reply are one: it was told nothing between them.
    """
    frame, notes = check.frame, check.frame.state.notes
    if reset and _NOTE not in notes:
        return 0
    rows: dict[tuple[str, ...], tuple[int, str]] = notes.setdefault(_NOTE, {})
    key = (frame.home, check.what.id, check.context.on, check.context.tool, check.row)
    reply = why_of(frame.state).latest(frame.home) if check.context.tool else ""
    with _lock:
        count, last = rows.pop(key, (0, ""))
        if not reset:
            count += not (reply and reply == last)
            rows[key] = count, reply
        return count


def _context(frame: Frame, on: On, name: str, args: Mapping[str, Any] | None, needs_run: bool) -> Context:
    who = frame.principal
    tool = name if on in ("arguments", "result", "documents") else ""
    run = run_of(frame) if needs_run else _UNSEEN
    return Context(on=on, tool=tool, agent=who.agent, tenant=who.tenant, user=who.user, args=args, run=run)


_WHAT: Mapping[On, str] = {
    "arguments": "The arguments of this call are",
    "result": "The result of this call is",
    "output": "Your reply is",
    "answer": "Your answer is",
    "documents": "What was found is",
    "input": "What was asked is",
}


def told(checked: Checked) -> str:
    """What the model is told. Of a result or a document only the codes: the messages may quote what was held back."""
    what = _WHAT.get(checked.on, "This is")
    stopped = checked.stopped
    if checked.action == "ask":
        return f"{what} to be looked at by a person first. Go on without it."
    if checked.last is not None:
        person = " A person was told." if checked.last == "escalate" else ""
        return f"{what} still not valid, after {max(one.round for one in stopped)} tries. Do not try again.{person}"
    findings = [finding for one in stopped for finding in one.findings if finding.severity == "error"]
    if checked.on in ("result", "documents", "input"):
        return f"{what} withheld, because it is not valid: {', '.join(codes_of(findings))}."
    return explained(findings, what)


def explained(findings: list[Finding] | Findings, what: str = _WHAT["arguments"]) -> str:
    """Findings as the model reads them."""
    lines = [f"- {one.path or 'all of it'}: {one.message}{_hint(one)}" for one in findings[:_MOST_TOLD]]
    return f"{what} not valid:\n" + "\n".join(lines)


def _hint(finding: Finding) -> str:
    return f" {finding.hint}" if finding.hint else ""


def _content(finding: Finding) -> dict[str, object]:
    found: dict[str, object] = {"code": finding.code, "path": finding.path, "message": finding.message}
    optional = {"hint": finding.hint, "excerpt": finding.excerpt, "span": list(finding.span or ())}
    return found | {name: value for name, value in optional.items() if value}
