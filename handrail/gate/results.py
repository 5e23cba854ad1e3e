"""What becomes of the result of a call that ran: its validators, what a run remembers of it, what it means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from handrail.audit.steps import Step
from handrail.gate import seen
from handrail.gate.calls import Passed, ToolCall
from handrail.gate.checking import Checked, check, configured
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.validators.plain import read, written

log = logging.getLogger(__name__)


def told(call: ToolCall, frame: Frame, value: object) -> None:
    """Put down what a good result says besides."""
    if call.then is None:
        return
    try:
        call.then(frame, value)
    except Exception:
        log.warning("What a result of %r says could not be recorded", call.name, exc_info=unquoted())


def remembered(frame: Frame, call: ToolCall, args: Mapping[str, Any], outcome: str, value: Any = None) -> None:
    """Remember a call for validators that look at the run; of a memory what it gave out."""
    if not seen.wanted(frame):
        return
    if call.action == "call":
        seen.called(frame, call.name, args, outcome, value if value is None else call.content(value), call.call_id)
    elif call.action == "read" and outcome == "ok" and value is not None:
        seen.recalled(frame, call.name, call.show(value))


def swallowed(frame: Frame, call: ToolCall, value: object) -> BaseException | None:
    """What the tool raised, where the framework made an answer of it."""
    passed = frame.owner
    return passed.raised[-1] if isinstance(passed, Passed) and passed.raised and call.failed(value) else None


def learnt(step: Step) -> Mapping[str, object]:
    """What whoever carried the call out has learnt of it."""
    passed = step.frame.owner
    return passed.learnt if isinstance(passed, Passed) else {}


def checked(step: Step, call: ToolCall, args: Mapping[str, Any], value: Any) -> Checked:
    """What the validators say of a result."""
    frame = step.frame
    more = call.checks.get("result", ())
    if not more and not configured(frame, "result", call.name):
        return Checked(value)
    content = call.content(value)
    text = content if isinstance(content, str) else None
    return check(frame, "result", call.name, read(content), args=args, text=text, more=more)


def placed(call: ToolCall, value: Any, found: Checked) -> tuple[Any, bool]:
    """The result with what was taken out or put right, and whether it is withheld."""
    if found.action != "pass":
        return value, True
    if found.value is found.given or not found.ids:
        return value, False
    if call.put is None:  # nobody knows how to change such a result: what must not be seen is not seen
        return value, True
    try:
        return call.put(value, written(call.content(value), found.value)), False
    except (TypeError, ValueError):  # such as a command of LangGraph
        return value, True
