"""Undoing what a run did, as a governed run of its own: policy decides each undo, and the journal has it."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from handrail.audit.approvals import actor
from handrail.audit.restored import unfinished_before
from handrail.audit.steps import Step
from handrail.effects import compensation, past
from handrail.effects.compensation import Undo
from handrail.effects.declared import Declaration, declaration
from handrail.effects.holding import holds_of
from handrail.effects.past import Past
from handrail.errors import InDoubt, NotResumable
from handrail.frameworks import executables, gates, resuming
from handrail.gate import Gate, Refusal, ToolCall, once
from handrail.tracing import context
from handrail.tracing.acting import acting_for
from handrail.validators.plain import read

How: TypeAlias = Literal[
    "undone", "undone_before", "would_undo", "inside", "no_compensation", "in_doubt", "values_gone", "denied",
    "undo_in_doubt", "failed", "not_reached",
]  # fmt: skip
"""What became of a write. ``inside``: it is undone with the call that it was made in. ``undo_in_doubt``: nobody knows
whether its undo was carried out. ``failed``: the undo raised, and had declared that nothing is done then.
``not_reached``: an undo before it did not come to its end."""
SETTLED: frozenset[How] = frozenset({"undone", "undone_before", "inside"})
_STOPS: frozenset[How] = frozenset({"denied", "undo_in_doubt", "failed"})
_BEFORE: Mapping[str, How] = {
    "undone": "undone_before", "inside": "inside", "no_compensation": "no_compensation", "in_doubt": "in_doubt",
    "values_gone": "values_gone",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Undone:
    """One write of the run, and what became of it."""

    tool: str
    key: str
    """The effect's key, 32 hex digits."""
    step: str
    """Step and run in which it was done."""
    run: str
    how: How
    by: str = ""
    """The tool that undoes it; empty where none is declared."""
    question: str = ""
    """What a person is asked about the undo: `handrail runs answer`."""
    error: str = ""
    """Class name of what the undo raised."""


@dataclass(frozen=True, slots=True)
class Compensated:
    """What became of the writes of one logical run, the latest first."""

    run: str
    compensation: str
    """The logical run that undoes it."""
    writes: tuple[Undone, ...]

    @property
    def settled(self) -> bool:
        """Whether everything that it did is undone."""
        return all(one.how in SETTLED for one in self.writes)


class _Stopped(Exception):
    """An undo did not come to its end: what was done before it is let be."""


def compensate(gate: Gate, run: str, *, dry_run: bool = False) -> Compensated:
    """Undo the completed writes of the logical run that has a life ``run``, the latest first.

    Each undo is a call of the function that the tool declares, on behalf of the run's user and agent. What cannot be
    undone is named and left; at an undo that is denied, raises or is in doubt it stops, since what was done before may
    be needed by it. Called again it goes on from there. With ``dry_run`` nothing is called and nothing written.

    Raises NotResumable where the run is not known, was made by a delegation token, was restored since, or where the
    configuration does not enforce; RunHeld where a process works on it; ConfigError where a declared function is not
    there; JournalError where the journal cannot be read.
    """
    known = _known(gate, run)
    if dry_run:
        return _told(known, [_foreseen(undo) for undo in _plan(gate, known)])
    holds = holds_of(gate.folder)
    holds.take(known.run)
    try:
        known = _known(gate, run)  # what its last holder did since
        plan = _plan(gate, known)
        if not any(undo.state == "undo" for undo in plan):
            return _told(known, [_foreseen(undo) for undo in plan])
        compensation.note(gate.folder, known.run)
        return _told(known, _carried_out(gate, known, plan))
    finally:
        holds.free(known.run)


def _known(gate: Gate, run: str) -> Past:
    if not gate.rulebook.enforces:
        raise NotResumable("In observe mode effects are not kept, so nothing can be undone. Set mode = enforce.")
    known = past.read(gate.folder, run)
    if known is None:
        raise NotResumable(f"The journal in {gate.folder} has no run {run}. See `handrail runs list`.")
    if known.first.get("compensates"):
        raise NotResumable(f"The run {known.run} undoes another, {known.first['compensates']}. Name that one.")
    if known.first.get("scopes") or known.first.get("delegation"):
        raise NotResumable(f"The run {known.run} acted by a delegation token, whose rights are over. Undo it by hand.")
    if unfinished_before(gate.folder, known.last_at) is not None:
        raise NotResumable(
            f"The data folder was restored from a backup since: what the run {known.run} did, or what was undone, is "
            "not known any more. Undo by hand what is still there."
        )
    return known


def _plan(gate: Gate, known: Past) -> list[Undo]:
    if "langchain_core" in sys.modules:
        from handrail.frameworks.langchain import values

        values.install()

    def declared(tool: str) -> Declaration:
        return declaration(gate.rulebook.now.settings.tools.get(tool), executables.declared(tool))

    return compensation.plan(gate.folder, known, declared, _shown)


def _shown(value: Any) -> Any:
    """What a tool returned; of a message of LangChain's its content, which is JSON where the tool returned that."""
    if not type(value).__module__.startswith("langchain_core."):
        return value
    from handrail.frameworks.langchain.messages import content_of

    return read(content_of(value))


def _carried_out(gate: Gate, known: Past, plan: list[Undo]) -> list[Undone]:
    first, found = known.first, list[Undone]()
    said = {name: str(first.get(name) or "") for name in ("tenant", "user", "session", "channel")}
    who = actor()
    about = {"compensates": known.run, "by": {"uid": who.uid, "name": who.name}}
    with acting_for(**said), resuming.naming(compensation.run_of(known.run)):
        step = gates.enter(gate, first["agent"], object(), said=said, entry="compensate", shape=about)
    assert step is not None  # the owner is new, and there is a gate
    for effect in once.ledger_of(step.frame.state).effects():
        effect.claimed = effect.status == "done"  # what was undone before is not asked for again, and no orphan
    try:
        with context.use(step.frame):
            for undo in plan:
                found.append(_one(gate, step, undo))
                if found[-1].how in _STOPS:
                    raise _Stopped
    except _Stopped as stopped:
        gates.leave(step, stopped, (_Stopped,))
        return [*found, *map(_passed_over, plan[len(found) :])]
    except BaseException as error:
        gates.leave(step, error)
        raise
    gates.leave(step)
    return found


def _one(gate: Gate, step: Step, undo: Undo) -> Undone:
    if undo.call is None or undo.args is None:
        return _foreseen(undo)
    call = ToolCall(
        undo.tool, undo.args, tool=undo.call, description=inspect.getdoc(undo.call) or "", declared=undo.declared,
        facts={"compensates": undo.effect.key},
    )  # fmt: skip
    try:
        answer = gate.tool(step.frame, call, lambda final: _made(undo, final))
    except InDoubt as doubt:
        return _undone(undo, "undo_in_doubt", question=doubt.question)
    except Exception as error:
        clean = _status(step, undo) == "failed"
        return _undone(undo, "failed" if clean else "undo_in_doubt", error=type(error).__name__)
    if isinstance(answer, Refusal) and _status(step, undo) != "done":
        return _undone(undo, "undo_in_doubt" if _status(step, undo) == "doubt" else "denied")
    return _undone(undo, "undone")


def _made(undo: Undo, final: Mapping[str, Any]) -> Any:
    assert undo.call is not None
    made = undo.call(final["args"], final["result"])
    return asyncio.run(made) if inspect.iscoroutine(made) else made


def _status(step: Step, undo: Undo) -> str:
    """What is known of an undo now; empty where it was never begun."""
    ledger = once.ledger_of(step.frame.state)
    key = undo.key(ledger.run)
    return next((effect.status for effect in ledger.effects() if effect.key == key), "")


def _undone(undo: Undo, how: How, *, question: str = "", error: str = "") -> Undone:
    effect = undo.effect
    return Undone(effect.tool, effect.key, effect.step, effect.life, how, undo.tool, question, error)


def _foreseen(undo: Undo) -> Undone:
    return _undone(undo, _BEFORE.get(undo.state, "would_undo"))


def _passed_over(undo: Undo) -> Undone:
    return _undone(undo, _BEFORE.get(undo.state, "not_reached"))


def _told(known: Past, writes: list[Undone]) -> Compensated:
    return Compensated(known.run, compensation.run_of(known.run), tuple(writes))
