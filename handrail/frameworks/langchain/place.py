"""Where in a graph the running code is."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables.config import var_child_runnable_config


def place() -> tuple[str, str]:
    """Name of the graph node that is running here, and the id of its execution; empty outside a graph."""
    running = var_child_runnable_config.get() or {}
    known = running.get("metadata") or {}
    return str(known.get("langgraph_node") or ""), str(known.get("langgraph_checkpoint_ns") or "")


def latest_message() -> Any:
    """The last message of the state of the graph that is running here; None where there is none."""
    running = var_child_runnable_config.get() or {}
    read: Any = (running.get("configurable") or {}).get("__pregel_read")
    try:
        return read("messages")[-1]
    except Exception:  # no graph, no messages, or a version that keeps its state elsewhere
        return None
