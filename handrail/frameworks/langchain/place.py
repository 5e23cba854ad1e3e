"""Where in a graph the running code is."""

from __future__ import annotations

from langchain_core.runnables.config import var_child_runnable_config


def place() -> tuple[str, str]:
    """Name of the graph node that is running here, and the id of its execution; empty outside a graph."""
    running = var_child_runnable_config.get() or {}
    known = running.get("metadata") or {}
    return str(known.get("langgraph_node") or ""), str(known.get("langgraph_checkpoint_ns") or "")
