"""What a model's reply says as validators see it, whether it is the agent's answer, and how it is told of a mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from handrail.frameworks import definitions, executables, flow
from handrail.frameworks.langchain.kinds import asks_model
from handrail.frameworks.langchain.place import latest_message, place
from handrail.frameworks.viewing import View, text_of, with_text
from handrail.tracing.context import Frame

_END = "__end__"
NOT_MADE = "This call was not made, because the message that asked for it was rejected."
"""What a model reads of the calls of a rejected message, but the first."""


def view(frame: Frame, reply: AIMessage, request: Mapping[str, Any]) -> View | None:
    """What a reply says: its structured output, else its text; None where it only calls tools."""
    structured = structured_calls(frame, reply, request)
    if structured:
        given = [reply.tool_calls[number]["args"] for number in structured]
        if len(given) == 1:
            return View(given[0], lambda new: _with_args(reply, structured, [new]))
        return View(given, lambda new: _with_args(reply, structured, new))
    text = text_of(reply)
    if not text and (reply.tool_calls or reply.invalid_tool_calls):
        return None
    return View(text, lambda new: _with_text(reply, str(new)))


def structured_calls(frame: Frame, reply: AIMessage, request: Mapping[str, Any]) -> list[int]:
    """Which calls of a reply are no calls, but structured output: nothing that could run has their names."""
    if not reply.tool_calls or not request.get("tools"):
        return []
    offered = {one for definition in request["tools"] for one in definitions.names_of(definition)}
    run = _that_run(frame, request)
    return [
        number for number, call in enumerate(reply.tool_calls) if call["name"] in offered and call["name"] not in run
    ]


def _that_run(frame: Frame, request: Mapping[str, Any]) -> set[str] | frozenset[str]:
    """Names of what can be run: in a loop of LangChain's that forces a call, of what is in its tool nodes."""
    nodes: Any = getattr(frame.owner, "nodes", None)
    node = nodes.get(place()[0]) if isinstance(nodes, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if node is not None and request.get("tool_choice") and asks_model(getattr(node, "bound", None)):
        return {name for each in _tool_nodes(frame.owner) for name in each}
    return executables.names()


def answer_of(frame: Frame, reply: AIMessage, request: Mapping[str, Any]) -> str | None:
    """What a reply says if it is an answer: its text, or its structured output as JSON; None where it calls tools."""
    structured = structured_calls(frame, reply, request)
    if structured:
        given = [reply.tool_calls[number]["args"] for number in structured]
        return json.dumps(given[0] if len(given) == 1 else given, ensure_ascii=False, default=str)
    return None if reply.tool_calls else text_of(reply)


def alone(frame: Frame, reply: AIMessage, request: Mapping[str, Any]) -> AIMessage:
    """A reply without a text beside its structured output: nobody asked for it, and no check of the output fits it."""
    if not text_of(reply) or not structured_calls(frame, reply, request):
        return reply
    bare: AIMessage = with_text(reply, "")
    return bare


def asks_for_structure(frame: Frame, reply: AIMessage, request: Mapping[str, Any]) -> bool:
    """Whether whoever asked cannot do with a plain text in place of the reply."""
    return bool(request.get("response_format") or structured_calls(frame, reply, request))


def _with_text(reply: AIMessage, text: str) -> AIMessage:
    changed: AIMessage = with_text(reply, text)
    parsed = reply.additional_kwargs.get("parsed")
    if parsed is not None:  # what structured output was read from the text before
        model = type(parsed)
        again = getattr(model, "model_validate_json", json.loads)
        changed.additional_kwargs["parsed"] = again(text)
    return changed


def _with_args(reply: AIMessage, places: Sequence[int], args: Any) -> AIMessage:
    """The reply with other arguments of its calls, wherever it says them."""
    calls: list[Any] = [dict(call) for call in reply.tool_calls]
    for number, new in zip(places, args, strict=True):
        if not isinstance(new, dict):
            raise TypeError
        calls[number]["args"] = new
    content: Any = reply.content
    if isinstance(content, list):
        content = [block for block in content if isinstance(block, str) or block.get("type") == "text"]
    kept = {
        name: value for name, value in reply.additional_kwargs.items() if name not in ("tool_calls", "function_call")
    }
    changed = {"tool_calls": calls, "content": content, "additional_kwargs": kept}
    return reply.model_copy(update=changed)


def instead(reply: AIMessage, text: str) -> AIMessage:
    """What an agent gets in place of a reply that it may not have: a message of this text that calls nothing."""
    return AIMessage(
        text,
        id=reply.id,
        name=reply.name,
        usage_metadata=reply.usage_metadata,
        response_metadata=reply.response_metadata,
    )


def corrected(reply: AIMessage, text: str) -> list[BaseMessage]:
    """What a model reads after its rejected reply, in a form that chat APIs take.

    Every call needs an answer, and some APIs take no user's message after an answer: then what was found stands
    there. A reply that says nothing is left out, for not every API takes an empty one.
    """
    ids = [call["id"] for call in (*reply.tool_calls, *reply.invalid_tool_calls) if call.get("id")]
    if ids:
        said = [text, *[NOT_MADE] * (len(ids) - 1)]
        answers = [ToolMessage(one, tool_call_id=id_, status="error") for one, id_ in zip(said, ids, strict=True)]
        return [reply, *answers]
    return [reply, HumanMessage(text)] if reply.content else [HumanMessage(text)]


def is_answer(frame: Frame, request: Mapping[str, Any], reply: AIMessage, asked: Sequence[BaseMessage]) -> bool:
    """Whether a reply is the answer of the agent that acts in ``frame``: what it says to whoever asked it.

    ``asked`` is what the model read. Where the graph's author wrote down what follows on a reply, nobody can know;
    then it is looked at in the end.
    """
    if reply.tool_calls and not structured_calls(frame, reply, request):
        return False
    owner: Any = frame.owner
    if flow.is_alone(frame.state) or _is_model(owner):
        return True
    if type(owner).__name__ == "AgentExecutor":  # without tools in the request, its steps are texts too
        return bool(request.get("tools"))
    steps: Any = getattr(owner, "steps", None)
    if isinstance(steps, list):
        return _ends_chain(steps, request)
    nodes: Any = getattr(owner, "nodes", None)
    return isinstance(nodes, Mapping) and _ends_graph(owner, place()[0], request, asked)


def _ends_chain(steps: Sequence[Any], request: Mapping[str, Any]) -> bool:
    """Whether nothing but parsers follows on the one model of a chain."""
    models = [number for number, step in enumerate(steps) if _is_model(step)]
    if len(models) != 1:
        return False
    after = steps[models[0] + 1 :]
    return all(map(_parses, after)) or (bool(request.get("response_format")) and len(after) == 1)


def _is_model(step: Any) -> bool:
    inner = getattr(step, "bound", None) or getattr(step, "runnable", None) or step
    return hasattr(inner, "generate_prompt")


def _parses(step: Any) -> bool:
    return any(
        kind.__name__ in ("BaseOutputParser", "BaseGenerationOutputParser", "Validation") for kind in type(step).__mro__
    )


def _ends_graph(graph: Any, node: str, request: Mapping[str, Any], asked: Sequence[BaseMessage]) -> bool:
    """Whether an agent's graph ends with a reply without calls in ``node``.

    A call that is offered no tools, in an agent that has some, is a question of a middleware's own. In somebody's own
    node it is an answer where nothing can follow, and where it answers the conversation, not a question of the node's.
    """
    found = graph.nodes.get(node)
    if found is None:
        return False
    if asks_model(getattr(found, "bound", None)):
        return bool(request.get("tools")) or not _has_tools(graph)
    builder = getattr(graph, "builder", None)
    if request.get("tools"):
        return _may_end(builder, node)
    return _must_end(builder, node) and bool(asked) and _same(asked[-1], latest_message())


def _has_tools(graph: Any) -> bool:
    return any(_tool_nodes(graph))


def _tool_nodes(graph: Any) -> list[Mapping[str, Any]]:
    return [getattr(getattr(node, "bound", None), "tools_by_name", None) or {} for node in graph.nodes.values()]


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and one.content == other.content)


def _must_end(builder: Any, node: str) -> bool:
    """Whether nothing can follow on ``node``."""
    if builder is None or getattr(builder, "branches", {}).get(node) or getattr(builder.nodes.get(node), "ends", None):
        return False
    return all(end == _END for start, end in getattr(builder, "edges", ()) if start == node)


def _may_end(builder: Any, node: str) -> bool:
    """Whether the graph's author lets it end after ``node``."""
    if builder is None:
        return False
    branches = getattr(builder, "branches", {}).get(node, {}).values()
    ends = [getattr(branch, "ends", None) for branch in branches]
    return (node, _END) in getattr(builder, "edges", ()) or any(end is None or _END in end.values() for end in ends)
