"""Small spans, made by hand as the instrumentations make them."""

from __future__ import annotations

from itertools import count
from typing import Any

from handrail.tracing.dialects.classify import classify
from handrail.tracing.dialects.observed import Observed
from handrail.tracing.otlp.span import OtlpSpan, SpanEvent

TRACE = "a" * 32
_numbers = count(1)

LANGCHAIN_SCOPES = {
    "openinference": "openinference.instrumentation.langchain",
    "openllmetry": "opentelemetry.instrumentation.langchain",
    "otel-genai": "opentelemetry.instrumentation.genai.langchain",
}


def span(name: str, attributes: dict[str, Any], **fields: Any) -> OtlpSpan:
    """A span of one second, with a fresh id."""
    given: dict[str, Any] = {"start_ns": 10**18, "end_ns": 10**18 + 10**9, "span_id": f"{next(_numbers):016x}"} | fields
    return OtlpSpan(trace_id=given.pop("trace_id", TRACE), name=name, attributes=attributes, **given)


def error(kind: str, message: str = "") -> SpanEvent:
    """The event of an exception."""
    return SpanEvent("exception", 1, {"exception.type": kind, "exception.message": message})


def told(dialect: str, step: str, name: str, times: tuple[int, int], **fields: Any) -> Observed:
    """One step of LangChain as one of three instrumentations tells it."""
    attributes = {
        "openinference": {"openinference.span.kind": {"model": "LLM"}.get(step, step.upper()), "tool.name": name,
                          "llm.model_name": name, "agent.name": name if step == "agent" else ""},
        "openllmetry": {"traceloop.span.kind": "task", "gen_ai.operation.name": _OPERATION[step],
                        "gen_ai.tool.name": name, "gen_ai.request.model": name,
                        "gen_ai.agent.name": name if step == "agent" else ""},
        "otel-genai": {"gen_ai.operation.name": _OPERATION[step], "gen_ai.tool.name": name,
                       "gen_ai.request.model": name,
                       "gen_ai.agent.name": name if step == "agent" else ""},
    }[dialect] | fields.pop("attributes", {})  # fmt: skip
    scope = fields.pop("scope", LANGCHAIN_SCOPES[dialect])
    start, end = (10**18 + moment for moment in times)
    return classify(span(name, attributes, scope=scope, start_ns=start, end_ns=end, **fields))


_OPERATION = {"model": "chat", "tool": "execute_tool", "agent": "invoke_agent", "chain": "execute_task"}
