"""OpenInference (Arize): Python and JavaScript. https://arize-ai.github.io/openinference/spec/"""

from __future__ import annotations

from handrail.tracing.dialects import langchain
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.dialects.values import mapping, text
from handrail.tracing.dialects.words import STEPS
from handrail.tracing.otlp.span import OtlpSpan

_KIND = "openinference.span.kind"


def _step(span: OtlpSpan, more: Attributes) -> StepKind | None:
    found = STEPS.get(text(span.attributes.get(_KIND)).lower())
    if found == "agent" and span.name == more.get("langgraph_node") != more.get("lc_agent_name", span.name):
        return "chain"  # a node of LangChain's agent with `agent` in its name, such as `Summarize.before_agent`
    return found


def _metadata(span: OtlpSpan) -> Attributes:
    return mapping(span.attributes.get("metadata"))


_LANGCHAIN = langchain.facts("")

DIALECT = Dialect(
    name="openinference",
    step=_step,
    scopes=("openinference.", "@arizeai/openinference"),
    marks=(_KIND,),
    more=_metadata,
    facts={
        "tool": ("tool.name", "tool_call.function.name"),
        "call_id": ("tool_call.id", "tool.id", *_LANGCHAIN["call_id"]),
        "model": ("llm.model_name", "embedding.model_name", "reranker.model_name", *_LANGCHAIN["model"]),
        "provider": ("llm.provider", "llm.system", *_LANGCHAIN["provider"]),
        "session": ("session.id", *_LANGCHAIN["session"]),
        "user": ("user.id", *_LANGCHAIN["user"]),
        "agent": ("agent.name", *_LANGCHAIN["agent"]),
        "node": (*_LANGCHAIN["node"], "graph.node.id"),
    },
)
