"""MLflow tracing: its own attributes (each a JSON text), or GenAI names with its own words. https://mlflow.org/docs/latest/genai/tracing"""

from __future__ import annotations

from handrail.tracing.dialects import langchain
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import mapping, text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan

_KIND = "mlflow.spanType"


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    attributes = span.attributes
    kind = text(attributes.get(_KIND)) or text(attributes.get("gen_ai.operation.name"))
    return STEPS.get(kind.lower())


def _packed(span: OtlpSpan) -> Attributes:
    return {**mapping(span.attributes.get("metadata")), **mapping(span.attributes.get("mlflow.chat.tokenUsage"))}


_LANGCHAIN = langchain.facts("")

DIALECT = Dialect(
    name="mlflow",
    step=_step,
    scopes=("mlflow",),
    marks=(_KIND, "mlflow.traceRequestId"),
    more=_packed,
    facts=_LANGCHAIN | {
        "model": ("gen_ai.request.model", "model", "mlflow.llm.model", *_LANGCHAIN["model"]),
        "response_model": ("gen_ai.response.model", "mlflow.llm.model"),
        "provider": ("gen_ai.provider.name", "mlflow.llm.provider", *_LANGCHAIN["provider"]),
        "session": ("mlflow.trace.session", *_LANGCHAIN["session"]),
        "user": ("mlflow.trace.user", *_LANGCHAIN["user"]),
    },
    input_tokens=("input_tokens", "gen_ai.usage.input_tokens"),
    output_tokens=("output_tokens", "gen_ai.usage.output_tokens"),
)  # fmt: skip
