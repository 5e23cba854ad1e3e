"""What a step is called on a span, after the GenAI semantic conventions of OpenTelemetry.

Pure functions of a step's facts, which are the fields of its journal records: a span can be made again from the
journal alone, and is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from opentelemetry.trace import SpanKind

Facts = Mapping[str, Any]
"""Fields of a record, content left out."""


class Described(NamedTuple):
    """How a span begins."""

    name: str
    kind: SpanKind
    attributes: dict[str, Any]


def opened(kind: str, name: str, facts: Facts, conversation: str = "") -> Described:
    """The span of a step that opens. ``conversation`` is the id of the thread, empty when there is none."""
    operation, attributes = _OPENED.get(kind, _other)(name, facts)
    if operation:
        attributes["gen_ai.operation.name"] = operation
        if conversation:
            attributes["gen_ai.conversation.id"] = conversation
    away = SpanKind.CLIENT if facts.get("remote") else SpanKind.INTERNAL
    return Described(f"{operation or kind} {name}", _SPAN_KINDS.get(kind, away), attributes)


def closed(kind: str, facts: Facts) -> dict[str, Any]:
    """Attributes that are known when a step closes, ``error.type`` apart."""
    describe = _CLOSED.get(kind)
    return _said(describe(facts)) if describe else {}


def content(kind: str, field: str, text: str) -> dict[str, Any]:
    """Attributes for content: ``text`` is text as it is, or canonical JSON, of the payload ``field``."""
    name = _CONTENT.get((kind, field))
    return {name: text} if name else {}


def noted(kind: str, facts: Facts) -> dict[str, Any]:
    """Attributes of the event for something learnt about an open step."""
    return {f"handrail.{kind}.{name}": value for name, value in facts.items() if isinstance(value, _PLAIN)}


_PLAIN = (str, bool, int, float)


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}


def _agent(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    found: dict[str, Any] = {"gen_ai.agent.name": name}
    if facts.get("remote"):
        found |= {"gen_ai.provider.name": facts.get("provider"), "gen_ai.agent.id": facts.get("agent_id")}
        if facts.get("server"):
            found |= {"server.address": facts["server"], "server.port": facts.get("port")}
    return "invoke_agent", found


def _workflow(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    return "invoke_workflow", {"gen_ai.workflow.name": name}


def _model(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    found: dict[str, Any] = {
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.request.model": name,
        **{f"gen_ai.request.{key}": value for key, value in facts.get("params", {}).items()},
    }
    if facts.get("server"):
        found["server.address"], found["server.port"] = facts["server"], facts.get("port")
    return facts.get("operation", "chat"), found


def _retrieval(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    return "retrieval", {"gen_ai.data_source.id": name}


def _tool(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    found: dict[str, Any] = {
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": facts.get("agent"),
        "handrail.decision.verdict": facts.get("verdict"),
        "gen_ai.tool.call.id": facts.get("call_id"),
        "handrail.decision.rule": facts.get("rule"),
        "handrail.rationale.characters": facts.get("said"),
        "handrail.rationale.reasoning_characters": facts.get("reasoning"),
    }
    return "execute_tool", _said(found)


def _plan(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    found = {f"handrail.plan.{field}": facts[field] for field in _PLAN if field in facts}
    return "plan", {"gen_ai.agent.name": name, **found}


def _reflection(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    found = {f"handrail.reflection.{field}": facts[field] for field in ("confidence", "about") if field in facts}
    return "", {"handrail.agent.name": facts.get("agent", ""), **found}


def _handoff(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    return "", {"handrail.handoff.from": facts.get("agent", ""), "handrail.handoff.to": facts.get("to", "")}


def _other(name: str, facts: Facts) -> tuple[str, dict[str, Any]]:
    return "", {}


_OPENED: Mapping[str, Callable[[str, Facts], tuple[str, dict[str, Any]]]] = {
    "run": _agent, "agent": _agent, "workflow": _workflow, "model": _model, "retrieval": _retrieval, "tool": _tool,
    "plan": _plan, "reflection": _reflection, "handoff": _handoff,
}  # fmt: skip
"""Kind of step -> its operation and what is known at its start."""
_SPAN_KINDS = {"model": SpanKind.CLIENT, "retrieval": SpanKind.CLIENT}
_PLAN = ("revision", "items", "added", "removed", "changed", "moved", "done")
_CONTENT = {
    ("tool", "args"): "gen_ai.tool.call.arguments",
    ("tool", "description"): "gen_ai.tool.description",
    ("tool", "result"): "gen_ai.tool.call.result",
    ("tool", "rationale"): "handrail.rationale.text",
    ("plan", "plan"): "handrail.plan.text",
    ("plan", "diff"): "handrail.plan.diff",
    ("reflection", "text"): "handrail.reflection.text",
    ("reflection", "subject"): "handrail.reflection.subject",
}
"""Kind of step and payload -> the attribute that shows it."""


def _run_ends(facts: Facts) -> dict[str, Any]:
    return {f"gen_ai.usage.{name}": facts.get(name) for name in ("input_tokens", "output_tokens")}


def _model_ends(facts: Facts) -> dict[str, Any]:
    used: Mapping[str, int] = facts.get("usage") or {}
    return {
        "gen_ai.response.model": facts.get("response_model"),
        "gen_ai.response.id": facts.get("response_id"),
        "gen_ai.response.finish_reasons": facts.get("finish"),
        "gen_ai.usage.input_tokens": used.get("input"),
        "gen_ai.usage.output_tokens": used.get("output"),
        "gen_ai.usage.cache_read.input_tokens": used.get("cache_read"),
        "gen_ai.usage.reasoning.output_tokens": used.get("reasoning"),
    }


_CLOSED: Mapping[str, Callable[[Facts], dict[str, Any]]] = {"run": _run_ends, "model": _model_ends}
"""Kind of step -> what is known at its end."""
