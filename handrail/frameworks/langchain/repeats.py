"""What LangChain and LangGraph know of calls that are made again: where a graph stands, retries, pauses, results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import var_child_runnable_config

from handrail.effects.asks import Question
from handrail.effects.ledger import NOWHERE, Place, entering
from handrail.frameworks.langchain.going_on import DOUBT
from handrail.frameworks.langchain.messages import content_of
from handrail.gate import once
from handrail.gate.retelling import retell
from handrail.tracing import context
from handrail.tracing.context import Frame

_LOOPS, _PASSES = "loops", "passes"
_MOST_PASSES = 8
_BODIES = frozenset({"_run", "_arun"})
"""Methods in which a tool's own code runs; what is raised before them is about its arguments."""
_WAITING = {"__interrupt__", "__error__", "__resume__"}
"""Channels of writes that do not say that a node is done."""


def began(error: BaseException) -> bool:
    """Whether a tool's own code was running when ``error`` was raised."""
    trace = error.__traceback__
    seen = False
    while trace is not None:
        name = trace.tb_frame.f_code.co_name
        if name in _BODIES:
            return True
        seen = seen or name in ("_to_args_and_kwargs", "_parse_input")
        trace = trace.tb_next
    return not seen


def again(call_id: str | None) -> Callable[[Any], Any]:
    """Makes of a recorded result the answer to the call ``call_id``."""

    def made(value: Any) -> Any:
        if isinstance(value, ToolMessage):
            return value.model_copy(update={"tool_call_id": call_id, "id": None}) if call_id else value
        if isinstance(value, list):
            return [made(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if type(value).__name__ == "Command" and isinstance(getattr(value, "update", None), Mapping):
            value.update.update({name: made(item) for name, item in value.update.items()})
        return value

    return made


def answer(call_id: str | None, name: str) -> Callable[[Any], Any]:
    """Makes of what a tool's function would have returned the answer to the call ``call_id``."""

    def made(value: Any) -> Any:
        if call_id is None or isinstance(value, ToolMessage):
            return value
        return ToolMessage(value if isinstance(value, str) else str(value), tool_call_id=call_id, name=name)

    return made


def at() -> str:
    """Where the running call is made, as the ledger wants it; empty where no checkpointer keeps where the graph was."""
    frame = context.current()
    loops: Mapping[tuple[str, ...], Any] = frame.state.notes.get(_LOOPS, {}) if frame is not None else {}
    if not loops:
        return ""
    running = var_child_runnable_config.get() or {}
    place = str((running.get("metadata") or {}).get("langgraph_checkpoint_ns") or "")
    names = tuple(place.split("|")) if place else ()
    steps = [getattr(loops.get(names[:level]), "step", None) for level in range(len(names))]
    return "" if None in steps else "|".join(f"{step}/{name}" for step, name in zip(steps, names, strict=True))


def place() -> Place:
    """Where the running call is made, whether a checkpointer keeps it or not."""
    running = var_child_runnable_config.get() or {}
    known = running.get("metadata") or {}
    task = str(known.get("langgraph_checkpoint_ns") or "")
    if not task:
        return NOWHERE
    runtime = (running.get("configurable") or {}).get("__pregel_runtime")
    attempt = getattr(getattr(runtime, "execution_info", None), "node_attempt", 1)  # since LangGraph 1.1
    return Place(f"{known.get('langgraph_step')}|{task.rpartition('|')[0]}", task, attempt)


class _Passes:
    """The passes of ToolNodes over the calls of messages, each known by the state that it was given."""

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), 0
        self._latest: dict[str, tuple[object, int]] = {}  # held: the next state must not get the place of a freed one

    def number(self, task: str, state: object) -> int:
        """Tells one pass from the next in the node's execution ``task``."""
        with self._lock:
            held = self._latest.get(task)
            if held is not None and held[0] is state:
                return held[1]
            if len(self._latest) >= _MOST_PASSES:
                self._latest.clear()
            self._count += 1
            self._latest[task] = (state, self._count)
            return self._count


def _node(frame: Frame, given: tuple[Any, ...], more: Mapping[str, Any]) -> int:
    """The pass of a ToolNode in which a call enters; 0 where nobody knows."""
    state = getattr(more.get("tool_runtime") or (given[-1] if given else None), "state", None)
    if state is None:
        return 0
    passes: _Passes = frame.state.notes.setdefault(_PASSES, _Passes())
    return passes.number(place().task, state)


def began_at(loop: Any, frame: Frame) -> None:
    """The graph of ``loop`` begins, or goes on from its checkpoint: what lies behind that is not asked for again."""
    if getattr(loop, "checkpointer", None) is None:
        return
    levels = tuple(part for part in getattr(loop, "checkpoint_ns", ()) if part)
    loops: dict[tuple[str, ...], Any] = frame.state.notes.setdefault(_LOOPS, {})
    loops[levels] = loop
    ledger = frame.state.notes.get(once.NOTE)
    if ledger is None or not ledger.resumed:
        return
    known = loop.nodes
    done = {task for task, channel, _ in loop.checkpoint_pending_writes if channel not in _WAITING}
    names = frozenset(f"{name}:{task}" for task in done for name in known)
    retell(frame, ledger.run, ledger.consume(levels, loop.step, names), content_of)


def pause() -> Callable[[Question], None] | None:
    """Suspends the graph that is running here until somebody resumes it; None where nothing keeps where it was."""
    configurable = (var_child_runnable_config.get() or {}).get("configurable") or {}
    if configurable.get("__pregel_checkpointer") is None or "__pregel_scratchpad" not in configurable:
        return None
    return _interrupt


def _interrupt(question: Question) -> None:
    from langgraph.types import interrupt

    # only a signal: LangGraph may hand the answer to one call to another, so what counts is the answer in our store
    interrupt({
        "type": DOUBT, "question": question.id, "tool": question.tool, "run": question.run,
        "how": f"handrail runs answer {question.id}",
    })  # fmt: skip


def node(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ToolNode._run_one``, where a call enters: what its middleware tries again underneath is one call."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = context.current()
        if frame is None:
            return original(self, *args, **kwargs)
        with entering(frame.step, _node(frame, args, kwargs)):
            return original(self, *args, **kwargs)

    return wrapper


def anode(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ToolNode._arun_one`` likewise."""

    async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = context.current()
        if frame is None:
            return await original(self, *args, **kwargs)
        with entering(frame.step, _node(frame, args, kwargs)):
            return await original(self, *args, **kwargs)

    return wrapper
