"""The one pipeline that every governed call goes through; no framework is known here.

The steps, in order: 1 identity, 2 canonical, 3 decide, 4 validate, 5 replay, 6 limits, 7 ask, 8 intent,
9 run, 10 validate, 11 settle. Steps 5 to 7 have their place in ``_admit`` and let everything pass so far.

In enforce mode any exception before the tool runs is a denial. In observe mode nothing that happens here
reaches the agent: verdicts are only marked, and our own faults are logged and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from handrail.audit import oscalls
from handrail.audit.canonical import NotCanonical, copy_of
from handrail.audit.recorder import findings_of
from handrail.audit.steps import Outcome, Step, Steps
from handrail.config import ToolSettings
from handrail.errors import HandrailError, ValidationFailed
from handrail.gate import seen
from handrail.gate.calls import Passed, Refusal, ToolCall
from handrail.gate.checking import Checked, check, configured, explained
from handrail.gate.grounds import grounds
from handrail.gate.judgement import Judgement, ask, moment_of
from handrail.policy.facts import Circumstances, circumstances_of, facts_of
from handrail.rulebook import Rulebook
from handrail.tracing import context, others
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.validators.findings import codes_of
from handrail.validators.plain import plain, read, written

log = logging.getLogger(__name__)

NEUTRAL = "Not available: nothing can be done here under this name and with this request."
"""What the model reads of a denied tool, an unknown tool and a missing resource alike. It names nothing."""
WITHHELD = "The result of this call was withheld because it is not valid."
"""What the model reads when a result failed its validator."""
EFFECTS = ("read", "write", "irreversible")
"""What a call does to the world, from the mildest to the gravest."""
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
    irreversible: bool = False


class Gate:
    """Checks and records the calls of every agent that is governed by one configuration."""

    def __init__(self, rulebook: Rulebook, steps: Steps) -> None:
        self.rulebook, self.steps = rulebook, steps

    # The two edges: what differs between them is only how they wait.

    def tool(self, frame: Frame, call: ToolCall, execute: Callable[[Mapping[str, Any]], Any]) -> Any:
        """Take ``call`` through the gate; the value of ``execute(args)``, or a Refusal."""
        renew(frame)
        started = time.monotonic_ns()
        attempt = self._admit(frame, call)
        if attempt.refusal is not None:
            oscalls.pause(_rest(started))
            return attempt.refusal
        if attempt.step is None:
            return execute(attempt.args)
        try:
            if attempt.irreversible and not self._durable(attempt):
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
        attempt = self._admit(frame, call)
        if attempt.refusal is not None:
            await asyncio.sleep(_rest(started))
            return attempt.refusal
        if attempt.step is None:
            return await execute(attempt.args)
        try:
            if attempt.irreversible and not await asyncio.to_thread(self._durable, attempt):
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

    def _admit(self, frame: Frame, call: ToolCall) -> _Attempt:
        enforced, circumstances = enforces(frame), circumstances_of(frame.state)
        try:
            args = copy_of(call.args) if enforced else call.args  # 2 canonical
            judgement, checked = _decided(frame, call, args, circumstances)  # 3 decide, 4 validate
            # 5 replay, 6 limits, 7 ask: everything passes
            return self._intend(frame, call, checked.value, judgement, circumstances, checked)  # 8 intent
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
    ) -> _Attempt:
        effect, enforced = effect_of(frame, call.name), enforces(frame)
        known = {"call_id": call.call_id, "effect": effect, **call.facts}
        why = grounds(frame, call.call_id, call.name, call.args)
        moment = moment_of(frame.principal, call.action, circumstances)
        step = self.steps.open(
            frame,
            "tool",
            call.name,
            {**known, **judgement.record(), **moment, **why.reason.facts()},
            content={"args": args, **call.kept},
            shown={"description": call.description, **why.reason.shown()},
            links=why.links,
            must=enforced and not judgement.stops,
            counts=("steps", "tool_calls") if call.action == "call" else ("steps",),
            theirs=others.of_library((call.library,), "tool") if call.library and not judgement.stops else None,
        )
        why.taken(step)
        if checked is not None:
            checked.record(self, step.frame)
            checked.judged(self, step)
        if judgement.stops:
            _remembered(frame, call, call.args, "rejected")
            return self._refuse(frame, step, judgement, checked)
        step.frame = step.frame.owned(Passed(call.tool, args))
        return _Attempt(args, step, enforced=enforced, irreversible=effect == "irreversible")

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
                attempt.step.finish("rejected", error)
                return False
        return True

    def _failed(self, attempt: _Attempt, call: ToolCall, error: BaseException) -> Refusal | None:
        outcome = outcome_of(error, call.pauses)
        if attempt.step is None:
            return None
        missing = outcome == "error" and _is_missing(attempt, call, error)
        outcome = "not_found" if missing else outcome
        _remembered(attempt.step.frame, call, attempt.args, outcome)
        attempt.step.finish(outcome, error, _learnt(attempt.step))
        return Refusal(NEUTRAL) if missing else None

    def _settle(self, attempt: _Attempt, call: ToolCall, value: Any) -> Any:
        assert attempt.step is not None
        error = _swallowed(attempt.step.frame, call, value)
        if error is not None and _is_missing(attempt, call, error):
            return self._failed(attempt, call, error)
        try:
            checked = _result(attempt, call, value)  # 10 validate
            value, withheld = _placed(call, value, checked)
            outcome: Outcome = "rejected" if withheld else "error" if call.failed(value) else "ok"
            if call.then is not None and outcome == "ok":
                _told(call, attempt.step.frame, value)
            _remembered(attempt.step.frame, call, attempt.args, outcome, None if withheld else value)
            checked.record(self, attempt.step.frame)
            checked.judged(self, attempt.step)
            facts = {"findings": findings_of(checked.findings), **_learnt(attempt.step)}
            attempt.step.finish(outcome, error, facts, content={"result": call.show(value)})  # 11 settle
            if checked.last == "fail":
                raise checked.failure()
            return Refusal(WITHHELD) if withheld else value
        except ValidationFailed:
            raise
        except Exception:
            log.warning("The result of %r could not be recorded", call.name, exc_info=unquoted())
            attempt.step.finish("rejected" if attempt.enforced else "ok")
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


def gates_of(frame: Frame) -> tuple[Gate, ...]:
    """The gates that a call made in ``frame`` must pass, outermost first."""
    return frame.gates


def gate_of(frame: Frame) -> Gate:
    """The gate that records what happens in ``frame``: the one that its run was started with."""
    return gates_of(frame)[0]


def hides(frame: Frame, tool: str, *, runs: bool) -> bool:
    """Whether a model that is asked in ``frame`` need not know of the tool, as any of the frame's gates says."""
    return any(gate.rulebook.now.hides(frame.principal, tool, runs=runs) for gate in gates_of(frame))


def enforces(frame: Frame) -> bool:
    """Whether any gate of ``frame`` is in enforce mode."""
    return any(gate.rulebook.enforces for gate in gates_of(frame))


def effect_of(frame: Frame, tool: str) -> str:
    """The gravest effect that any gate of ``frame`` knows of ``tool``."""
    return max((_settings(gate, tool).effect for gate in gates_of(frame)), key=EFFECTS.index)


def _settings(gate: Gate, tool: str) -> ToolSettings:
    return gate.rulebook.now.settings.tool(tool)


def _told(call: ToolCall, frame: Frame, value: object) -> None:
    assert call.then is not None
    try:
        call.then(frame, value)
    except Exception:
        log.warning("What a result of %r says could not be recorded", call.name, exc_info=unquoted())


def _remembered(frame: Frame, call: ToolCall, args: Mapping[str, Any], outcome: str, value: Any = None) -> None:
    """Remember a call for validators that look at the run; of a memory what it gave out."""
    if not seen.wanted(frame):
        return
    if call.action == "call":
        seen.called(frame, call.name, args, outcome, value if value is None else call.content(value), call.call_id)
    elif call.action == "read" and outcome == "ok" and value is not None:
        seen.recalled(frame, call.name, call.show(value))


def _swallowed(frame: Frame, call: ToolCall, value: object) -> BaseException | None:
    """What the tool raised, where the framework made an answer of it."""
    passed = frame.owner
    return passed.raised[-1] if isinstance(passed, Passed) and passed.raised and call.failed(value) else None


def _learnt(step: Step) -> Mapping[str, object]:
    passed = step.frame.owner
    return passed.learnt if isinstance(passed, Passed) else {}


def _is_missing(attempt: _Attempt, call: ToolCall, error: BaseException) -> bool:
    """Whether ``error`` says that there is no such thing, which enforce mode answers like a denial."""
    if not attempt.enforced or attempt.step is None:
        return False
    names = {name for gate in gates_of(attempt.step.frame) for name in _settings(gate, call.name).not_found}
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _result(attempt: _Attempt, call: ToolCall, value: Any) -> Checked:
    assert attempt.step is not None
    frame = attempt.step.frame
    more = call.checks.get("result", ())
    if not more and not configured(frame, "result", call.name):
        return Checked(value)
    content = call.content(value)
    text = content if isinstance(content, str) else None
    return check(frame, "result", call.name, read(content), args=attempt.args, text=text, more=more)


def _placed(call: ToolCall, value: Any, checked: Checked) -> tuple[Any, bool]:
    """The result with what was taken out or put right, and whether it is withheld."""
    if checked.action != "pass":
        return value, True
    if checked.value is checked.given or not checked.ids:
        return value, False
    if call.put is None:  # nobody knows how to change such a result: what must not be seen is not seen
        return value, True
    try:
        return call.put(value, written(call.content(value), checked.value)), False
    except (TypeError, ValueError):  # such as a command of LangGraph
        return value, True


def _rest(started: int) -> float:
    """Seconds until a refusal of a call that began at ``started`` (nanoseconds) may be answered."""
    return max(0.0, REFUSAL_SECONDS - (time.monotonic_ns() - started) / 1e9)


def _stale(frame: Frame) -> list[Rulebook]:
    return [gate.rulebook for gate in gates_of(frame) if gate.rulebook.stale]


def renew(frame: Frame) -> None:
    """Bring the rules of ``frame`` up to date."""
    for rulebook in _stale(frame):
        rulebook.renew()


async def arenew(frame: Frame) -> None:
    """Likewise, reading files off the event loop."""
    for rulebook in _stale(frame):
        await asyncio.to_thread(rulebook.renew)


def _judge(frame: Frame, call: ToolCall, args: Mapping[str, Any], circumstances: Circumstances) -> Judgement:
    """Ask every gate of the frame, outermost first; whoever stops the call decides, then whoever would."""
    said = [gate.judge(frame, call, args, circumstances) for gate in gates_of(frame)]
    objections = [judgement for judgement in said if judgement.verdict != "allow"]
    return next((j for j in objections if j.stops), objections[0] if objections else said[-1])


def _decided(
    frame: Frame, call: ToolCall, args: Mapping[str, Any], circumstances: Circumstances
) -> tuple[Judgement, Checked]:
    """What the rules say of the call, then the validators; changed arguments are decided again."""
    judgement = _judge(frame, call, args, circumstances)
    more = call.checks.get("arguments", ())
    if judgement.verdict != "allow" or not (more or configured(frame, "arguments", call.name)):
        return judgement, Checked(args)
    seen = cast("Mapping[str, Any]", plain(args))
    checked = check(frame, "arguments", call.name, seen, args=seen if isinstance(seen, dict) else {}, more=more)
    if not checked.said and seen is args:
        return judgement, checked
    if (objection := _objection(judgement, checked)) is not None:
        return objection, replace(checked, value=args)
    if checked.value is seen:
        final = args
    else:
        final = copy_of(_changed(args, seen, cast("Mapping[str, Any]", checked.value)))
        judgement = _judge(frame, call, final, circumstances)
    return replace(judgement, findings=(*judgement.findings, *checked.findings)), replace(checked, value=final)


def _changed(args: Mapping[str, Any], seen: Mapping[str, Any], now: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments that validators left, some of them changed; the others stay the objects that they are."""
    return {name: args[name] if name in args and value is seen.get(name) else value for name, value in now.items()}


def _objection(judgement: Judgement, checked: Checked) -> Judgement | None:
    """What stops the call, or would stop it."""
    against = checked.stopped or tuple(one for one in checked.said if not one.enforced and one.action == "rejected")
    if not against:
        return None
    codes = ", ".join(codes_of(finding for one in against for finding in one.findings))
    reason = f"the arguments are not valid: {codes}"
    return replace(
        judgement, verdict="reject", by="validator", reason=reason, rule=None, findings=checked.findings,
        enforced=against[0].enforced,
    )  # fmt: skip


def _cause(error: Exception) -> str:
    """What went wrong, for log and record; the text of a foreign exception may quote content."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, (HandrailError, NotCanonical)) else name


def _explain(judgement: Judgement, checked: Checked | None) -> str:
    if checked is not None and checked.action != "pass":
        return checked.text
    return explained(judgement.findings) if judgement.verdict == "reject" else NEUTRAL


def outcome_of(error: BaseException, pauses: tuple[type[BaseException], ...] = ()) -> Outcome:
    """How a step that raised ``error`` ended; a pause of the run is not an error."""
    if isinstance(error, pauses):
        return "interrupted"
    return "cancelled" if isinstance(error, _CANCELLED) else "error"
