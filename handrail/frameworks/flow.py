"""One logical run: what a run goes on with, what it leaves open, and what became of the calls that it proposed.

Knows no framework: a seam says how an invocation begins (:class:`Turn`), and asks here when a run or an agent ends.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.audit.lineage import Call, Lineage, Open, Past, Question, Thread, lineage_of
from handrail.audit.recorder import findings_of
from handrail.audit.steps import Outcome, Step
from handrail.frameworks import resuming, rounds
from handrail.gate import Gate, gate_of, outcome_of, seen
from handrail.gate.checking import Checked, check, configured
from handrail.gate.proposed import give_up
from handrail.tracing import proposals
from handrail.tracing.context import Frame, RunState
from handrail.tracing.identity import Principal
from handrail.tracing.links import Link
from handrail.tracing.proposals import Proposal
from handrail.validators.plain import read

log = logging.getLogger(__name__)
_NOTE, _ALONE = "thread", "alone"
_ENDED = {"ok", "rejected"}


@dataclass(frozen=True, slots=True)
class Turn:
    """How an invocation begins: of a thread that somebody keeps, or inside a run."""

    resumes: bool = False
    """Whether it goes on with what was interrupted, rather than bringing something new."""
    checkpoint: str = ""
    """The checkpoint that it is told to start from; empty for the thread's last."""
    links: tuple[Link, ...] = ()
    """What it comes from in the run around it."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a new run says of the runs before it in its thread."""

    lineage: Lineage
    before: Thread
    last: Past | None
    """The run that it goes on with."""
    fork: Past | None
    """The run whose checkpoint it starts from, in the past of the thread."""
    part: str
    """The journal's segment in which its records begin."""
    offset: int
    """Bytes of that segment before them."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Links of the run."""
        resumed = [Link("resumed_from", self.last.step, self.last.run, self.last.trace)] if self.last else []
        forked = [Link("forked_from", self.fork.step, self.fork.run, self.fork.trace)] if self.fork else []
        return (*resumed, *forked)

    @property
    def facts(self) -> dict[str, object]:
        """Fields of the record ``run.start``."""
        return {"logical": self.last.logical} if self.last else {}


def start(gate: Gate, who: Principal, thread: str, turn: Turn | None) -> Start | None:
    """What is known of the thread's past; None where nobody keeps it, or nothing can be found out."""
    if turn is None or not thread:
        return None
    try:
        lineage = lineage_of(gate.rulebook.now.settings.data)
        before, place = lineage.read(who.tenant, thread), gate.steps.recorder.place
    except Exception as error:
        log.warning("What the runs of a thread go on with could not be read: %s", type(error).__name__)
        return None
    last = before.runs[-1] if before.runs else None
    if turn.checkpoint and (last is None or last.head != turn.checkpoint):
        return Start(lineage, before, None, before.made(turn.checkpoint), *place)
    resumed = last if last is not None and turn.resumes and last.outcome not in _ENDED else None
    return Start(lineage, before, resumed, None, *place)


def begun(step: Step, begin: Start | None) -> None:
    """The run of ``step`` has begun: remember it, and go on with what it takes over."""
    if begin is None:
        return
    state, principal = step.frame.state, step.frame.principal
    logical = state.logical
    now = Past(state.run, state.trace, step.frame.step, logical, part=begin.part, offset=begin.offset)
    here = state.notes[_NOTE] = Open(begin.lineage, principal.tenant, state.thread, now, begin.before)
    try:
        begin.lineage.begin(here.tenant, here.name, begin.before, now)
        if begin.last is not None:
            _take_over(state, here, begin.last)
        elif begin.fork is None:
            _abandoned(step.frame, begin.before)
    except Exception as error:
        log.warning("That a thread goes on could not be remembered: %s", type(error).__name__)


def _take_over(state: RunState, here: Open, last: Past) -> None:
    calls: Sequence[Call] = here.before.calls
    if not last.outcome:  # its process died: the file has what the run before it left, the journal what it did
        left, decided = here.lineage.died(last)
        known = [_first_of(call, here.before.calls) for call in left]
        calls = [*(call for call in here.before.calls if call.id not in decided), *known]
    proposals.of(state).carry(_proposal(call) for call in calls)
    for question in here.before.asked:
        here.asked.setdefault(question.id, []).append(question)


def _first_of(call: Call, earlier: Sequence[Call]) -> Call:
    """``call`` with the reply that proposed it, where that was in a run before."""
    first = next((each for each in earlier if each.id == call.id and not call.step), None)
    return replace(call, step=first.step, run=first.run, trace=first.trace) if first is not None else call


def _abandoned(frame: Frame, before: Thread) -> None:
    """Something new was asked: what the thread left open is over."""
    over = [_proposal(call) for call in before.calls if call.open]
    give_up(frame, over, "run", "the run ended before it was decided, and was not resumed")
    for question in before.asked:
        gate_of(frame).steps.note(frame, "approval", {"event": "withdrawn", **about(question)})


def about(question: Question) -> dict[str, object]:
    """What a record says of the question that it is about."""
    said = {"tool": question.tool, "call_id": question.call_id}
    asked = {"run": question.run, "step": question.step}
    return {"id": question.id, "number": question.n, **{k: v for k, v in said.items() if v}, "asked": asked}


def _proposal(call: Call) -> Proposal:
    found = Proposal(call.id, call.tool, None, call.agent, call.step, call.run, call.trace, open=call.open)
    if call.last:
        found.before, found.before_run, found.before_trace = call.last, call.last_run, call.last_trace
    return found


def thread_of(state: RunState) -> Open | None:
    """The thread that a run goes on in, where somebody keeps it."""
    found: Any = state.notes.get(_NOTE)
    return found if isinstance(found, Open) else None


def alone(step: Step) -> None:
    """The run of ``step`` is a model's one call outside every agent: what becomes of its calls is not seen here."""
    step.frame.state.notes[_ALONE] = True


def is_alone(state: RunState) -> bool:
    """Whether the run is a model's one call outside every agent."""
    return bool(state.notes.get(_ALONE))


def settle(step: Step, outcome: str) -> None:
    """The run or agent of ``step`` is about to end so: every call that it proposed is decided, or can still be.

    An agent that did not come to its end may be resumed: where somebody keeps the thread, its calls wait.
    """
    ledger = step.frame.state.notes.get(proposals.NOTE)
    if ledger is None or step.frame.state.notes.get(_ALONE):
        return
    ended, root = outcome in _ENDED, step.kind == "run"
    if ended:
        give_up(step.frame, ledger.close(step.frame.step), "agent", "the agent ended without it")
    if root and (ended or thread_of(step.frame.state) is None):
        give_up(step.frame, ledger.close(), "run", "the run ended before it was decided")


def left(step: Step) -> None:
    """The run of ``step`` has ended: remember how, and what it leaves open."""
    here = thread_of(step.frame.state) if step.kind == "run" else None
    if here is None:
        return
    try:
        head = str(here.loop.checkpoint["id"]) if here.loop is not None else ""
        now = replace(here.now, outcome=step.outcome or "", head=head)
        asked = [question for questions in here.asked.values() for question in questions]
        here.lineage.end(here.tenant, here.name, now, _open_calls(step.frame.state), asked)
    except Exception as error:
        log.warning("How a run of a thread ended could not be remembered: %s", type(error).__name__)


def _open_calls(state: RunState) -> Sequence[Call]:
    return [_call(state, each) for each in proposals.of(state).unfinished()]


def _call(state: RunState, each: Proposal) -> Call:
    run, trace = (each.run, each.trace) if each.run else (state.run, state.trace)
    last = each.before, each.before_run, each.before_trace
    if each.last is not None and each.last.outcome == "interrupted":
        last = each.last.frame.step, state.run, state.trace
    return Call(each.key, each.tool, each.agent, each.step, run, trace, each.open, *last)


def leave(step: Step, error: BaseException | None = None, pauses: tuple[type[BaseException], ...] = ()) -> None:
    """Close the run or agent of ``step``. Raises AnswerRejected when the answer of an enforced run is wrong."""
    if step.done:
        return
    if error is not None:
        outcome = outcome_of(error, pauses)
        close(step, outcome, None if outcome == "interrupted" else error)
        return
    checked = _answer(step)
    facts = {"findings": findings_of(checked.findings)} if checked.said else {}
    if checked.action != "pass" or checked.value is not checked.given:
        rejected = checked.failure()
        close(step, "rejected", rejected, facts)
        raise rejected
    close(step, "ok", None, facts)


def _answer(step: Step) -> Checked:
    """What the validators say of the run's final answer, put down at its step."""
    frame = step.frame
    answer = frame.state.notes.get("answer") if step.kind == "run" else None
    if answer is None or rounds.was_accepted(frame, answer):
        return Checked(None)
    if not configured(frame, "answer", frame.principal.agent):
        return Checked(None)
    checked = check(
        frame, "answer", frame.principal.agent, read(answer, "answer"), text=answer if isinstance(answer, str) else None
    )
    checked.record(gate_of(frame), frame)
    checked.judged(gate_of(frame), step)
    return checked


def close(
    step: Step,
    outcome: Outcome,
    error: str | BaseException | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Close the run or agent of ``step``, and say what became of the calls that were proposed in it."""
    settle(step, outcome)
    if step.kind == "run":
        if outcome in _ENDED:
            seen.end(step.frame)
        resuming.over(step, outcome)
    step.finish(outcome, error, facts or {})
    left(step)
