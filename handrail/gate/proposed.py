"""Every proposed call has one decision: the gate's own, or a record of who ended the call before it came there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from handrail.audit.steps import Outcome
from handrail.gate.frames import effect_of, gate_of
from handrail.gate.grounds import stopped
from handrail.tracing import proposals
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.links import Link
from handrail.tracing.proposals import Proposal

log = logging.getLogger(__name__)

STOPPED = "stopped"
"""Verdict on a call that somebody else ended before it came to a gate."""
_NOTHING: Mapping[str, object] = {}


def stop(
    frame: Frame,
    proposal: Proposal,
    by: str,
    reason: str,
    *,
    who: str = "",
    outcome: Outcome = "rejected",
    result: object = None,
) -> None:
    """Put down that ``proposal`` was ended by somebody else; never raises.

    ``by``: ``agent`` (code of the agent), ``approval`` (a person), ``limit``, ``output`` (it was the answer itself in
    the form of a call), ``invalid`` (it could not be read), ``run`` (the run was over). ``who`` names the code;
    ``result`` is what the model reads in place of a result.
    """
    unseen = by == "agent" and outcome == "ok"  # code that answers may have done the tool's work itself
    try:
        _stop(frame, proposal, _facts(frame, proposal, by, reason, who, unseen), outcome, result)
    except Exception:
        log.warning("What became of a call of %r could not be recorded", proposal.tool, exc_info=unquoted())


def _facts(frame: Frame, proposal: Proposal, by: str, reason: str, who: str, unseen: bool) -> dict[str, object]:
    said = {"stopped_by": who, "cause": "" if proposal.run else proposal.step}
    return {
        "call_id": proposal.call_id, "effect": effect_of(frame, proposal.tool), "verdict": STOPPED, "by": by,
        "rule": None, "reason": reason, "policy": "", "findings": [], "ran": None if unseen else False,
        **{name: value for name, value in said.items() if value},
    }  # fmt: skip


def _stop(frame: Frame, proposal: Proposal, facts: Mapping[str, object], outcome: Outcome, result: object) -> None:
    content: Mapping[str, Any] = {"args": proposal.args} if proposal.args is not None else _NOTHING
    links = [Link("caused_by", proposal.step, proposal.run, proposal.trace)] if proposal.run else []
    steps = gate_of(frame).steps
    step = steps.open(frame, "tool", proposal.tool, facts, content=content, links=links)
    stopped(frame, proposal, step)
    step.finish(outcome, content={"result": result} if result is not None else _NOTHING)


def give_up(frame: Frame, over: Iterable[Proposal], by: str, reason: str) -> None:
    """Put down that nobody came back to these calls."""
    for proposal in over:
        stop(frame, proposal, by, reason)


def propose(frame: Frame, step: str, calls: Iterable[tuple[str, str, object]]) -> None:
    """The model of ``step`` asks for ``calls`` (id, tool, arguments) in ``frame``."""
    ledger = proposals.of(frame.state)
    over = ledger.propose(frame.step, frame.principal.agent, step, calls)
    give_up(frame, over, "agent", "the agent went on without it")
