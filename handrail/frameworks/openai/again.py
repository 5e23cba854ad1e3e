"""Requests of OpenAI's client that are made again in a run that goes on: what makes two of them equal, and the answer.

A recorded answer is given out by the client's own reading of what a server sends, so that whoever asked gets it in the
form of then: parsed, raw, or piece by piece.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handrail.audit.format import encode
from handrail.effects import values
from handrail.gate.answers import Answered

MAX_PIECES = 20_000
"""Pieces of one streamed answer that are kept; a longer one is asked for again."""
_ONCE = "messages"
"""Field of a body that grows: what the chat API calls it."""


def terms(provider: str, options: Any) -> bytes:
    """What an answer depends on besides the messages of a chat. Raises NotReplayable where that has no exact form."""
    body: Mapping[str, Any] = options.json_data
    sent = {name: value for name, value in body.items() if name != _ONCE}
    besides = [getattr(options, name, None) or None for name in ("params", "extra_json")]
    return values.encode([provider, str(options.url), sent, *(dict(one) if one else None for one in besides)])


def exact(message: Mapping[str, Any]) -> bytes:
    """A message of a chat in full. Raises NotReplayable where it has no exact form."""
    try:
        body = encode(message)
    except Exception:
        return values.encode(message)
    return values.encode(message) if b"null" in body else body  # the writer makes null of NaN too


def nothing(message: Mapping[str, Any]) -> bytes:
    """What is told of a message that stands among the terms already."""
    return b""


def answered(messages: Sequence[Mapping[str, Any]]) -> Iterable[Answered]:
    """The calls that are answered in ``messages``, as the chat API has them, or as they are shown of the other one."""
    asked: dict[str, Answered] = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call.get("function") or call
            args = function.get("arguments", function.get("args"))
            asked[str(call.get("id"))] = Answered(str(call.get("id")), str(function.get("name")), _object(args))
        if message.get("role") == "tool":
            id = str(message.get("tool_call_id") or "")
            yield asked.get(id, Answered(id))


def _object(text: Any) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):  # a model can write anything
        return None
    return found if isinstance(found, dict) else None


def kept(answer: Sequence[Any], *, streamed: bool) -> dict[str, Any]:
    """What is kept of an answer: as the server sent it, whole or in its pieces."""
    sent = [_sent(each) for each in answer]
    return {"pieces": sent} if streamed else {"whole": sent[0]}


def _sent(part: Any) -> Any:
    dump = getattr(part, "to_dict", None)
    return dump(mode="json") if dump is not None else part


def response(client: Any, options: Any, known: Mapping[str, Any]) -> Any:
    """What was kept, as a response of the HTTP library that the client uses."""
    request = client._build_request(copy.copy(options), retries_taken=0)  # some clients change the options in it
    if "pieces" in known:
        kind, parts = "text/event-stream", [b"data: %s\n\n" % encode(piece) for piece in known["pieces"]]
        body = b"".join(parts) + b"data: [DONE]\n\n"
    else:
        kind, body = "application/json", encode(known["whole"])
    library = sys.modules[type(request).__module__.partition(".")[0]]
    return library.Response(200, headers={"content-type": kind}, content=body, request=request)


def read(client: Any, cast_to: Any, options: Any, kwargs: Mapping[str, Any], response: Any) -> Any:
    """What the client makes of a response for whoever asked; awaitable for the asynchronous one."""
    return client._process_response(
        cast_to=client._maybe_override_cast_to(cast_to, options),
        options=options,
        response=response,
        stream=bool(kwargs.get("stream")),
        stream_cls=kwargs.get("stream_cls"),
        retries_taken=0,
    )
