"""What is understood of a span that another instrumentation made: plain facts, the same whoever made it."""

from __future__ import annotations

from typing import Literal

import msgspec

StepKind = Literal[
    "agent", "workflow", "model", "fetch", "embedding", "retrieval", "memory", "plan", "reflection", "tool",
    "handoff", "create", "mcp", "validation", "chain", "other", "unknown",
]  # fmt: skip
"""``chain``: plumbing of a framework. ``other``: no cognition (HTTP, database). ``unknown``: nothing can be said."""
Outcome = Literal["ok", "error", "cancelled", "interrupted", "rejected", "lost"]
"""``lost``: the span never ended. ``rejected``: a call that was proposed and not made."""
HIDDEN: frozenset[str] = frozenset({"chain", "other", "unknown"})
"""Kinds that are no step of their own."""


NAMES = {"span": "step", "step": "type", "dialect": "source", "start_ns": "start", "end_ns": "end", "proposed": "calls"}
"""Facts that have another name where they are written down: the journal's own."""


class Observed(msgspec.Struct, frozen=True, rename=NAMES, omit_defaults=True):
    """One span, classified. Texts are at most 256 characters, and no content of prompts, arguments or results."""

    trace: str
    """32 hex digits."""
    span: str
    """16 hex digits."""
    parent: str
    """16 hex digits; empty for none."""
    dialect: str
    """Which instrumentation made it, such as ``openinference``; ``generic`` where none is known."""
    scope: str
    """Name of the instrumentation scope."""
    step: StepKind
    name: str
    """Of the model, tool, agent, data source; else of the span."""
    start_ns: int
    end_ns: int
    outcome: Outcome
    framework: str = ""
    """Which library it watched, such as ``langchain``; empty when unknown."""
    agent: str = ""
    """The agent in which it happened."""
    node: str = ""
    """The node of a graph in which it happened."""
    model: str = ""
    """The model that was asked for."""
    response_model: str = ""
    provider: str = ""
    call_id: str = ""
    """Id that the model gave a tool call."""
    response_id: str = ""
    """The provider's id of an answer."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish: tuple[str, ...] = ()
    """Why the model stopped."""
    proposed: tuple[tuple[str, str], ...] = ()
    """Id and name of each tool call in a model's answer."""
    session: str = ""
    """The conversation or session."""
    user: str = ""
    error: str = ""
    """Class name or code of an error, never its text."""
    service: str = ""
    """The service that sent it."""
