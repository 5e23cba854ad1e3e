"""OpenTelemetry's GenAI conventions, present and former names, whoever follows them. https://opentelemetry.io/docs/specs/semconv/gen-ai/"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan


def step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    """Which step the conventions say a span is."""
    attributes = span.attributes
    operation = text(attributes.get("gen_ai.operation.name")).lower()
    if "mcp.method.name" in attributes:  # a tool call by MCP also has operation execute_tool
        return "mcp"
    return STEPS.get(operation) or _by_name(span.name)


def _by_name(name: str) -> StepKind | None:
    """By ``{operation} {what}``, the span name that the conventions ask for."""
    head, space, _ = name[:64].partition(" ")
    found = STEPS.get(head) if space or "_" in head else None
    return found if found != "chain" else None


DIALECT = Dialect(
    name="otel-genai",
    step=step,
    scopes=(
        "opentelemetry.instrumentation.genai", "opentelemetry.util.genai", "opentelemetry.instrumentation.openai_v2",
        "opentelemetry.instrumentation.openai_agents_v2", "opentelemetry.instrumentation.vertexai_v2",
        "opentelemetry.instrumentation.google_genai", "gcp.vertex.agent", "strands.", "strands", "agent_framework",
        "@opentelemetry/instrumentation-openai", "azure.ai", "azure-ai", "autogen", "google.adk", "beeai",
    ),
)  # fmt: skip
