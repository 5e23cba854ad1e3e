"""Microsoft.Extensions.AI, Semantic Kernel, Agent Framework (.NET): GenAI names. https://learn.microsoft.com/dotnet/ai/"""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.otel_genai import step as by_conventions
from handrail.tracing.otlp.span import OtlpSpan


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    found = by_conventions(span, more)
    if found is None and span.name.startswith("orchestrate_tools"):
        return "chain"  # FunctionInvokingChatClient's loop around model calls and tools
    if found is None and "semantic_kernel.function.name" in span.attributes:
        return "tool"
    return found


DIALECT = Dialect(
    name="microsoft",
    step=_step,
    scopes=(
        "Experimental.Microsoft.Extensions.AI", "Microsoft.Extensions.AI", "Microsoft.SemanticKernel", "OpenAI.",
        "Experimental.Microsoft.Agents", "Microsoft.Agents", "semantic_kernel", "Azure.AI",
        "Experimental.ModelContextProtocol",
    ),
    marks=("semantic_kernel.function.name",),
    facts={"tool": ("gen_ai.tool.name", "semantic_kernel.function.name")},
)  # fmt: skip
