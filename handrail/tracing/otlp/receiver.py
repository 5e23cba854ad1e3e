"""The OTLP/HTTP receiver: a small HTTP server that hands spans on and answers once they are kept.

What keeps them is passed in; nothing here writes the journal. One thread per connection, of which there are only
so many; whatever a client does, it holds no more than its connection, for a limited time.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from handrail.errors import HandrailError, MissingExtra
from handrail.tracing.otlp import bodies
from handrail.tracing.otlp.bodies import Answer, BadBody, Head
from handrail.tracing.otlp.codec import CONTENT_TYPES, Encoding, decode
from handrail.tracing.otlp.span import NotOtlp, OtlpSpan, Refused

log = logging.getLogger(__name__)

TRACES, METRICS, LOGS = "/v1/traces", "/v1/metrics", "/v1/logs"
PORT = 4318
"""The port of OTLP/HTTP."""
_IDLE_S, _READ_S, _DRAIN_S = 30.0, 60.0, 10.0
_RETRY_S = "1"
_CHUNK_LINE, _HEAD = 1024, 1 << 16
_DISCARD = 1 << 20
_DECIMAL = re.compile(r"[0-9]{1,15}").fullmatch
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{1,8}").fullmatch

Take = Callable[[Sequence[OtlpSpan]], Sequence[Refused]]
"""Keeps spans and returns those that it refused. What it raises is answered with 503: the exporter tries again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a receiver puts up with."""

    body: int = 32 << 20
    """Bytes of a body, unpacked."""
    requests: int = 8
    """Requests that are read and kept at the same time; one more is told to come again."""
    connections: int = 256
    """Open connections; one more is told to come again."""


class Tally:
    """What a receiver has done so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        """Reason -> spans."""

    def add(self, accepted: int, refused: Sequence[Refused]) -> list[str]:
        """Count one request; returns the reasons that are new."""
        with self._lock:
            self.requests += 1
            self.accepted += accepted
            new = [reason for reason in dict.fromkeys(one.reason for one in refused) if reason not in self.refused]
            for one in refused:
                self.refused[one.reason] += one.count
            return new


class Receiver(ThreadingHTTPServer):
    """Receives OTLP/HTTP at ``address`` until ``stop``. Raises OSError where it cannot listen."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], take: Take, *, token: str | None = None, limits: Limits | None = None
    ) -> None:
        """``token`` is what a request must bear; None takes all that a local program sends."""
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self.limits, self.tally = limits or Limits(), Tally()
        self.take, self._token = take, token.encode() if token is not None else None
        self.slots = threading.BoundedSemaphore(self.limits.requests)
        self._open: dict[socket.socket, float | None] = {}
        """Connection -> since when it waits for the client (monotonic seconds); None while we are at work."""
        self._changed = threading.Condition()
        self.stopping = False
        self.told = set[str]()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name service what this machine is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def allows(self, authorization: str | None) -> bool:
        """Whether a request bears the token; compared in constant time."""
        if self._token is None:
            return True
        kind, _, shown = (authorization or "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), self._token)

    def meant_for(self, host: str | None) -> bool:
        """Whether ``Host`` names this machine itself: otherwise a web page may have sent the browser here."""
        if self._token is not None or host is None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == self.server_name or is_loopback(name)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, unless there are too many."""
        with self._changed:
            full = len(self._open) >= self.limits.connections
            if not full:
                self._open[request] = time.monotonic()
        if full:
            self._turn_away(request)
        else:
            super().process_request(request, client_address)

    def _turn_away(self, request: socket.socket) -> None:
        try:
            request.setblocking(False)
            request.send(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        except OSError:
            log.debug("A connection that was one too many is gone already", exc_info=True)
        self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        super().shutdown_request(request)
        with self._changed:
            self._open.pop(request, None)
            self._changed.notify_all()

    def waits(self, request: socket.socket, now: bool) -> None:
        """Say whether a connection waits for its client from now on, or the client for us."""
        with self._changed:
            if request in self._open:
                self._open[request] = time.monotonic() if now else None

    def service_actions(self) -> None:
        """Twice a second: hang up on clients that take too long over one request, however they trickle."""
        late = time.monotonic() - _READ_S
        with self._changed:
            for request in [request for request, since in self._open.items() if since is not None and since < late]:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is the client's affair."""
        log.debug("A connection broke", exc_info=True)

    def stop(self) -> None:
        """End in order: take no more, let what is under way be answered, then close every connection."""
        self.stopping = True
        self.shutdown()
        self.server_close()
        ends = time.monotonic() + _DRAIN_S
        with self._changed:
            for request in [request for request, since in self._open.items() if since is not None]:
                _hang_up(request)
            while self._open and (left := ends - time.monotonic()) > 0:
                self._changed.wait(left)
            for request in self._open:
                _hang_up(request)

    def received(self, body: bytes, encoding: Encoding) -> Answer:
        """Take the spans of a body, and what is answered. Only what ``take`` returned from is acknowledged."""
        try:
            found = decode(body, encoding)
        except NotOtlp as error:
            raise BadBody(400, str(error)) from None
        except MissingExtra as error:
            raise BadBody(415, str(error)) from None
        late = self._kept(found.spans)
        refused = [*found.refused, *late]
        accepted = len(found.spans) - sum(one.count for one in late)
        for reason in self.tally.add(accepted, refused):
            log.warning("A span was refused: %s. Further ones are counted.", reason)
        return bodies.accepted(encoding, sum(one.count for one in refused), summary(refused))

    def _kept(self, spans: Sequence[OtlpSpan]) -> Sequence[Refused]:
        try:
            return self.take(spans) if spans else ()
        except HandrailError as error:
            log.error("Spans could not be kept, and were not acknowledged: %s", error)
            raise BadBody(503, "The spans cannot be kept at present. Send them again later.") from None


def summary(refused: Sequence[Refused]) -> str:
    """Why spans were refused: each reason with its count, the most frequent first."""
    counts = Counter[str]()
    for one in refused:
        counts[one.reason] += one.count
    return "; ".join(f"{count} refused: {reason}" for reason, count in counts.most_common(10))


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _refusal(error: BadBody, encoding: Encoding) -> Answer:
    extra = {401: {"WWW_Authenticate": "Bearer"}, 503: {"Retry_After": _RETRY_S}}.get(error.status, {})
    return bodies.refused(error.status, error.sentence, encoding, **extra)


def _hang_up(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("A connection is gone already", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S

    @property
    def _receiver(self) -> Receiver:
        return cast("Receiver", self.server)

    def parse_request(self) -> bool:
        """Read what comes before the body, and no more than _HEAD bytes: nobody has shown a token yet."""
        connection: Any = self.rfile
        self.rfile = cast("Any", Head(connection, _HEAD))
        try:
            return super().parse_request()
        finally:
            self.rfile = connection

    def version_string(self) -> str:
        """Tells nobody which release runs."""
        return "handrail"

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("%s " + format, self.client_address[0], *args)

    def do_POST(self) -> None:
        """Take what was sent, and answer."""
        self._receiver.waits(self.connection, True)
        self._send(self._answer())
        self.close_connection = self.close_connection or self._receiver.stopping
        self._receiver.waits(self.connection, True)

    def do_GET(self) -> None:
        """Nothing is read here, and a body that came nevertheless is no next request."""
        self.close_connection = True
        self._send(bodies.refused(405, "Spans are sent here with POST.", "json", Allow="POST"))

    do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_GET

    def _answer(self) -> Answer:
        encoding = bodies.encoding_for_errors(self.headers.get("Content-Type"))
        try:
            self._check()  # before a place is taken: who bears no token keeps nobody out
        except BadBody as error:
            self._leave()
            return _refusal(error, encoding)
        if not self._receiver.slots.acquire(blocking=False):
            self._leave()
            return _refusal(BadBody(503, "Too many requests at once. Send again."), encoding)
        try:
            return self._received(encoding)
        except BadBody as error:
            return _refusal(error, encoding)
        finally:
            self._receiver.slots.release()

    def _check(self) -> None:
        """Raise BadBody for a request whose body is not even read: it must then end its connection."""
        if self.path.partition("?")[0] not in (TRACES, METRICS, LOGS):
            raise BadBody(404, f"Nothing is received here. Spans go to {TRACES}.")
        if not self._receiver.meant_for(self.headers.get("Host")):
            raise BadBody(403, "The Host header does not name this machine.")
        if not self._receiver.allows(self.headers.get("Authorization")):
            raise BadBody(401, "A bearer token is needed: set OTEL_EXPORTER_OTLP_HEADERS.")
        bodies.encoding_of(self.headers.get("Content-Type"))

    def _received(self, encoding: Encoding) -> Answer:
        try:
            body = self._body()
        except BadBody:
            self._leave()
            raise
        self._receiver.waits(self.connection, False)
        path = self.path.partition("?")[0]
        if path != TRACES:
            return self._not_kept(path, encoding)
        plain = bodies.unpacked(body, self.headers.get("Content-Encoding"), self._receiver.limits.body)
        return self._receiver.received(plain, encoding)

    def _not_kept(self, path: str, encoding: Encoding) -> Answer:
        """Metrics and logs are accepted, since exporters that are refused complain for ever; said once."""
        if path in self._receiver.told:
            return bodies.accepted(encoding)
        self._receiver.told.add(path)
        log.warning("What is sent to %s is accepted and not kept.", path)
        return bodies.accepted(encoding, message=f"Handrail keeps spans only: what is sent to {path} is not kept.")

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length") or []
        codings = self.headers.get_all("Transfer-Encoding") or []
        if codings:
            if [coding.strip().lower() for coding in codings] != ["chunked"] or lengths:
                raise BadBody(400, "Transfer-Encoding must be chunked, without a Content-Length.")
            return self._chunks()
        if len(lengths) != 1 or not _DECIMAL(lengths[0]):
            raise BadBody(411, "One Content-Length is needed.")
        if int(lengths[0]) > self._receiver.limits.body:
            raise bodies.too_large()
        return self._read(int(lengths[0]))

    def _read(self, size: int) -> bytes:
        try:
            found = self.rfile.read(size)
        except TimeoutError:
            found = b""
        if len(found) < size:
            raise BadBody(400, "The body ends before its length.")
        return found

    def _chunks(self) -> bytes:
        found = bytearray()
        while size := self._chunk_size():
            if len(found) + size > self._receiver.limits.body:
                raise bodies.too_large()
            found += self._read(size)
            if self._read(2) != b"\r\n":
                raise BadBody(400, "A chunk is not as long as it says.")
        while self.rfile.readline(_CHUNK_LINE) not in (b"\r\n", b"\n", b""):
            pass  # trailers say nothing that is needed
        return bytes(found)

    def _chunk_size(self) -> int:
        line = self.rfile.readline(_CHUNK_LINE)
        size = line.partition(b";")[0].strip()
        if not line.endswith(b"\n") or not _HEXADECIMAL(size):
            raise BadBody(400, "A chunk has no valid size.")
        return int(size, 16)

    def _leave(self) -> None:
        """Do not read the rest of this request, beyond what lets the client see the answer; then hang up."""
        self.close_connection = True
        self.connection.settimeout(1)
        length = self.headers.get("Content-Length") or ""
        left = min(_DISCARD, int(length)) if _DECIMAL(length) else _DISCARD
        try:
            while left > 0 and (part := self.rfile.read1(min(left, 1 << 16))):
                left -= len(part)
        except (OSError, ValueError):
            log.debug("A refused request was left", exc_info=True)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", CONTENT_TYPES[answer.encoding])
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection or self._receiver.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
