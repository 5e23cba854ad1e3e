"""Spring AI (Java, by Micrometer observations). https://docs.spring.io/spring-ai/reference/observability/"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.otel_genai import step as by_conventions
from handrail.tracing.dialects.values import text
from handrail.tracing.otlp.span import OtlpSpan

_KINDS: dict[str, StepKind] = {
    "chat_client": "agent", "advisor": "chain", "tool_call": "tool", "vector_store": "retrieval", "image": "model",
}  # fmt: skip


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    kind = text(span.attributes.get("spring.ai.kind")).lower()
    if kind == "vector_store" and text(span.attributes.get("db.operation.name")) not in ("", "query"):
        return "other"
    return _KINDS.get(kind) or by_conventions(span, more)


DIALECT = Dialect(
    name="spring-ai",
    step=_step,
    scopes=("org.springframework.ai", "spring.ai"),
    marks=(
        "spring.ai.kind",
        "spring.ai.chat.client.stream",
        "spring.ai.tool.definition.name",
        "spring.ai.advisor.name",
    ),
    facts={
        "tool": ("spring.ai.tool.definition.name", "gen_ai.tool.name"),
        "session": ("spring.ai.chat.client.conversation.id", "gen_ai.conversation.id"),
        "agent": ("gen_ai.agent.name", "spring.ai.chat.client.name"),
    },
)
