"""A turn in the format of OpenAI's older completions API: one body, or the chunks of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from handrail.testing.chat_wire import Event, usage_of, words
from handrail.testing.turns import Json, Request, ToolCall, Turn


def body(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Json:
    """The whole answer as one JSON object: the same text for every prompt; ``answer`` numbers it."""
    del calls  # the API has none
    choices = [_choice(index, turn.text or "", turn.finish or "stop") for index, _ in enumerate(request.messages)]
    return {**_head(request, answer), "choices": choices, **usage_of(turn.usage)}


def events(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Iterator[Event]:
    """The answer as stream chunks, word by word."""
    del calls
    head = _head(request, answer)
    for word in words(turn.text or ""):
        yield "", {**head, "choices": [_choice(0, word, None)]}
    yield "", {**head, "choices": [_choice(0, "", turn.finish or "stop")]}


def _head(request: Request, answer: int) -> Json:
    return {
        "id": f"cmpl-{answer}", "object": "text_completion", "created": int(time.time()), "model": request.model,
    }  # fmt: skip


def _choice(index: int, text: str, finish: str | None) -> Json:
    return {"index": index, "text": text, "finish_reason": finish, "logprobs": None}
