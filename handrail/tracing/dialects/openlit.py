"""OpenLIT: GenAI names, with nodes of a graph told as agents and graphs as workflows. https://docs.openlit.io"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.otel_genai import step as by_conventions
from handrail.tracing.dialects.values import text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan

_GRAPH = "openlit.instrumentation.langgraph"


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    attributes = span.attributes
    found = by_conventions(span, more)
    if found == "agent" and span.scope == _GRAPH and _is_node(span):
        return "chain"
    return found or STEPS.get(text(attributes.get("gen_ai.type")).lower())


def _is_node(span: OtlpSpan) -> bool:
    """Whether an agent is but a node of a graph: its id is its name."""
    attributes = span.attributes
    return bool(span.parent_id) and attributes.get("gen_ai.agent.id") == attributes.get("gen_ai.agent.name")


def _facts(span: OtlpSpan) -> Attributes:
    if span.scope == _GRAPH and _is_node(span):
        return {"langgraph_node": span.attributes.get("gen_ai.agent.name"), "not_an_agent": True}
    return {}


DIALECT = Dialect(
    name="openlit",
    step=_step,
    scopes=("openlit",),
    marks=("gen_ai.sdk.version", "gen_ai.application_name"),
    more=_facts,
    # of a LangChain model its class is said to be asked for; of a call, LangChain's run is said to be its id
    facts={
        "model": ("gen_ai.response.model", "gen_ai.request.model"),
        "call_id": ("gen_ai.tool.call_id",),
    },
)
