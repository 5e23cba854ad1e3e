"""Vercel AI SDK (JavaScript): ``ai.*``. https://ai-sdk.dev/docs/ai-sdk-core/telemetry"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import text
from handrail.tracing.otlp.span import OtlpSpan

_OPERATIONS: dict[str, StepKind] = {
    "ai.generateText": "agent", "ai.streamText": "agent", "ai.generateObject": "agent", "ai.streamObject": "agent",
    "ai.toolCall": "tool", "ai.embed": "chain", "ai.embedMany": "chain", "ai.rerank": "chain",
    "ai.stream.firstChunk": "chain",
}  # fmt: skip
"""The outer span of a generation is the loop over model calls and tools; ``.doGenerate`` and the like is the call."""


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    operation = text(span.attributes.get("ai.operationId")) or span.name[:64].partition(" ")[0]
    head, _, tail = operation.rpartition(".")
    if tail in ("doGenerate", "doStream"):
        return "model"
    if tail == "doEmbed":
        return "embedding"
    if tail == "doRerank":
        return "retrieval"
    return _OPERATIONS.get(operation) or _OPERATIONS.get(head)


DIALECT = Dialect(
    name="vercel-ai",
    step=_step,
    scopes=("ai",),
    marks=("ai.operationId", "ai.telemetry.functionId"),
    facts={
        "agent": ("ai.telemetry.functionId", "resource.name", "gen_ai.agent.name"),
        "tool": ("ai.toolCall.name",),
        "call_id": ("ai.toolCall.id",),
        "session": (
            "ai.telemetry.metadata.sessionId",
            "ai.telemetry.metadata.threadId",
            "ai.telemetry.metadata.chatId",
        ),
        "user": ("ai.telemetry.metadata.userId",),
    },
)
