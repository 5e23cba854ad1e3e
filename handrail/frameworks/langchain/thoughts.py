"""What LangChain's agents plan, reflect and hand over, told by what their tools, models and nodes give back.

Only what cannot be meant otherwise counts; the rules are in docs/how-to/trace-why.md.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool

from handrail.frameworks import executables, thinking
from handrail.frameworks.langchain import messages as show
from handrail.tracing import plans, reflections
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.why import Reason

log = logging.getLogger(__name__)

MAX_ANSWER = 1_000_000
"""Characters of a structured answer up to which it is looked into."""
_FREE = (None, "", "auto", "none")
_PARENT = "__parent__"
_END = "__end__"


def of_tool(tool: BaseTool, args: Mapping[str, Any], state: Any) -> Callable[[Frame, Any], None]:
    """What is put down of a good result of ``tool``; ``state`` is what the agent's state was, None if unknown."""

    def then(frame: Frame, value: Any) -> None:
        for command in _commands(value):
            _commanded(frame, command, state)
        if reflections.is_thinking(tool.name):
            _thought(frame, args)

    return then


def _commands(value: Any) -> Iterable[Any]:
    for each in value if type(value) is list else (value,):  # pyright: ignore[reportUnknownVariableType]
        if type(each).__name__ == "Command" and hasattr(each, "goto"):  # pyright: ignore[reportUnknownArgumentType]
            yield each


def _commanded(frame: Frame, command: Any, state: Any) -> None:
    update = command.update
    items = plans.todos(update["todos"]) if isinstance(update, Mapping) and "todos" in update else None
    if items is not None:
        thinking.revise(frame, items, None if state is None else plans.todos(_of(state, "todos")) or ())
    if command.graph == _PARENT:
        for target in targets(command):
            thinking.announce(frame, target)


def _of(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def targets(command: Any) -> list[str]:
    """Names of the nodes that a command goes to, the end left out."""
    goto = getattr(command, "goto", ())
    found = [each if isinstance(each, str) else str(getattr(each, "node", "")) for each in _listed(goto)]
    return [name for name in found if name and name != _END]


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)  # pyright: ignore[reportUnknownVariableType]


def _thought(frame: Frame, args: Mapping[str, Any]) -> None:
    text = reflections.thought(args)
    if text is not None:
        # the text is in the arguments of the call around it, and is not stored twice
        thinking.reflected(frame, "", reflections.confidence(args.get("confidence")))


def replied(frame: Frame, step: str, reply: AIMessage, request: Mapping[str, Any]) -> None:
    """The model of ``step`` was asked in ``frame`` with the parameters ``request`` and replied. Never raises."""
    try:
        found = structured(reply, request)
        if found is not None:
            _answered(frame, Reason(step), *found)
    except Exception:
        log.warning("A structured answer could not be read", exc_info=unquoted())


def _answered(frame: Frame, reason: Reason, schema: str, value: Mapping[str, Any]) -> None:
    items = plans.stated_as(schema, value)
    if items is not None:
        thinking.revise(frame, items, None, reason)
    stated = value.get("confidence")
    if reflections.is_stated(stated):
        thinking.reflected(frame, "", reflections.confidence(stated), reason=reason)


def structured(reply: AIMessage, request: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Name of the schema and value of a reply that had to have one: by ``response_format``, or as the only call of a
    tool that had to be called and that nothing here can run. None for any other reply."""
    form = request.get("response_format")
    if form is not None and not reply.tool_calls:
        value = _json(show.text(reply))
        return (_name(form), value) if isinstance(value, Mapping) else None
    if request.get("tool_choice") in _FREE or len(reply.tool_calls) != 1:
        return None
    (call,) = reply.tool_calls
    return None if call["name"] in executables.names() else (call["name"], call["args"])


def _json(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= MAX_ANSWER else None
    except (ValueError, RecursionError):
        return None


def _name(form: Any) -> str:
    """What a ``response_format`` calls its schema."""
    described = form.get("json_schema", form) if isinstance(form, Mapping) else form  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(described, Mapping):
        return str(described.get("name") or described.get("title") or "")  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return str(getattr(described, "__name__", ""))


def wrote(frame: Frame, writes: Mapping[str, Any]) -> None:
    """A node of the agent's graph wrote ``writes``: a channel called ``plan`` is one where it holds steps."""
    if "plan" not in writes:
        return
    value = writes["plan"]
    items = plans.stated_as("plan", {"steps": value if isinstance(value, list) else _of(value, "steps")})
    if items is not None:
        thinking.revise(frame, items, None)
