"""The tool seam: the ToolNode, and BaseTool.run and arun below it, where every tool call of the family ends.

What a ToolNode runs is decided there, whether there is such a tool or not, so that neither the answer nor its time
tells a denied tool from none. BaseTool.run lets the same call pass, and decides those that come another way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from handrail.frameworks import gates, opening
from handrail.frameworks.langchain import agents, repeats, thoughts
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.langchain.pauses import PAUSES
from handrail.gate import Passed, Refusal, ToolCall, gate_of
from handrail.tracing import context
from handrail.tracing.context import Frame

_SEAM = "langchain"


def _described(tool: BaseTool, args: Mapping[str, Any], call_id: str | None, state: Any = None) -> ToolCall:
    """``state`` is that of the agent, where it is known."""
    if type(tool).__name__ == "InvalidTool":  # how the classic executor runs a name that no tool has
        return ToolCall(str(args.get("requested_tool_name", "")), args, call_id, known=False, pauses=PAUSES)
    return ToolCall(
        tool.name,
        args,
        call_id,
        tool=tool,
        schema=lambda: schema_of(tool),
        description=tool.description,
        pauses=PAUSES,
        show=show.result,
        content=show.content_of,
        put=show.with_content,
        failed=show.failed,
        library="langchain",
        at=repeats.at,
        place=repeats.place,
        began=repeats.began,
        again=repeats.again(call_id),
        answer=repeats.answer(call_id, tool.name),
        pause=repeats.pause(),
        then=thoughts.of_tool(tool, args, state),
    )


def schema_of(tool: BaseTool) -> Mapping[str, Any] | None:
    """JSON Schema of the arguments that the model may give; None where the tool has none."""
    described = tool.tool_call_schema
    if isinstance(described, dict):
        return described
    make = getattr(described, "model_json_schema", None) or getattr(described, "schema", None)
    return make() if make is not None else None


def _arguments(tool: BaseTool, given: Any) -> Mapping[str, Any]:
    """The arguments without what the framework injects; a bare text by the name of the tool's first argument."""
    if not isinstance(given, dict):
        return {_only_argument(tool): given}
    stored = _stored(given)
    keep = _kept(tool, stored)
    return {key: value for key, value in stored.items() if key in keep}


def _stored(given: dict[str, Any]) -> dict[str, Any]:
    """What a dict holds, whatever the methods of a class of its own say: they might say it only once."""
    return given if type(given) is dict else dict(dict.items(given))


def _only_argument(tool: BaseTool) -> str:
    fields = getattr(tool.args_schema, "model_fields", None) or getattr(tool.args_schema, "__fields__", None)
    return str(next(iter(fields or tool.args), "input"))


_KEPT: dict[tuple[Any, ...], frozenset[str]] = {}
_MAX_KEPT = 1024


def _kept(tool: BaseTool, given: Mapping[str, Any]) -> frozenset[str]:
    # LangChain works this out from type hints at every call, which costs more than a decision
    schema, function = tool.args_schema, getattr(tool, "func", None) or getattr(tool, "coroutine", None)
    if isinstance(schema, dict):
        return frozenset(_filtered(tool, given))
    key = (type(tool), schema, function, *given)
    try:
        found = _KEPT.get(key)
    except TypeError:  # a callable without a hash
        return frozenset(_filtered(tool, given))
    if found is None:
        if len(_KEPT) >= _MAX_KEPT:
            _KEPT.clear()
        found = _KEPT[key] = frozenset(_filtered(tool, given))
    return found


def _filtered(tool: BaseTool, given: Mapping[str, Any]) -> Mapping[str, Any]:
    keep = getattr(tool, "_filter_injected_args", None)
    if keep is not None:
        kept: Mapping[str, Any] = keep(dict(given))
        return kept
    fields = getattr(tool.tool_call_schema, "model_fields", None)
    return {key: value for key, value in given.items() if fields is None or key in fields}


def _final(given: Any, seen: Mapping[str, Any], admitted: Mapping[str, Any]) -> Any:
    """The tool's input with the admitted arguments in place of those that were judged."""
    if admitted is seen:
        return given
    if not isinstance(given, dict):  # a bare text, which is the only argument
        only = [*admitted.values()]
        return only[0] if len(only) == 1 and isinstance(only[0], str) else dict(admitted)
    kept = {name: value for name, value in _stored(given).items() if name not in seen or name in admitted}
    return {**kept, **admitted}


def _answer(name: str, found: Any, call_id: str | None) -> Any:
    if not isinstance(found, Refusal):
        return found
    if call_id is None:
        return found.text
    return ToolMessage(found.text, tool_call_id=call_id, name=name, status="error")


def _frame(owner: object) -> AbstractContextManager[Frame | None]:
    """The frame of a call; outside every run, one of its own where the tool or the whole process is governed."""
    return gates.standing(lambda: agents.enter(owner, None, "tool", name=""), PAUSES)


def _passed(frame: Frame, tool: object, args: Mapping[str, Any]) -> Passed | None:
    """The pass that the ToolNode just gave to this very call; a tool that calls itself is decided again."""
    owner = frame.owner
    if not isinstance(owner, Passed) or owner.tool is not tool or _SEAM in owner.used:
        return None
    if not _equal(owner.args, args):
        return None
    owner.used.add(_SEAM)
    return owner


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    try:
        return bool(one == other)
    except Exception:  # values that cannot be compared, such as arrays: then the call is decided again
        return False


@contextmanager
def _noting(passed: Passed) -> Generator[None]:
    """Note what the call raises: the ToolNode above may make an answer of it."""
    try:
        yield
    except Exception as error:
        passed.raised.append(error)
        raise


def _arrive(original: Callable[..., Any], *given: Any, **kwargs: Any) -> Any:
    """Make the call that the gate let through, and note that it has reached this seam."""
    frame = context.current()
    if frame is not None and isinstance(frame.owner, Passed):
        frame.owner.used.add(_SEAM)
    return original(*given, **kwargs)


def run(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``BaseTool.run``."""

    def wrapper(self: BaseTool, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return original(self, tool_input, *args, **kwargs)
            seen = _arguments(self, tool_input)
            passed = _passed(frame, self, seen)
            if passed is not None:
                with _noting(passed):
                    return original(self, tool_input, *args, **kwargs)
            call = _described(self, seen, kwargs.get("tool_call_id"))
            found = gate_of(frame).tool(
                frame,
                call,
                lambda final: _arrive(original, self, _final(tool_input, seen, final), *args, **kwargs),
            )
            return _answer(call.name, found, call.call_id)

    return wrapper


def arun(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``BaseTool.arun``."""

    async def wrapper(self: BaseTool, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return await original(self, tool_input, *args, **kwargs)
            seen = _arguments(self, tool_input)
            passed = _passed(frame, self, seen)
            if passed is not None:
                with _noting(passed):
                    return await original(self, tool_input, *args, **kwargs)
            call = _described(self, seen, kwargs.get("tool_call_id"))
            found = await gate_of(frame).atool(
                frame,
                call,
                lambda final: _arrive(original, self, _final(tool_input, seen, final), *args, **kwargs),
            )
            return _answer(call.name, found, call.call_id)

    return wrapper


def _parts(node: Any, request: Any) -> tuple[BaseTool | None, Any]:
    """Tool and call of what a ToolNode is about to run: a request since LangGraph 1.0, the bare call before."""
    if isinstance(request, dict):
        return node.tools_by_name.get(request["name"]), request
    return request.tool, request.tool_call


class _Nobody(BaseTool):
    """Stands in for a tool that does not exist, so that such a call is looked at like any other."""

    name: str = ""
    description: str = ""

    def _run(self, **given: Any) -> Any:
        raise NotImplementedError


_NOBODY = _Nobody()


def _proposed(node: Any, request: Any) -> ToolCall:
    """What the model asked for, under the name of the tool that would run; nobody's tool under the name it used."""
    tool, call = _parts(node, request)
    state = getattr(request, "state", None)
    described = _described(tool or _NOBODY, _arguments(tool or _NOBODY, call["args"]), call["id"], state)
    return described if tool is not None else replace(described, name=call["name"], tool=None, known=False)


def _request(node: Any, request: Any, seen: Mapping[str, Any], final: Mapping[str, Any]) -> Any:
    if final is seen:
        return request
    _, call = _parts(node, request)
    changed = {**call, "args": _final(call["args"], seen, final)}
    return changed if isinstance(request, dict) else request.override(tool_call=changed)


def execute(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ToolNode._execute_tool_sync``, or ``_run_one`` before LangGraph 1.0."""

    def wrapper(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) if _watching() else nullcontext() as frame:
            if frame is None:
                return original(self, request, *args, **kwargs)
            call = _proposed(self, request)
            found = gate_of(frame).tool(
                frame, call, lambda final: original(self, _request(self, request, call.args, final), *args, **kwargs)
            )
            return _answer(_parts(self, request)[1]["name"], found, call.call_id or "")

    return wrapper


def aexecute(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ToolNode._execute_tool_async``, or ``_arun_one`` before LangGraph 1.0."""

    async def wrapper(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) if _watching() else nullcontext() as frame:
            if frame is None:
                return await original(self, request, *args, **kwargs)
            call = _proposed(self, request)
            found = await gate_of(frame).atool(
                frame, call, lambda final: original(self, _request(self, request, call.args, final), *args, **kwargs)
            )
            return _answer(_parts(self, request)[1]["name"], found, call.call_id or "")

    return wrapper


def _watching() -> bool:
    return context.current() is not None or opening.default_gate() is not None
