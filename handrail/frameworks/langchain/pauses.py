"""The exceptions with which LangGraph suspends or redirects a run: they are no errors."""

from __future__ import annotations

try:
    from langgraph.errors import GraphBubbleUp, ParentCommand
except ImportError:  # LangChain without LangGraph has no pauses
    PAUSES: tuple[type[BaseException], ...] = ()
    HANDOFF: tuple[type[BaseException], ...] = ()
else:
    PAUSES = (GraphBubbleUp,)
    HANDOFF = (ParentCommand,)
