"""What the validators say of what an agent is asked, before anything of the agent runs.

Each message that is neither the model's own nor part of the prompt is looked at by itself, the rest of a table as a
whole. Whoever asked reads why it was refused in an exception: there is no model yet that could be told.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from pydantic import BaseModel

from handrail.audit.steps import Step
from handrail.frameworks import resuming, rounds
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.viewing import view
from handrail.gate import gate_of, seen
from handrail.gate.checking import changes, configured
from handrail.tracing.faults import unquoted
from handrail.validators.plain import written

log = logging.getLogger(__name__)

_OWN = frozenset({"ai", "AIMessageChunk", "system", "remove"})
"""Types of messages that are not what somebody asks."""
_PIECES = frozenset({"transform", "atransform"})
"""Entry methods whose input is an iterator, which only the agent may read."""
_MESSAGES = "messages"
_DEPTH = 20
"""Levels of an answer to an interrupt whose texts are looked at one by one; what is below is looked at as a whole."""


def looked_at(
    step: Step, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of an entry method with what may go on of its input. Raises ValidationFailed."""
    args, kwargs = _looked_at(step, entry, args, kwargs)
    given = args[0] if args else kwargs.get("input")
    if step.kind == "run" and seen.wanted(step.frame):
        seen.heard(step.frame, _heard(given))
    if entry not in _PIECES:
        resuming.given(step, given)
    return args, kwargs


def _heard(given: Any) -> Iterator[seen.Heard]:
    """What the user says in an input; nothing of an iterator, which only the agent may read."""
    if type(given).__name__ == "Command":
        yield from _heard(getattr(given, "update", None))
        yield from _heard(getattr(given, "resume", None))
    elif isinstance(given, Mapping):
        rest = {key: value for key, value in given.items() if key != _MESSAGES}  # pyright: ignore[reportUnknownVariableType]
        yield from _heard(given.get(_MESSAGES))  # pyright: ignore[reportUnknownMemberType]
        yield seen.Heard(rest)
    elif isinstance(given, (list, tuple)):
        messages = _messages(given)
        yield from show.heard(messages) if messages is not None else ()
        if messages is None:  # the inputs of a batch, or anything else
            for each in given:  # pyright: ignore[reportUnknownVariableType]
                yield from _heard(each)
    elif isinstance(given, BaseMessage):
        yield from show.heard([given])
    elif isinstance(given, (str, int, float, BaseModel)):
        yield seen.Heard(given)


def _looked_at(
    step: Step, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    frame = step.frame
    if not configured(frame, "input", frame.principal.agent):
        return args, kwargs
    look = _LOOKS.get(entry, _look)
    if args:
        return (look(step, args[0]), *args[1:]), kwargs
    return (args, {**kwargs, "input": look(step, kwargs["input"])}) if "input" in kwargs else (args, kwargs)


def _look(step: Step, given: Any) -> Any:
    """What may go on of one input; the very object where nothing is changed."""
    if given is None:  # a thread that goes on
        return None
    if type(given).__name__ == "Command" and hasattr(given, "update"):
        update, resume = _look(step, given.update), _resumed(step, given.resume)
        same = update is given.update and resume is given.resume
        return given if same else replace(given, update=update, resume=resume)
    if isinstance(given, Mapping) and isinstance(given.get(_MESSAGES), (list, tuple)):  # pyright: ignore[reportUnknownMemberType]
        return _state(step, dict(given))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(given, list) and given and all(isinstance(each, BaseMessage) for each in given):  # pyright: ignore[reportUnknownVariableType]
        return _each(step, given, given)  # pyright: ignore[reportUnknownArgumentType]
    return _value(step, given)


def _resumed(step: Step, given: Any, depth: int = 0) -> Any:
    """What may go on of an answer to an interrupt: each text in it is looked at, as each message is."""
    if depth < _DEPTH and isinstance(given, dict):
        found: Any = {key: _resumed(step, inner, depth + 1) for key, inner in given.items()}  # pyright: ignore[reportUnknownVariableType]
        return given if all(found[key] is inner for key, inner in given.items()) else found  # pyright: ignore[reportUnknownVariableType]
    if depth < _DEPTH and isinstance(given, list):
        found = [_resumed(step, inner, depth + 1) for inner in given]  # pyright: ignore[reportUnknownVariableType]
        return given if all(one is other for one, other in zip(found, given, strict=True)) else found  # pyright: ignore[reportUnknownVariableType]
    return given if given is None or isinstance(given, (bool, int, float)) else _value(step, given)


def _state(step: Step, given: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in given.items() if key != _MESSAGES}
    messages = _messages(given[_MESSAGES])
    asked = _each(step, given[_MESSAGES], messages) if messages is not None else _value(step, given[_MESSAGES])
    return {**(_value(step, rest) if rest else rest), _MESSAGES: asked}


def _messages(given: Any) -> list[BaseMessage] | None:
    """The messages that LangChain makes of a list; None where it is none of messages."""
    try:
        return list(convert_to_messages(given))
    except Exception:
        return None


def _each(step: Step, given: Any, messages: list[BaseMessage]) -> Any:
    found = [each if each.type in _OWN else _value(step, each) for each in messages]
    return given if all(one is other for one, other in zip(found, messages, strict=True)) else found


def _value(step: Step, given: Any) -> Any:
    try:
        looked = view(given)
        checked = rounds.look(step.frame, "input", looked.value)
    except Exception:  # an object that does not let itself be looked at
        log.warning("An agent's input could not be checked", exc_info=unquoted())
        if changes(step.frame, "input", step.frame.principal.agent):
            raise
        return given
    gate = gate_of(step.frame)
    checked.record(gate, step.frame)
    checked.judged(gate, step)
    if checked.action != "pass":
        raise checked.failure()
    if checked.value is checked.given:
        return given
    try:
        return looked.again(written(looked.value, checked.value))
    except (TypeError, ValueError):
        raise checked.failure() from None


def _batch(step: Step, given: Any) -> Any:
    return [_look(step, each) for each in given]


def _whole(pieces: list[Any]) -> Any:
    """What the pieces of an input come to."""
    whole = pieces[0]
    try:
        for piece in pieces[1:]:
            whole = whole + piece
    except TypeError:  # pieces that do not add up replace each other, as everywhere in LangChain
        return pieces[-1]
    return whole


def _joined(step: Step, given: Iterator[Any]) -> Iterator[Any]:
    """An input that comes in pieces, in one: what was not read to its end cannot be checked."""
    if pieces := list(given):
        yield _look(step, _whole(pieces))


async def _ajoined(step: Step, given: AsyncIterator[Any]) -> AsyncIterator[Any]:
    if pieces := [piece async for piece in given]:
        yield _look(step, _whole(pieces))


_LOOKS: Mapping[str, Callable[[Step, Any], Any]] = {
    "batch": _batch,
    "abatch": _batch,
    "transform": _joined,
    "atransform": _ajoined,
}
