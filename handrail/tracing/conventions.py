"""The GenAI conventions of OpenTelemetry as one table: names, types, spans, metrics and events. Generated.

Source: the registry of open-telemetry/semantic-conventions-genai, main of 2026-08-03 with its changes up to 2026-10-02
(schema ``gen-ai-dev/1.42.0-dev``); nothing in it is marked stable. Every ``gen_ai.*`` and ``mcp.*`` name that Handrail
writes is in here. Made by ``python -m tests.tracing.conventions_table``: change that, not this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Names = tuple[str, ...]


class Span(NamedTuple):
    """One type of span, with its attributes by requirement level."""

    kind: str
    """``client``, ``server`` or ``internal``."""
    required: Names
    conditional: Names
    """Required where they apply."""
    recommended: Names
    opt_in: Names
    """Content: only where somebody switched it on."""


class Metric(NamedTuple):
    """One metric, with its attributes by requirement level."""

    instrument: str
    """``histogram`` or ``counter``."""
    unit: str
    """UCUM."""
    required: Names
    conditional: Names
    recommended: Names


class Event(NamedTuple):
    """One event, with its attributes by requirement level."""

    required: Names
    conditional: Names
    recommended: Names
    opt_in: Names


_BY_TYPE: Mapping[str, Names] = {
    "any": ("gen_ai.input.messages", "gen_ai.memory.records", "gen_ai.output.messages",
         "gen_ai.retrieval.documents", "gen_ai.system_instructions", "gen_ai.tool.call.arguments",
         "gen_ai.tool.call.result", "gen_ai.tool.definitions"),
    "boolean": ("gen_ai.conversation.compacted", "gen_ai.request.stream"),
    "double": ("gen_ai.evaluation.score.value", "gen_ai.request.frequency_penalty",
         "gen_ai.request.presence_penalty", "gen_ai.request.temperature", "gen_ai.request.top_p",
         "gen_ai.response.time_to_first_chunk"),
    "enum": ("gen_ai.operation.name", "gen_ai.output.type", "gen_ai.provider.name",
         "gen_ai.response.status", "gen_ai.token.modality", "mcp.method.name"),
    "int": ("gen_ai.embeddings.dimension.count", "gen_ai.memory.record.count",
         "gen_ai.request.choice.count", "gen_ai.request.max_tokens", "gen_ai.request.seed", "gen_ai.request.top_k",
         "gen_ai.retrieval.top_k", "gen_ai.usage.audio.cache_read.input_tokens", "gen_ai.usage.audio.input_tokens",
         "gen_ai.usage.audio.output_tokens", "gen_ai.usage.cache_read.input_tokens",
         "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.image.cache_read.input_tokens",
         "gen_ai.usage.image.input_tokens", "gen_ai.usage.image.output_tokens", "gen_ai.usage.input_tokens",
         "gen_ai.usage.output_tokens", "gen_ai.usage.reasoning.output_tokens",
         "gen_ai.usage.text.cache_read.input_tokens", "gen_ai.usage.text.input_tokens",
         "gen_ai.usage.text.output_tokens"),
    "string": ("gen_ai.agent.description", "gen_ai.agent.id", "gen_ai.agent.name",
         "gen_ai.agent.version", "gen_ai.conversation.id", "gen_ai.data_source.id", "gen_ai.evaluation.explanation",
         "gen_ai.evaluation.name", "gen_ai.evaluation.score.label", "gen_ai.main_agent.description",
         "gen_ai.main_agent.id", "gen_ai.main_agent.name", "gen_ai.memory.query.text", "gen_ai.memory.record.id",
         "gen_ai.memory.store.id", "gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.request.model",
         "gen_ai.request.previous_response.id", "gen_ai.request.reasoning.level", "gen_ai.request.stream_cursor",
         "gen_ai.response.id", "gen_ai.response.model", "gen_ai.retrieval.query.text", "gen_ai.skill.description",
         "gen_ai.skill.name", "gen_ai.skill.resource.name", "gen_ai.skill.source.uri", "gen_ai.tool.call.id",
         "gen_ai.tool.description", "gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.workflow.name",
         "mcp.protocol.version", "mcp.resource.uri", "mcp.session.id"),
    "string[]": ("gen_ai.request.encoding_formats", "gen_ai.request.stop_sequences",
         "gen_ai.response.finish_reasons"),
    "template[string]": ("gen_ai.prompt.variable",),
}  # fmt: skip
ATTRIBUTES: Mapping[str, str] = {name: kind for kind, names in _BY_TYPE.items() for name in names}
"""Attribute -> its type."""
MEMBERS: Mapping[str, Names] = {
    "gen_ai.operation.name": ("chat", "generate_content", "text_completion", "embeddings", "retrieval",
         "fetch_response", "create_agent", "invoke_agent", "execute_tool", "invoke_workflow", "plan",
         "search_memory", "create_memory", "update_memory", "upsert_memory", "delete_memory", "create_memory_store",
         "delete_memory_store"),
    "gen_ai.output.type": ("text", "json", "image", "speech"),
    "gen_ai.provider.name": ("openai", "gcp.gen_ai", "gcp.vertex_ai", "gcp.gemini", "anthropic", "cohere",
         "azure.ai.inference", "azure.ai.openai", "ibm.watsonx.ai", "aws.bedrock", "perplexity", "x_ai", "deepseek",
         "groq", "mistral_ai", "moonshot_ai"),
    "gen_ai.response.status": ("queued", "in_progress", "completed", "incomplete", "failed", "cancelled"),
    "gen_ai.token.modality": ("text", "image", "audio", "unknown"),
    "mcp.method.name": ("notifications/cancelled", "initialize", "notifications/initialized",
         "notifications/progress", "ping", "resources/list", "resources/templates/list", "resources/read",
         "notifications/resources/list_changed", "resources/subscribe", "resources/unsubscribe",
         "notifications/resources/updated", "prompts/list", "prompts/get", "notifications/prompts/list_changed",
         "tools/list", "tools/call", "notifications/tools/list_changed", "logging/setLevel", "notifications/message",
         "sampling/createMessage", "completion/complete", "roots/list", "notifications/roots/list_changed",
         "elicitation/create"),
}  # fmt: skip
"""Attribute with a set of values -> those that are known; where none of them fits, another may be used."""
SPANS: Mapping[str, Span] = {
    "gen_ai.create_agent.client": Span(
        "client",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("error.type", "gen_ai.agent.description", "gen_ai.agent.id",
         "gen_ai.agent.name", "gen_ai.agent.version", "gen_ai.request.model", "server.port"),
        ("server.address",),
        ("gen_ai.system_instructions",)
    ),
    "gen_ai.embeddings.client": Span(
        "client",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("error.type", "gen_ai.request.model", "server.port"),
        ("gen_ai.embeddings.dimension.count", "gen_ai.request.encoding_formats",
         "gen_ai.response.model", "gen_ai.usage.input_tokens", "server.address"),
        ()
    ),
    "gen_ai.execute_tool.internal": Span(
        "internal",
        ("gen_ai.operation.name", "gen_ai.tool.name"),
        ("error.type", "gen_ai.agent.name", "gen_ai.conversation.id"),
        ("gen_ai.tool.call.id", "gen_ai.tool.description", "gen_ai.tool.type"),
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result")
    ),
    "gen_ai.fetch_response.client": Span(
        "client",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.response.id"),
        ("error.type", "gen_ai.request.stream_cursor", "server.port"),
        ("gen_ai.response.finish_reasons", "gen_ai.response.model",
         "gen_ai.response.status", "server.address"),
        ("gen_ai.output.messages", "gen_ai.system_instructions",
         "gen_ai.tool.definitions")
    ),
    "gen_ai.inference.client": Span(
        "client",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("error.type", "gen_ai.conversation.id", "gen_ai.output.type",
         "gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.request.choice.count", "gen_ai.request.model",
         "gen_ai.request.seed", "gen_ai.request.stream", "gen_ai.request.top_k", "server.port"),
        ("gen_ai.conversation.compacted", "gen_ai.request.frequency_penalty",
         "gen_ai.request.max_tokens", "gen_ai.request.presence_penalty", "gen_ai.request.previous_response.id",
         "gen_ai.request.reasoning.level", "gen_ai.request.stop_sequences", "gen_ai.request.temperature",
         "gen_ai.request.top_p", "gen_ai.response.finish_reasons", "gen_ai.response.id", "gen_ai.response.model",
         "gen_ai.response.time_to_first_chunk", "gen_ai.usage.audio.cache_read.input_tokens",
         "gen_ai.usage.audio.input_tokens", "gen_ai.usage.audio.output_tokens",
         "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens",
         "gen_ai.usage.image.cache_read.input_tokens", "gen_ai.usage.image.input_tokens",
         "gen_ai.usage.image.output_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
         "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.text.cache_read.input_tokens",
         "gen_ai.usage.text.input_tokens", "gen_ai.usage.text.output_tokens", "server.address"),
        ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt.variable",
         "gen_ai.system_instructions", "gen_ai.tool.definitions")
    ),
    "gen_ai.invoke_agent.client": Span(
        "client",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("error.type", "gen_ai.agent.description", "gen_ai.agent.id",
         "gen_ai.agent.name", "gen_ai.agent.version", "gen_ai.conversation.id", "gen_ai.data_source.id",
         "gen_ai.output.type", "gen_ai.request.choice.count", "gen_ai.request.seed", "server.port"),
        ("gen_ai.request.frequency_penalty", "gen_ai.request.max_tokens",
         "gen_ai.request.model", "gen_ai.request.presence_penalty", "gen_ai.request.previous_response.id",
         "gen_ai.request.stop_sequences", "gen_ai.request.temperature", "gen_ai.request.top_p",
         "gen_ai.response.finish_reasons", "gen_ai.usage.audio.cache_read.input_tokens",
         "gen_ai.usage.audio.input_tokens", "gen_ai.usage.audio.output_tokens",
         "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens",
         "gen_ai.usage.image.cache_read.input_tokens", "gen_ai.usage.image.input_tokens",
         "gen_ai.usage.image.output_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
         "gen_ai.usage.text.cache_read.input_tokens", "gen_ai.usage.text.input_tokens",
         "gen_ai.usage.text.output_tokens", "server.address"),
        ("gen_ai.input.messages", "gen_ai.output.messages",
         "gen_ai.system_instructions", "gen_ai.tool.definitions")
    ),
    "gen_ai.invoke_agent.internal": Span(
        "internal",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.agent.description", "gen_ai.agent.name",
         "gen_ai.conversation.id", "gen_ai.data_source.id", "gen_ai.output.type", "gen_ai.request.choice.count",
         "gen_ai.request.seed"),
        ("gen_ai.request.frequency_penalty", "gen_ai.request.max_tokens",
         "gen_ai.request.model", "gen_ai.request.presence_penalty", "gen_ai.request.stop_sequences",
         "gen_ai.request.temperature", "gen_ai.request.top_p", "gen_ai.response.finish_reasons",
         "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
        ("gen_ai.input.messages", "gen_ai.output.messages",
         "gen_ai.system_instructions", "gen_ai.tool.definitions")
    ),
    "gen_ai.invoke_workflow.internal": Span(
        "internal",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.conversation.id", "gen_ai.workflow.name"),
        (),
        ("gen_ai.input.messages", "gen_ai.output.messages")
    ),
    "gen_ai.memory.client": Span(
        "client",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.memory.record.id", "gen_ai.memory.store.id",
         "gen_ai.provider.name", "server.port"),
        ("gen_ai.memory.record.count", "server.address"),
        ("gen_ai.memory.query.text", "gen_ai.memory.records")
    ),
    "gen_ai.plan.internal": Span(
        "internal",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.agent.name"),
        (),
        ()
    ),
    "gen_ai.retrieval.client": Span(
        "client",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.data_source.id", "gen_ai.provider.name",
         "gen_ai.request.model", "server.port"),
        ("gen_ai.retrieval.top_k", "server.address"),
        ("gen_ai.retrieval.documents", "gen_ai.retrieval.query.text")
    ),
    "mcp.client": Span(
        "client",
        ("mcp.method.name",),
        ("error.type", "gen_ai.prompt.name", "gen_ai.tool.name", "jsonrpc.request.id",
         "mcp.resource.uri", "rpc.response.status_code"),
        ("gen_ai.operation.name", "jsonrpc.protocol.version", "mcp.protocol.version",
         "mcp.session.id", "network.protocol.name", "network.protocol.version", "network.transport",
         "server.address", "server.port"),
        ("gen_ai.prompt.variable", "gen_ai.tool.call.arguments",
         "gen_ai.tool.call.result")
    ),
    "mcp.server": Span(
        "server",
        ("mcp.method.name",),
        ("error.type", "gen_ai.prompt.name", "gen_ai.tool.name", "jsonrpc.request.id",
         "mcp.resource.uri", "rpc.response.status_code"),
        ("client.address", "client.port", "gen_ai.operation.name",
         "jsonrpc.protocol.version", "mcp.protocol.version", "mcp.session.id", "network.protocol.name",
         "network.protocol.version", "network.transport"),
        ("gen_ai.prompt.variable", "gen_ai.tool.call.arguments",
         "gen_ai.tool.call.result")
    ),
}  # fmt: skip
"""Type of span -> what it needs."""
METRICS: Mapping[str, Metric] = {
    "gen_ai.client.inference.operation.input_tokens": Metric(
        "histogram", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.operation.output_tokens": Metric(
        "histogram", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.usage.cache_read.input_tokens": Metric(
        "counter", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.modality"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.usage.cache_write.input_tokens": Metric(
        "counter", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.modality"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.usage.input_tokens": Metric(
        "counter", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.modality"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.usage.output_tokens": Metric(
        "counter", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.modality"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.inference.usage.reasoning.output_tokens": Metric(
        "counter", "{token}",
        ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.modality"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.operation.duration": Metric(
        "histogram", "s",
        ("gen_ai.operation.name",),
        ("error.type", "gen_ai.provider.name", "gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.operation.time_per_output_chunk": Metric(
        "histogram", "s",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.client.operation.time_to_first_chunk": Metric(
        "histogram", "s",
        ("gen_ai.operation.name", "gen_ai.provider.name"),
        ("gen_ai.request.model", "server.port"),
        ("gen_ai.response.model", "server.address")
    ),
    "gen_ai.execute_tool.duration": Metric(
        "histogram", "s",
        ("gen_ai.tool.name",),
        ("error.type", "gen_ai.agent.name"),
        ("gen_ai.tool.type",)
    ),
    "gen_ai.invoke_agent.duration": Metric(
        "histogram", "s",
        (),
        ("error.type", "gen_ai.agent.name"),
        ("gen_ai.request.model",)
    ),
    "gen_ai.invoke_agent.inference_calls": Metric(
        "histogram", "{inference_call}",
        (),
        (),
        ("gen_ai.agent.name",)
    ),
    "gen_ai.invoke_agent.tool_calls": Metric(
        "histogram", "{tool_call}",
        (),
        (),
        ("gen_ai.agent.name",)
    ),
    "gen_ai.invoke_workflow.duration": Metric(
        "histogram", "s",
        (),
        ("error.type", "gen_ai.workflow.name"),
        ()
    ),
    "mcp.client.operation.duration": Metric(
        "histogram", "s",
        ("mcp.method.name",),
        ("error.type", "gen_ai.prompt.name", "gen_ai.tool.name",
         "rpc.response.status_code"),
        ("gen_ai.operation.name", "jsonrpc.protocol.version", "mcp.protocol.version",
         "network.protocol.name", "network.protocol.version", "network.transport", "server.address", "server.port")
    ),
    "mcp.client.session.duration": Metric(
        "histogram", "s",
        (),
        ("error.type",),
        ("jsonrpc.protocol.version", "mcp.protocol.version", "network.protocol.name",
         "network.protocol.version", "network.transport", "server.address", "server.port")
    ),
    "mcp.server.operation.duration": Metric(
        "histogram", "s",
        ("mcp.method.name",),
        ("error.type", "gen_ai.prompt.name", "gen_ai.tool.name",
         "rpc.response.status_code"),
        ("gen_ai.operation.name", "jsonrpc.protocol.version", "mcp.protocol.version",
         "network.protocol.name", "network.protocol.version", "network.transport")
    ),
    "mcp.server.session.duration": Metric(
        "histogram", "s",
        (),
        ("error.type",),
        ("jsonrpc.protocol.version", "mcp.protocol.version", "network.protocol.name",
         "network.protocol.version", "network.transport")
    ),
}  # fmt: skip
"""Metric -> what it needs."""
EVENTS: Mapping[str, Event] = {
    "gen_ai.client.inference.operation.details": Event(
        (),
        (),
        (),
        ()
    ),
    "gen_ai.client.operation.exception": Event(
        (),
        ("exception.message", "exception.type"),
        ("exception.stacktrace",),
        ()
    ),
    "gen_ai.evaluation.result": Event(
        ("gen_ai.evaluation.name",),
        ("error.type", "gen_ai.evaluation.score.label", "gen_ai.evaluation.score.value"),
        ("gen_ai.evaluation.explanation", "gen_ai.response.id"),
        ()
    ),
}  # fmt: skip
"""Event -> what it needs; the details of an operation have the attributes of its span."""
