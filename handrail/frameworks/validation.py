"""``handrail.validate(...)``: a check as a step of a program's own, inside a governed run or without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, cast, get_args

from handrail.config import settings
from handrail.errors import ConfigError, ValidationFailed
from handrail.frameworks.viewing import view
from handrail.gate import gate_of, seen
from handrail.gate.checking import Action, Checked, Said
from handrail.gate.seen import run_of
from handrail.tracing import context
from handrail.validators.combining import both
from handrail.validators.configured import Configured
from handrail.validators.context import Context, Run
from handrail.validators.expression import parse
from handrail.validators.findings import Findings, codes_of
from handrail.validators.functions import as_check
from handrail.validators.mending import redacted, repaired
from handrail.validators.plain import read, written
from handrail.validators.protocol import Check, Checkable
from handrail.validators.running import Named

T = TypeVar("T")

Checks = str | Checkable | Sequence[str | Checkable]
"""What handrail.toml has under ``check``, or what ``as_check`` takes; or several of these."""

Then = Literal["record", "redact", "repair", "reject"]
"""What is done about an error: nothing but putting it down, taking the part out, putting it right, an exception."""
_THENS = ("record", "redact", "repair", "reject")
_DONE: Mapping[str, Action] = {"redact": "redacted", "repair": "repaired"}
_MAX_ID = 60
_NO_RUN = Run(complete=False)
"""Outside every run nothing is known of one, so that nothing can be said to be missing from it."""


@dataclass(frozen=True, eq=False)
class Validation:
    """A check with what is done about what it finds. Call it with a value, or ask :meth:`check` only."""

    named: Named
    then: Then

    def check(self, value: object, /) -> Findings:
        """What is wrong with ``value``; empty when nothing is. Never raises, changes and records nothing."""
        return self._look(*_read(view(value).value))

    def __call__(self, value: T, /) -> T:
        """``value``, or a copy of it without what was found. Raises ValidationFailed where it does not pass.

        Inside a governed run the findings are recorded.
        """
        looked = view(value)
        known, text = _read(looked.value)
        findings = self._look(known, text)
        if not findings:
            return value
        changed, errors = self._changed(known, text, findings)
        found: Any = value
        if not errors and changed is not known:
            try:
                found = looked.again(written(looked.value, changed))
            except (TypeError, ValueError):
                errors = _errors(findings)
        self._note(findings, "rejected" if errors else "recorded" if found is value else _DONE[self.then])
        if errors:
            codes = codes_of(errors)
            raise ValidationFailed("The value", self.named.id, codes, findings=errors)
        return cast("T", found)

    def _look(self, value: object, text: str | None) -> Findings:
        return self.named.check(value, _context(), text)

    def _changed(self, value: object, text: str | None, findings: Findings) -> tuple[object, Findings]:
        """The value with what can be done about it, and what is wrong all the same."""
        errors = _errors(findings)
        if self.then == "record" or not errors:
            return value, ()
        if self.then == "reject" or any(one.unchecked for one in errors):
            return value, errors
        try:
            new = (redacted if self.then == "redact" else repaired)(value, errors)
        except Exception:  # a place where nothing stands, a repair that is no value: somebody else's check says it
            return value, errors
        text = str(written(text, new)) if text is not None else None
        return new, _errors(self._look(new, text))

    def _note(self, findings: Findings, action: Action) -> None:
        frame = context.current()
        if frame is not None:
            said = Said(self.named.id, findings, action, enforced=True)
            Checked(None, (said,), (said.id,), name=said.id).record(gate_of(frame), frame)


def validate(check: Checks, /, *, then: Then = "reject", id: str = "") -> Validation:
    """A check to call, or to put into a chain: ``chain | handrail.validate("iban()")``.

    ``check`` is what handrail.toml has under ``check``, a function, a JSON Schema, a pydantic model, or several of
    these. A value that is not right raises ValidationFailed, so that ``with_retry`` and ``with_fallbacks`` of LangChain
    can act on it; ``then`` = ``repair`` puts right what is beyond doubt and raises for the rest, ``redact`` takes out
    what was found, ``record`` lets everything pass. ``id`` names it in findings.

    Of a message the text is checked, of an agent's state its structured response or its last message, of pydantic
    objects and dataclasses the fields. What is streamed is held back until it is whole. Where LangChain is installed,
    the result is a Runnable. In a governed run the findings are recorded, and it acts in observe mode too: who calls
    it, means it. A check that looks at the run knows those that begin after it was made; outside a run it says that it
    cannot know. Raises ConfigError for a check that cannot be made.
    """
    if then not in _THENS:
        raise ConfigError(f"validate(then={then!r}) is none of {', '.join(_THENS)}.")
    named = as_named(check, id)
    if find_spec("langchain_core") is None:
        return Validation(named, then)
    from handrail.frameworks.langchain.validating import RunnableValidation

    return RunnableValidation(named, then)


def configured(check: Checks, then: settings.Then, id: str) -> Configured:
    """``check`` as handrail.toml would have it under ``id``. Raises ConfigError for one that cannot be made."""
    if then not in get_args(settings.Then):
        raise ConfigError(f"{then!r} is none of {', '.join(get_args(settings.Then))}.")
    return Configured(as_named(check, id), then)


def as_named(check: Checks, id: str) -> Named:
    """``check`` under ``id``, or under a name of its own. Raises ConfigError for a check that cannot be made."""
    several: list[Any] = list(check) if isinstance(check, (list, tuple)) else [check]
    named = Named(id or _id_of(several), both(*map(_made, several)))
    if named.needs_run:
        seen.always()  # nobody says in handrail.toml that runs are looked at
    return named


def _made(check: Any) -> Check:
    return parse(check) if isinstance(check, str) else as_check(check)


def _id_of(several: Sequence[Any]) -> str:
    """A name for a check that was given none: its text, or what it is called."""
    names = [one if isinstance(one, str) else str(getattr(one, "__name__", type(one).__name__)) for one in several]
    return " & ".join(names)[:_MAX_ID]


def _context() -> Context:
    frame = context.current()
    if frame is None:
        return Context(run=_NO_RUN)
    who = frame.principal
    return Context(agent=who.agent, tenant=who.tenant, user=who.user, run=run_of(frame))


def _errors(findings: Findings) -> Findings:
    return tuple(one for one in findings if one.severity == "error")


def _read(value: object) -> tuple[object, str | None]:
    """What validators look at, and the text that it was read from."""
    return read(value, "answer"), value if isinstance(value, str) else None
