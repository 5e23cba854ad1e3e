"""LangChain's own run metadata, which everybody who watches LangChain passes on, each under a prefix of his own."""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes

_KEYS = {
    "agent": ("lc_agent_name",),
    "session": ("session_id", "thread_id", "conversation_id"),
    "user": ("user_id", "langgraph_auth_user_id"),
    "node": ("langgraph_node",),
    "model": ("ls_model_name",),
    "provider": ("ls_provider",),
    "call_id": ("tool_call_id",),
}


def facts(prefix: str) -> dict[str, tuple[str, ...]]:
    """Fact -> attributes that hold it, with ``prefix`` before LangChain's names."""
    return {fact: tuple(f"{prefix}{name}" for name in names) for fact, names in _KEYS.items()}


def watches(metadata: Attributes, prefix: str = "") -> bool:
    """Whether metadata is LangChain's or LangGraph's."""
    return any(
        f"{prefix}{name}" in metadata for name in ("ls_integration", "langgraph_node", "ls_method", "ls_model_type")
    )
