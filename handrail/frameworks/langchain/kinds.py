"""Which objects of the family are agents, and which are workflows.

An agent is what a model leads: a graph with a ToolNode or with a node of LangChain's own ``create_agent`` or of
LangGraph's ``create_react_agent``, and a classic executor. Any other graph, LangGraph's functional API and a chain are
workflows: their author wrote down the order of the steps. What ``govern(name=...)`` or ``agent`` in handrail.toml names
is an agent, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

AGENT: Mapping[str, object] = MappingProxyType({})
"""Facts of an agent in this process: nothing besides its name."""
WORKFLOW: Mapping[str, object] = MappingProxyType({"type": "workflow"})
_LOOPS = frozenset({"langchain.agents.factory", "langgraph.prebuilt.chat_agent_executor"})
"""Modules whose functions are nodes of an agent: they ask the model."""
_MAX_WRAPPERS = 10


def shape_of(owner: object, *, named: bool) -> Mapping[str, object]:
    """What a run or a sub-agent's step says of ``owner``; ``named`` where somebody called it an agent."""
    made_of = _unwrapped(owner)
    names = {kind.__name__ for kind in type(made_of).__mro__}
    if "RemoteGraph" in names:
        return _remote(made_of)
    return AGENT if named or "AgentExecutor" in names or _is_led(made_of) else WORKFLOW


def _unwrapped(owner: object) -> object:
    """What bindings, retries and fallbacks are around."""
    for _ in range(_MAX_WRAPPERS):
        inner = getattr(owner, "bound", None) or getattr(owner, "runnable", None)
        if inner is None:
            break
        owner = inner
    return owner


def _is_led(graph: Any) -> bool:
    """Whether a model chooses the next step of a graph."""
    nodes: Any = getattr(graph, "nodes", None)
    return isinstance(nodes, Mapping) and any(_asks_or_calls(getattr(node, "bound", None)) for node in nodes.values())


def _asks_or_calls(bound: Any) -> bool:
    parts = (bound, *(getattr(bound, "steps", None) or ()))
    return any(any(kind.__name__ == "ToolNode" for kind in type(part).__mro__) or asks_model(part) for part in parts)


def asks_model(bound: Any) -> bool:
    """Whether what a node runs is LangChain's or LangGraph's own question to an agent's model."""
    return getattr(getattr(bound, "func", None) or getattr(bound, "afunc", None), "__module__", "") in _LOOPS


def _remote(graph: Any) -> Mapping[str, object]:
    """Facts of an agent that a LangGraph server runs."""
    client = getattr(graph, "sync_client", None) or getattr(graph, "client", None)
    address: Any = getattr(getattr(getattr(client, "http", None), "client", None), "base_url", None)
    found: dict[str, object] = {"remote": True, "provider": "langgraph", "agent_id": str(graph.assistant_id)}
    if getattr(address, "host", ""):
        found |= {"server": address.host, "port": address.port or (443 if address.scheme == "https" else 80)}
    return found
