"""A turn in the format of OpenAI's responses API: one body, or the events of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from handrail.testing.chat_wire import Event, fragments, words
from handrail.testing.turns import Json, Request, ToolCall, Turn, Usage

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Finish reasons of the chat API -> the reason of an incomplete response."""


def body(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Json:
    """The whole answer as one JSON object; ``answer`` numbers it."""
    status = "incomplete" if turn.finish in INCOMPLETE else "completed"
    return _response(request, turn, answer, status, _output(turn, calls, answer))


def events(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Iterator[Event]:
    """The answer as stream events, numbered in order."""
    for number, (kind, fields) in enumerate(_events(request, turn, calls, answer)):
        yield kind, {"type": kind, "sequence_number": number, **fields}


def _events(request: Request, turn: Turn, calls: Sequence[ToolCall], answer: int) -> Iterator[Event]:
    started = _response(request, turn, answer, "in_progress", [])
    yield "response.created", {"response": started}
    yield "response.in_progress", {"response": started}
    for index, item in enumerate(_output(turn, calls, answer)):
        place: Json = {"output_index": index, "item_id": item["id"]}
        yield "response.output_item.added", {"output_index": index, "item": {**item, **_unfinished(item)}}
        yield from _message(place, turn.text or "") if item["type"] == "message" else _arguments(place, item)
        yield "response.output_item.done", {"output_index": index, "item": item}
    done = body(request, turn, calls, answer)
    yield f"response.{done['status']}", {"response": done}


def _unfinished(item: Json) -> Json:
    empty: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {"status": "in_progress", **empty}


def _message(place: Json, text: str) -> Iterator[Event]:
    place = {**place, "content_index": 0}
    yield "response.content_part.added", {**place, "part": _part("")}
    for word in words(text):
        yield "response.output_text.delta", {**place, "delta": word, "logprobs": []}
    yield "response.output_text.done", {**place, "text": text, "logprobs": []}
    yield "response.content_part.done", {**place, "part": _part(text)}


def _arguments(place: Json, item: Json) -> Iterator[Event]:
    arguments = str(item["arguments"])
    for part in fragments(arguments):
        yield "response.function_call_arguments.delta", {**place, "delta": part}
    done: Json = {**place, "name": item["name"], "arguments": arguments}
    yield "response.function_call_arguments.done", done


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _output(turn: Turn, calls: Sequence[ToolCall], answer: int) -> list[Json]:
    output: list[Json] = []
    if turn.text is not None:
        output.append(
            {
                "id": f"msg_{answer}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [_part(turn.text)],
            }
        )
    for index, call in enumerate(calls):
        output.append(
            {
                "id": f"fc_{answer}_{index}",
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": str(call.args),
                "status": "completed",
            }
        )
    return output


def _response(request: Request, turn: Turn, answer: int, status: str, output: list[Json]) -> Json:
    reason = INCOMPLETE.get(turn.finish)
    return {
        "id": f"resp_{answer}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "model": request.model,
        "output": output,
        "usage": None if status == "in_progress" or turn.usage is None else _usage(turn.usage),
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "text": {"format": {"type": "text"}},
        "previous_response_id": None,
        "truncation": "disabled",
        "reasoning": {"effort": None, "summary": None},
        "max_output_tokens": None,
    }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
