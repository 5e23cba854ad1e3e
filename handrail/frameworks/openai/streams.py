"""What the pieces of a streamed answer of OpenAI's APIs add up to: the answer as it would have come whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class Pieces:
    """Takes pieces as they go by, and keeps only what they add up to."""

    def __init__(self) -> None:
        self._whole: Json = {}
        self._choices: dict[int, _Choice] = {}

    def add(self, piece: Any) -> None:
        """Take one piece: a chunk of a completion, or an event of the responses API."""
        response = getattr(piece, "response", None)
        if response is not None:
            self._whole = dumped(response)
            return
        for name in ("id", "model"):
            if getattr(piece, name, None):
                self._whole[name] = getattr(piece, name)
        if getattr(piece, "usage", None) is not None:
            self._whole["usage"] = dumped(piece.usage)
        for choice in getattr(piece, "choices", None) or ():
            self._choices.setdefault(choice.index, _Choice()).add(choice)

    def answer(self) -> Json:
        """The whole, in JSON types."""
        if self._choices:
            self._whole["choices"] = [choice.whole() for _, choice in sorted(self._choices.items())]
        return self._whole


class _Choice:
    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, Json] = {}
        self._finish: str | None = None

    def add(self, choice: Any) -> None:
        delta = getattr(choice, "delta", None)
        text = getattr(delta, "content", None) if delta is not None else getattr(choice, "text", None)
        if text:
            self._texts.append(text)
        for call in getattr(delta, "tool_calls", None) or ():
            self._add_call(call)
        self._finish = getattr(choice, "finish_reason", None) or self._finish

    def _add_call(self, call: Any) -> None:
        known = self._calls.setdefault(call.index, {"id": None, "function": {"name": "", "arguments": ""}})
        known["id"] = call.id or known["id"]
        if call.function is not None:
            known["function"]["name"] += call.function.name or ""
            known["function"]["arguments"] += call.function.arguments or ""

    def whole(self) -> Json:
        text = "".join(self._texts)
        calls = [call for _, call in sorted(self._calls.items())]
        message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
        return {"message": message, "text": text, "finish_reason": self._finish}


def dumped(value: Any) -> Json:
    """One of the client's models, or a mapping, in JSON types; empty for all else.

    Of embeddings the first only, for vectors are long.
    """
    data = getattr(value, "data", None)
    if isinstance(data, list) and data and hasattr(data[0], "embedding"):  # pyright: ignore[reportUnknownArgumentType]
        used = getattr(value, "usage", None)
        first = {"embedding": data[0].embedding}
        return {"data": [first], "model": getattr(value, "model", None), "usage": dumped(used) if used else None}
    dump = getattr(value, "model_dump", None)
    made: Any = dump(mode="json", exclude_none=True, warnings=False) if dump is not None else value
    return dict(made) if isinstance(made, Mapping) else {}
