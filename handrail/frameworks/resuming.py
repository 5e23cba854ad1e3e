"""Going on with a run that did not come to its end: which one, whether it may, and what it did so far."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from handrail.audit import lineage, oscalls
from handrail.audit.restored import unfinished_before
from handrail.audit.steps import Step
from handrail.config import Settings
from handrail.effects import asks, compensation, past, retention, values
from handrail.effects.answers import Answers
from handrail.effects.holding import holds_of
from handrail.effects.ledger import Effect, Ledger
from handrail.effects.past import Past
from handrail.effects.vault import vault_for
from handrail.errors import HandrailError, JournalError, NotAvailable, NotReplayable, NotResumable, ValueErased
from handrail.gate import Gate, Passed, once
from handrail.tracing import context
from handrail.tracing.identity import Principal
from handrail.tracing.links import Link

log = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f]{32}")
_living: dict[str, _Living] = {}
"""Logical run -> what it has done, where this process paused it or attempts of it may still run here."""
INPUT = "input"
"""Under this name the input of a run is in the encrypted store."""
_MOST_LIVING = 1_000


@dataclass(slots=True)
class Asked:
    """A run that the caller names: to go on with, or to begin under this id."""

    run: str
    must: bool
    """Whether it must have begun already."""
    taken: bool = False


_asked: ContextVar[Asked | None] = ContextVar("handrail_resuming", default=None)


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run that goes on."""

    ledger: Ledger
    links: tuple[Link, ...] = ()
    """The link to the life before; empty where the thread's lineage has it."""
    whole: bool = False
    """Whether everything that its lives saw is among the effects."""


@dataclass(frozen=True, slots=True)
class _Living:
    """A run that this process left unfinished: what it did is known without reading the journal."""

    ledger: Ledger
    who: tuple[str, str, str]
    since: past.Mark


def prepare(settings: Settings) -> None:
    """Runs are about to be enforced by ``settings``. Raises NotSupported where nobody could hold one."""
    oscalls.require_locks()
    retention.sweep(settings.data, settings.resume.keep_days)


@contextmanager
def resuming(run: str) -> Generator[None]:
    """Go on with the run ``run`` (the id of any of its lives) in the agent that is called in this block.

    Completed calls give back their recorded results, where they are still allowed, and models their recorded
    responses; the agent goes on from where it stopped. It must be called with the input of then, on behalf of the same
    tenant and user, in enforce mode. In the block, the first run takes it up. Starting it raises NotResumable where the
    run is not known, is of another agent or its values were erased, RunHeld where another process works on it, and
    NotAvailable where it is somebody else's; a call that may have happened raises InDoubt, unless its tool declares
    what to do.
    """
    with _asking(Asked(run, must=True)) as asked:
        yield
    if not asked.taken:
        log.warning("No run was started to go on with %s.", run)


@contextmanager
def naming(run: object) -> Generator[None]:
    """Go on with ``run`` where it has begun; begin it under this id otherwise. What ``run_id=`` does."""
    with _asking(Asked(str(run), must=False)):
        yield


@contextmanager
def _asking(asked: Asked) -> Generator[Asked]:
    token = _asked.set(asked)
    try:
        yield asked
    finally:
        _asked.reset(token)


def _checked(run: object) -> str:
    text = str(run).replace("-", "").lower()
    if not _ID.fullmatch(text):
        raise NotResumable(f"{run!r} is no id of a run: 32 hexadecimal digits, as `handrail runs list` shows them.")
    return text


def taken() -> Asked | None:
    """The run that the caller named for the run that begins now; None where they named none. Raises NotResumable."""
    asked = _asked.get()
    if asked is None or asked.taken:
        return None
    asked.run, asked.taken = _checked(asked.run), True
    return asked


def resumption(
    gate: Gate, who: Principal, asked: Asked | None, thread: str, last: lineage.Past | None, *, goes_on: bool
) -> Resumption | None:
    """What a run that begins now goes on with: what the caller named, or the unfinished run of its thread.

    ``last`` is the run before it, as the thread's lineage has it; ``goes_on`` says that it brings nothing new. Holds
    the run from then on. Raises NotResumable, NotAvailable, RunHeld, JournalError.
    """
    if asked is None and not goes_on:
        return None
    if not gate.rulebook.enforces:
        _require_new(gate, asked)
        return None
    if asked is None and last is not None and (found := _paused_here(gate, who, last)) is not None:
        return found
    named = past.logical_of(gate.folder, asked.run) if asked is not None else past.of_thread(
        gate.folder, who.tenant, thread
    )  # fmt: skip
    if named is not None:
        return _resumption(gate, who, named, must=asked is not None)
    if asked is not None:
        _begins(gate, asked)
    elif last is not None:
        raise NotResumable(
            f"The journal in {gate.folder} has nothing of the run {last.logical}, with which this thread goes on: what "
            "it did is not known. Bring the journal back, or begin anew in another thread."
        )
    return None


def _require_new(gate: Gate, asked: Asked | None) -> None:
    if asked is not None and (asked.must or past.logical_of(gate.folder, asked.run) is not None):
        raise NotResumable("In observe mode nothing is replayed: all would be done again. Set mode = enforce.")


def _begins(gate: Gate, asked: Asked) -> None:
    """The caller chose the id of a run that the journal does not know."""
    if asked.must:
        raise NotResumable(f"The journal in {gate.folder} has no run {asked.run}. See `handrail runs list`.")
    holds_of(gate.folder).take(asked.run)


def _paused_here(gate: Gate, who: Principal, last: lineage.Past) -> Resumption | None:
    """The run that this process paused, where nobody has gone on with it since."""
    living = _living.get(last.logical)
    if living is None or living.ledger.life != last.run or not living.ledger.whole:
        return None
    if compensation.is_noted(gate.folder, last.logical):
        return None
    if living.who != (who.tenant, who.user, who.agent) or past.gone_on(gate.folder, last.logical, living.since):
        return None  # the thread's file may be older than what another process did
    holds_of(gate.folder).take(last.logical)
    ledger = _ledger(last.logical, {})
    ledger.answers = living.ledger.answers.again()
    return Resumption(ledger)


def _resumption(gate: Gate, who: Principal, run: str, *, must: bool) -> Resumption | None:
    """``must`` says that the caller named it: then a finished run goes on too, and gives out what it did."""
    holds_of(gate.folder).take(run)
    try:
        known = past.read(gate.folder, run)
        if known is not None and (must or not known.finished):
            _require(known, who)
            _require_whole(gate, known)
            _require_values(gate, known)
            _require_standing(gate, known)
            last = known.lives[known.last]
            links = (Link("resumed_from", last["step"], last["run"], last["trace"]),)
            ledger = _ledger(run, known.effects)
            ledger.answers = Answers(known.answers)
            return Resumption(ledger, links, known.whole)
    except BaseException:
        holds_of(gate.folder).free(run)
        raise
    holds_of(gate.folder).free(run)
    return None


def _require(known: Past, who: Principal) -> None:
    first = known.first
    if (first["tenant"], first["user"]) != (who.tenant, who.user):
        raise NotAvailable
    if first["agent"] != who.agent:
        raise NotResumable(
            f"The run {known.run} is one of the agent {first['agent']!r}, not of {who.agent!r}. Call that agent."
        )


def _require_whole(gate: Gate, known: Past) -> None:
    restored = unfinished_before(gate.folder, known.last_at)
    if restored is not None and not known.finished:
        raise NotResumable(
            f"The run {known.run} was unfinished in the backup from which {gate.folder} was restored: what it did "
            "since is not known, so it cannot go on. Find out what it did, and begin a new run for what is left."
        )


def _require_values(gate: Gate, known: Past) -> None:
    refs = [(effect.key, effect.value) for effect in known.effects.values() if effect.value is not None]
    refs += [(asked, records[0]["value"]) for asked, records in known.answers.items()]
    erased = (
        f"The recorded values of the run {known.run} were erased, so it cannot go on. What it did stays done and "
        "recorded; begin a new run for what is left."
    )
    if known.forgotten:
        raise NotResumable(erased)
    if not refs:
        return
    try:
        vault_for(gate.folder).get(known.run, *refs[0])
    except ValueErased as error:
        raise NotResumable(erased) from error
    except HandrailError:
        log.warning("A recorded value of the run %s cannot be read.", known.run)


def _require_standing(gate: Gate, known: Past) -> None:
    if past.logical_of(gate.folder, compensation.run_of(known.run)) is not None:
        raise NotResumable(
            f"The run {known.run} was undone by `handrail runs compensate`, wholly or in part: its recorded results "
            "do not hold any more. Begin a new run."
        )


def _ledger(run: str, effects: Mapping[str, Effect]) -> Ledger:
    """The ledger of a new life; what this process did, or still does, is what it is, whatever the journal says."""
    living = _living.get(run)
    known = {one.key: one for one in living.ledger.effects()} if living is not None else {}
    if effects:
        known = {key: one for key, one in known.items() if one.busy}
    found = {**effects, **known}
    for effect in found.values():
        effect.claimed = False
    return Ledger(run, "", found.values(), resumed=True)


def begun(gate: Gate, step: Step, found: Resumption | None) -> None:
    """The run of ``step`` has begun: it is held while it goes on, and knows what it did before."""
    state = step.frame.state
    if not gate.rulebook.enforces:
        return
    if found is None:
        if holds_of(gate.folder).held(state.run) is None:
            holds_of(gate.folder).take(state.run)
    else:
        found.ledger.life = state.run
        state.notes[once.NOTE] = found.ledger


def given(step: Step, value: object) -> None:
    """Keep what the run of ``step`` was called with, so that somebody else can go on with it. In enforce mode only.

    What cannot be kept is not: then whoever goes on with the run must know it. A life that goes on brings nothing new.
    """
    state, gate = step.frame.state, step.frame.gates[0]
    if step.kind != "run" or value is None or not gate.rulebook.enforces or state.logical != state.run:
        return
    try:
        ref = vault_for(gate.folder).put(state.run, INPUT, values.encode(value))
        gate.steps.recorder.write({"k": "run.input", "run": state.run, "step": step.frame.step, "value": ref})
    except (NotReplayable, JournalError, OSError) as error:
        log.info("The input of the run %s is not kept for going on with it: %s", state.run, type(error).__name__)


def over(step: Step, outcome: str) -> None:
    """The run of ``step`` has ended so. Whoever resumes it may have it; a person hears of what it left behind."""
    state, gate = step.frame.state, step.frame.gates[0]
    if not gate.rulebook.enforces:
        return
    ledger: Ledger | None = state.notes.get(once.NOTE)
    try:
        if ledger is not None and outcome == "ok":
            _name_orphans(gate, step, ledger)
        if ledger is not None:
            _remember(step, ledger, outcome)
    except Exception as error:
        log.warning("What an earlier life of a run left behind could not be recorded: %s", type(error).__name__)
    finally:
        holds_of(gate.folder).free(state.logical)


def _remember(step: Step, ledger: Ledger, outcome: str) -> None:
    who = step.frame.state.principal
    _living.pop(ledger.run, None)
    if outcome == "interrupted" or any(one.busy for one in ledger.effects()):
        while len(_living) >= _MOST_LIVING:
            _living.pop(next(iter(_living)), None)
        gate = step.frame.gates[0]
        since = past.mark(gate.folder, gate.steps.recorder.place[0].partition("-")[0])
        _living[ledger.run] = _Living(ledger, (who.tenant, who.user, who.agent), since)


def _name_orphans(gate: Gate, step: Step, ledger: Ledger) -> None:
    """Effects that an earlier life had on the world, and that this one did without: a person hears of each."""
    for effect in ledger.unclaimed():
        kind: Literal["orphan", "doubt"] = "orphan" if effect.status == "done" else "doubt"
        question = asks.about(kind, ledger.run, effect, step.frame.state.principal, step.frame.principal.agent)
        where = {"of": effect.step, "life": effect.life}
        facts = {"id": question.id, "key": effect.key, "tool": effect.tool, "status": effect.status, **where}
        gate.steps.note(step.frame, "effect.orphan", facts)
        asks.put(gate.folder, question)


def idempotency_key() -> str:
    """The key (32 hex digits) of the call that is being made, to hand to an outside service.

    It is the same whenever this very call is made again, after a crash too, and different for every other. Raises
    LookupError outside a governed tool.
    """
    frame = context.current()
    passed = frame.owner if frame is not None else None
    if not isinstance(passed, Passed) or not passed.key:
        raise LookupError("idempotency_key() is for the inside of a governed tool: no call is being made here.")
    return passed.key
