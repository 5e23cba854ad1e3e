"""What every kind of step is called, in both vocabularies: names that exist, types that fit, nothing forgotten."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from handrail.tracing import conventions, genai, genai_content, openinference, vocabulary
from tests.conftest import shared_data

SERVER = {"server": "api.example", "port": 443}
PARAMS = {"temperature": 0, "max_tokens": 5, "stop_sequences": "x", "seed": 7, "of_their_own": object(), "top_k": 3}
OPENED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("run", "clerk", {"chain": ["user:ana", "agent:clerk"], "tenant": "acme", "user": "ana", "session": "s"},
     "invoke_agent clerk", "INTERNAL"),
    ("agent", "sub", {"chain": ["user:ana", "agent:clerk", "agent:sub"]}, "invoke_agent sub", "INTERNAL"),
    ("agent", "far", {"remote": True, "provider": "openai", "id": "asst_1", "version": "2", "model": "gpt-5", **SERVER},
     "invoke_agent far", "CLIENT"),
    ("create", "far", {"provider": "openai", "model": "gpt-5", **SERVER}, "create_agent far", "CLIENT"),
    ("workflow", "triage", {}, "invoke_workflow triage", "INTERNAL"),
    ("model", "gpt-5", {"provider": "openai", "params": PARAMS, "stream": True, "output_type": "json", **SERVER,
                        "causes": ["0123456789abcdef"]}, "chat gpt-5", "CLIENT"),
    ("model", "gpt-5", {"provider": "openai", "operation": "text_completion"}, "text_completion gpt-5", "CLIENT"),
    ("model", "gemini-3", {"provider": "gcp.gemini", "operation": "generate_content"}, "generate_content gemini-3",
     "CLIENT"),
    ("embedding", "embed-3", {"provider": "openai", "dimension": 256, "params": {"encoding_formats": ["float"]}},
     "embeddings embed-3", "CLIENT"),
    ("fetch", "resp_1", {"provider": "openai", "response_id": "resp_1", "cursor": "4"}, "fetch_response", "CLIENT"),
    ("retrieval", "handbook", {"source": "handbook", "top_k": 4}, "retrieval handbook", "CLIENT"),
    ("memory", "users/ana", {"operation": "search_memory", "store": "users/ana", "verdict": "allow"}, "search_memory",
     "CLIENT"),
    ("memory", "users/ana", {"operation": "upsert_memory", "store": "users/ana", "record": "k"}, "upsert_memory",
     "CLIENT"),
    ("plan", "plan", {"agent": "clerk", "revision": 2, "items": 3, "added": 1, "removed": 0}, "plan clerk", "INTERNAL"),
    ("reflection", "clerk", {"confidence": 0.5, "about": "0123456789abcdef"}, "reflection clerk", "INTERNAL"),
    ("tool", "refund", {"agent": "clerk", "call_id": "c1", "verdict": "allow", "rule": "r", "by": "policy",
                        "effect": "write", "cause": "0123456789abcdef"}, "execute_tool refund", "INTERNAL"),
    ("handoff", "transfer", {"to": "lead"}, "handoff transfer", "INTERNAL"),
    ("mcp", "search", {"method": "tools/call", "session": "s", "protocol": "2025-06-18", "request": 3,
                       "transport": "pipe"}, "tools/call search", "CLIENT"),
    ("mcp", "search", {"method": "tools/call", "server": True}, "tools/call search", "SERVER"),
    ("mcp", "initialize", {"method": "initialize"}, "initialize", "CLIENT"),
    ("mcp", "greet", {"method": "prompts/get"}, "prompts/get greet", "CLIENT"),
    ("mcp", "file:///x", {"method": "resources/read", "uri": "file:///x"}, "resources/read", "CLIENT"),
]  # fmt: skip
USED = {"input": 10, "output": 0, "cache_read": 0, "cache_write": 4, "reasoning": 2, "audio_input": 1}
CLOSED: dict[str, dict[str, Any]] = {
    "run": {"input_tokens": 5, "output_tokens": 6, "finish": ["stop"], "models": ["gpt-5"]},
    "agent": {"input_tokens": 5, "output_tokens": 0, "finish": [], "models": ["a", "b"]},
    "model": {"response_model": "gpt-5-mini", "response_id": "r", "finish": ["stop"], "usage": USED,
              "first_chunk": 250_000_000},
    "embedding": {"usage": {"input": 4}, "response_model": "embed-3", "dimension": 256},
    "fetch": {"response_model": "gpt-5", "status": "completed", "finish": ["stop"]},
    "memory": {"records": 0},
    "mcp": {"code": -32601},
    "create": {"id": "asst_1"},
    "retrieval": {"returned": 2, "removed": 0},
}  # fmt: skip
MESSAGES: list[Any] = [
    {"role": "system", "content": "Be kind."},
    {"role": "human", "content": [
        {"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
    {"role": "ai", "content": "", "tool_calls": [{"id": "c1", "name": "look", "args": {"a": 1}}]},
    {"role": "tool", "content": "found", "tool_call_id": "c1", "name": "look", "status": "success"},
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}]},
    {"role": "user", "parts": [{"type": "text", "content": "as it is"}]},
    "bare",
]  # fmt: skip
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": {"type": "object"}}},
    {"name": "look", "input_schema": {"type": "object"}},
    {"type": "web_search_preview"},
]
CONTENT = [
    ("model", "output", {"role": "ai", "content": "So."}), ("tool", "args", {"a": 1}), ("tool", "result", "text"),
    ("tool", "description", "Look."), ("retrieval", "query", "q"), ("memory", "query", "q"),
    ("retrieval", "documents", [{"id": 7, "score": 0.5, "content": "x"}, {"id": None, "content": "y"}]),
    ("memory", "records", [{"id": "k", "content": {"a": 1}}, "bare"]), ("memory", "value", {"a": 1}),
    ("mcp", "args", {"a": 1}), ("mcp", "result", [1]), ("create", "instructions", "Be kind."),
    ("workflow", "input", {"role": "user", "content": "x"}), ("plan", "items", [{"text": "x"}]),
]  # fmt: skip


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


def every(words: vocabulary.Vocabulary) -> list[dict[str, Any]]:
    """Every set of attributes that a vocabulary can make of these facts."""
    asked = words.asked([_body(one) for one in MESSAGES], {"prev": "0123456789abcdef", "keep": 2}, TOOLS)
    opened = [words.opened(kind, name, facts, "thread").attributes for kind, name, facts, _, _ in OPENED]
    closed = [words.closed(kind, facts) for kind, facts in CLOSED.items()]
    shown = [words.content(kind, field, _body(value), {"finish": ["stop"]}) for kind, field, value in CONTENT]
    return [asked, *opened, *closed, *shown]


@pytest.mark.parametrize(("kind", "name", "facts", "title", "side"), OPENED)
def test_names_and_kinds(kind: str, name: str, facts: dict[str, Any], title: str, side: str) -> None:
    """Spans are called by the conventions' rule for their operation, and stand on its side of the call."""
    for describe in (genai.opened, openinference.opened):
        found = describe(kind, name, facts, "")
        assert (found.name, found.kind.name) == (title, side)


_PYTHON = {"string": str, "int": int, "double": float, "boolean": bool, "enum": str, "any": str}
_ELSEWHERE = {"server.address", "server.port", "network.transport", "jsonrpc.request.id", "rpc.response.status_code"}


def test_every_name_is_in_the_table_with_its_type() -> None:
    """Whatever the facts, an attribute is one of the conventions' in their type, or our own."""
    for found in every(vocabulary.GENAI):
        for name, value in found.items():
            kind = conventions.ATTRIBUTES.get(name)
            if kind is None:
                assert name.startswith("handrail.") or name in _ELSEWHERE
            elif kind == "string[]":
                assert value
                assert all(type(item) is str for item in value)
            else:
                assert type(value) is _PYTHON[kind], name


def test_required_attributes_are_there() -> None:
    """A span that opens has what its type requires; nothing is on it that its type does not know."""
    operations = {
        "gen_ai.inference.client": {"chat", "text_completion", "generate_content"},
        "gen_ai.memory.client": {"search_memory", "upsert_memory"},
    }
    seen = set()
    for kind, name, facts, title, side in OPENED:
        said = genai.opened(kind, name, facts, "thread").attributes
        operation = str(said.get("gen_ai.operation.name", ""))
        if kind in ("reflection", "handoff"):
            assert operation == ""
            continue
        [span] = [
            span for span in conventions.SPANS
            if span in (f"gen_ai.{operation}.{side.lower()}", f"mcp.{side.lower()}" if kind == "mcp" else "")
            or operation in operations.get(span, ()) 
        ]  # fmt: skip
        levels = conventions.SPANS[span]
        known = {name for names in levels[1:] for name in names}
        assert set(levels.required) <= set(said), (span, title)
        assert {name for name in said if not name.startswith("handrail.")} <= known, (span, title)
        seen.add(span)
    assert seen == set(conventions.SPANS)


def test_openinference_names_exist() -> None:
    """Every name of the other vocabulary is one of the package that defines it, or our own."""
    semconv = pytest.importorskip("openinference.semconv.trace", reason="openinference-semantic-conventions is absent")
    groups = [group for name, group in vars(semconv).items() if name.endswith("Attributes")]
    known = {value for group in groups for value in vars(group).values() if isinstance(value, str)}
    kinds = {one.value for one in semconv.OpenInferenceSpanKindValues}
    words = vocabulary.chosen({vocabulary.VARIABLE: "OpenInference"})
    names = set()
    for found in every(words):
        assert found.get("openinference.span.kind", "LLM") in kinds
        names |= {name for name in found if not name.startswith(("handrail.", "mcp."))} - _ELSEWHERE
    for name in names:
        pieces = [piece.strip(".") for piece in _without_numbers(name)]
        assert all(piece in known for piece in pieces), name
    assert {"llm.input_messages.0.message.role", "tool.name", "session.id", "user.id", "llm.finish_reason"} <= names


def _without_numbers(name: str) -> list[str]:
    """``a.b.0.c.d`` -> ``a.b`` and ``c.d``."""
    pieces: list[list[str]] = [[]]
    for part in name.split("."):
        if part.isdecimal():
            pieces.append([])
        else:
            pieces[-1].append(part)
    return [".".join(piece) for piece in pieces]


def test_messages_have_the_form_of_the_conventions() -> None:
    """New messages are role and parts, system messages apart, tool results and calls as parts of their own."""
    found = genai_content.asked([_body(one) for one in MESSAGES], {"prev": "s", "keep": 2}, TOOLS)
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind."}]
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [
            {"type": "text", "content": "Hi"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA=="}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "So."}]},
        {"role": "user", "parts": [{"type": "text", "content": "as it is"}]},
        {"role": "user", "parts": [{"type": "text", "content": "bare"}]},
    ]  # fmt: skip
    assert json.loads(found["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "look", "description": "Look.", "parameters": {"type": "object"}},
        {"type": "function", "name": "look", "parameters": {"type": "object"}},
        {"type": "web_search_preview", "name": "web_search_preview"},
    ]
    assert (found["handrail.messages.prev"], found["handrail.messages.keep"]) == ("s", 2)
    output = genai_content.content("model", "output", _body(MESSAGES[4]), {"finish": ["stop"]})
    assert json.loads(output["gen_ai.output.messages"])[0]["finish_reason"] == "stop"


def test_an_unknown_vocabulary_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A name that is not known is answered with both that are, and the default is used."""
    with caplog.at_level(logging.WARNING):
        assert vocabulary.chosen({vocabulary.VARIABLE: "otel"}) is vocabulary.GENAI
    [record] = caplog.records
    assert "'genai'" in record.getMessage()
    assert "'openinference'" in record.getMessage()
    assert vocabulary.chosen({}) is vocabulary.GENAI


def test_the_checker_has_nothing_to_say() -> None:
    """The mechanical check of the conventions finds no violation in any of these spans."""
    import runpy

    checker = runpy.run_path(str(shared_data("semconv/check_spans.py")))["Checker"]
    check = checker(json.loads(shared_data("semconv/genai.resolved.json").read_text("utf-8")))
    for kind, name, facts, _, _ in OPENED:
        begun = genai.opened(kind, name, facts, "thread")
        ends = genai.closed(kind, CLOSED.get(kind, {}))
        shown = [genai_content.content(k, f, _body(v), {}) for k, f, v in CONTENT if k == kind]
        attributes = begun.attributes | ends | {name: value for one in shown for name, value in one.items()}
        _, findings = check.check({"name": begun.name, "kind": begun.kind.name, "attributes": attributes})
        assert [one for one in findings if one["level"] == "violation"] == []
    assert {one for one, count in check.count.items() if count} == set(conventions.SPANS)
