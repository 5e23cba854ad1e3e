"""A model server on loopback that plays a script, with the standard library only.

It speaks OpenAI's chat completions, completions and responses APIs and Google's generateContent, whole and streamed,
and OpenAI's embeddings, stored responses and assistants, so that a program's real client runs without a key and without
a network. The script's words are in ``turns.py``.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

from handrail.testing import chat_wire, completions_wire, gemini_wire, plain_wire, responses_wire
from handrail.testing.turns import Api, Json, Request, Script, ToolCall, Turn, as_dict, parse

APIS: dict[str, Api] = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/embeddings": "embeddings",
    ":generateContent": "gemini",
    ":streamGenerateContent": "gemini",
}
"""End of a path -> the API that answers there; the first that fits. Two paths more are answered: ``/models``, and
``/assistants`` with OpenAI's ``/agents``."""
_WIRES = {"chat": chat_wire, "completions": completions_wire, "responses": responses_wire, "gemini": gemini_wire}
POLL_S = 0.02
"""How often a held answer looks whether the server is being closed."""


class ScriptedModel:
    """A model whose answers are written beforehand; use it as a context manager.

    ``turns`` is either the answers in the order in which they are asked for, or a callable that chooses one
    by looking at the request (``keyed`` makes such a callable). A request that the script cannot answer gets
    status 400 with the cause, which no client retries.
    """

    def __init__(self, turns: Sequence[Turn] | Script) -> None:
        """Bind a free port of 127.0.0.1; nothing is answered before ``start`` or ``with``."""
        self._script: Script = turns if callable(turns) else _in_order(turns)
        self._requests: list[Request] = []
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._numbers = itertools.count(1)
        self._kept: dict[str, Json] = {}
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), name="scripted-model", daemon=True
        )

    @property
    def base_url(self) -> str:
        """What a client takes as ``base_url``: ``http://127.0.0.1:PORT/v1``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables that make an OpenAI client in another process use this server."""
        loopback = "127.0.0.1,localhost"
        return {
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_API_BASE": self.base_url,
            "OPENAI_API_KEY": "scripted",
            "NO_PROXY": loopback,
            "no_proxy": loopback,
        }

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was asked so far, in order of arrival."""
        with self._arrived:
            return tuple(self._requests)

    def wait_for_requests(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Block until ``count`` requests have arrived; raise TimeoutError after ``timeout_s`` seconds."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests arrived within {timeout_s} s")

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Let go of every held answer and stop; calling it again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def note(self, request: Request) -> int:
        """Remember a request; returns how many there are now."""
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            return len(self._requests)

    def answer(self, request: Request) -> tuple[Turn, tuple[ToolCall, ...], int]:
        """Note the request and choose its turn; returns the turn, its calls with ids, the answer's number."""
        number = self.note(request)
        try:
            turn = self._script(request)
        except Exception as error:  # the script is a test's own code: its mistake must be seen by that test
            turn = Turn(status=400, error=f"the script failed: {type(error).__name__}: {error}")
        return turn, tuple(self._numbered(call) for call in turn.tool_calls), number

    def keep(self, response: Json) -> None:
        """Have a whole answer of the responses API fetched later by its id."""
        self._kept[str(response["id"])] = response

    def kept(self, name: str) -> Json | None:
        """The answer of that id, or None."""
        return self._kept.get(name)

    def delay(self, seconds: float) -> None:
        """Wait that long, or until the server is being closed."""
        self._closing.wait(seconds)

    def hold(self, event: threading.Event | None) -> None:
        """Wait until ``event`` is set or the server is being closed; None does not wait."""
        while event and not self._closing.is_set() and not event.wait(POLL_S):
            pass

    def _numbered(self, call: ToolCall) -> ToolCall:
        args = call.args if isinstance(call.args, str) else json.dumps(dict(call.args))
        return replace(call, args=args, id=call.id or f"call_{next(self._numbers)}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _model(self) -> ScriptedModel:
        return cast(_Server, self.server).model

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the requests are kept on the model."""

    def do_GET(self) -> None:
        path = self._path()
        kept = self._model.kept(path.rpartition("/")[2]) if "/responses/" in path else None
        if kept is not None:
            return self._json(200, kept)
        if not path.endswith("/models"):
            return self._not_found()
        model: Json = {"id": "scripted", "object": "model", "created": 0, "owned_by": "handrail"}
        self._json(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self._path()
        api: Api | None = next((api for end, api in APIS.items() if path.endswith(end)), None)
        if api is None and not path.endswith(plain_wire.CREATED):
            return self._not_found()
        try:
            body = as_dict(json.loads(raw))
        except ValueError as error:
            return self._json(400, _error(f"the request is not JSON: {error}"))
        if api is None:
            return self._json(200, plain_wire.created(path.rpartition("/")[2], body))
        if api == "gemini":  # which says in its path what others say in the body
            name, _, verb = path.rpartition("/")[2].partition(":")
            body = {**body, "model": name, "stream": verb.startswith("stream")}
        headers = {name.lower(): value for name, value in self.headers.items()}
        with suppress(ConnectionError):  # the client went away, which is what cancellation tests do
            self._reply(parse(api, body, headers))

    def _reply(self, request: Request) -> None:
        if request.api == "embeddings":
            self._model.note(request)
            return self._json(200, plain_wire.embeddings(request))
        turn, calls, number = self._model.answer(request)
        self._model.delay(turn.delay_s)
        if request.stream and turn.status == 200:
            return self._events(request, turn, calls, number)
        self._model.hold(turn.hold)
        if turn.status != 200:
            retry = {} if turn.retry_after_s is None else {"retry-after": f"{turn.retry_after_s:g}"}
            return self._json(turn.status, _error(turn.error), retry)
        body = _WIRES[request.api].body(request, turn, calls, number)
        if request.api == "responses":
            self._model.keep(body)
        self._json(200, body)

    def _events(self, request: Request, turn: Turn, calls: Sequence[ToolCall], number: int) -> None:
        self._head(200, "text/event-stream", {})
        for sent, (kind, data) in enumerate(_WIRES[request.api].events(request, turn, calls, number)):
            self._model.hold(turn.hold if sent == turn.hold_after else None)
            name = f"event: {kind}\n" if kind else ""
            self.wfile.write(f"{name}data: {json.dumps(data)}\n\n".encode())
        if request.api in ("chat", "completions"):
            self.wfile.write(b"data: [DONE]\n\n")

    def _json(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self._head(status, "application/json", {"content-length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _head(self, status: int, content: str, headers: dict[str, str]) -> None:
        # A pooled connection would outlive the event loop of a client that is cached per process.
        self.send_response(status)
        for name, value in {"content-type": content, "connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _not_found(self) -> None:
        self._json(404, _error(f"the scripted model has no {self._path()}"))

    def _path(self) -> str:
        return self.path.split("?")[0]


def _in_order(turns: Sequence[Turn]) -> Script:
    left = iter(tuple(turns))
    lock = threading.Lock()

    def play(request: Request) -> Turn:
        with lock:
            turn = next(left, None)
        if turn is None:
            raise LookupError(f"all {len(turns)} turns were played and one more was asked for")
        return turn

    return play


def _error(message: str) -> Json:
    return {"error": {"message": message, "type": "scripted", "param": None, "code": "scripted"}}
