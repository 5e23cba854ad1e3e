"""A turn in the format of OpenAI's chat completions API: one body, or the chunks of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from handrail.testing.turns import Json, Request, ToolCall, Turn, Usage, as_dict

Event = tuple[str, Json]


def body(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Json:
    """The whole answer as one JSON object; ``answer`` numbers it."""
    message: Json = {"role": "assistant", "content": turn.text, "refusal": None}
    if calls:
        message["tool_calls"] = [_call(call, str(call.args)) for call in calls]
    choice = {"index": 0, "message": message, "finish_reason": _finish(turn), "logprobs": None}
    return {**_head(request, answer, "chat.completion"), "choices": [choice], **usage_of(turn.usage)}


def events(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Iterator[Event]:
    """The answer as stream chunks: text word by word, arguments of calls in fragments."""
    head = _head(request, answer, "chat.completion.chunk")
    for delta in _deltas(turn, calls):
        yield "", {**head, "choices": [_choice(delta, None)]}
    yield "", {**head, "choices": [_choice({}, _finish(turn))]}
    if as_dict(request.body.get("stream_options")).get("include_usage") and turn.usage:
        yield "", {**head, "choices": [], **usage_of(turn.usage)}


def _deltas(turn: Turn, calls: Sequence[ToolCall]) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if turn.text is None else ""}
    for word in words(turn.text or ""):
        yield {"content": word}
    for index, call in enumerate(calls):
        yield {"tool_calls": [{"index": index, **_call(call, "")}]}
        for part in fragments(str(call.args)):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}


def words(text: str) -> list[str]:
    """Text cut after each space, so that the pieces join to exactly the text."""
    return [piece for piece in text.replace(" ", " \0").split("\0") if piece]


def fragments(text: str) -> list[str]:
    """Arguments cut into three pieces that are no JSON by themselves."""
    size = max(1, -(-len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]


def _head(request: Request, answer: int, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{answer}",
        "object": kind,
        "created": int(time.time()),
        "model": request.model,
        "system_fingerprint": "fp_scripted",
    }


def _choice(delta: Json, finish: str | None) -> Json:
    return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


def _call(call: ToolCall, arguments: str) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _finish(turn: Turn) -> str:
    return turn.finish or ("tool_calls" if turn.tool_calls else "stop")


def usage_of(usage: Usage | None) -> Json:
    """The ``usage`` part of a body; nothing where no usage is reported."""
    if usage is None:
        return {}
    return {
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
    }
