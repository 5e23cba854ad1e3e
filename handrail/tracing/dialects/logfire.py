"""Pydantic Logfire and pydantic-ai: GenAI names; instrumented clients and agents. https://ai.pydantic.dev/logfire/"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.otel_genai import step as by_conventions
from handrail.tracing.dialects.values import mapping
from handrail.tracing.otlp.span import OtlpSpan

_NAMES: dict[str, StepKind] = {
    "running tools": "chain",
    "agent run": "agent",
    "preparing model request params": "chain",
}


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    attributes = span.attributes
    found = by_conventions(span, more) or _NAMES.get(span.name)
    if found is not None:
        return found
    if span.name.startswith("running tool") or "gen_ai.tool.name" in attributes:
        return "tool"
    if "agent_name" in attributes and "model_name" in attributes:
        return "agent"
    if "model" in mapping(attributes.get("request_data")):
        return "embedding" if "mbedding" in span.name else "model"
    return None


DIALECT = Dialect(
    name="logfire",
    step=_step,
    scopes=("logfire", "pydantic-ai", "pydantic_ai"),
    marks=("logfire.span_type",),
    more=lambda span: mapping(span.attributes.get("request_data")),
    facts={"model": ("gen_ai.request.model", "model_name", "model"), "agent": ("gen_ai.agent.name", "agent_name")},
    fallback="other",
)
