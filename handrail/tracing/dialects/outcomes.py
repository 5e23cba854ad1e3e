"""How a span ended, and what went wrong. A pause for a person, or a jump between graphs, is no error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from handrail.tracing.dialects.observed import Outcome
from handrail.tracing.dialects.values import first, text
from handrail.tracing.otlp.span import OtlpSpan

_PAUSES = frozenset(
    {
        "GraphInterrupt", "NodeInterrupt", "GraphBubbleUp", "Interrupt", "ApprovalRequired", "CallDeferred",
        "ToolApprovalRequired", "WorkflowInterrupt", "InterruptException", "SuspendedException", "AgentInterrupt",
    }
)  # fmt: skip
"""Raised to wait for a person: LangGraph's and pydantic-ai's, and what others call theirs."""
_JUMPS = frozenset({"ParentCommand", "GraphJump", "CommandException"})
"""Raised to go on elsewhere: LangGraph's Command(graph=PARENT)."""
_CANCELS = frozenset(
    {
        "CancelledError", "GeneratorExit", "KeyboardInterrupt", "AbortError", "OperationCanceledException",
        "TaskCanceledException",
    }
)  # fmt: skip
_TOLD = re.compile(r"\(?([A-Za-z_][\w.]{0,120})\s*[(:]")
"""A status text that begins with a class: ``GraphInterrupt((Interrupt(value=``, ``ValueError: ...``."""
_CODE = re.compile(r"[A-Za-z0-9_][\w.:/+$`<>-]{0,120}")
_TYPES = ("error.type", "exception.type", "gen_ai.error.type", "error_type")
_WORTHLESS = frozenset(
    {"", "Exception", "Error", "_OTHER", "builtins.Exception", "java.lang.Exception", "System.Exception"}
)


def outcome_of(span: OtlpSpan) -> tuple[Outcome, str]:
    """How a span ended, and the class of its error ('' for none)."""
    named = list(_named(span))
    for name in named:
        special = _special(name)
        if special is not None:
            return special, ""
    if not _is_error(span):
        return ("ok" if span.end_ns else "lost"), ""
    return "error", next((name for name in named if name not in _WORTHLESS), "error")


def _special(name: str) -> Literal["interrupted", "ok", "cancelled"] | None:
    if name in _PAUSES:
        return "interrupted"
    if name in _JUMPS:
        return "ok"
    return "cancelled" if name in _CANCELS else None


def _is_error(span: OtlpSpan) -> bool:
    return span.status == "ERROR" or span.attributes.get("langfuse.observation.level") == "ERROR"


def _named(span: OtlpSpan) -> Iterator[str]:
    """Names of classes that the span blames, most trustworthy first."""
    attributes = span.attributes
    found = first(attributes, _TYPES)
    if found:
        yield _class(found)
    for event in span.events[:16]:
        if event.name == "exception":
            yield from _of_event(
                text(event.attributes.get("exception.type")), event.attributes.get("exception.message")
            )
    for told in (span.status_message, attributes.get("langfuse.observation.status_message")):
        if told:
            yield from _of_text(told)


def _of_event(kind: str, message: object) -> Iterator[str]:
    if kind not in _WORTHLESS:
        yield _class(kind)
    else:  # LangSmith tells every error as Exception, the class only at the head of the message
        yield from _of_text(message)


def _of_text(told: object) -> Iterator[str]:
    match = _TOLD.match(told) if isinstance(told, str) else None
    name = match[1].rpartition(".")[2] if match else ""
    # any word before a colon may be content: only what is named like an error class is one
    if name in _PAUSES or name in _JUMPS or name in _CANCELS or name.endswith(("Error", "Exception")):
        yield name


def _class(name: str) -> str:
    """The last part of a dotted class name; a text that is no name is not repeated."""
    return name.rpartition(".")[2][:128] or name[:128] if _CODE.fullmatch(name) else "error"
