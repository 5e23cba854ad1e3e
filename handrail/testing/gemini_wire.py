"""A turn in the format of Google's generateContent API: one body, or the chunks of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from handrail.testing.chat_wire import Event, words
from handrail.testing.turns import Json, Request, ToolCall, Turn, Usage

FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
"""Finish reasons of OpenAI's chat API -> Google's."""


def body(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Json:
    """The whole answer as one JSON object; ``answer`` numbers it."""
    text: list[Json] = [] if turn.text is None else [{"text": turn.text}]
    return _answer(request, [*text, *map(_call, calls)], turn, answer, last=True)


def events(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Iterator[Event]:
    """The answer as stream chunks: text word by word, calls and usage in the last."""
    for word in words(turn.text or ""):
        yield "", _answer(request, [{"text": word}], turn, answer, last=False)
    yield "", _answer(request, [_call(call) for call in calls] or [{"text": ""}], turn, answer, last=True)


def _answer(request: Request, parts: list[Json], turn: Turn, answer: int, *, last: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = FINISH.get(turn.finish or "stop", turn.finish)
    usage = {"usageMetadata": _usage(turn.usage)} if last and turn.usage is not None else {}
    return {
        "candidates": [candidate], "modelVersion": request.model, "responseId": f"gemini-{answer}", **usage,
    }  # fmt: skip


def _call(call: ToolCall) -> Json:
    args = json.loads(call.args) if isinstance(call.args, str) else call.args
    return {"functionCall": {"name": call.name, "args": args if isinstance(args, Mapping) else {}}}


def _usage(usage: Usage) -> Json:
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.input + usage.output,
    }
