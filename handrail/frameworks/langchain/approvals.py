"""What a graph asks a person, and what the person answers: LangChain's middleware, and any ``interrupt()``.

A question is known by the id of its interrupt, and bound to the call that it is about; what was asked and answered is
content, kept as a payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.audit.lineage import Question
from handrail.frameworks import flow
from handrail.frameworks.langchain import calls
from handrail.gate import gate_of
from handrail.tracing import ids
from handrail.tracing.context import Frame

_MIDDLEWARE, _BARE = "langchain.HumanInTheLoopMiddleware", "langgraph.interrupt"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question of an interrupt."""

    by: str
    content: Mapping[str, object]
    """What the person is shown: the arguments of the call, or the value of the interrupt."""
    tool: str = ""
    call_id: str = ""
    allowed: tuple[str, ...] = field(default=())
    """The decisions that the person may make; empty where nobody says."""


def asked(frame: Frame, interrupts: Any, given: Any, messages: Sequence[Any]) -> None:
    """A node that was given ``given``, in a state with ``messages``, has asked these ``interrupts``."""
    here = flow.thread_of(frame.state)
    known = here.asked if here is not None else frame.state.notes.setdefault("asked", {})
    for interrupt in interrupts if isinstance(interrupts, (list, tuple)) else (interrupts,):  # pyright: ignore[reportUnknownVariableType]
        name = _id(interrupt)
        if name in known:  # a graph around this one passes it on
            continue
        known[name] = [
            _ask(frame, name, number, question)
            for number, question in enumerate(_questions(getattr(interrupt, "value", None), given, messages))
        ]


def _id(interrupt: Any) -> str:
    return str(getattr(interrupt, "id", None) or getattr(interrupt, "interrupt_id", ""))


def _ask(frame: Frame, name: str, number: int, question: _Asked) -> Question:
    state = frame.state
    said = {"tool": question.tool, "call_id": question.call_id, "allowed": list(question.allowed)}
    facts = {"event": "asked", "id": name, "number": number, "by": question.by, "agent": frame.principal.agent}
    facts |= {key: value for key, value in said.items() if value}
    gate_of(frame).steps.note(frame, "approval", facts, content=question.content)
    return Question(name, number, state.run, frame.step, state.trace, ids.now_ns(), question.tool, question.call_id)


def _questions(value: Any, given: Any, messages: Sequence[Any]) -> list[_Asked]:
    if isinstance(value, Mapping):
        requests = value.get("action_requests")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(requests, list):
            return _batched(requests, value.get("review_configs") or (), messages)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if value.get("type") == "tool_approval":  # pyright: ignore[reportUnknownMemberType]
            content = {"args": value.get("args")}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            return [_Asked(_MIDDLEWARE, content, str(value.get("name", "")), str(value.get("tool_call_id", "")))]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    tool, call_id = _call_of(given)
    return [_Asked(_BARE, {"request": value}, tool, call_id)]


def _batched(requests: Sequence[Any], configs: Sequence[Any], messages: Sequence[Any]) -> list[_Asked]:
    """One question for each call; the middleware asks in the order of the reply, and leaves the ids out."""
    allowed = {config.get("action_name"): tuple(config.get("allowed_decisions") or ()) for config in configs}
    latest, _ = calls.latest_reply(messages)
    left = list(latest.tool_calls) if latest is not None else []
    found: list[_Asked] = []
    for request in requests:
        name, args = str(request.get("name", "")), request.get("args")
        place = next((n for n, call in enumerate(left) if (call["name"], call["args"]) == (name, args)), None)
        call_id = str(left[place].get("id") or "") if place is not None else ""
        left = left[place + 1 :] if place is not None else left
        found.append(_Asked(_MIDDLEWARE, {"args": args}, name, call_id, allowed.get(name, ())))
    return found


def _call_of(given: Any) -> tuple[str, str]:
    """Tool and id of the one call that a node of tools was given; empty where it was given anything else."""
    if isinstance(given, Mapping) and isinstance(given.get("tool_call"), Mapping):  # pyright: ignore[reportUnknownMemberType]
        given = [given["tool_call"]]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], Mapping) and "args" in given[0]:  # pyright: ignore[reportUnknownArgumentType]
        return str(given[0].get("name", "")), str(given[0].get("id") or "")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return "", ""


def waiting(loop: Any) -> list[Any]:
    """The interrupts of the thread that wait for an answer, as its checkpoint has them."""
    found = [each for _, channel, value in loop.checkpoint_pending_writes if channel == "__interrupt__"
             for each in (value if isinstance(value, (list, tuple)) else (value,))]  # fmt: skip
    pending = getattr(loop, "_pending_interrupts", None)
    open_ids = pending() if pending is not None else {_id(each) for each in found}
    return list({_id(each): each for each in found if _id(each) in open_ids}.values())


def answered(frame: Frame, resume: Any, interrupts: Sequence[Any]) -> None:
    """Whoever acts in ``frame`` answers: each of ``interrupts`` by its id, or the only one."""
    by_id = isinstance(resume, Mapping) and any(_id(each) in resume for each in interrupts)
    for interrupt in interrupts:
        if not by_id:
            _answer(frame, interrupt, resume)
        elif _id(interrupt) in resume:
            _answer(frame, interrupt, resume[_id(interrupt)])


def _answer(frame: Frame, interrupt: Any, value: Any) -> None:
    here, asked_at = flow.thread_of(frame.state), ids.now_ns()
    known = here.asked.pop(_id(interrupt), None) if here is not None else None
    shown = _questions(getattr(interrupt, "value", None), None, ())
    for number, question in enumerate(shown):
        told = next((each for each in known or () if each.n == number), None)
        decision = _decision(value, number, question)
        asked_for = told or Question(_id(interrupt), number, "", "", "", 0, question.tool, question.call_id)
        if here is not None and asked_for.call_id:
            here.answers[asked_for.call_id] = _word(decision)
        facts = {"event": "answered", **flow.about(asked_for), "by": question.by, "decision": _word(decision)}
        facts |= _who(frame) | _edited(decision, question)
        if told is not None:
            facts["waited"] = asked_at - told.at
        gate_of(frame).steps.note(frame, "approval", facts, content={"answer": decision})


def _decision(value: Any, number: int, question: _Asked) -> Any:
    """What was answered to one of the questions of an interrupt."""
    decisions = value.get("decisions") if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if question.by == _MIDDLEWARE and isinstance(decisions, list):
        return decisions[number] if number < len(decisions) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _word(decision: Any) -> str:
    """The decision in a word: what LangChain calls it, and ``answer`` where anything may be answered."""
    word = decision.get("type") if isinstance(decision, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return word if word in ("approve", "edit", "reject", "respond") else "answer"


def _who(frame: Frame) -> dict[str, object]:
    who = frame.state.principal
    return {"tenant": who.tenant, "user": who.user, "channel": who.channel, "chain": list(who.links)}


def _edited(decision: Any, question: _Asked) -> dict[str, object]:
    """Whether the person changed the call, and which tool it is now."""
    edited = decision.get("edited_action") if isinstance(decision, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(edited, Mapping):
        return {}
    name, args = str(edited.get("name", "")), edited.get("args")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
    changed = args != question.content.get("args") or name != question.tool
    return {"changed": changed, **({"tool_now": name} if name != question.tool else {})}
