"""The seam for what a LangGraph graph does between the steps: what each node wrote, interrupts, answers, its limit.

Everything that a graph's node brings about ends in ``PregelLoop.put_writes``, whatever kind of node it is, and every
invocation begins in ``PregelLoop._first``. Nothing is changed there, and no fault of ours gets out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.frameworks import flow
from handrail.frameworks.langchain import answers, approvals, branches, calls, middlewares, repeats, thoughts
from handrail.gate import gate_of
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)
_FRAME = "_handrail_frame"
_OWN = {"__interrupt__", "__error__", "__no_writes__", "__resume__", "__pregel_tasks", "__return__"}
"""Channels that are LangGraph's own."""


@dataclass(frozen=True, slots=True)
class Done:
    """A node that has run."""

    frame: Frame
    node: str
    bound: Any
    """What the node runs."""
    given: Any
    """The state, or the call, that it was given."""
    writes: Mapping[str, Any]
    """Channel -> what it wrote last."""

    @property
    def middleware(self) -> tuple[Any, str]:
        """The middleware whose hook the node is, and the hook's name; None and empty where it is none."""
        hook = getattr(self.bound, "func", None) or getattr(self.bound, "afunc", None)
        owner = getattr(hook, "__self__", None)
        if owner is None or not middlewares.is_middleware(owner):
            return None, ""
        return owner, self.node.rsplit(".", 1)[-1]  # LangChain names the node after the middleware and its hook

    @property
    def state(self) -> Sequence[Any]:
        """The messages of the state that it was given."""
        found = self.given.get("messages") if isinstance(self.given, Mapping) else getattr(self.given, "messages", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return found if isinstance(found, list) else ()  # pyright: ignore[reportUnknownVariableType]


def first(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``PregelLoop._first``: an invocation begins, perhaps with answers to what was asked."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = context.current()
        if frame is None:
            return original(self, *args, **kwargs)
        self.__dict__[_FRAME] = frame
        answers.begun(frame, self)
        _quietly(lambda: repeats.began_at(self, frame), None)
        waiting = _quietly(lambda: _begins(self, frame), ())
        found = original(self, *args, **kwargs)
        if waiting:
            _quietly(lambda: approvals.answered(frame, self.input.resume, waiting), None)
        return found

    return wrapper


def _begins(loop: Any, frame: Frame) -> Sequence[Any]:
    """The questions that the input of the loop answers; the outermost loop is the one that makes checkpoints."""
    if getattr(loop, "is_nested", False):
        return ()
    here = flow.thread_of(frame.state)
    if here is not None and here.now.step == frame.step:
        here.loop = loop
    given = loop.input
    if type(given).__name__ != "Command" or getattr(given, "resume", None) is None:
        return ()
    return approvals.waiting(loop)


def put_writes(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``PregelLoop.put_writes``: a node has run, and this is what it wrote."""

    def wrapper(self: Any, task_id: str, writes: Any, *args: Any, **kwargs: Any) -> Any:
        found = original(self, task_id, writes, *args, **kwargs)
        frame = self.__dict__.get(_FRAME)
        if frame is not None and writes:
            _quietly(lambda: _wrote(self, frame, task_id, writes), None)
        return found

    return wrapper


def tick(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``PregelLoop.tick``: a graph goes on to its next nodes, or has used up its steps."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = original(self, *args, **kwargs)
        frame = self.__dict__.get(_FRAME)
        if frame is not None:
            _quietly(lambda: _goes_on(self, frame), None)
        return found

    return wrapper


def _goes_on(loop: Any, frame: Frame) -> None:
    if loop.status == "out_of_steps":
        _out_of_steps(loop, frame)
    elif loop.tasks:
        branches.advance(frame, len(loop.tasks))
    else:
        branches.over(frame)


def _out_of_steps(loop: Any, frame: Frame) -> None:
    limit = int(loop.config.get("recursion_limit", 0))
    facts = {"what": "graph_steps", "per": "run", "limit": limit, "used": limit, "left": 0, "hit": True}
    gate_of(frame).steps.note(frame, "limit", {**facts, "then": "error", "by": "langgraph"})


def _quietly(do: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return do()
    except Exception:
        log.warning("What a graph did could not be recorded", exc_info=unquoted())
        return otherwise


def _wrote(loop: Any, frame: Frame, task_id: str, writes: Sequence[tuple[str, Any]]) -> None:
    task = loop.tasks.get(task_id) if hasattr(loop, "tasks") else None
    if task is None:
        return
    node = loop.nodes.get(task.name)
    done = Done(frame, task.name, getattr(node, "bound", None), task.input, dict(writes))
    if "__interrupt__" in done.writes:
        approvals.asked(done.frame, done.writes["__interrupt__"], done.given, done.state)
        return
    _dispatch(done)


def _dispatch(done: Done) -> None:
    thoughts.wrote(done.frame, done.writes)
    owner, hook = done.middleware
    written = [message for channel, value in done.writes.items() if channel not in _OWN
               for message in calls.messages_in(value)]  # fmt: skip
    if owner is not None:
        middlewares.ran(done.frame, owner, hook, done.given, done.writes, written)
        _answered(done, written, middlewares.kind_of_stop(owner), middlewares.name_of(owner), hook)
    elif hasattr(done.bound, "tools_by_name"):
        _stopped_in_tools(done, written)
    else:
        middlewares.model_node(done.frame, done.writes, written)
        by = "output" if "structured_response" in done.writes else "agent"
        who = "" if by == "output" else done.node
        reply, _ = calls.latest_reply(written)
        answers = calls.answers_in(written, set())
        reason = "it was the answer itself" if by == "output" else f"the node {done.node} answered it"
        calls.stopped(done.frame, answers, by, reason, who) if reply is None or by == "agent" else calls.stopped_of(
            done.frame, reply, answers, by, reason, who
        )


def _answered(done: Done, written: Sequence[Any], by: str, who: str, hook: str) -> None:
    """What a hook of a middleware answered in place of the tools."""
    if not any(calls.answers_in(written, set())):
        return
    latest, before = calls.latest_reply(done.state)
    answers = calls.answers_in(written, before)
    calls.stopped_of(done.frame, latest, answers, by, f"{who} answered it in {hook}", who)


def _stopped_in_tools(done: Done, written: Sequence[Any]) -> None:
    """What a middleware answered in place of a tool that would have run, or what a person did."""
    here = flow.thread_of(done.frame.state)
    for answer in calls.answers_in(written, set()):
        decided = here.answers.get(answer.tool_call_id) if here is not None else None
        if decided in ("reject", "respond"):
            calls.stopped(done.frame, [answer], "approval", "a person decided so", "langchain.HumanInTheLoopMiddleware")
        else:
            who = ", ".join(middlewares.around_tools(done.bound))
            calls.stopped(done.frame, [answer], "agent", "the agent's own code answered it around the tool", who)


METHODS = {"_first": first, "put_writes": put_writes, "tick": tick}
"""Method of LangGraph's loop -> its wrapper."""
