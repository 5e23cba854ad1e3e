"""What validators look at of a value that a program passes on, and how the value is made again when that was changed.

Text of messages, the answer in the state of an agent, the fields of pydantic objects and dataclasses. Knows the
objects by what they have, so that no framework is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, cast

_TEXTS = ("text", "refusal")
"""Where a content block has text that a reader is shown."""
_CALLS = frozenset({"tool_use", "tool_call", "function_call", "server_tool_use"})
_SHOWN_ALONE = ("parsed", "refusal", "reasoning_content", "reasoning", "audio")
"""What a message has besides its content, which may say again what was taken out of the content."""


@dataclass(frozen=True, slots=True)
class View:
    """A value as validators see it."""

    value: object
    """JSON types where it has any."""
    again: Callable[[object], Any]
    """Makes the whole value with this in its place; raises ValueError or TypeError where that cannot be."""


def view(value: Any) -> View:
    """How validators see ``value``; what is none of the known objects, as it is."""
    if is_message(value):
        return View(text_of(value), lambda new: with_text(value, str(new)))
    if isinstance(value, dict):
        return _of_state(cast("dict[str, Any]", value))
    if hasattr(value, "model_dump") and hasattr(type(value), "model_validate"):
        return View(_fields(value), type(value).model_validate)
    if is_dataclass(value) and not isinstance(value, type):
        return View(asdict(value), lambda new: type(value)(**cast("Mapping[str, Any]", new)))
    return View(value, lambda new: new)


def remade(value: Any, now: object) -> Any:
    """A tool's result that says ``now``, of the kind of ``value``. Raises TypeError and ValueError where it cannot."""
    if _is_json(value):
        return tuple(cast("list[object]", now)) if type(value) is tuple and type(now) is list else now
    looked = view(value)
    if looked.value is value or is_message(value):
        raise TypeError
    return looked.again(now)


def _is_json(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(map(_is_json, cast("list[object]", value)))
    return value is None or type(value) in (str, bool, int, float) or isinstance(value, dict)


def _fields(value: Any) -> object:
    """The fields of a pydantic object; as they stand where they are no JSON types."""
    try:
        return value.model_dump(mode="json")
    except Exception:
        return dict(value)


def _of_state(state: dict[str, Any]) -> View:
    """The answer in an agent's state: its structured response, else its last message; of any other table all."""
    messages: Any = state.get("messages")
    if not isinstance(messages, list) or not messages or not is_message(messages[-1]):
        return View(state, lambda new: new)
    if state.get("structured_response") is not None:
        inner = view(state["structured_response"])
        return View(inner.value, lambda new: {**state, "structured_response": inner.again(new)})
    last = view(messages[-1])
    return View(last.value, lambda new: {**state, "messages": [*messages[:-1], last.again(new)]})


def is_message(value: Any) -> bool:
    """Whether ``value`` is a message of a framework: it has content, and can be copied."""
    return hasattr(value, "content") and hasattr(value, "model_copy") and isinstance(value.content, (str, list))


def text_of(message: Any) -> str:
    """What a reader is shown of a message: its text, its refusal and what it says aloud, content blocks joined."""
    content: Any = message.content
    beside = getattr(message, "additional_kwargs", None)
    refusal = beside.get("refusal") if isinstance(beside, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    audio = beside.get("audio") if isinstance(beside, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    aloud = audio.get("transcript") if isinstance(audio, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return _joined(content) + "".join(one for one in (refusal, aloud) if isinstance(one, str))


def _joined(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(_text(block) for block in cast("Sequence[Any]", content))


def _text(block: Any) -> str:
    if isinstance(block, str):
        return block
    if not isinstance(block, Mapping):
        return ""
    known = cast("Mapping[str, Any]", block)
    return "".join(part for key in _TEXTS if isinstance(part := known.get(key), str))


def with_text(message: Any, text: str) -> Any:
    """A copy of ``message`` that says ``text``, and nothing else that a reader would be shown.

    Its calls stay, and with them what providers want to see again beside calls. A message that called nothing
    keeps no reasoning: it may say what was taken out of the text.
    """
    calls = getattr(message, "tool_calls", None) or getattr(message, "invalid_tool_calls", None)
    beside = getattr(message, "additional_kwargs", None) or {}
    kept = {key: value for key, value in beside.items() if calls or key not in _SHOWN_ALONE}
    content = _blocks(message.content, text) if calls and isinstance(message.content, list) else text
    return message.model_copy(update={"content": content, "additional_kwargs": kept})


def _blocks(content: list[Any], text: str) -> list[Any]:
    others = [block for block in content if isinstance(block, dict) and not _text(block)]
    texts = [{"type": "text", "text": text}] if text else []
    first = next((at for at, block in enumerate(others) if block.get("type") in _CALLS), len(others))
    return [*others[:first], *texts, *others[first:]]
