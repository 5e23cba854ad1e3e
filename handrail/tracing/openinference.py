"""What a step is called on a span, in the words of OpenInference, which Phoenix and others read.

The same facts and content as in genai.py and genai_content.py; names after ``openinference-semantic-conventions``
0.1.42. Spans are called the same in both, and ``handrail.*`` attributes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from handrail.tracing import genai, genai_content, messages
from handrail.tracing.genai import Described, Facts

_KINDS = {
    "run": "AGENT", "agent": "AGENT", "model": "LLM", "embedding": "EMBEDDING", "retrieval": "RETRIEVER",
    "tool": "TOOL",
}  # fmt: skip
"""Kind of step -> kind of span; any other is a link of the chain."""
_PROVIDERS = {
    "aws.bedrock": "aws", "azure.ai.inference": "azure", "azure.ai.openai": "azure", "gcp.gemini": "google",
    "gcp.gen_ai": "google", "gcp.vertex_ai": "google", "mistral_ai": "mistralai", "moonshot_ai": "moonshot",
    "x_ai": "xai",
}  # fmt: skip
"""Providers that are called otherwise in the GenAI conventions."""
_JSON = "application/json"


def opened(kind: str, name: str, facts: Facts, conversation: str = "") -> Described:
    """The span of a step that opens. ``conversation`` is the id of the thread, empty when there is none."""
    other = genai.opened(kind, name, facts, conversation)
    describe = _OPENED.get(kind)
    found: dict[str, Any] = {
        "openinference.span.kind": _kind(kind, facts),
        "session.id": facts.get("session") or conversation,
        "agent.name": facts.get("agent"),
        **(describe(name, facts) if describe else {}),
    }
    return Described(other.name, other.kind, _said(found) | _ours(other.attributes))


def closed(kind: str, facts: Facts) -> dict[str, Any]:
    """Attributes that are known when a step closes."""
    found = _model_ends(facts) if kind == "model" else {}
    return _said(found) | _ours(genai.closed(kind, facts))


def content(kind: str, field: str, body: bytes, facts: Facts) -> dict[str, Any]:
    """Attributes for the payload ``field``, which is ``body`` in JSON."""
    if (kind, field) == ("model", "output"):
        return dict(_message("llm.output_messages.0", messages.message(messages.decoded(body))))
    if (kind, field) == ("retrieval", "documents"):
        return dict(_documents(messages.decoded(body)))
    if field == "description":
        return {"tool.description": messages.text(body)} if kind == "tool" else {}
    place = _VALUES.get(field)
    if place is None:
        return _ours(genai_content.content(kind, field, body, facts))
    text = body.startswith(b'"')
    return {f"{place}.value": messages.text(body), f"{place}.mime_type": "text/plain" if text else _JSON}


def asked(added: Sequence[bytes], facts: Facts, tools: Sequence[Any] = ()) -> dict[str, Any]:
    """Attributes for a model's input: the messages ``added`` to those of the agent's previous call."""
    found: dict[str, Any] = {}
    for index, body in enumerate(added):
        found.update(_message(f"llm.input_messages.{index}", messages.message(messages.decoded(body))))
    for index, tool in enumerate(tools):
        found[f"llm.tools.{index}.tool.json_schema"] = messages.encoded(tool)
    if facts.get("prev"):
        found |= {"handrail.messages.prev": facts["prev"], "handrail.messages.keep": facts["keep"]}
    return found


_VALUES = {"args": "input", "query": "input", "input": "input", "result": "output", "output": "output",
           "records": "output", "value": "input"}  # fmt: skip
"""Payload -> which side of the step it is."""


def _kind(kind: str, facts: Facts) -> str:
    if kind == "memory":
        return "RETRIEVER" if facts.get("operation") == "search_memory" else "CHAIN"
    if kind == "mcp":
        return "TOOL" if facts.get("method") == "tools/call" else "CHAIN"
    return _KINDS.get(kind, "CHAIN")


def _agent(name: str, facts: Facts) -> dict[str, Any]:
    chain: Sequence[str] = facts.get("chain") or ()
    above = chain[-2] if len(chain) > 1 else ""
    return {
        "agent.name": name,
        "user.id": facts.get("user"),
        "graph.node.id": name,
        "graph.node.parent_id": above.removeprefix("agent:") if above.startswith("agent:") else None,
    }


def _model(name: str, facts: Facts) -> dict[str, Any]:
    params = facts.get("params")
    return {
        "llm.model_name": name,
        "llm.request.model_name": name,
        "llm.provider": _provider(facts),
        "llm.invocation_parameters": messages.encoded(params) if params else None,
    }


def _embedding(name: str, facts: Facts) -> dict[str, Any]:
    params = facts.get("params")
    return {
        "embedding.model_name": name,
        "llm.provider": _provider(facts),
        "embedding.invocation_parameters": messages.encoded(params) if params else None,
    }


def _tool(name: str, facts: Facts) -> dict[str, Any]:
    return {"tool.name": name, "tool.id": facts.get("call_id")}


def _mcp(name: str, facts: Facts) -> dict[str, Any]:
    return {"tool.name": name} if facts.get("method") == "tools/call" else {}


def _provider(facts: Facts) -> str | None:
    provider = facts.get("provider")
    return _PROVIDERS.get(provider, provider) if provider else None


_OPENED: Mapping[str, Callable[[str, Facts], dict[str, Any]]] = {
    "run": _agent, "agent": _agent, "model": _model, "embedding": _embedding, "tool": _tool, "mcp": _mcp,
}  # fmt: skip
"""Kind of step -> what is known at its start."""


def _model_ends(facts: Facts) -> dict[str, Any]:
    used: Mapping[str, int] = facts.get("usage") or {}
    finish: Sequence[str] = facts.get("finish") or ()
    counted = {f"llm.token_count.{name}": used.get(key) for key, name in _COUNTS.items()}
    total = used["input"] + used["output"] if "input" in used and "output" in used else None
    return {
        **{name: count for name, count in counted.items() if count},
        "llm.token_count.total": total,
        "llm.model_name": facts.get("response_model"),
        "llm.response.model_name": facts.get("response_model"),
        "llm.finish_reason": finish[0] if finish else None,
    }


_COUNTS = {
    "input": "prompt",
    "output": "completion",
    "cache_read": "prompt_details.cache_read",
    "cache_write": "prompt_details.cache_write",
    "audio_input": "prompt_details.audio",
    "reasoning": "completion_details.reasoning",
    "audio_output": "completion_details.audio",
}
"""Usage as records have it -> the end of its attribute's name."""


def _message(at: str, message: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """One message of the GenAI form, flattened."""
    parts: Sequence[Mapping[str, Any]] = message["parts"]
    yield f"{at}.message.role", message["role"]
    answers = [part for part in parts if part["type"] == "tool_call_response"]
    if answers and answers[0].get("id"):
        yield f"{at}.message.tool_call_id", answers[0]["id"]
    said = messages.text_of(parts) or "".join(_text(part.get("response")) for part in answers)
    if said:
        yield f"{at}.message.content", said
    for index, call in enumerate(part for part in parts if part["type"] == "tool_call"):
        place = f"{at}.message.tool_calls.{index}.tool_call"
        if call.get("id"):
            yield f"{place}.id", call["id"]
        yield f"{place}.function.name", call["name"]
        yield f"{place}.function.arguments", _text(call.get("arguments"))


def _documents(found: object) -> Iterable[tuple[str, Any]]:
    documents = cast("list[object]", found) if isinstance(found, list) else []
    for index, one in enumerate(documents):
        at, document = f"retrieval.documents.{index}.document", messages.document(one)
        if "id" in document:
            yield f"{at}.id", document["id"]
        if isinstance(document.get("score"), (int, float)):
            yield f"{at}.score", float(document["score"])
        text = document.get("content") or document.get("page_content")
        if text:
            yield f"{at}.content", _text(text)
        if document.get("metadata"):
            yield f"{at}.metadata", messages.encoded(document["metadata"])


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else messages.encoded(value)


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _ours(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is told the same in every vocabulary: our own attributes, and those of OpenTelemetry at large."""
    return {name: value for name, value in found.items() if not name.startswith("gen_ai.")}
