"""LangChain's messages, tool results and usage in JSON types, for records and spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from handrail.frameworks.viewing import remade
from handrail.gate.seen import Heard
from handrail.tracing.why import Proposed, Said
from handrail.validators.plain import joined

_MADE_UP = ("lc_", "run-")
"""How ids begin that LangChain gives to replies of providers that name none (langchain_core.messages.ai)."""
PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LangChain's provider names -> those of the GenAI conventions, where they differ."""

_GENERATES = frozenset({"gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"})
"""Providers whose own API is Google's ``generateContent``."""

PARAMS = {
    "ls_temperature": "temperature",
    "ls_max_tokens": "max_tokens",
    "ls_stop": "stop_sequences",
}
"""LangChain's standard parameters -> the names of the GenAI conventions."""
FIELDS = {
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "n": "choice.count",
    "reasoning_effort": "reasoning.level",
}
"""What models of several packages call a parameter -> its name in the GenAI conventions."""


@cache
def fields_of(model: type) -> tuple[str, ...]:
    """The parameters of ``FIELDS`` that a class of models has."""
    return tuple(name for name in FIELDS if name in getattr(model, "model_fields", {}))


def params(model: Any, said: Mapping[str, Any], kwargs: Mapping[str, Any]) -> dict[str, object]:
    """Request parameters: what LangChain ``said`` of a call, what the model is set to, what ``kwargs`` ask for."""
    found = {name: said[key] for key, name in PARAMS.items() if said.get(key) is not None}
    for field in fields_of(type(model)):  # type: ignore[arg-type]  # a class of models is hashable
        value = kwargs.get(field, getattr(model, field))
        if isinstance(value, (int, float, str)) and not (field == "n" and value == 1):
            found[FIELDS[field]] = value
    return found


def output_type(kwargs: Mapping[str, Any]) -> str:
    """``json`` where a call asks for it; empty otherwise."""
    asked = kwargs.get("response_format")
    kind = asked.get("type") if isinstance(asked, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return "json" if kind in ("json_object", "json_schema") or isinstance(asked, type) else ""


def provider_of(said: object) -> str:
    """The GenAI conventions' name of a provider that LangChain calls ``said``."""
    return PROVIDERS.get(str(said), str(said))


def operation_of(provider: str, otherwise: str) -> str:
    """The operation of a call of a model of ``provider``; ``otherwise`` where its API is not Google's."""
    return "generate_content" if provider in _GENERATES else otherwise


def message(value: BaseMessage) -> dict[str, object]:
    """One message; ids that LangGraph assigns later are left out, so that equal messages are stored once."""
    shown: dict[str, object] = {"role": value.type, "content": value.content}
    if isinstance(value, AIMessage):
        calls = [{"id": c.get("id"), "name": c["name"], "args": c["args"]} for c in value.tool_calls]
        invalid = [{"id": c.get("id"), "name": c.get("name"), "args": c.get("args")} for c in value.invalid_tool_calls]
        shown.update({"tool_calls": calls} if calls else {}, **({"invalid_tool_calls": invalid} if invalid else {}))
    if isinstance(value, ToolMessage):
        shown.update(tool_call_id=value.tool_call_id, name=value.name, status=value.status)
    return shown


def result(value: Any) -> object:
    """What a tool gave back: a message as a message, a command by its parts, anything else as it is."""
    if isinstance(value, BaseMessage):
        return message(value)
    if type(value) is list:  # of messages or commands; what lists hold deeper down is plain data
        return [item if isinstance(item, list) else result(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if type(value).__name__ == "Command" and hasattr(value, "goto"):
        return {
            "command": {"goto": str(value.goto), "graph": str(value.graph)},
            "update": result_of(value.update),
        }
    return value


def result_of(update: Any) -> object:
    """The update of a command, its messages shown as messages."""
    if isinstance(update, Mapping):
        return {str(key): result(item) for key, item in update.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return result(update)


def failed(value: Any) -> bool:
    """Whether a tool's answer is an exception that was turned into a message."""
    return isinstance(value, ToolMessage) and value.status == "error"


def content_of(value: Any) -> object:
    """The part of a tool's result that a validator looks at: a message's content."""
    return joined(value.content) if isinstance(value, ToolMessage) else result(value)


def with_content(value: Any, content: Any) -> Any:
    """The tool's result with other content: what a validator made of it. Raises TypeError, ValueError."""
    if not isinstance(value, ToolMessage):
        return remade(value, content)
    if isinstance(value.content, list) and isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return value.model_copy(update={"content": content})


def system(value: BaseMessage) -> str | None:
    """Text of a system message; None for any other."""
    return str(value.content) if isinstance(value, SystemMessage) else None


def usage(reply: AIMessage) -> dict[str, int]:
    """Token counts of one model call; empty when the provider reported none."""
    said = reply.usage_metadata
    if said is None:
        return {}
    read, written = said.get("input_token_details", {}), said.get("output_token_details", {})
    extra = {
        "cache_write": read.get("cache_creation"),
        "audio_input": read.get("audio"),
        "audio_output": written.get("audio"),
    }
    return {
        "input": said["input_tokens"],
        "output": said["output_tokens"],
        "cache_read": read.get("cache_read") or 0,
        "reasoning": written.get("reasoning") or 0,
        **{name: count for name, count in extra.items() if count},
    }


def provider_id(reply: AIMessage) -> str | None:
    """The provider's id of a reply; None for one that LangChain made up, which says nothing."""
    return None if reply.id is None or reply.id.startswith(_MADE_UP) else reply.id


def finish_reasons(reply: AIMessage) -> list[str]:
    """Why the model stopped, as the provider says it."""
    said = reply.response_metadata
    reason = said.get("finish_reason") or said.get("stop_reason") or said.get("status")
    return [str(reason)] if reason else []


def text(reply: BaseMessage) -> str:
    """The text of a message, its content blocks joined."""
    if isinstance(reply.content, str):
        return reply.content
    blocks: Sequence[Any] = reply.content
    return "".join(str(block.get("text", "")) if isinstance(block, dict) else str(block) for block in blocks)


_REASONING = {"reasoning", "thinking"}
_TEXTS = ("text", "reasoning", "thinking")


def reasoning(reply: AIMessage) -> int:
    """Characters of the reasoning that a provider returned with a reply, in any of the forms that LangChain has."""
    blocks: Sequence[Any] = reply.content if isinstance(reply.content, list) else ()
    found = sum(_length(block) for block in blocks if isinstance(block, Mapping) and block.get("type") in _REASONING)
    besides = reply.additional_kwargs
    return found or _length(besides.get("reasoning_content")) or _length(besides.get("reasoning"))


def _length(block: Any) -> int:
    """Characters of text in a block: its own, or those of the parts that it is summed up in."""
    if isinstance(block, str):
        return len(block)
    if not isinstance(block, Mapping):
        return 0
    own = sum(len(block[key]) for key in _TEXTS if isinstance(block.get(key), str))  # pyright: ignore[reportUnknownArgumentType]
    parts: Any = block.get("summary") or block.get("content")  # pyright: ignore[reportUnknownMemberType]
    return own + (sum(_length(part) for part in parts) if isinstance(parts, list) else 0)  # pyright: ignore[reportUnknownVariableType]


def said(value: BaseMessage) -> Said:
    """What can be known of a message's origin: the call that it answers, or the reply that it is."""
    if isinstance(value, ToolMessage):
        return Said(answers=value.tool_call_id)
    if isinstance(value, AIMessage):
        return Said(id=value.id or "")
    return Said(text=lambda: text(value))


def proposed(reply: AIMessage) -> list[Proposed]:
    """The calls of a reply."""
    return [Proposed(call.get("id") or "", call["name"], call["args"]) for call in reply.tool_calls]


def heard(messages: Sequence[BaseMessage]) -> Iterator[Heard]:
    """What no model wrote of the messages that one is about to read: an answer to a call that failed says nothing."""
    for value in messages:
        if isinstance(value, ToolMessage):
            if value.status != "error":
                yield Heard(content_of(value), value.name or "", value.tool_call_id, answer=True)
        elif isinstance(value, (HumanMessage, SystemMessage)):
            origin = "user" if isinstance(value, HumanMessage) else "system"
            yield Heard(text(value), origin)
