"""OpenLLMetry (Traceloop): Python and JavaScript. https://www.traceloop.com/docs/openllmetry/contributing/semantic-conventions"""

from __future__ import annotations

from handrail.tracing.dialects import langchain
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import text
from handrail.tracing.dialects.words import STEPS, is_generic
from handrail.tracing.otlp.span import OtlpSpan

_KIND = "traceloop.span.kind"
_OF_LANGCHAIN = "traceloop.association.properties."
_LIBRARIES = (
    "agno", "alephalpha", "anthropic", "bedrock", "chromadb", "cohere", "crewai", "google_generativeai", "groq",
    "haystack", "lancedb", "langchain", "llamaindex", "marqo", "mcp", "milvus", "mistralai", "ollama", "openai.",
    "openai_agents", "pinecone", "qdrant", "replicate", "sagemaker", "together", "transformers", "vertexai", "voyageai",
    "watsonx", "weaviate", "writer",
)  # fmt: skip
_STORES = ("chroma", "lancedb", "marqo", "milvus", "pinecone", "qdrant", "weaviate")


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    kind = text(span.attributes.get(_KIND)).lower()
    operation = text(span.attributes.get("gen_ai.operation.name")).lower()
    if (
        kind == "workflow"
    ):  # also where it is said to be `invoke_agent`: the span above it, or structure, tells the agent
        return "workflow"
    found = STEPS.get(operation)
    if found == "agent" and is_generic(text(span.attributes.get("gen_ai.agent.name"))):
        return "workflow"  # it tells every graph as an agent
    if found is not None and (found != "chain" or kind in ("", "task")):
        return found
    if kind:
        return STEPS.get(kind)
    if any(name in span.scope for name in _STORES):
        return "retrieval" if "query" in span.name or "search" in span.name else "other"
    return STEPS.get(text(span.attributes.get("llm.request.type")).lower())


_LANGCHAIN = langchain.facts(_OF_LANGCHAIN)

DIALECT = Dialect(
    name="openllmetry",
    step=_step,
    scopes=(
        "traceloop", "@traceloop/",
        *(f"opentelemetry.instrumentation.{library}" for library in _LIBRARIES),
    ),
    marks=(_KIND, "traceloop.workflow.name", "traceloop.entity.name", "llm.request.type"),
    facts=_LANGCHAIN | {
        "agent": ("gen_ai.agent.name", *_LANGCHAIN["agent"]),
        "tool": ("gen_ai.tool.name", "traceloop.entity.name"),
        "workflow": ("traceloop.workflow.name",),
        "model": ("gen_ai.request.model", *_LANGCHAIN["model"]),
        "provider": (*_LANGCHAIN["provider"], "gen_ai.provider.name", "gen_ai.system"),
        "session": ("gen_ai.conversation.id", *_LANGCHAIN["session"]),
    },
)  # fmt: skip
