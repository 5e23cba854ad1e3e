"""The exceptions with which LangGraph suspends or redirects a run: they are no errors."""

from __future__ import annotations

from importlib import import_module


def _of_langgraph(name: str) -> tuple[type[BaseException], ...]:
    try:
        return (getattr(import_module("langgraph.errors"), name),)
    except ImportError:  # LangChain without LangGraph has no pauses
        return ()


PAUSES = _of_langgraph("GraphBubbleUp")
"""Raised to suspend a run: interrupts, and commands to a parent graph."""
HANDOFF = _of_langgraph("ParentCommand")
"""Raised to hand over to another agent."""
