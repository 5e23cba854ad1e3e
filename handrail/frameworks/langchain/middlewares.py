"""What the middleware of a LangChain agent did: LangChain's own limits and validators, and a team's own code.

Told by what each hook wrote, so nothing of it is wrapped or changed. Names and fields: journal.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.messages import AIMessage, RemoveMessage, ToolMessage

from handrail.frameworks.langchain import calls
from handrail.gate import gate_of
from handrail.tracing.context import Frame

_PACKAGE = "langchain.agents.middleware"
_MAX_DEPTH = 24
_PASSES_ON = {"HumanInTheLoopMiddleware", "ToolRetryMiddleware", "ToolErrorMiddleware"}
"""LangChain's middleware that runs around tools and always calls them, unless a person decided otherwise."""
_around: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()


def is_middleware(value: object) -> bool:
    """Whether ``value`` is a middleware of LangChain's agents."""
    return any(kind.__module__ == f"{_PACKAGE}.types" for kind in type(value).__mro__)


def name_of(owner: object) -> str:
    """What records call a middleware: its class, with ``langchain.`` before LangChain's own."""
    kind = type(owner)
    return f"langchain.{kind.__name__}" if _own(kind) else kind.__name__


def _own(kind: type) -> bool:
    """Whether a class is LangChain's own, not one that its decorators made of a function."""
    return kind.__module__.startswith(f"{_PACKAGE}.") and kind.__module__ != f"{_PACKAGE}.types"


def _base_of(owner: object) -> str:
    """The class of LangChain's own that a middleware is, or is made from; empty for a team's own."""
    return next((kind.__name__ for kind in type(owner).__mro__ if _own(kind)), "")


def kind_of_stop(owner: object) -> str:
    """Who ends a call where this middleware answers it."""
    return {"ToolCallLimitMiddleware": "limit", "HumanInTheLoopMiddleware": "approval"}.get(_base_of(owner), "agent")


def around_tools(node: Any) -> tuple[str, ...]:
    """Names of the middleware around the tools of a ToolNode that may answer in place of a tool."""
    found = _around.get(node)
    if found is None:
        seen: dict[str, None] = {}
        for name in ("_wrap_tool_call", "_awrap_tool_call"):
            seen.update(dict.fromkeys(_owners(getattr(node, name, None), _MAX_DEPTH)))
        found = _around[node] = tuple(name for name in seen if name.removeprefix("langchain.") not in _PASSES_ON)
    return found


def _owners(wrapper: Any, depth: int) -> Iterator[str]:
    """The middleware in a chain of wrappers, which LangChain keeps only in their closures."""
    owner = getattr(wrapper, "__self__", None)
    if owner is not None and is_middleware(owner):
        yield name_of(owner)
    elif depth and getattr(wrapper, "__wrapped__", None) is not None:
        yield from _owners(wrapper.__wrapped__, depth - 1)
    elif depth:
        for cell in getattr(wrapper, "__closure__", None) or ():
            if callable(cell.cell_contents):
                yield from _owners(cell.cell_contents, depth - 1)


def ran(frame: Frame, owner: Any, hook: str, given: Any, writes: Mapping[str, Any], written: Sequence[Any]) -> None:
    """A hook of ``owner`` was given the state ``given`` and wrote ``writes``, the messages ``written`` among them."""
    state: Mapping[str, Any] = given if isinstance(given, Mapping) else given.__dict__  # pyright: ignore[reportUnknownVariableType]
    tell = _TELL.get(_base_of(owner), _intervened)
    tell(frame, owner, hook, state, writes, written)


def _note_limit(
    frame: Frame, owner: Any, what: str, per: str, used: int, *, hit: bool, then: str = "", tool: str = ""
) -> None:
    limit = getattr(owner, f"{per}_limit", None)
    if limit is None:
        return
    facts: dict[str, object] = {
        "what": what, "per": per, "limit": limit, "used": min(used, limit), "left": max(0, limit - used),
        "hit": hit, "by": name_of(owner),
    }  # fmt: skip
    said = {"then": then, "tool": tool}
    gate_of(frame).steps.note(frame, "limit", facts | {name: value for name, value in said.items() if value})


def _model_calls(
    frame: Frame, owner: Any, hook: str, state: Mapping[str, Any], writes: Mapping[str, Any], written: Sequence[Any]
) -> None:
    """ModelCallLimitMiddleware counts after each call, and stops before one."""
    counted = writes if hook == "after_model" else state
    stops = hook == "before_model" and ("__error__" in writes or writes.get("jump_to") == "end")
    if hook == "before_model" and not stops:
        return
    for per in ("run", "thread"):
        used, limit = int(counted.get(f"{per}_model_call_count", 0)), getattr(owner, f"{per}_limit", None)
        if limit is not None and (not stops or used >= limit):
            then = str(getattr(owner, "exit_behavior", "")) if stops else ""
            _note_limit(frame, owner, "model_calls", per, used, hit=stops, then=then)


def _tool_calls(
    frame: Frame, owner: Any, hook: str, state: Mapping[str, Any], writes: Mapping[str, Any], written: Sequence[Any]
) -> None:
    """ToolCallLimitMiddleware counts the calls of each reply, and blocks those that are too many."""
    latest, _ = calls.latest_reply(state.get("messages", ()))
    tool = getattr(owner, "tool_name", None)
    asked = sum(1 for call in latest.tool_calls if tool in (None, call["name"])) if latest is not None else 0
    if not asked:
        return
    for per in ("run", "thread"):
        limit = getattr(owner, f"{per}_limit", None)
        used = int(state.get(f"{per}_tool_call_count", {}).get(tool or "__all__", 0)) + asked
        hit = limit is not None and used > limit
        then = str(getattr(owner, "exit_behavior", "")) if hit else ""
        _note_limit(frame, owner, "tool_calls", per, used, hit=hit, then=then, tool=tool or "")


def _personal_data(
    frame: Frame, owner: Any, hook: str, state: Mapping[str, Any], writes: Mapping[str, Any], written: Sequence[Any]
) -> None:
    """PIIMiddleware rewrites messages, or raises."""
    changed = _new(state, written)
    if not changed and "__error__" not in writes:
        return
    path = "output" if hook == "after_model" else "input"
    facts = {
        "validator": name_of(owner), "code": str(owner.pii_type), "verdict": str(owner.strategy), "path": path,
        "messages": len(changed),
    }  # fmt: skip
    gate_of(frame).steps.note(frame, "validation", facts)


def _new(state: Mapping[str, Any], written: Sequence[Any]) -> list[Any]:
    """Messages that were not in the state before, or are others now."""
    known = {id(message) for message in state.get("messages", ())} if written else set[int]()
    return [each for each in written if id(each) not in known and not isinstance(each, RemoveMessage)]


def _nothing(
    frame: Frame, owner: Any, hook: str, state: Mapping[str, Any], writes: Mapping[str, Any], written: Sequence[Any]
) -> None:
    """What is told elsewhere: an approval by its questions and answers."""


def _intervened(
    frame: Frame, owner: Any, hook: str, state: Mapping[str, Any], writes: Mapping[str, Any], written: Sequence[Any]
) -> None:
    """Code that sends the agent elsewhere, changes its messages, or raises."""
    jump, raised = str(writes.get("jump_to") or ""), writes.get("__error__")
    removed = sum(isinstance(each, RemoveMessage) for each in written)
    changed = len(_new(state, written))
    if not (jump or changed or removed or raised):
        return
    facts: dict[str, object] = {"by": name_of(owner), "hook": hook}
    said = {"jump_to": jump, "messages": changed, "removed": removed, "error": type(raised).__name__ if raised else ""}
    gate_of(frame).steps.note(frame, "intervention", facts | {name: value for name, value in said.items() if value})


_TELL: Mapping[str, Callable[[Frame, Any, str, Mapping[str, Any], Mapping[str, Any], Sequence[Any]], None]] = {
    "ModelCallLimitMiddleware": _model_calls,
    "ToolCallLimitMiddleware": _tool_calls,
    "PIIMiddleware": _personal_data,
    "HumanInTheLoopMiddleware": _nothing,
}
"""LangChain's own middleware -> what its hooks tell."""

_STRUCTURED = "langchain.structured_output"


def model_node(frame: Frame, writes: Mapping[str, Any], written: Sequence[Any]) -> None:
    """The node that asks the model: it reads an answer of a given structure, or finds that it is none."""
    raised = writes.get("__error__")
    if raised is not None:
        if any(kind.__name__ == "StructuredOutputError" for kind in type(raised).__mro__):
            _validated(frame, type(raised).__name__, "error", str(getattr(raised, "tool_name", "")))
        return
    if "structured_response" not in writes:
        return
    answers = [each for each in written if isinstance(each, ToolMessage)]
    tool = str(answers[-1].name or "") if answers else ""
    if writes["structured_response"] is not None:
        _validated(frame, "structure", "pass", tool)
    elif answers and any(isinstance(each, AIMessage) for each in written):
        _validated(frame, "structure", "retry", tool)


def _validated(frame: Frame, code: str, verdict: str, path: str) -> None:
    facts = {"validator": _STRUCTURED, "code": code, "verdict": verdict, "path": path}
    gate_of(frame).steps.note(frame, "validation", facts)
