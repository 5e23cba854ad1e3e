"""The receiver, over real connections to a loopback port."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from handrail.errors import JournalFull
from handrail.tracing.otlp import limits
from handrail.tracing.otlp.codec import CONTENT_TYPES, encode
from handrail.tracing.otlp.receiver import TRACES, Limits, Receiver
from handrail.tracing.otlp.span import OtlpSpan, Refused

GOOD = OtlpSpan("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", name="good", start_ns=1, end_ns=2)
JSON, PROTOBUF = CONTENT_TYPES["json"], CONTENT_TYPES["protobuf"]


class Kept:
    """Keeps spans in a list, or fails as the journal does."""

    def __init__(self) -> None:
        self.spans: list[OtlpSpan] = []
        self.full = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.entered = threading.Semaphore(0)

    def take(self, spans: Sequence[OtlpSpan]) -> Sequence[Refused]:
        """Keep all but those that are called ``bad``."""
        self.entered.release()
        self.go_on.wait(20)
        if self.full:
            raise JournalFull("No space is left.")
        self.spans += [span for span in spans if span.name != "bad"]
        return [Refused("it is bad") for span in spans if span.name == "bad"]


@contextmanager
def receiving(kept: Kept, **settings: Any) -> Iterator[Receiver]:
    """A receiver at a free loopback port."""
    receiver = Receiver(("127.0.0.1", 0), kept.take, **settings)
    thread = threading.Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        kept.go_on.set()
        receiver.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(name="kept")
def _kept() -> Kept:
    return Kept()


@pytest.fixture(name="receiver")
def _receiver(kept: Kept) -> Generator[Receiver, None, None]:
    with receiving(kept) as receiver:
        yield receiver


def post(
    receiver: Receiver, body: bytes | Iterator[bytes], media: str | None = JSON, path: str = TRACES, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Send one request; status, body and headers of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server_port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", path, body, {**({"Content-Type": media} if media else {}), **named})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def raw(receiver: Receiver, sent: bytes) -> bytes:
    """What comes back for bytes that no client library would send; the connection must end by itself."""
    with socket.create_connection(("127.0.0.1", receiver.server_port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_the_sdks_own_exporter_is_received(receiver: Receiver, kept: Kept, compression: str) -> None:
    """Spans of the OpenTelemetry SDK arrive through its OTLP/HTTP exporter with all that they have."""
    from opentelemetry.exporter.otlp.proto.http import Compression

    exporter = OTLPSpanExporter(f"{receiver.url}{TRACES}", compression=Compression(compression))
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("lib", "1.2").start_as_current_span("work", attributes={"n": 1, "l": ["a", "b"]}) as span:
        span.add_event("happened", {"x": True})
    provider.shutdown()
    (found,) = kept.spans
    assert (found.name, found.scope, found.scope_version, found.kind) == ("work", "lib", "1.2", "INTERNAL")
    assert found.attributes == {"n": 1, "l": ["a", "b"]}
    assert found.resource["service.name"] == "shop"
    assert [(event.name, dict(event.attributes)) for event in found.events] == [("happened", {"x": True})]
    assert int(found.span_id, 16) == span.get_span_context().span_id


def test_all_is_well_is_an_empty_answer_in_the_requests_encoding(receiver: Receiver, kept: Kept) -> None:
    """A full success says nothing of a partial one, in JSON and in protobuf."""
    status, body, headers = post(receiver, encode([GOOD], "json"), f"{JSON}; charset=utf-8")
    assert (status, body, headers["Content-Type"]) == (200, b"{}", JSON)
    status, body, headers = post(receiver, encode([GOOD], "protobuf"), PROTOBUF)
    assert (status, body, headers["Content-Type"]) == (200, b"", PROTOBUF)
    assert kept.spans == [GOOD, GOOD]


def test_refused_spans_are_counted_in_a_partial_success(receiver: Receiver, kept: Kept) -> None:
    """What decoding and keeping refused is counted together, with reasons; the good spans are kept."""
    spans = [GOOD, OtlpSpan(GOOD.trace_id, GOOD.span_id, name="bad", start_ns=1), OtlpSpan("0" * 32, "1" * 16)]
    partial = ExportTraceServiceResponse.FromString(post(receiver, encode(spans, "protobuf"), PROTOBUF)[1])
    assert partial.partial_success.rejected_spans == 2
    assert limits.NO_TRACE_ID in partial.partial_success.error_message
    told = json.loads(post(receiver, encode(spans, "json"))[1])["partialSuccess"]
    assert told == {"rejectedSpans": "2", "errorMessage": partial.partial_success.error_message}
    assert kept.spans == [GOOD, GOOD]
    assert (receiver.tally.accepted, receiver.tally.refused["it is bad"]) == (2, 2)


def test_a_chunked_body_is_read(receiver: Receiver, kept: Kept) -> None:
    """Exporters that compress while they send do not know the length."""
    packed = gzip.compress(encode([GOOD], "json"))
    chunks = (packed[at : at + 7] for at in range(0, len(packed), 7))
    assert post(receiver, chunks, Content_Encoding="gzip")[0] == 200
    assert kept.spans == [GOOD]


def test_what_could_not_be_kept_is_not_acknowledged(receiver: Receiver, kept: Kept) -> None:
    """A full disk is a 503 that asks to be sent again, and nothing about the disk is told."""
    kept.full = True
    status, body, headers = post(receiver, encode([GOOD], "protobuf"), PROTOBUF)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert b"space" not in body
    kept.full = False
    assert post(receiver, encode([GOOD], "protobuf"), PROTOBUF)[0] == 200


@pytest.mark.parametrize(
    ("body", "media", "headers", "status"),
    [
        (b"<html>", JSON, {}, 400),
        (b"<html>", PROTOBUF, {}, 400),
        (encode([GOOD], "json"), None, {}, 415),
        (encode([GOOD], "json"), "text/plain", {}, 415),
        (encode([GOOD], "json"), JSON, {"Content_Encoding": "br"}, 415),
        (encode([GOOD], "json"), JSON, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(encode([GOOD], "json"))[:-9], JSON, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"") * 100 + gzip.compress(encode([GOOD], "json")), JSON, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b" " * (33 << 20)), JSON, {"Content_Encoding": "gzip"}, 413),
        (zlib.compress(b" " * (33 << 20)), PROTOBUF, {"Content_Encoding": "deflate"}, 413),
        (encode([GOOD], "json"), JSON, {"Host": "evil.example"}, 403),
        (encode([GOOD], "json"), JSON, {"Host": "evil.example:4318"}, 403),
        (encode([GOOD], "json"), JSON, {"Host": "[::1"}, 403),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(
    receiver: Receiver, kept: Kept, body: bytes, media: str | None, headers: dict[str, str], status: int
) -> None:
    """Each refusal has the status that exporters understand and a sentence; the next request is taken."""
    found, answer, _ = post(receiver, body, media, **headers)
    assert found == status
    assert answer.rstrip(b'"}').endswith(b".")
    assert kept.spans == []
    assert post(receiver, encode([GOOD], "json"), Host="localhost:1")[0] == 200


def test_other_paths_and_methods_are_refused(receiver: Receiver) -> None:
    """Nothing can be read from a receiver."""
    assert post(receiver, b"{}", path="/v2/traces")[0] == 404
    for method in (b"GET", b"DELETE", b"OPTIONS"):
        assert b" 405 " in raw(receiver, method + b" /v1/traces HTTP/1.1\r\nHost: localhost\r\n\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize(
    "outer",
    [
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n",
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /v2/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
        b"GET /v1/traces HTTP/1.1\r\nHost: localhost\r\n",
        b"PUT /v1/traces HTTP/1.1\r\nHost: localhost\r\n",
    ],
)
def test_the_body_of_a_refused_request_is_no_request(receiver: Receiver, kept: Kept, outer: bytes) -> None:
    """A web page may have a browser send text here: what is refused by its head is never read as the next request."""
    body = encode([GOOD], "json")
    inner = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    inner += b"Content-Length: %d\r\n\r\n" % len(body) + body
    answer = raw(receiver, outer + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert kept.spans == []


def test_who_bears_no_token_takes_no_place(kept: Kept) -> None:
    """Requests without the token whose bodies never come do not keep others from being served."""
    with receiving(kept, token="secret-token", limits=Limits(requests=1)) as receiver:
        address = "127.0.0.1", receiver.server_port
        with socket.create_connection(address) as slow, socket.create_connection(address) as told:
            for connection in (slow, told):
                connection.sendall(b"POST /v1/traces HTTP/1.1\r\nContent-Length: 99\r\n\r\n")
            for _ in range(5):
                assert post(receiver, encode([GOOD], "json"), Authorization="bearer secret-token")[0] == 200


def test_metrics_and_logs_are_taken_and_it_is_said_once_that_they_are_not_kept(receiver: Receiver, kept: Kept) -> None:
    """Exporters of other signals are not made to complain for ever."""
    for path in ("/v1/metrics", "/v1/logs"):
        assert b"not kept" in post(receiver, b'{"resourceMetrics":[]}', path=path)[1]
        assert post(receiver, b"\x0a\x00", PROTOBUF, path=path)[:2] == (200, b"")
    assert kept.spans == []


@pytest.mark.parametrize("shown", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret-token"}])
def test_without_the_token_nothing_is_taken(kept: Kept, shown: dict[str, str]) -> None:
    """A wrong token, none, and one of another kind are 401; the right one is let in."""
    with receiving(kept, token="secret-token") as receiver:
        status, _, headers = post(receiver, encode([GOOD], "json"), **shown)
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert kept.spans == []
        assert post(receiver, encode([GOOD], "json"), Authorization="bearer secret-token")[0] == 200


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"Content-Length: 99999999999\r\n\r\n", b" 413 "),
        (b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", b" 411 "),
        (b"Content-Length: -1\r\n\r\n", b" 411 "),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b" 411 "),
        (b"\r\n", b" 411 "),
        (b"Content-Length: 9\r\n\r\n{}", b" 400 "),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", b" 400 "),
        (b"Transfer-Encoding: gzip\r\n\r\n{}", b" 400 "),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b" 400 "),
        (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", b" 400 "),
        (b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}", b" 413 "),
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", b" 400 "),
        (b"X: y\r\n" * 200 + b"\r\n", b" 431 "),
        ((b"X: " + b"y" * 8000 + b"\r\n") * 9 + b"\r\n", b" 431 "),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", b" 200 "),
    ],
)
def test_requests_that_lie_about_their_length_are_refused(receiver: Receiver, head: bytes, answer: bytes) -> None:
    """Lengths that are too large, twice there, or not numbers get an answer, and the receiver goes on."""
    sent = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + head
    assert answer in raw(receiver, sent).split(b"\r\n")[0]
    assert post(receiver, encode([GOOD], "json"))[0] == 200


def test_one_request_too_many_is_told_to_come_again(kept: Kept) -> None:
    """While all slots are busy, a further request is 503 with Retry-After; those under way are answered."""
    kept.go_on.clear()
    with receiving(kept, limits=Limits(requests=1)) as receiver:
        first: list[int] = []
        thread = threading.Thread(target=lambda: first.append(post(receiver, encode([GOOD], "json"))[0]))
        thread.start()
        assert kept.entered.acquire(timeout=20)
        status, _, headers = post(receiver, encode([GOOD], "json"))
        assert (status, headers["Retry-After"]) == (503, "1")
        kept.go_on.set()
        thread.join(20)
        assert first == [200]


def test_one_connection_too_many_is_told_to_come_again(kept: Kept) -> None:
    """Clients that only connect take no more than their share."""
    with receiving(kept, limits=Limits(connections=2)) as receiver:
        address = "127.0.0.1", receiver.server_port
        with socket.create_connection(address), socket.create_connection(address):
            assert b"Retry-After" in raw(receiver, b"")
        assert kept.spans == []


def test_stopping_lets_what_is_under_way_be_answered(kept: Kept) -> None:
    """A request that was being kept when the receiver ended is answered 200, and an idle connection is closed."""
    kept.go_on.clear()
    receiver = Receiver(("127.0.0.1", 0), kept.take)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    idle = socket.create_connection(("127.0.0.1", receiver.server_port), timeout=20)
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(post(receiver, encode([GOOD], "json"))[0]))
    thread.start()
    assert kept.entered.acquire(timeout=20)
    stopping = threading.Thread(target=receiver.stop)
    stopping.start()
    assert idle.recv(1) == b""
    kept.go_on.set()
    for waited in (thread, stopping):
        waited.join(20)
        assert not waited.is_alive()
    idle.close()
    assert first == [200]
    assert kept.spans == [GOOD]
