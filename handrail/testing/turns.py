"""What a scripted model is asked and what it answers: frozen dataclasses, no network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

Api = Literal["chat", "responses", "completions", "embeddings", "gemini"]
Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the scripted model asks for."""

    name: str
    """Name of the tool; it may be one that nobody offers."""
    args: Mapping[str, object] | str = field(default_factory=dict[str, object])
    """The arguments; a string is sent as it is, so that broken JSON can be scripted."""
    id: str = ""
    """Id of the call; empty means that the server numbers it (``call_1``, ``call_2`` ...)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts that an answer reports."""

    input: int = 11
    """Prompt tokens, cached ones included."""
    cached: int = 3
    """Prompt tokens that were read from the provider's cache."""
    output: int = 7
    """Completion tokens, reasoning included."""
    reasoning: int = 2
    """Completion tokens that were spent on reasoning."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the scripted model."""

    text: str | None = None
    """What it says; None is an answer without text."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls it asks for, all in one answer (parallel calls)."""
    usage: Usage | None = Usage()
    """Token counts of this answer; None leaves them out."""
    finish: str = ""
    """Finish reason; empty means ``tool_calls`` where there are calls, else ``stop``."""
    status: int = 200
    """HTTP status; anything but 200 sends an error body instead of an answer."""
    retry_after_s: float | None = None
    """Value of a ``retry-after`` header on an error."""
    error: str = "scripted failure"
    """Message of the error body."""
    delay_s: float = 0.0
    """Seconds to wait before answering."""
    hold: threading.Event | None = None
    """The answer waits until this event is set or the server is closed."""
    hold_after: int = 0
    """Events of a stream that are sent before waiting for ``hold``; other answers wait at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a request, the same for both APIs."""

    role: str
    """``system``, ``developer``, ``user``, ``assistant`` or ``tool``."""
    text: str
    """Its text parts, joined; the output for a tool message."""
    calls: tuple[str, ...] = ()
    """Names of the tools that an assistant message called."""
    call_id: str = ""
    """The call that a tool message answers."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked the scripted model."""

    api: Api
    """Which API was used: one of OpenAI's, or Google's for Gemini."""
    body: Mapping[str, object]
    """The JSON body as it came."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Request headers, names in lower case."""
    messages: tuple[Message, ...] = ()
    """The conversation so far, oldest first."""

    @property
    def model(self) -> str:
        """Name of the model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def stream(self) -> bool:
        """Whether the client wants server-sent events."""
        return bool(self.body.get("stream"))

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that were offered."""
        return tuple(_tool_name(tool) for tool in as_list(self.body.get("tools")))

    @property
    def last(self) -> Message:
        """The newest message; an empty one where there is none."""
        return self.messages[-1] if self.messages else Message("", "")

    @property
    def user(self) -> str:
        """Text of the newest user message."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def answered(self) -> int:
        """How many assistant messages follow the newest user message: 0 at the start of a turn."""
        roles = [message.role for message in self.messages]
        start = len(roles) - roles[::-1].index("user") if "user" in roles else 0
        return roles[start:].count("assistant")


Script: TypeAlias = Callable[[Request], Turn]


def keyed(conversations: Mapping[str, Sequence[Turn]]) -> Script:
    """Return a script for several conversations on one server, told apart by the newest user message.

    The first key that the message contains chooses the conversation; the turn is the one after those
    already answered, so nothing is kept between requests and a retry gets the same turn again.
    """

    def play(request: Request) -> Turn:
        for key, turns in conversations.items():
            if key in request.user:
                return turns[request.answered]
        raise LookupError(f"no conversation is scripted for the user message {request.user[:80]!r}")

    return play


def parse(api: Api, body: Json, headers: Mapping[str, str]) -> Request:
    """Read the messages out of a request body of any API."""
    if api in ("completions", "embeddings"):
        return Request(api, body, headers, tuple(Message("user", text) for text in texts(body)))
    if api == "gemini":
        return Request(api, body, headers, tuple(_gemini(body)))
    raw = body.get("messages") if api == "chat" else body.get("input")
    if isinstance(raw, str):
        raw = [{"role": "user", "content": raw}]
    items = [as_dict(item) for item in as_list(raw)]
    messages = [_chat_message(item) if api == "chat" else _item(item) for item in items]
    if api == "responses":
        messages = _joined(messages)
        if body.get("instructions"):
            messages.insert(0, Message("system", str(body["instructions"])))
    return Request(api, body, headers, tuple(messages))


def texts(body: Json) -> list[str]:
    """The prompts of a completions request, or the inputs of an embeddings request."""
    given = body.get("prompt", body.get("input"))
    return [given] if isinstance(given, str) else [str(text) for text in as_list(given)]


def _gemini(body: Json) -> Iterator[Message]:
    system = as_dict(body.get("systemInstruction"))
    if system:
        yield Message("system", _text(system.get("parts")))
    for item in map(as_dict, as_list(body.get("contents"))):
        parts = [as_dict(part) for part in as_list(item.get("parts"))]
        calls = tuple(str(as_dict(part["functionCall"]).get("name", "")) for part in parts if "functionCall" in part)
        role = "tool" if any("functionResponse" in part for part in parts) else str(item.get("role", "user"))
        yield Message("assistant" if role == "model" else role, _text(parts), calls)


def _chat_message(item: Json) -> Message:
    functions = [as_dict(as_dict(call).get("function")) for call in as_list(item.get("tool_calls"))]
    calls = tuple(str(function.get("name", "")) for function in functions)
    return Message(str(item.get("role", "")), _text(item.get("content")), calls, str(item.get("tool_call_id", "")))


def _item(item: Json) -> Message:
    kind = item.get("type", "message")
    if kind == "function_call":
        return Message("assistant", "", (str(item.get("name", "")),))
    if kind == "function_call_output":
        return Message("tool", _text(item.get("output")), (), str(item.get("call_id", "")))
    if kind == "reasoning":
        return Message("assistant", "")
    return Message(str(item.get("role", "")), _text(item.get("content")))


def _joined(messages: list[Message]) -> list[Message]:
    """Make one assistant message of the several items that one answer has in the responses API."""
    joined: list[Message] = []
    for message in messages:
        if joined and message.role == joined[-1].role == "assistant":
            before = joined.pop()
            message = Message("assistant", before.text + message.text, before.calls + message.calls)
        joined.append(message)
    return joined


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(as_dict(part).get("text", "")) for part in as_list(content))


def _tool_name(tool: object) -> str:
    described = as_dict(tool)
    return str(as_dict(described.get("function", described)).get("name", ""))


def as_dict(value: object) -> Json:
    """``value`` as a JSON object; an empty one where it is anything else."""
    return cast(Json, value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """``value`` as a JSON array; an empty one where it is anything else."""
    return cast(list[object], value) if isinstance(value, list) else []
