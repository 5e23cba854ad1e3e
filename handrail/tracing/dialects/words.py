"""The one table of what instrumentations share: words for a step, and the attributes that hold a fact."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from handrail.tracing.dialects.observed import StepKind

_WORDS: Mapping[StepKind, str] = {
    "agent": "agent invoke_agent agent_run agent_invocation agent.run run_agent",
    "workflow": "workflow invoke_workflow crew flow session pipeline",
    "model": (
        "llm chat chat_model text_completion generate_content completion completions generation generate inference "
        "response responses chat.completions chat_completion model messages image_generation generate_image "
        "text_to_image speech text_to_speech speech_to_text transcription audio moderation realtime model_request "
        "invoke_model converse streaming"
    ),
    "fetch": "fetch_response",
    "embedding": "embedding embeddings embed embed_content embedding_model",
    "retrieval": (
        "retrieval retriever retrieve vector_db_retrieve vector_store vectordb vector_search rerank reranker "
        "rerank_model search knowledge"
    ),
    "memory": (
        "memory search_memory create_memory update_memory upsert_memory delete_memory create_memory_store "
        "delete_memory_store memory_search memory_add add_memory get_memory memory_retrieval memory_save"
    ),
    "plan": "plan planning",
    "reflection": "reflection",
    "tool": (
        "tool execute_tool tool_call function function_call tool_execution running_tool code_interpreter execute_code"
    ),
    "handoff": "handoff",
    "create": "create_agent",
    "mcp": "mcp mcp_tool mcp_server mcp_client mcp_tools",
    "validation": "guardrail guardrails guard evaluator evaluation run_guardrail validation",
    "chain": (
        "chain task execute_task prompt prompt_template parser output_parser runnable span step node event graph "
        "framework execute_event_loop_cycle event_loop_cycle entrypoint default custom turn score"
    ),
}
STEPS: Mapping[str, StepKind] = MappingProxyType({word: kind for kind, of in _WORDS.items() for word in of.split()})
"""Lower-case word -> step: operation names of the GenAI conventions, old and new, and the products' own kinds."""

FACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "agent": ("gen_ai.agent.name", "agent.name", "agent_name", "ai.telemetry.functionId"),
        "tool": ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "mcp.tool.name", "tool_name"),
        "call_id": ("gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id", "tool_call_id", "tool.call.id"),
        "model": (
            "gen_ai.request.model", "llm.model_name", "embedding.model_name", "ai.model.id", "llm.request.model",
            "model_name", "reranker.model_name",
        ),
        "response_model": ("gen_ai.response.model", "llm.response.model", "ai.response.model"),
        "response_id": ("gen_ai.response.id", "llm.response.id", "ai.response.id"),
        "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
        "session": (
            "gen_ai.conversation.id", "session.id", "langfuse.session.id", "thread_id",
            "ai.telemetry.metadata.sessionId", "langsmith.trace.session_id", "conversation.id",
        ),
        "user": ("user.id", "enduser.id", "langfuse.user.id", "gen_ai.user.id", "ai.telemetry.metadata.userId"),
        "workflow": ("gen_ai.workflow.name", "crew_name", "flow_name"),
        "source": ("gen_ai.data_source.id", "db.collection.name", "gen_ai.retrieval.source"),
        "node": ("langgraph_node", "graph.node.id"),
    }
)  # fmt: skip
"""Fact -> attributes that hold it, the best first; a dialect may name others that come before these."""

INPUT_TOKENS = (
    "gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens",
    "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens",
)  # fmt: skip
OUTPUT_TOKENS = (
    "gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens",
)  # fmt: skip
FINISH = (
    "gen_ai.response.finish_reasons",
    "llm.finish_reason",
    "ai.response.finishReason",
    "gen_ai.response.finish_reason",
)

KIND_ATTRIBUTES = (
    "gen_ai.operation.name", "gen_ai.span.kind", "agentops.span.kind", "opik.span.type", "opik.type", "lmnr.span.type",
    "honeyhive_event_type", "langtrace.service.type", "braintrust.span.type", "weave.kind", "span.type", "span_type",
    "observation.type", "llm.request.type", "rpc.gen_ai.kind", "galileo.span.kind", "netra.span.type",
    "respan.span.kind", "keywordsai.span.kind", "haystack.component.type",
)  # fmt: skip
"""Attributes in which a product says what its span is, in a word of STEPS."""

NO_COGNITION = (
    "http.request.method", "http.method", "url.full", "http.url", "http.route", "db.system.name", "db.system",
    "rpc.system", "rpc.system.name", "messaging.system", "faas.trigger", "aws.service", "aws.local.service",
    "cloud.provider", "net.peer.name", "network.protocol.name", "dns.question.name", "graphql.operation.type",
    "code.function", "code.function.name", "code.filepath", "code.file.path",
)  # fmt: skip
"""Attributes of spans that are about something else: HTTP, databases, queues, plain code."""

GENERIC_NAMES = frozenset(
    {
        "langgraph", "chain", "graph", "agent", "workflow", "unknown", "default", "none", "null", "crew", "flow",
        "agentexecutor", "compiledstategraph",
    }
)  # fmt: skip
"""Names that say nothing of an agent (lower case)."""
GENERIC_PREFIXES = ("Runnable", "ChatPromptTemplate", "PromptTemplate", "StrOutputParser", "JsonOutputParser", "__")
"""Beginnings of the names of LangChain's own plumbing."""


def is_generic(name: str) -> bool:
    """Whether a name says nothing of an agent."""
    return not name or name.lower() in GENERIC_NAMES or name.startswith(GENERIC_PREFIXES)
