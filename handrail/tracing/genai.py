"""What a step is called on a span, after the GenAI semantic conventions of OpenTelemetry.

Pure functions of a step's facts, which are the fields of its journal records: a span can be made again from the
journal alone, and is the same. Names are those of conventions.py; what the conventions have no name for is
``handrail.*``. Content is in genai_content.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from opentelemetry.trace import SpanKind

from handrail.tracing.conventions import ATTRIBUTES

Facts = Mapping[str, Any]
"""Fields of a record, content left out."""
_NAMED = tuple[str, str, dict[str, Any]]
"""Operation (empty where the conventions have none), what follows it in the span's name, attributes."""


class Described(NamedTuple):
    """How a span begins."""

    name: str
    kind: SpanKind
    attributes: dict[str, Any]


def opened(kind: str, name: str, facts: Facts, conversation: str = "") -> Described:
    """The span of a step that opens. ``conversation`` is the id of the thread, empty when there is none."""
    if kind == "tool" and facts.get(
        "method"
    ):  # called over MCP, without a framework's tool: one span, which is the client's
        operation, about, attributes = _mcp(name, facts)
        attributes |= _decision(facts)
        kind = "mcp"
    else:
        operation, about, attributes = _OPENED.get(kind, _other)(name, facts)
    if operation:
        attributes["gen_ai.operation.name"] = operation
    if kind in _IN_CONVERSATION:
        attributes["gen_ai.conversation.id"] = conversation
    if facts.get("server") and kind != "mcp":
        attributes["server.address"], attributes["server.port"] = facts["server"], facts.get("port")
    attributes["handrail.causes"] = facts.get("causes") or _list(facts.get("cause"))
    title = str(facts.get("method", "")) if kind == "mcp" else operation or kind
    return Described(f"{title} {about}" if about else title, span_kind(kind, facts), _said(attributes))


def span_kind(kind: str, facts: Facts) -> SpanKind:
    """Which side of a call a step is on."""
    if kind == "mcp":
        return SpanKind.SERVER if facts.get("server") else SpanKind.CLIENT
    return SpanKind.CLIENT if kind in _CLIENTS or facts.get("remote") else SpanKind.INTERNAL


def closed(kind: str, facts: Facts) -> dict[str, Any]:
    """Attributes that are known when a step closes, ``error.type`` apart."""
    describe = _CLOSED.get(kind)
    return _said(describe(facts)) if describe else {}


def noted(kind: str, facts: Facts) -> dict[str, Any]:
    """Attributes of the event for something learnt about an open step."""
    return _ours(kind, facts, facts)


def _ours(kind: str, facts: Facts, names: Iterable[str]) -> dict[str, Any]:
    """Those of ``facts`` that an attribute can hold, under our own names."""
    return {f"handrail.{kind}.{name}": facts[name] for name in names if _is_plain(facts.get(name))}


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        return bool(items) and all(isinstance(item, str) for item in items)
    return isinstance(value, (str, bool, int, float)) and value != ""


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None and value != "" and value != []}


def _list(value: Any) -> list[Any]:
    return [value] if value else []


_TYPES: Mapping[str, Callable[[Any], Any]] = {
    "double": float, "int": int, "boolean": bool, "string": str,
    "string[]": lambda value: [value] if isinstance(value, str) else [str(item) for item in value],
}  # fmt: skip


def _params(facts: Facts) -> dict[str, Any]:
    """Request parameters that the conventions know, in the types that they have there."""
    found: dict[str, Any] = {}
    params: Mapping[str, Any] = facts.get("params") or {}
    for key, value in params.items():
        name = f"gen_ai.request.{key}"
        convert = _TYPES.get(ATTRIBUTES.get(name, ""))
        if convert is not None and value is not None:
            try:
                found[name] = convert(value)
            except (TypeError, ValueError):  # a parameter of a framework's own
                continue
    return found


def _agent(name: str, facts: Facts) -> _NAMED:
    found = {"gen_ai.agent.name": name, "handrail.chain": facts.get("chain"), "handrail.tenant": facts.get("tenant")}
    if facts.get("remote"):
        found |= _remote(facts)
    return "invoke_agent", name, found


def _remote(facts: Facts) -> dict[str, Any]:
    return {
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.agent.id": facts.get("agent_id"),
        "gen_ai.agent.version": facts.get("version"),
        "gen_ai.request.model": facts.get("model"),
    }


def _create(name: str, facts: Facts) -> _NAMED:
    return "create_agent", name, {"gen_ai.agent.name": name, **_remote(facts)}


def _workflow(name: str, facts: Facts) -> _NAMED:
    return "invoke_workflow", name, {"gen_ai.workflow.name": name}


def _model(name: str, facts: Facts) -> _NAMED:
    found: dict[str, Any] = {
        **_params(facts),
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.request.model": name,
        "gen_ai.request.stream": facts.get("stream") or None,
        "gen_ai.output.type": facts.get("output_type"),
    }
    return facts.get("operation") or "chat", name, found


def _embedding(name: str, facts: Facts) -> _NAMED:
    found = {
        "gen_ai.request.encoding_formats": _params(facts).get("gen_ai.request.encoding_formats"),
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.request.model": name,
        "gen_ai.embeddings.dimension.count": facts.get("dimension"),
    }
    return "embeddings", name, found


def _fetch(name: str, facts: Facts) -> _NAMED:
    found = {
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.response.id": facts.get("response_id"),
        "gen_ai.request.stream_cursor": facts.get("cursor"),
    }
    return "fetch_response", "", found


def _retrieval(name: str, facts: Facts) -> _NAMED:
    source = facts.get("source") or name
    found = {
        "gen_ai.data_source.id": source,
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.request.model": facts.get("model"),
        "gen_ai.retrieval.top_k": facts.get("top_k"),
    }
    return "retrieval", source, found


def _memory(name: str, facts: Facts) -> _NAMED:
    found = {
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.memory.store.id": facts.get("store"),
        "gen_ai.memory.record.id": facts.get("record"),
        "gen_ai.memory.record.count": facts.get("records"),
    }
    return facts.get("operation") or "search_memory", "", found | _decision(facts)


def _plan(name: str, facts: Facts) -> _NAMED:
    agent = facts.get("agent") or name
    kept = _ours("plan", facts, ("revision", "items", "added", "removed", "changed", "moved", "done"))
    return "plan", agent, {"gen_ai.agent.name": agent, **kept}


def _tool(name: str, facts: Facts) -> _NAMED:
    found: dict[str, Any] = {
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": facts.get("tool_type") or "function",
        "gen_ai.agent.name": facts.get("agent"),
        "gen_ai.tool.call.id": facts.get("call_id"),
        "handrail.tool.effect": facts.get("effect"),
        "handrail.rationale.characters": facts.get("said"),
        "handrail.rationale.reasoning_characters": facts.get("reasoning"),
    }
    return "execute_tool", name, found | _decision(facts)


def _decision(facts: Facts) -> dict[str, Any]:
    return {f"handrail.decision.{name}": facts.get(name) for name in ("verdict", "rule", "by", "policy")}


def _mcp(name: str, facts: Facts) -> _NAMED:
    method = facts.get("method", "")
    found: dict[str, Any] = {
        "mcp.method.name": method,
        "mcp.session.id": facts.get("session"),
        "mcp.protocol.version": facts.get("protocol"),
        "mcp.resource.uri": facts.get("uri"),
        "jsonrpc.request.id": str(facts["request"]) if facts.get("request") is not None else None,
        "network.transport": facts.get("transport"),
        "server.address": facts.get("address"),
        "server.port": facts.get("port"),
    }
    about = name if method in _ABOUT and name != method else ""
    if about:
        found[_ABOUT[method]] = about
    return "execute_tool" if method == "tools/call" else "", about, found


_ABOUT = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}
"""MCP method -> what it is about."""


def _reflection(name: str, facts: Facts) -> _NAMED:
    return "", name, {"handrail.agent.name": facts.get("agent"), **_ours("reflection", facts, ("confidence", "about"))}


def _handoff(name: str, facts: Facts) -> _NAMED:
    return "", name, {"handrail.handoff.from": facts.get("agent"), "handrail.handoff.to": facts.get("to") or name}


def _other(name: str, facts: Facts) -> _NAMED:
    return "", name, {}


_OPENED: Mapping[str, Callable[[str, Facts], _NAMED]] = {
    "run": _agent, "agent": _agent, "create": _create, "workflow": _workflow, "model": _model, "fetch": _fetch,
    "embedding": _embedding, "retrieval": _retrieval, "memory": _memory, "plan": _plan, "tool": _tool, "mcp": _mcp,
    "reflection": _reflection, "handoff": _handoff,
}  # fmt: skip
"""Kind of step -> its operation and what is known at its start."""
_CLIENTS = {"model", "fetch", "embedding", "retrieval", "memory", "create"}
_IN_CONVERSATION = {"run", "agent", "model", "tool", "workflow"}
"""Kinds whose spans have a conversation."""


def _agent_ends(facts: Facts) -> dict[str, Any]:
    models: Sequence[str] = facts.get("models") or ()
    return {
        "gen_ai.usage.input_tokens": facts.get("input_tokens") or None,
        "gen_ai.usage.output_tokens": facts.get("output_tokens") or None,
        "gen_ai.response.finish_reasons": facts.get("finish"),
        "gen_ai.request.model": models[0] if len(models) == 1 else None,
    }


_USED = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read.input_tokens",
    "cache_write": "cache_write.input_tokens",
    "reasoning": "reasoning.output_tokens",
    "audio_input": "audio.input_tokens",
    "audio_output": "audio.output_tokens",
    "image_input": "image.input_tokens",
    "text_input": "text.input_tokens",
    "text_output": "text.output_tokens",
}
"""Usage as records have it -> the end of its attribute's name."""
_ALWAYS = {"input", "output"}


def _usage(facts: Facts) -> dict[str, Any]:
    used: Mapping[str, int] = facts.get("usage") or {}
    return {
        f"gen_ai.usage.{name}": used[key]
        for key, name in _USED.items()
        if key in used and (used[key] or key in _ALWAYS)
    }


def _model_ends(facts: Facts) -> dict[str, Any]:
    first = facts.get("first_chunk")
    return {
        "gen_ai.response.model": facts.get("response_model"),
        "gen_ai.response.id": facts.get("response_id"),
        "gen_ai.response.finish_reasons": facts.get("finish"),
        "gen_ai.response.time_to_first_chunk": first / 1e9 if first is not None else None,
        **_usage(facts),
    }


def _embedding_ends(facts: Facts) -> dict[str, Any]:
    used: Mapping[str, int] = facts.get("usage") or {}
    return {
        "gen_ai.response.model": facts.get("response_model"),
        "gen_ai.usage.input_tokens": used.get("input"),
        "gen_ai.embeddings.dimension.count": facts.get("dimension"),
    }


def _fetch_ends(facts: Facts) -> dict[str, Any]:
    return {
        "gen_ai.response.model": facts.get("response_model"),
        "gen_ai.response.status": facts.get("status"),
        "gen_ai.response.finish_reasons": facts.get("finish"),
    }


def _memory_ends(facts: Facts) -> dict[str, Any]:
    return {"gen_ai.memory.record.count": facts.get("records"), "gen_ai.memory.record.id": facts.get("record")}


def _retrieval_ends(facts: Facts) -> dict[str, Any]:
    return {f"handrail.retrieval.{name}": facts.get(name) for name in ("returned", "removed", "would_remove")}


def _mcp_ends(facts: Facts) -> dict[str, Any]:
    code = facts.get("code")
    return {
        "rpc.response.status_code": str(code) if code is not None else None,
        "mcp.protocol.version": facts.get("protocol"),
        "mcp.session.id": facts.get("session"),
        "jsonrpc.request.id": facts.get("request"),
    }


def _create_ends(facts: Facts) -> dict[str, Any]:
    return {"gen_ai.agent.id": facts.get("agent_id")}


_CLOSED: Mapping[str, Callable[[Facts], dict[str, Any]]] = {
    "run": _agent_ends, "agent": _agent_ends, "model": _model_ends, "embedding": _embedding_ends, "fetch": _fetch_ends,
    "memory": _memory_ends, "retrieval": _retrieval_ends, "mcp": _mcp_ends, "tool": _mcp_ends, "create": _create_ends,
}  # fmt: skip
"""Kind of step -> what is known at its end."""
