"""The calls in a model's reply, and what became of those that reached no gate: somebody else answered them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from handrail.audit.steps import Outcome, Step
from handrail.frameworks.langchain import messages as show
from handrail.gate import proposed as gate
from handrail.tracing import proposals
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.proposals import Proposal

log = logging.getLogger(__name__)


def listed(reply: AIMessage) -> list[dict[str, object]]:
    """The calls of a reply, as the record of the model's result names them."""
    found: list[dict[str, object]] = [{"id": call.get("id"), "name": call["name"]} for call in reply.tool_calls]
    for call in reply.invalid_tool_calls:
        found.append({"id": call.get("id"), "name": call.get("name"), "invalid": True})
    return found


def proposed(frame: Frame, step: Step, reply: AIMessage) -> None:
    """The model of ``step`` asked for these calls. One that cannot be read is decided by that."""
    if reply.tool_calls:
        known = [(str(call.get("id") or ""), call["name"], call["args"]) for call in reply.tool_calls]
        gate.propose(frame, step.frame.step, known)
    for call in reply.invalid_tool_calls:
        broken = Proposal(
            str(call.get("id") or ""), str(call.get("name") or ""), call.get("args"), step=step.frame.step
        )
        gate.stop(frame, broken, "invalid", "the call could not be read")


def answered(frame: Frame, messages: Sequence[Any]) -> None:
    """A model is about to read ``messages``: calls that are answered there came to no gate, and never will."""
    try:
        ledger = proposals.of(frame.state)
        if ledger.waiting(frame.step):
            stopped(frame, list(_answers(messages)), "agent", "the agent answered it itself")
    except Exception:
        log.warning("What became of the calls of an agent could not be found out", exc_info=unquoted())


def _answers(messages: Sequence[Any]) -> Iterable[ToolMessage]:
    """The answers to the latest calls: what follows the last reply that has calls."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.tool_calls:
            return
        if isinstance(message, ToolMessage):
            yield message


def stopped(frame: Frame, answers: Iterable[ToolMessage], by: str, reason: str, who: str = "") -> None:
    """Put down the decision on every undecided call that ``answers`` answer."""
    for answer in answers:
        found = proposals.of(frame.state).take(frame.step, answer.tool_call_id)
        if found is not None:
            _stop(frame, found, answer, by, reason, who)


def stopped_of(
    frame: Frame, latest: AIMessage | None, answers: Iterable[ToolMessage], by: str, reason: str, who: str
) -> None:
    """Likewise, also for calls of ``latest`` that an earlier process saw proposed."""
    known = {call.get("id"): call for call in latest.tool_calls} if latest is not None else {}
    for answer in answers:
        ledger = proposals.of(frame.state)
        found = ledger.take(frame.step, answer.tool_call_id)
        call = known.get(answer.tool_call_id)
        if found is None and (call is None or ledger.knows(frame.step, answer.tool_call_id)):
            continue
        found = found or ledger.attempt(frame.step, answer.tool_call_id, "", None)[0]
        if found is None:
            continue
        if call is not None:
            found.tool, found.args = call["name"], call["args"]
        _stop(frame, found, answer, by, reason, who)


def _stop(frame: Frame, found: Proposal, answer: ToolMessage, by: str, reason: str, who: str) -> None:
    outcome: Outcome = "rejected" if answer.status == "error" else "ok"
    found.tool = found.tool or str(answer.name or "")
    gate.stop(frame, found, by, reason, who=who, outcome=outcome, result=show.message(answer))


def latest_reply(messages: Sequence[Any]) -> tuple[AIMessage | None, set[str]]:
    """The last reply of a model in a state, and the ids of its calls that are answered there already."""
    done: set[str] = set()
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            return message, done
        if isinstance(message, ToolMessage):
            done.add(message.tool_call_id)
    return None, done


def answers_in(written: Iterable[Any], done: set[str]) -> list[ToolMessage]:
    """The answers among messages that a node writes, but those that were there before."""
    return [each for each in written if isinstance(each, ToolMessage) and each.tool_call_id not in done]


def messages_in(value: Any) -> list[BaseMessage]:
    """The messages of a value that is written into the state."""
    if isinstance(value, BaseMessage):
        return [value]
    return [each for each in value if isinstance(each, BaseMessage)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]
