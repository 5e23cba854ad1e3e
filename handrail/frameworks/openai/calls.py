"""What a request to OpenAI's API, or to a service that speaks it, is: which kind of step, and what is told of it.

Reads bodies only; nothing is imported from the client. Forms: OpenAI's API reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from handrail.audit.model_call import ModelCall
from handrail.audit.steps import Kind
from handrail.frameworks import definitions
from handrail.frameworks.openai.streams import dumped
from handrail.tracing.why import Proposed, Said

Json = Mapping[str, Any]

_HOSTS = {
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
}
"""Hosts of other providers that speak OpenAI's API -> their names in the GenAI conventions."""
_PARAMS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "reasoning_effort": "reasoning.level",
    "previous_response_id": "previous_response.id",
}
"""Fields of a body -> the parameters of the GenAI conventions."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client is about to send it."""

    method: str
    """In lower case."""
    path: str
    """Below the base URL: ``/chat/completions``."""
    body: Json
    query: Json = field(default_factory=dict[str, Any])
    provider: str = "openai"
    """Well-known provider name of the GenAI conventions."""
    server: str = ""
    """Host name of the service; empty when unknown."""
    port: int | None = None
    """Its port."""
    stream: bool = False
    """Whether the answer comes in pieces."""


@dataclass(frozen=True, slots=True)
class Read:
    """What an answer says."""

    facts: Json = field(default_factory=dict[str, Any])
    """Fields of the closing record."""
    content: Json = field(default_factory=dict[str, Any])
    """Payloads of the closing record."""
    text: str = ""
    """What a model wrote."""
    proposed: tuple[Proposed, ...] = ()
    """The calls that it asks for."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that is a step."""

    kind: Kind
    """Of which kind."""
    name: str
    """The step's name."""
    read: Callable[[Json], Read]
    """Reads the answer, as JSON types."""
    facts: Json = field(default_factory=dict[str, Any])
    """Fields of the opening record, for what is no call of a model."""
    content: Json = field(default_factory=dict[str, Any])
    """Its payloads."""
    model: ModelCall | None = None
    """The call of a model, where it is one."""


def provider_of(host: str, client: str) -> str:
    """The provider at ``host``, for a client of the class ``client``."""
    return "azure.ai.openai" if "Azure" in client else _HOSTS.get(host, "openai")


def server_of(address: str) -> tuple[str, int | None]:
    """Host and port in a base URL; empty where there are none."""
    parts = urlsplit(address)
    return (
        (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)) if parts.hostname else ("", None)
    )


def described(request: Request) -> Call | None:
    """Which step a request is; None where it is none, such as a list of models."""
    parts = request.path.strip("/").split("/")
    if request.method == "post":
        made = _POSTS.get("/".join(parts))
        return made(request) if made else None
    if request.method == "get" and len(parts) == 2 and parts[0] == "responses":
        return _fetch(request, parts[1])
    return None


def _where(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"provider": request.provider}
    return found | ({"server": request.server, "port": request.port} if request.server else {})


def _model(request: Request, messages: Sequence[Json], operation: str, read: Callable[[Json], Read]) -> Call:
    body, name = request.body, str(request.body.get("model") or "")
    tools = tuple(_list(body.get("tools")))
    call = ModelCall(
        provider=request.provider,
        model=name,
        messages=messages,
        show=lambda message: message,
        system=system_text,
        said=_said,
        offered=lambda: [name for tool in tools for name in definitions.names_of(tool)],
        operation=operation,
        tools=tools,
        stream=request.stream,
        output_type=_output_type(body),
        params=_params(body),
        server=request.server,
        port=request.port,
    )
    return Call("model", name, read, model=call)


def _params(body: Json) -> dict[str, object]:
    found = {ours: body[theirs] for theirs, ours in _PARAMS.items() if isinstance(body.get(theirs), (int, float, str))}
    stop, level = body.get("stop"), _json(body.get("reasoning")).get("effort")
    if stop:
        found["stop_sequences"] = [stop] if isinstance(stop, str) else [str(each) for each in stop]
    if isinstance(level, str):
        found["reasoning.level"] = level
    if isinstance(body.get("n"), int) and body["n"] != 1:
        found["choice.count"] = body["n"]
    return found


def _output_type(body: Json) -> str:
    asked = _json(body.get("response_format")) or _json(_json(body.get("text")).get("format"))
    return "json" if asked.get("type") in ("json_object", "json_schema") else ""


def _said(message: Json) -> Said:
    """What can be known of a message's origin: the call that it answers."""
    if message.get("role") == "tool":
        return Said(answers=str(message.get("tool_call_id") or ""))
    return Said(text=lambda: _text(message.get("content")))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(_json(part).get("text", "")) for part in _list(content))


def _proposed(name: Any, call: Any, arguments: Any) -> Proposed:
    try:
        args: object = json.loads(arguments)
    except (TypeError, ValueError, RecursionError):  # a model can write anything
        args = arguments
    return Proposed(str(call or ""), str(name or ""), args)


def _chat(request: Request) -> Call:
    return _model(request, [_json(message) for message in _list(request.body.get("messages"))], "chat", read_chat)


def _completion(request: Request) -> Call:
    prompts = request.body.get("prompt")
    texts = prompts if isinstance(prompts, list) else [prompts]
    return _model(request, [{"role": "user", "content": text} for text in texts], "text_completion", read_completion)


def _response(request: Request) -> Call:
    return _model(request, input_messages(request.body), "chat", read_response)


def _embedding(request: Request) -> Call:
    given, name = request.body.get("input"), str(request.body.get("model") or "")
    many = isinstance(given, list) and not (given and isinstance(given[0], int))  # a list of numbers is one text
    facts = {**_where(request), "model": name, "count": len(_list(given)) if many else 1}
    return Call("embedding", name, read_embedding, facts, {"input": given if many else [given]})


def _fetch(request: Request, response: str) -> Call:
    facts = {**_where(request), "response_id": response}
    cursor = request.query.get("starting_after")
    if cursor is not None:
        facts["cursor"] = str(cursor)
    return Call("fetch", response, read_fetched, facts)


def _create(request: Request) -> Call:
    body = request.body
    name = str(body.get("name") or "")
    facts = {**_where(request), "model": str(body.get("model") or "")}
    content = {key: body[key] for key in ("instructions", "description") if body.get(key)}
    return Call("create", name, _created, facts, content)


_POSTS: Mapping[str, Callable[[Request], Call]] = {
    "chat/completions": _chat,
    "completions": _completion,
    "responses": _response,
    "embeddings": _embedding,
    "assistants": _create,
    "agents": _create,
}
"""Path of a POST -> what it is."""


def system_text(message: Json) -> str | None:
    """Text of a message that belongs to the prompt template, or None."""
    return str(message.get("content")) if message.get("role") in ("system", "developer") else None


def input_messages(body: Json) -> list[Json]:
    """The input of the responses API as messages of the chat API."""
    given = body.get("input")
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else _list(given)
    system: list[Json] = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    return [*system, *(_item(_json(item)) for item in items)]


def _item(item: Json) -> Json:
    kind = item.get("type", "message")
    if kind == "function_call":
        return {"role": "assistant", "content": None, "tool_calls": [_called(item)]}
    if kind == "function_call_output":
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": item.get("output")}
    return {"role": item.get("role", "assistant"), "content": item.get("content", item.get("summary"))}


def _called(item: Json) -> dict[str, Any]:
    return {"id": item.get("call_id"), "name": item.get("name"), "args": item.get("arguments")}


def read_chat(answer: Json) -> Read:
    """A whole chat completion."""
    choices = [_json(choice) for choice in _list(answer.get("choices"))]
    message = _json(choices[0].get("message")) if choices else {}
    calls = [_json(call) for call in _list(message.get("tool_calls"))]
    named = [{"id": call.get("id"), "name": _json(call.get("function")).get("name")} for call in calls]
    facts = {
        **_answered(answer),
        "finish": [str(choice["finish_reason"]) for choice in choices if choice.get("finish_reason")],
        "calls": named,
    }
    functions = [(call.get("id"), _json(call.get("function"))) for call in calls]
    proposed = tuple(_proposed(said.get("name"), number, said.get("arguments")) for number, said in functions)
    return Read(facts, {"output": message} if message else {}, _text(message.get("content")), proposed)


def read_completion(answer: Json) -> Read:
    """A whole completion."""
    choices = [_json(choice) for choice in _list(answer.get("choices"))]
    finish = [str(choice["finish_reason"]) for choice in choices if choice.get("finish_reason")]
    texts = [{"type": "text", "text": str(choice.get("text", ""))} for choice in choices]
    return Read({**_answered(answer), "finish": finish}, {"output": {"role": "assistant", "content": texts}})


def read_response(answer: Json) -> Read:
    """A whole response."""
    items = [_json(item) for item in _list(answer.get("output"))]
    calls = [_called(item) for item in items if item.get("type") == "function_call"]
    texts = [part for item in items if item.get("type") == "message" for part in _list(item.get("content"))]
    output = {"role": "assistant", "content": texts, **({"tool_calls": calls} if calls else {})}
    status = str(answer.get("status") or "")
    facts = {
        **_answered(answer),
        "finish": [status] if status else [],
        "calls": [{"id": call["id"], "name": call["name"]} for call in calls],
    }
    proposed = tuple(_proposed(call["name"], call["id"], call["args"]) for call in calls)
    return Read(facts, {"output": output}, _text(texts), proposed)


def read_fetched(answer: Json) -> Read:
    """A response that was made before: what it used belongs to the call that made it."""
    found = read_response(answer)
    facts = {name: found.facts[name] for name in ("response_model", "finish") if found.facts.get(name)}
    return Read({**facts, "status": str(answer.get("status") or "")}, found.content)


def read_embedding(answer: Json) -> Read:
    """The answer to an embeddings request; vectors are not kept."""
    first = _json(next(iter(_list(answer.get("data"))), None)).get("embedding")
    facts: dict[str, Any] = {"response_model": answer.get("model"), "usage": usage_of(answer.get("usage"))}
    return Read({**facts, "dimension": len(first)} if isinstance(first, list) else facts)


def _created(answer: Json) -> Read:
    return Read({"agent_id": str(answer.get("id") or "")})


def _answered(answer: Json) -> dict[str, Any]:
    return {
        "response_model": answer.get("model"),
        "response_id": answer.get("id"),
        "usage": usage_of(answer.get("usage")),
    }


def usage_of(said: Any) -> dict[str, int]:
    """Token counts under the names of records; empty where none are told."""
    used = _json(said)
    read = _json(used.get("prompt_tokens_details") or used.get("input_tokens_details"))
    written = _json(used.get("completion_tokens_details") or used.get("output_tokens_details"))
    counts = {
        "input": used.get("prompt_tokens", used.get("input_tokens")),
        "output": used.get("completion_tokens", used.get("output_tokens")),
        "cache_read": read.get("cached_tokens"),
        "reasoning": written.get("reasoning_tokens"),
    }
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _list(value: Any) -> list[Any]:
    """``value`` as a list: iterables that can be read only once are left alone."""
    return list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else []


def _json(value: Any) -> Json:
    """``value`` as a JSON object; empty where it is none. A caller may hand in the client's own models."""
    return dumped(value)
