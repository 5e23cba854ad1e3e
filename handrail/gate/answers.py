"""Completed calls of models: in enforce mode their answers are kept, and given back in a run that goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handrail.audit.steps import Step
from handrail.effects import keys, values
from handrail.effects.ledger import Ledger
from handrail.effects.vault import Ref, vault_for
from handrail.errors import JournalError, NotReplayable, ValueErased
from handrail.gate.once import ledger_of
from handrail.tracing.context import Frame

log = logging.getLogger(__name__)

_NOTE = "answers_before"
_UNREADABLE = (ValueErased, NotReplayable, JournalError, OSError)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer of an earlier life."""

    value: Any
    """What the seam kept."""
    ref: Ref
    """Where it lies."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that has an answer among the messages of a request."""

    id: str
    tool: str = ""
    args: Mapping[str, Any] | None = None
    """What it was made with; None where that is not known."""


def keeps(frame: Frame) -> bool:
    """Whether answers of models that are asked in ``frame`` are kept, and given back."""
    rulebook = frame.gates[0].rulebook
    return bool(rulebook.enforces and rulebook.now.settings.resume.models)


def recorded(step: Step, at: str = "", fits: Callable[[Any], bool] = lambda value: True) -> Recorded | None:
    """The answer that the open model call ``step`` had in an earlier life; None where the model must be asked.

    Each is given once. ``at`` is where the call is made; an answer that does not ``fit`` is passed over.
    """
    ledger = ledger_of(step.frame.state)
    if not step.asked or not ledger.resumed:
        return None
    vault = vault_for(step.frame.gates[0].folder)
    while (record := ledger.answers.take(step.asked, at, lambda: _made(ledger))) is not None:
        ref: Ref = record["value"]
        try:
            value = values.decode(vault.get(ledger.run, step.asked, ref))
        except _UNREADABLE as error:
            log.warning("A recorded answer of %r cannot be given back: %s", step.name, type(error).__name__)
            continue
        if fits(value):
            return Recorded(value, ref)
    return None


def _made(ledger: Ledger) -> set[str]:
    """Ids of the calls that this life has made."""
    return {one.call_id for one in ledger.effects() if one.claimed}


def kept(step: Step, asked: str, value: Callable[[], object], at: str = "") -> dict[str, object]:
    """Keep an accepted answer for replay; facts of the closing record of ``step``, none where it cannot be kept."""
    if not asked:
        return {}
    state = step.frame.state
    try:
        ref = vault_for(step.frame.gates[0].folder).put(state.logical, asked, values.encode(value()))
    except Exception as error:  # whatever it is: the call was made, and its answer goes on
        log.info("An answer of %r cannot be given back after a crash: %s", step.name, type(error).__name__)
        return {}
    said: dict[str, object] = {"asked": asked, "value": ref, **({"at": at} if at else {})}
    ledger_of(state).answers.add(said)
    return said


def replayed(asked: str, found: Recorded, at: str = "") -> dict[str, object]:
    """Facts of the closing record of a call whose answer was given back: nothing was paid for it."""
    return {"asked": asked, "value": found.ref, "replayed": True, "usage": {}, **({"at": at} if at else {})}


def heard(frame: Frame, calls: Callable[[], Iterable[Answered]]) -> None:
    """An agent is about to ask a model in ``frame``: calls that its first request has answers to are not made again.

    What it answers later it was told in this life. ``calls`` are those that are answered in the request.
    """
    ledger = ledger_of(frame.state)
    if not ledger.resumed or not keeps(frame):
        return
    known: set[str] = frame.state.notes.setdefault(_NOTE, set[str]())
    if frame.step in known:
        return
    known.add(frame.step)
    here, ids = _made(ledger), {one.call_id for one in ledger.effects()}
    for call in calls():
        what = keys.identity(call.tool, call.args) if call.id not in ids and call.args is not None else None
        if what is not None:
            ledger.answered_one(what)
        elif call.id not in here:  # a call of this life is its own answer, whatever else has the same id
            ledger.answered([call.id])
