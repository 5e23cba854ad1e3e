"""The one pipeline that every governed call goes through; no framework is known here.

The steps, in order: 1 identity, 2 canonical, 3 decide, 4 validate, 5 replay, 6 limits, 7 ask, 8 intent,
9 run, 10 validate, 11 settle. Step 6 has its place in ``_admit`` and lets everything pass so far; step 7 asks about
calls that may have happened already.

In enforce mode any exception before the tool runs is a denial. In observe mode nothing that happens here
reaches the agent: verdicts are only marked, and our own faults are logged and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handrail.audit import oscalls
from handrail.audit.canonical import NotCanonical, copy_of
from handrail.audit.recorder import findings_of
from handrail.audit.steps import Outcome, Step, Steps
from handrail.errors import HandrailError, InDoubt, ValidationFailed
from handrail.gate import once, results
from handrail.gate.calls import Passed, Refusal, ToolCall
from handrail.gate.checking import Checked, explained
from handrail.gate.deciding import decided
from handrail.gate.frames import arenew, effect_of, enforces, gates_of, renew
from handrail.gate.grounds import grounds
from handrail.gate.judgement import Judgement, ask, moment_of
from handrail.gate.once import Doing, Known
from handrail.gate.results import learnt, remembered, swallowed
from handrail.policy.facts import Circumstances, circumstances_of, facts_of
from handrail.rulebook import Rulebook
from handrail.tracing import context, others
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.validators.findings import codes_of

log = logging.getLogger(__name__)

NEUTRAL = "Not available: nothing can be done here under this name and with this request."
"""What the model reads of a denied tool, an unknown tool and a missing resource alike. It names nothing."""
WITHHELD = "The result of this call was withheld because it is not valid."
"""What the model reads when a result failed its validator."""
REFUSAL_SECONDS = 0.0005
"""A refusal takes at least this long, so that its time does not tell what was looked at to come to it."""
_CANCELLED = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)


@dataclass(slots=True)
class _Attempt:
    """A call on its way through the gate."""

    args: Mapping[str, Any]
    step: Step | None = None
    refusal: Refusal | None = None
    enforced: bool = False
    doing: Doing | None = None
    """The attempt of an effect that it is; None where nothing is done to the world."""
    known: Known | None = None
    """What is known of the call, in place of making it."""

    @property
    def durable(self) -> bool:
        """Whether its intent must be on the disk before it is made."""
        return self.doing is not None and self.doing.declared.effect == "irreversible"


class Gate:
    """Checks and records the calls of every agent that is governed by one configuration."""

    def __init__(self, rulebook: Rulebook, steps: Steps) -> None:
        self.rulebook, self.steps = rulebook, steps

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.rulebook.now.settings.data

    # The two edges: what differs between them is only how they wait.

    def tool(self, frame: Frame, call: ToolCall, execute: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Take ``call`` through the gate; the value of ``execute(args)``, or a Refusal.

        Raises InDoubt in a resumed run where a person must say first whether the call happened.
        """
        renew(frame)
        started = time.monotonic_ns()
        while _waits(attempt := once.now(self._admit(frame, call)), call):
            continue
        if attempt.refusal is not None:
            oscalls.pause(_rest(started))
            return attempt.refusal
        if attempt.known is not None:
            return self._settle(attempt, call, attempt.known.value)
        if attempt.step is None:
            return execute(attempt.args)
        try:
            if attempt.durable and not self._durable(attempt):
                return Refusal(NEUTRAL)
            with context.use(attempt.step.frame):
                value = execute(attempt.args)
        except BaseException as error:
            refusal = self._failed(attempt, call, error)
            if refusal is None:
                raise
            return refusal
        return self._settle(attempt, call, value)

    async def atool(self, frame: Frame, call: ToolCall, execute: Callable[[Mapping[str, Any]], Awaitable[Any]]) -> Any:
        """The asynchronous twin of :meth:`tool`; waits for the disk off the event loop."""
        await arenew(frame)
        started = time.monotonic_ns()
        while _waits(attempt := await once.later(self._admit(frame, call)), call):
            continue
        if attempt.refusal is not None:
            await asyncio.sleep(_rest(started))
            return attempt.refusal
        if attempt.known is not None:
            return self._settle(attempt, call, attempt.known.value)
        if attempt.step is None:
            return await execute(attempt.args)
        try:
            if attempt.durable and not await asyncio.to_thread(self._durable, attempt):
                return Refusal(NEUTRAL)
            with context.use(attempt.step.frame):
                value = await execute(attempt.args)
        except BaseException as error:
            refusal = self._failed(attempt, call, error)
            if refusal is None:
                raise
            return refusal
        return self._settle(attempt, call, value)

    # The pure core.

    def _admit(self, frame: Frame, call: ToolCall) -> once.Waiting[_Attempt]:
        enforced, circumstances = enforces(frame), circumstances_of(frame.state)
        try:
            args = copy_of(call.args) if enforced else call.args  # 2 canonical
            judgement, checked = decided(frame, call, args, circumstances)  # 3 decide, 4 validate
            final: Any = checked.value
            known: Known | None = None
            if call.action == "call" and not judgement.stops:  # 5 replay, 6 limits (everything passes), 7 ask
                declared = once.declared_by(frame, call, _effect(frame, call))
                known = yield from once.resolve(frame, call, final, enforced=enforced, declared=declared)
            return self._intend(frame, call, final, judgement, circumstances, checked, known)  # 8 intent
        except ValidationFailed:
            raise
        except Exception as error:
            return self._fault(frame, call, error, enforced, circumstances)

    def _fault(
        self, frame: Frame, call: ToolCall, error: Exception, enforced: bool, circumstances: Circumstances
    ) -> _Attempt:
        log.warning("The gate failed on a call of %r: %s", call.name, _cause(error))
        judgement = Judgement("deny", "error", _cause(error), enforced=enforced)
        try:
            return self._intend(frame, call, {} if enforced else call.args, judgement, circumstances)
        except Exception as again:
            self.steps.recorder.lost(again)
            return _Attempt(call.args, refusal=Refusal(NEUTRAL) if enforced else None)

    def _intend(
        self,
        frame: Frame,
        call: ToolCall,
        args: Any,
        judgement: Judgement,
        circumstances: Circumstances,
        checked: Checked | None = None,
        known: Known | None = None,
    ) -> _Attempt:
        doing, enforced = known.doing if known is not None else None, enforces(frame)
        try:
            step = self._open(frame, call, args, judgement, circumstances, known)
        except BaseException:
            if doing is not None:
                doing.ledger.leave(doing.effect)
            raise
        if doing is not None:
            doing.ledger.begin(doing.effect, step.frame.step)
        if checked is not None:
            checked.record(self, step.frame)
            checked.judged(self, step)
        if judgement.stops:
            remembered(frame, call, call.args, "rejected")
            return self._refuse(frame, step, judgement, checked)
        step.frame = step.frame.owned(Passed(call.tool, args, key=doing.effect.key if doing is not None else ""))
        if known is not None and known.said:
            return self._told(frame, step, known)
        return _Attempt(args, step, enforced=enforced, doing=doing, known=known if doing is None else None)

    def _open(
        self,
        frame: Frame,
        call: ToolCall,
        args: Any,
        judgement: Judgement,
        circumstances: Circumstances,
        known: Known | None,
    ) -> Step:
        facts = {"call_id": call.call_id, "effect": _effect(frame, call), **call.facts}
        why = grounds(frame, call.call_id, call.name, call.args)
        moment = moment_of(frame.principal, call.action, circumstances)
        runs = not judgement.stops and (known is None or known.doing is not None)
        step = self.steps.open(
            frame,
            "tool",
            call.name,
            {**facts, **judgement.record(), **_once(frame, known), **moment, **why.reason.facts()},
            content={"args": args, **call.kept},
            shown={"description": call.description, **why.reason.shown()},
            links=why.links,
            must=enforces(frame) and runs,
            counts=("steps", "tool_calls") if call.action == "call" else ("steps",),
            theirs=others.of_library((call.library,), "tool") if call.library and runs else None,
        )
        why.taken(step)
        return step

    def _told(self, frame: Frame, step: Step, known: Known) -> _Attempt:
        """The model reads what is said in place of a result, or the run waits for a person."""
        step.finish("interrupted" if known.question is not None else "rejected" if known.how == "answered" else "ok")
        return _Attempt({}, refusal=Refusal(known.said), known=known)

    def _refuse(self, frame: Frame, step: Step, judgement: Judgement, checked: Checked | None) -> _Attempt:
        frame.state.counters.add("denied")
        step.finish("rejected")
        if checked is not None and checked.last == "fail":
            raise checked.failure()
        return _Attempt({}, refusal=Refusal(_explain(judgement, checked)))

    def _durable(self, attempt: _Attempt) -> bool:
        """Wait until the intent is on the disk; False when it is not, and the call may not run without it."""
        try:
            self.steps.recorder.sync()
        except Exception as error:
            log.warning("An intent could not be made durable: %s", error)
            if attempt.enforced and attempt.step is not None:
                if attempt.doing is not None:
                    attempt.doing.failed(error, paused=False, began=False)
                attempt.step.finish("rejected", error, {"began": False})
                return False
        return True

    def _failed(self, attempt: _Attempt, call: ToolCall, error: BaseException) -> Refusal | None:
        outcome = outcome_of(error, call.pauses)
        if attempt.step is None:
            return None
        facts: Mapping[str, object] = {}
        try:
            missing = outcome == "error" and _is_missing(attempt, call, error)
            outcome = "not_found" if missing else outcome
            remembered(attempt.step.frame, call, attempt.args, outcome)
        finally:
            if attempt.doing is not None:
                began = outcome != "not_found" and call.began(error)
                facts = attempt.doing.failed(error, paused=outcome == "interrupted", began=began)
            attempt.step.finish(outcome, error, {**learnt(attempt.step), **facts})
        return Refusal(NEUTRAL) if missing else None

    def _settle(self, attempt: _Attempt, call: ToolCall, value: Any) -> Any:
        assert attempt.step is not None
        error = swallowed(attempt.step.frame, call, value)
        if error is not None and _is_missing(attempt, call, error):
            return self._failed(attempt, call, error)
        facts = _settled(attempt, call, value, error)
        try:
            checked = results.checked(attempt.step, call, attempt.args, value)  # 10 validate
            value, withheld = results.placed(call, value, checked)
            outcome: Outcome = "rejected" if withheld else "error" if call.failed(value) else "ok"
            if outcome == "ok":
                results.told(call, attempt.step.frame, value)
            remembered(attempt.step.frame, call, attempt.args, outcome, None if withheld else value)
            checked.record(self, attempt.step.frame)
            checked.judged(self, attempt.step)
            facts = {"findings": findings_of(checked.findings), **learnt(attempt.step), **facts}
            attempt.step.finish(outcome, error, facts, content={"result": call.show(value)})  # 11 settle
            if checked.last == "fail":
                raise checked.failure()
            return Refusal(WITHHELD) if withheld else value
        except ValidationFailed:
            raise
        except Exception:
            log.warning("The result of %r could not be recorded", call.name, exc_info=unquoted())
            attempt.step.finish("rejected" if attempt.enforced else "ok", None, facts)
            return Refusal(WITHHELD) if attempt.enforced else value

    def judge(self, frame: Frame, call: ToolCall, args: Mapping[str, Any], circumstances: Circumstances) -> Judgement:
        """What this gate alone says of the call: identity, policy, then the tool's own schema."""
        snapshot = self.rulebook.now
        enforced = snapshot.settings.mode == "enforce"
        facts = facts_of(frame.principal, call.action, args, circumstances)
        before = call.before(snapshot, frame.principal, call.action, call.name) if call.before else None
        found = before or ask(snapshot, frame.principal, call.name, call.action, facts)
        if not call.known:  # only now: a name that nobody has takes no less time than one that is denied
            found = Judgement("deny", "unknown_tool", f"no tool is called {call.name!r}")
        elif too_old := self.rulebook.too_old:
            found = Judgement("deny", "error", too_old)
        elif found.verdict == "allow":
            found = self._own_schema(call, args) or found
        return replace(found, enforced=enforced, policy=snapshot.policy_digest)

    def _own_schema(self, call: ToolCall, args: Mapping[str, Any]) -> Judgement | None:
        schema = self.rulebook.schema_validator(call.tool, call.schema)
        findings = schema.check(args) if schema is not None else ()
        if not findings:
            return None
        codes = ", ".join(codes_of(findings))
        return Judgement("reject", "schema", f"the arguments are not valid: {codes}", findings=findings)


def _effect(frame: Frame, call: ToolCall) -> str:
    return effect_of(frame, call.name, call.declared.effect if call.declared is not None else "write")


def _once(frame: Frame, known: Known | None) -> dict[str, object]:
    """What the record says of the effect: in observe mode nothing, since nothing is ever replayed from it."""
    if known is None or not enforces(frame):
        return {}
    if known.doing is not None:
        return known.doing.facts()
    asked = {"verdict": "ask", "by": "effect"} if known.question is not None else {}
    return {**asked, "ran": False, "how": known.how, "key": known.key, **({"at": known.at} if known.at else {})}


def _settled(attempt: _Attempt, call: ToolCall, value: Any, error: BaseException | None) -> dict[str, object]:
    """Whatever its validators say of the result: what is done is done."""
    doing = attempt.doing
    if doing is None:
        return {}
    if call.failed(value):
        return doing.failed(error, paused=False, began=error is None or call.began(error))
    return doing.done(doing.keep(attempt.args, value))


def _waits(attempt: _Attempt, call: ToolCall) -> bool:
    """Whether the run was suspended for a person, and goes on now: then the call is looked at again.

    Raises what suspends it, or InDoubt in a resumed run that nothing can suspend.
    """
    known = attempt.known
    if known is None or known.question is None:
        return False
    if call.pause is not None:
        call.pause(known.question)
        return True
    if known.resumed:
        raise InDoubt(known.question.tool, known.question.id, known.question.run)
    return False


def _is_missing(attempt: _Attempt, call: ToolCall, error: BaseException) -> bool:
    """Whether ``error`` says that there is no such thing, which enforce mode answers like a denial."""
    if not attempt.enforced or attempt.step is None:
        return False
    tools = [gate.rulebook.now.settings.tool(call.name) for gate in gates_of(attempt.step.frame)]
    names = {name for tool in tools for name in tool.not_found}
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _rest(started: int) -> float:
    """Seconds until a refusal of a call that began at ``started`` (nanoseconds) may be answered."""
    return max(0.0, REFUSAL_SECONDS - (time.monotonic_ns() - started) / 1e9)


def _cause(error: Exception) -> str:
    """What went wrong, for log and record; the text of a foreign exception may quote content."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, (HandrailError, NotCanonical)) else name


def _explain(judgement: Judgement, checked: Checked | None) -> str:
    if checked is not None and checked.action != "pass":
        return checked.text
    return explained(judgement.findings) if judgement.verdict == "reject" else NEUTRAL


def outcome_of(error: BaseException, pauses: tuple[type[BaseException], ...] = ()) -> Outcome:
    """How a step that raised ``error`` ended; a pause of the run is not an error, nor is a call that waits."""
    if isinstance(error, (*pauses, InDoubt)):
        return "interrupted"
    return "cancelled" if isinstance(error, _CANCELLED) else "error"
