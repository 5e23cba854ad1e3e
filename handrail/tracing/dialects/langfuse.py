"""Langfuse: SDK, decorators and LangChain handler. https://langfuse.com/integrations/native/opentelemetry"""

from __future__ import annotations

from handrail.tracing.dialects import langchain
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import mapping, text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan

_KIND = "langfuse.observation.type"


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    return STEPS.get(text(span.attributes.get(_KIND)).lower())


def _usage(span: OtlpSpan) -> Attributes:
    return mapping(span.attributes.get("langfuse.observation.usage_details"))


_OBSERVATION, _TRACE = langchain.facts("langfuse.observation.metadata."), langchain.facts("langfuse.trace.metadata.")

DIALECT = Dialect(
    name="langfuse",
    step=_step,
    scopes=("langfuse",),
    marks=(_KIND,),
    more=_usage,
    facts=_OBSERVATION | {
        "model": ("langfuse.observation.model.name", *_OBSERVATION["model"]),
        "session": ("langfuse.session.id", "session.id", *_OBSERVATION["session"], *_TRACE["session"]),
        "user": ("langfuse.user.id", "user.id", *_OBSERVATION["user"], *_TRACE["user"]),
        "agent": (*_OBSERVATION["agent"], *_TRACE["agent"]),
    },
    input_tokens=("input", "input_tokens", "prompt_tokens", "promptTokens"),
    output_tokens=("output", "output_tokens", "completion_tokens", "completionTokens"),
)  # fmt: skip
