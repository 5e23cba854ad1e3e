"""A LangGraph server on loopback, as far as RemoteGraph and the SDK's assistants need one.

What it sends was taken down from ``langgraph dev`` (langgraph-api 0.16): runs are streamed as server-sent events, the
first of which names the run. Its one graph answers ``far and away``; the assistant ``broken`` fails.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_ANSWER = {"content": "far and away", "type": "ai", "id": "m2", "tool_calls": []}


class LangGraphServer:
    """Use it as a context manager; ``url`` is what clients take, ``requests`` what they sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.requests))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(requests: list[tuple[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
            requests.append((self.path, body))
            if self.path == "/assistants":
                return self._send("application/json", json.dumps(_assistant(body)))
            if not self.path.endswith("/runs/stream"):
                return self.send_error(404)
            events = [f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in _events(body)]
            self._send("text/event-stream; charset=utf-8", "".join(events))

        def _send(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler


def _events(body: Any) -> list[tuple[str, Any]]:
    begun = ("metadata", {"run_id": "01a1feff-56bb-70b5-893d-c0449d39d83e", "attempt": 1})
    if body["assistant_id"] == "broken":
        return [begun, ("error", {"error": "ValueError", "message": "SENTINEL"})]
    asked = (body["input"] or {}).get("messages", [])
    modes = body["stream_mode"] if isinstance(body["stream_mode"], list) else [body["stream_mode"]]
    said = {
        "updates": {"say": {"messages": [_ANSWER]}},
        "values": {"messages": [*asked, _ANSWER]},
    }
    return [begun, *((mode, said[mode]) for mode in modes if mode in said)]


def _assistant(body: Any) -> Any:
    made = "2026-11-21T16:45:10.064250+00:00"
    return {
        "assistant_id": "88eb1724-1432-4b36-b017-fb2e12ccf845", "graph_id": body["graph_id"], "config": {},
        "context": {}, "metadata": {}, "name": body.get("name") or "Untitled", "created_at": made,
        "updated_at": made, "version": 1, "description": body.get("description"),
    }  # fmt: skip
