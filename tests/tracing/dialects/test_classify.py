"""What a span of each instrumentation is understood to be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.tracing.dialects.classify import DIALECTS, classify
from handrail.tracing.dialects.observed import Observed
from handrail.tracing.dialects.words import FACTS, FINISH, INPUT_TOKENS, KIND_ATTRIBUTES, OUTPUT_TOKENS
from tests.tracing.dialects.made import error, span
from tests.tracing.otlp.spans_made import values

_NAMES: list[tuple[str, str, dict[str, Any], tuple[str, str, str]]] = [
    ("openinference.instrumentation.openai", "ChatCompletion",
     {"openinference.span.kind": "LLM", "llm.model_name": "m"}, ("openinference", "model", "m")),
    ("@arizeai/openinference-instrumentation-langchain", "x", {"openinference.span.kind": "TOOL", "tool.name": "t"},
     ("openinference", "tool", "t")),
    ("openinference.instrumentation.crewai", "Crew", {"openinference.span.kind": "AGENT", "agent.name": "a"},
     ("openinference", "agent", "a")),
    ("openinference.instrumentation.llama_index", "r", {"openinference.span.kind": "RERANKER"},
     ("openinference", "retrieval", "r")),
    ("opentelemetry.instrumentation.langchain", "ChatX.chat", {"gen_ai.operation.name": "chat", "gen_ai.request.model":
      "unknown", "gen_ai.response.model": "m"}, ("openllmetry", "model", "m")),
    ("opentelemetry.instrumentation.openai.v1", "openai.chat",
     {"llm.request.type": "chat", "gen_ai.request.model": "m"}, ("openllmetry", "model", "m")),
    ("traceloop.tracer", "f.tool", {"traceloop.span.kind": "tool", "traceloop.entity.name": "f"},
     ("openllmetry", "tool", "f")),
    ("traceloop.tracer", "f.workflow", {"traceloop.span.kind": "workflow", "traceloop.workflow.name": "f"},
     ("openllmetry", "workflow", "f")),
    ("opentelemetry.instrumentation.genai.langchain", "invoke_agent a", {"gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "a"}, ("otel-genai", "agent", "a")),
    ("opentelemetry.instrumentation.openai_v2", "chat m", {"gen_ai.operation.name": "chat", "gen_ai.system": "openai",
      "gen_ai.request.model": "m"}, ("otel-genai", "model", "m")),
    ("gcp.vertex.agent", "execute_tool t", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"},
     ("otel-genai", "tool", "t")),
    ("mcp", "tools/call t", {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "t"}, ("generic", "mcp", "t")),
    ("langfuse-sdk", "Chat", {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "m"},
     ("langfuse", "model", "m")),
    ("langfuse-sdk", "r", {"langfuse.observation.type": "retriever"}, ("langfuse", "retrieval", "r")),
    ("openlit.instrumentation.langchain", "chat C", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "C",
      "gen_ai.response.model": "m"}, ("openlit", "model", "m")),
    ("openlit.instrumentation.langgraph", "invoke_agent model", {"gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "model", "gen_ai.agent.id": "model"}, ("openlit", "chain", "model")),
    ("mlflow.tracing.provider", "ChatX", {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.model": '"m"'},
     ("mlflow", "model", "m")),
    ("mlflow.tracing.provider", "RETRIEVER", {"gen_ai.operation.name": "RETRIEVER"},
     ("mlflow", "retrieval", "RETRIEVER")),
    ("langsmith", "Retriever", {"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"},
     ("langsmith", "retrieval", "Retriever")),
    ("langsmith", "ChatPromptTemplate", {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat"},
     ("langsmith", "chain", "ChatPromptTemplate")),
    ("logfire.openai", "Chat Completion with {request_data[model]!r}", {"request_data": '{"model":"m"}',
      "logfire.span_type": "span"}, ("logfire", "model", "m")),
    ("pydantic-ai", "agent run", {"agent_name": "a", "model_name": "m", "logfire.msg": "a run"},
     ("logfire", "agent", "a")),
    ("pydantic-ai", "running tool", {"gen_ai.tool.name": "t"}, ("logfire", "tool", "t")),
    ("logfire", "hello {x}", {"logfire.span_type": "span", "x": 1}, ("logfire", "other", "hello {x}")),
    ("ai", "ai.generateText", {"ai.operationId": "ai.generateText", "ai.telemetry.functionId": "a"},
     ("vercel-ai", "agent", "a")),
    ("ai", "ai.generateText.doGenerate", {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m"},
     ("vercel-ai", "model", "m")),
    ("ai", "ai.toolCall", {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "t"}, ("vercel-ai", "tool", "t")),
    ("org.springframework.boot", "tool_call t", {"spring.ai.kind": "tool_call", "spring.ai.tool.definition.name": "t"},
     ("spring-ai", "tool", "t")),
    ("org.springframework.boot", "chat m", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"},
     ("generic", "model", "m")),
    ("Experimental.Microsoft.Extensions.AI", "orchestrate_tools", {}, ("microsoft", "chain", "orchestrate_tools")),
    ("Microsoft.SemanticKernel.Diagnostics", "chat.completions m", {"gen_ai.operation.name": "chat.completions",
      "gen_ai.request.model": "m"}, ("microsoft", "model", "m")),
    ("handrail", "execute_tool t", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"},
     ("handrail", "tool", "t")),
    ("agentops", "x", {"agentops.span.kind": "tool", "tool.name": "t"}, ("generic", "tool", "t")),
    ("braintrust", "x", {"braintrust.span_attributes": '{"type":"llm"}'}, ("generic", "model", "x")),
    ("opentelemetry.instrumentation.httpx", "POST", {"http.request.method": "POST"}, ("generic", "other", "POST")),
    ("my.app", "load settings", {}, ("generic", "other", "load settings")),
    ("", "", {}, ("generic", "unknown", "")),
    ("new.product", "x", {"gen_ai.something.nobody.knows": 1}, ("generic", "unknown", "x")),
]  # fmt: skip


@pytest.mark.parametrize(("scope", "name", "attributes", "expected"), _NAMES)
def test_each_instrumentation_is_understood(
    scope: str, name: str, attributes: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """Scope and attributes as each product sets them give the instrumentation, the step and its name."""
    found = classify(span(name, attributes, scope=scope, parent_id="b" * 16))
    assert (found.dialect, found.step, found.name) == expected


def test_langchains_metadata_is_read_under_every_prefix() -> None:
    """Agent, conversation and node are the same facts whether packed, prefixed or quoted."""
    metadata = {"lc_agent_name": "clerk", "thread_id": "t-1", "langgraph_node": "model", "ls_integration": "langchain"}
    quoted = {key: json.dumps(value) for key, value in metadata.items()}
    for scope, attributes in (
        ("openinference.instrumentation.langchain",
         {"openinference.span.kind": "CHAIN", "metadata": json.dumps(metadata)}),
        ("mlflow.tracing.provider", {"mlflow.spanType": '"CHAIN"', "metadata": json.dumps(metadata)}),
        ("langsmith", {"langsmith.span.kind": "chain", **{f"langsmith.metadata.{k}": v for k, v in metadata.items()}}),
        ("langfuse-sdk", {"langfuse.observation.type": "chain",
                          **{f"langfuse.observation.metadata.{k}": v for k, v in quoted.items()}}),
        ("opentelemetry.instrumentation.langchain", {"traceloop.span.kind": "task",
                          **{f"traceloop.association.properties.{k}": v for k, v in metadata.items()}}),
    ):  # fmt: skip
        found = classify(span("model", attributes, scope=scope))
        assert (found.agent, found.session, found.node, found.framework) == ("clerk", "t-1", "model", "langchain"), (
            scope
        )


def test_tokens_are_read_whatever_their_form() -> None:
    """Whole numbers, floats that are whole, digits, and JSON of usage all count; nonsense is left out."""
    assert _tokens({"gen_ai.usage.input_tokens": 7}) == 7
    assert _tokens({"gen_ai.usage.prompt_tokens": 7.0}) == 7
    assert _tokens({"llm.token_count.prompt": "7"}) == 7
    assert (
        _tokens({"langfuse.observation.usage_details": '{"input": 7}', "langfuse.observation.type": "generation"}) == 7
    )
    assert _tokens({"mlflow.chat.tokenUsage": '{"input_tokens": 7}', "mlflow.spanType": '"LLM"'}) == 7
    for nonsense in (-1, 7.5, float("nan"), 10**13, "seven", "७", [7], {"a": 7}, True, None):
        assert _tokens({"gen_ai.usage.input_tokens": nonsense}) is None


def _tokens(attributes: dict[str, Any]) -> int | None:
    return classify(span("chat m", {"gen_ai.operation.name": "chat"} | attributes)).input_tokens


@pytest.mark.parametrize(
    ("status", "attributes", "events", "expected"),
    [
        ("ERROR", {"error.type": "GraphInterrupt"}, (), ("interrupted", "")),
        ("ERROR", {}, (error("langgraph.errors.GraphInterrupt"),), ("interrupted", "")),
        ("OK", {}, (error("langgraph.errors.GraphInterrupt"),), ("interrupted", "")),
        ("ERROR", {}, (error("Exception", "GraphInterrupt((Interrupt(value='secret'"),), ("interrupted", "")),
        ("ERROR", {}, (error("langgraph.errors.ParentCommand"),), ("ok", "")),
        ("ERROR", {"error.type": "asyncio.CancelledError"}, (), ("cancelled", "")),
        ("ERROR", {"error.type": "ValueError"}, (), ("error", "ValueError")),
        ("ERROR", {"error.type": "500"}, (), ("error", "500")),
        ("ERROR", {}, (error("Exception", "ValueError('mail@example.org')"),), ("error", "ValueError")),
        ("ERROR", {}, (error("Exception", "secret: of mine"),), ("error", "error")),
        ("ERROR", {"error.type": "the secret of mine"}, (), ("error", "error")),
        ("ERROR", {}, (), ("error", "error")),
        ("UNSET", {}, (), ("ok", "")),
        ("UNSET", {"langfuse.observation.status_message": "(Interrupt(value={'a': 1"}, (), ("interrupted", "")),
    ],
)
def test_a_pause_is_no_error_and_an_error_tells_no_text(
    status: Any, attributes: dict[str, Any], events: tuple[Any, ...], expected: tuple[str, str]
) -> None:
    """Interrupts and jumps of a graph are repaired; of an error only its class is kept."""
    found = classify(span("x", attributes, status=status, events=events))
    assert (found.outcome, found.error) == expected


def test_a_span_without_an_end_is_lost() -> None:
    """A span that never ended is not shown as a success."""
    assert classify(span("x", {}, end_ns=0)).outcome == "lost"


_PROPOSALS = [
    {"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"t"}]}]'},
    {"gen_ai.output.messages": '[{"tool_calls":[{"id":"c1","function":{"name":"t"}}]}]'},
    {"llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
     "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "t"},
    {"langfuse.observation.output": '{"role":"assistant","tool_calls":[{"name":"t","id":"c1"}]}'},
    {"mlflow.spanOutputs": '{"choices":[{"message":{"tool_calls":[{"id":"c1","function":{"name":"t"}}]}}]}'},
    {"gen_ai.completion": '{"generations":[[{"message":{"kwargs":{"tool_calls":[{"id":"c1","name":"t"}]}}}]]}'},
    {"ai.response.toolCalls": '[{"toolCallId":"c1","toolName":"t"}]'},
    {"gen_ai.completion.0.tool_calls.0.name": "t", "gen_ai.completion.0.tool_calls.0.id": "c1"},
]  # fmt: skip


@pytest.mark.parametrize("attributes", _PROPOSALS)
def test_proposed_calls_are_read_from_any_answer(attributes: dict[str, Any]) -> None:
    """The calls that a model asked for are found in every form in which its answer is written down."""
    assert classify(span("chat m", {"gen_ai.operation.name": "chat"} | attributes)).proposed == (("c1", "t"),)


_READ = sorted(
    {name for names in FACTS.values() for name in names}
    | {name for dialect in DIALECTS for names in dialect.facts.values() for name in names}
    | {mark for dialect in DIALECTS for mark in dialect.marks}
    | {name for attributes in _PROPOSALS for name in attributes}
    | {*INPUT_TOKENS, *OUTPUT_TOKENS, *FINISH, *KIND_ATTRIBUTES, "metadata", "request_data", "error.type"}
    | {"langfuse.observation.usage_details", "mlflow.chat.tokenUsage", "gen_ai.operation.name", "exception.type"}
)
_LONG = "x" * 3_000_000
_HOSTILE = st.one_of(
    values,
    st.just(_LONG),
    st.just("[" * 100_000),
    st.just('{"a":' * 100_000),
    st.just("[" + "1," * 10_000 + "1]"),
    st.sampled_from(['"', '""', "{", "[null]", '[{"parts": 7}]', '{"choices": [[]]}', "[[[]]]", "\x00", "\ud800"]),
    st.integers(),
)


@given(st.dictionaries(st.sampled_from(_READ), _HOSTILE, max_size=12), st.sampled_from([d.scopes[0] for d in DIALECTS]))
def test_no_value_of_any_attribute_breaks_it(attributes: dict[str, Any], scope: str) -> None:
    """Whatever type, size or depth an attribute has, facts stay short texts and sensible numbers."""
    found = classify(span("x", attributes, scope=scope, events=(error("x"),), status="ERROR"))
    _assert_plain(found)


def _assert_plain(found: Observed) -> None:
    for name in Observed.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, str):
            assert len(value) <= 256
    assert all(isinstance(part, str) and len(part) <= 256 for call in found.proposed for part in call)
    assert len(found.proposed) <= 100
    assert len(found.finish) <= 100
    assert found.input_tokens is None or 0 <= found.input_tokens <= 10**12
