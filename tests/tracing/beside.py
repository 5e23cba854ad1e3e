"""A governed agent beside other instrumentations, in a process of its own: prints what was shown and recorded.

``python -m tests.tracing.beside FOLDER HOW WHERE SCOPE...``: HOW is invoke, ainvoke, stream or model.stream; WHERE is
``same`` or ``own``: the provider of the others.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing import others
from tests.kept import kept, policy

TURNS = [Turn(tool_calls=(ToolCall("add", {"a": "1"}), ToolCall("wire_money", {"a": "2"}))), Turn("done")]


def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def _instrument(scopes: list[str], provider: TracerProvider) -> None:
    for other in others.KNOWN:
        if other.scope in scopes:
            getattr(import_module(other.scope), other.instrumentor)().instrument(tracer_provider=provider)


def _agent(server: ScriptedModel) -> Any:
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    @tool
    def add(a: str) -> str:
        """Add."""
        return a

    @tool
    def wire_money(a: str) -> str:
        """Wire."""
        return a

    return create_agent(chat_openai(server), [add, wire_money], name="clerk")


def _play(agent: Any, how: str, server: ScriptedModel) -> None:
    ask: Any = {"messages": [("user", "go")]}
    if how == "ainvoke":
        asyncio.run(agent.ainvoke(ask))
    elif how == "stream":
        list(agent.stream(ask, stream_mode="messages"))
    elif how == "model.stream":
        with handrail.run("clerk", user="ana"):
            list(chat_openai(server).stream("hello"))
    else:
        agent.invoke(ask)


def main(folder: str, how: str, where: str, *scopes: str) -> None:
    """Play the agent once and print what came of it."""
    ours, exporter = _provider()
    trace.set_tracer_provider(ours)
    theirs, elsewhere = (ours, exporter) if where == "same" else _provider()
    _instrument(list(scopes), theirs)
    path = Path(folder)
    config = policy(path)
    if how == "model.stream":
        handrail.instrument(config=config)
    with ScriptedModel([Turn("hello")] if how == "model.stream" else TURNS) as server:
        agent = (
            None if how == "model.stream" else handrail.govern(_agent(server), config=config, principal={"user": "ana"})
        )
        _play(agent, how, server)
    found = {id(span): span for span in (*exporter.get_finished_spans(), *elsewhere.get_finished_spans())}.values()
    spans = [
        {"name": one.name, "scope": one.instrumentation_scope.name if one.instrumentation_scope else "",
         "step": f"{one.context.span_id:016x}" if one.context else "", "attributes": dict(one.attributes or {})}
        for one in found
    ]  # fmt: skip
    print(json.dumps({"spans": spans, "records": kept(path, "model.call", "tool.call")}, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
