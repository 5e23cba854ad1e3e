"""The seam for what LangGraph keeps of a thread: its state and history are looked at and changed by its owner only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handrail.frameworks import gates, opening, ownership
from handrail.frameworks.langchain import agents
from handrail.tracing import context


def _require(graph: Any, config: Any, opens: bool) -> None:
    """Raise NotAvailable where the thread is somebody else's for the gates that govern here."""
    binding: agents.Binding | None = getattr(type(graph), agents.BINDING, None)
    bound = binding if binding is not None and binding.active else None
    configurable = agents.configurable_of(graph, config)
    thread = str(configurable.get("thread_id") or "")
    frame = context.current()
    if frame is not None:
        for gate in {*frame.gates, *((bound.gate,) if bound else ())}:
            ownership.require(gate, frame.principal, "thread", thread, opens=opens)
        return
    own = bound.gate if bound else opening.default_gate()
    if own is not None:
        who = gates.whoever(own, "", bound.said if bound else {}, configurable)
        ownership.require(own, who, "thread", thread, opens=opens)


def _config(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if args else kwargs.get("config")


def method(opens: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a method whose first argument is the configuration; ``opens`` says that it writes."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            _require(self, _config(args, kwargs), opens)
            return original(self, *args, **kwargs)

        return wrapper

    return wrap


def coroutine(opens: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a coroutine method likewise."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            _require(self, _config(args, kwargs), opens)
            return await original(self, *args, **kwargs)

        return wrapper

    return wrap


METHODS = {
    "get_state": method(opens=False),
    "get_state_history": method(opens=False),
    "aget_state_history": method(opens=False),
    "update_state": method(opens=True),
    "bulk_update_state": method(opens=True),
    "aget_state": coroutine(opens=False),
    "aupdate_state": coroutine(opens=True),
    "abulk_update_state": coroutine(opens=True),
}
"""Method of a graph -> its wrapper."""

ENDS_IN = {"update_state": "bulk_update_state", "aupdate_state": "abulk_update_state"}
"""Method of a graph -> the one that it ends in, where LangGraph has that."""
