"""Calling a graph or a chain again so that it goes on: with its thread where that is kept, else with its input."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from handrail.errors import NotResumable

DOUBT = "handrail.in_doubt"
"""Type of our own interrupts: a call waits until a person has said whether it happened."""
_BATCHES = {"batch": "batch", "abatch": "abatch"}


def now(agent: Any, entry: str, thread: str, began: int, given: Callable[[], Any]) -> Any:
    """Go on with a run that began at ``began`` (nanoseconds since the epoch) by ``entry``; what it gives out.

    ``given`` gives its input, where that is needed. Raises NotResumable where the thread waits for something that only
    its application can answer.
    """
    config = _config(thread)
    state = agent.get_state(config) if _keeps(agent, thread) else None
    call = agent.batch if entry in _BATCHES else agent.invoke
    return call(_input(state, began, given), config)


async def alater(agent: Any, entry: str, thread: str, began: int, given: Callable[[], Any]) -> Any:
    """Likewise, in an event loop."""
    config = _config(thread)
    state = await agent.aget_state(config) if _keeps(agent, thread) else None
    call = agent.abatch if entry in _BATCHES else agent.ainvoke
    return await call(_input(state, began, given), config)


def _config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}} if thread else None


def _keeps(agent: Any, thread: str) -> bool:
    """Whether where the agent was is kept somewhere else than in this process' past."""
    return bool(thread) and getattr(agent, "checkpointer", None) not in (None, False)


def _input(state: Any, began: int, given: Callable[[], Any]) -> Any:
    if state is None or not _since(state, began):
        return given()
    waiting: list[Any] = list(getattr(state, "interrupts", ()))
    if not waiting:
        return None
    ours = [each for each in waiting if isinstance(each.value, dict) and each.value.get("type") == DOUBT]
    if not ours:
        raise NotResumable(
            "The run is paused, and its application asks for an answer: call the agent with Command(resume=...)."
        )
    from langgraph.types import Command

    # whether the call happened is read from our own store; this only lets the graph go on
    return Command(resume={each.id: True for each in ours})


def _since(state: Any, began: int) -> bool:
    """Whether the thread has a checkpoint that is younger than the run: then its input is in it."""
    made: str = getattr(state, "created_at", None) or ""
    return bool(made) and datetime.fromisoformat(made).timestamp() * 1e9 >= began
