"""LangSmith's OpenTelemetry mode, alone or through Logfire. https://docs.langchain.com/langsmith/trace-with-opentelemetry"""

from __future__ import annotations

from handrail.tracing.dialects import langchain
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan

_KIND = "langsmith.span.kind"


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    # its operation names mislead: a retriever is told as `embeddings`, a prompt template as `chat`
    return STEPS.get(text(span.attributes.get(_KIND)).lower())


_LANGCHAIN = langchain.facts("langsmith.metadata.")

DIALECT = Dialect(
    name="langsmith",
    step=_step,
    scopes=("langsmith",),
    marks=(_KIND,),
    facts=_LANGCHAIN | {
        "model": ("gen_ai.request.model", *_LANGCHAIN["model"]),
        "provider": ("gen_ai.provider.name", "gen_ai.system", *_LANGCHAIN["provider"]),
        "call_id": ("gen_ai.tool.call.id", *_LANGCHAIN["call_id"]),
        "session": (*_LANGCHAIN["session"], "langsmith.trace.session_id"),
    },
)  # fmt: skip
