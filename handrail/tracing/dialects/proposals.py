"""The tool calls in a model's answer, wherever an instrumentation wrote it down: ids and names, no arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from handrail.tracing.dialects.dialect import Attributes
from handrail.tracing.dialects.values import MAX_ITEMS, items, mapping, text

Calls = tuple[tuple[str, str], ...]
_FLAT = "llm.output_messages.{}.message.tool_calls.{}.tool_call."


def proposed(attributes: Attributes) -> Calls:
    """Id and name of each tool call that a model's answer asks for; empty where the answer is not told."""
    for name, read in _READERS:
        if name in attributes:
            found = tuple(read(attributes, name))[:MAX_ITEMS]
            if found:
                return found
    return ()


def _flattened(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """OpenInference: one attribute for each part of each message."""
    for message in range(4):
        for call in range(MAX_ITEMS):
            stem = _FLAT.format(message, call)
            named = text(attributes.get(f"{stem}function.name"))
            if not named:
                break
            yield text(attributes.get(f"{stem}id")), named


def _parts(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """GenAI: messages with parts, some of them of type ``tool_call``."""
    for message in items(attributes[name]):
        for part in items(mapping(message).get("parts")):
            if mapping(part).get("type") == "tool_call":
                yield from _call(mapping(part))
        yield from _listed(mapping(message).get("tool_calls"))


def _message(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """Langfuse: one message, with ``tool_calls`` as LangChain or OpenAI write them."""
    value = attributes[name]
    found = mapping(value)
    for message in [found] if found else items(value):
        yield from _listed(mapping(message).get("tool_calls"))


def _choices(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """MLflow, OpenAI's response: choices with a message each."""
    for choice in items(mapping(attributes[name]).get("choices")):
        yield from _listed(mapping(mapping(choice).get("message")).get("tool_calls"))


def _generations(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """LangSmith: LangChain's own result, a list of lists of generations."""
    for batch in items(mapping(attributes[name]).get("generations")):
        for generation in items(batch):
            message = mapping(mapping(generation).get("message"))
            yield from _listed(mapping(message.get("kwargs", message)).get("tool_calls"))


def _bare(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """Vercel AI SDK: a list of calls."""
    yield from _listed(attributes[name])


def _indexed(attributes: Attributes, name: str) -> Iterator[tuple[str, str]]:
    """OpenLLMetry before it followed the conventions: one attribute for each part of each completion."""
    for call in range(MAX_ITEMS):
        stem = f"gen_ai.completion.0.tool_calls.{call}."
        named = text(attributes.get(f"{stem}name"))
        if not named:
            return
        yield text(attributes.get(f"{stem}id")), named


def _listed(calls: object) -> Iterator[tuple[str, str]]:
    for call in items(calls):
        yield from _call(mapping(call))


def _call(call: Attributes) -> Iterator[tuple[str, str]]:
    named = text(call.get("name")) or text(mapping(call.get("function")).get("name")) or text(call.get("toolName"))
    if named:
        yield text(call.get("id")) or text(call.get("toolCallId")), named


_READERS: tuple[tuple[str, Callable[[Any, str], Iterator[tuple[str, str]]]], ...] = (
    ("gen_ai.output.messages", _parts),
    ("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", _flattened),
    ("langfuse.observation.output", _message),
    ("mlflow.spanOutputs", _choices),
    ("gen_ai.completion", _generations),
    ("ai.response.toolCalls", _bare),
    ("gen_ai.completion.0.tool_calls.0.name", _indexed),
)
