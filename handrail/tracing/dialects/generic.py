"""Spans of nobody in particular: by GenAI names, by the words that products use for a kind, else by their subject."""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.otel_genai import step as by_conventions
from handrail.tracing.dialects.values import mapping, text
from handrail.tracing.dialects.words import KIND_ATTRIBUTES, NO_COGNITION, STEPS
from handrail.tracing.otlp.span import OtlpSpan

_ABOUT = (("gen_ai.tool.name", "tool"), ("gen_ai.request.model", "model"), ("gen_ai.usage.input_tokens", "model"),
          ("gen_ai.agent.name", "agent"), ("llm.model_name", "model"), ("llm.request.model", "model"),
          ("gen_ai.response.model", "model"), ("tool.name", "tool"), ("agent.name", "agent"))  # fmt: skip
_HINTS = ("gen_ai.", "llm.", "ai.", "agent.")


def step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    """Which step any span is; None when there is a hint of cognition that cannot be placed."""
    return by_conventions(span, more) or by_kind_word(span) or _by_subject(span)


def by_kind_word(span: OtlpSpan) -> StepKind | None:
    """By an attribute in which some product says the kind."""
    attributes = span.attributes
    for name in KIND_ATTRIBUTES:
        if name in attributes:
            found = STEPS.get(text(attributes[name]).lower())
            if found is not None:
                return found
    if "braintrust.span_attributes" in attributes:
        return STEPS.get(text(mapping(attributes["braintrust.span_attributes"]).get("type")).lower())
    return None


def _by_subject(span: OtlpSpan) -> StepKind | None:
    attributes = span.attributes
    if any(name in attributes for name in NO_COGNITION):
        return "other"
    for name, found in _ABOUT:
        if name in attributes:
            return found  # type: ignore[return-value]
    if not attributes and not span.scope and not span.name:
        return None
    return None if any(name.startswith(_HINTS) for name in list(attributes)[:64]) else "other"


DIALECT = Dialect(name="generic", step=step, fallback="unknown")
