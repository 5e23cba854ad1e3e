"""Why a call is made: what the run remembers of the reply that proposed it, and of the attempts before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.audit.steps import Step
from handrail.tracing import proposals, why
from handrail.tracing.context import Frame
from handrail.tracing.links import Link
from handrail.tracing.why import NO_REASON, Reason


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why one call is made."""

    reason: Reason
    links: tuple[Link, ...]
    """What it came from in another run, and the attempt that it repeats or goes on with."""
    _frame: Frame
    _decided: proposals.Proposal | None
    _answered: why.Proposal | None

    def taken(self, step: Step) -> None:
        """``step`` is the call: what comes after it is linked to it."""
        if self._decided is not None:
            self._decided.last = step
        if self._answered is not None:
            why.why_of(self._frame.state).took(self._answered, step.frame.step)


def grounds(frame: Frame, call_id: str | None, name: str, args: Any) -> Grounds:
    """Why a call is made in ``frame``. ``args`` are those of the model."""
    decided, links = proposals.attempt(frame, call_id, name, args)
    answered = why.why_of(frame.state).find(frame, call_id, name, args)
    reason = answered.reason if answered is not None else NO_REASON
    return Grounds(reason, tuple(dict.fromkeys((*links, *reason.links()))), frame, decided, answered)


def stopped(frame: Frame, proposal: proposals.Proposal, step: Step) -> None:
    """``step`` is the end of a call that came to no gate: what reads its answer is linked to it."""
    known = why.why_of(frame.state)
    answered = known.find(frame, proposal.call_id, proposal.tool, proposal.args)
    if answered is not None:
        known.took(answered, step.frame.step)
