"""How results of the family are kept for replay: messages, documents, a model's answers, and LangGraph's commands.

Messages are models, and kept like any model, but under names of their own: releases of LangChain move their modules.
A subclass of the program's own goes by its module and name, as every class does.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import ModuleType

from langchain_core import agents, documents, messages, outputs

from handrail.effects import classes
from handrail.effects.values import register

_MODELS: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (
        messages,
        (
            "AIMessage",
            "AIMessageChunk",
            "ChatMessage",
            "ChatMessageChunk",
            "FunctionMessage",
            "FunctionMessageChunk",
            "HumanMessage",
            "HumanMessageChunk",
            "RemoveMessage",
            "SystemMessage",
            "SystemMessageChunk",
            "ToolMessage",
            "ToolMessageChunk",
        ),
    ),
    (documents, ("Document",)),
    (agents, ("AgentAction", "AgentActionMessageLog", "AgentFinish", "AgentStep")),
    (
        outputs,
        (
            "ChatGeneration",
            "ChatGenerationChunk",
            "ChatResult",
            "Generation",
            "GenerationChunk",
            "LLMResult",
            "RunInfo",
        ),
    ),
)
_COMMANDS = ("Command", "Interrupt", "Overwrite", "Send", "TimeoutPolicy")


def install() -> None:
    """Register what LangChain itself has. Twice changes nothing."""
    for module, names in _MODELS:
        for name in names:
            kind = getattr(module, name, None)
            if kind is not None:
                register(kind, f"langchain.{name}", classes.model_parts, partial(_model, kind))
    text = getattr(messages.base, "TextAccessor", None)  # what `message.text` is since LangChain 1.0
    if text is not None:
        register(text, "langchain.TextAccessor", str.__str__, text)


def install_graphs() -> None:
    """Register what LangGraph has of it, once ``langgraph.types`` is imported. Twice changes nothing."""
    module = import_module("langgraph.types")
    for name in _COMMANDS:
        kind = getattr(module, name, None)  # older releases lack some
        if kind is not None:
            register(kind, f"langgraph.{name}", classes.parts_of, partial(_object, kind))


def _model(kind: type, parts: list[object]) -> object:
    return classes.model_made(kind, *parts)


def _object(kind: type, parts: list[dict[str, object]]) -> object:
    return classes.made_of(kind, *parts)
