"""What the rules say of one call, then its validators: steps 3 and 4 of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from handrail.audit.canonical import copy_of
from handrail.gate.calls import ToolCall
from handrail.gate.checking import Checked, check, configured
from handrail.gate.frames import gates_of
from handrail.gate.judgement import Judgement
from handrail.policy.facts import Circumstances
from handrail.tracing.context import Frame
from handrail.validators.findings import codes_of
from handrail.validators.plain import plain


def _judge(frame: Frame, call: ToolCall, args: Mapping[str, Any], circumstances: Circumstances) -> Judgement:
    """Ask every gate of the frame, outermost first; whoever stops the call decides, then whoever would."""
    said = [gate.judge(frame, call, args, circumstances) for gate in gates_of(frame)]
    objections = [judgement for judgement in said if judgement.verdict != "allow"]
    return next((j for j in objections if j.stops), objections[0] if objections else said[-1])


def decided(
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
