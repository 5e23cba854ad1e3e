"""Parts of OTLP/HTTP requests: heads and bodies read within a limit, answers in the request's own encoding."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from http.client import LineTooLong
from typing import Any, BinaryIO

import msgspec

from handrail.tracing.otlp.codec import CONTENT_TYPES, Encoding
from handrail.tracing.otlp.protobuf import delimited, varint

_BY_TYPE: dict[str, Encoding] = {media: encoding for encoding, media in CONTENT_TYPES.items()}
_GZIP, _ZLIB = 31, 15
"""``wbits`` of zlib for the two; exporters say ``deflate`` for the second."""
_UNPACKED = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_MEMBERS = 64
"""Files in one another's wake in one body: each costs a copy of what comes after it."""
# google.rpc.Code, by HTTP status
_CODES = {400: 3, 401: 16, 403: 7, 404: 12, 405: 12, 408: 4, 411: 3, 413: 3, 415: 3, 503: 14}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the exporter."""

    status: int
    body: bytes
    encoding: Encoding
    headers: dict[str, str] = field(default_factory=dict[str, str])


class BadBody(Exception):
    """A request that is not read any further: HTTP status, and a sentence that says what to do."""

    def __init__(self, status: int, sentence: str) -> None:
        """``sentence`` goes to whoever sent the request."""
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Head:
    """Lines of a request before its body, at most ``room`` bytes in all."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        """``file`` is at the first of them."""
        self._file, self._room = file, room

    def readline(self, size: int = -1) -> bytes:
        """The next line. Raises LineTooLong, as http.client does, where there is no more room."""
        line = self._file.readline(self._room + 1 if size < 0 else min(size, self._room + 1))
        self._room -= len(line)
        if self._room < 0:
            raise LineTooLong("headers")
        return line


def encoding_of(content_type: str | None) -> Encoding:
    """The encoding that a Content-Type names. Raises BadBody for any other."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if media not in _BY_TYPE:
        raise BadBody(415, f"Content-Type must be one of: {', '.join(_BY_TYPE)}.")
    return _BY_TYPE[media]


def encoding_for_errors(content_type: str | None) -> Encoding:
    """The encoding in which a refusal is told: the request's own, and JSON where it has none."""
    try:
        return encoding_of(content_type)
    except BadBody:
        return "json"


def unpacked(body: bytes, content_encoding: str | None, most: int) -> bytes:
    """``body`` without its compression. Raises BadBody when it is broken, unknown, or over ``most`` bytes."""
    name = (content_encoding or "identity").strip().lower()
    if name == "identity":
        return body
    if name not in _UNPACKED:
        raise BadBody(415, f"Content-Encoding must be one of: identity, {', '.join(_UNPACKED)}.")
    try:
        return _inflated(body, _UNPACKED[name], most)
    except zlib.error:
        raise BadBody(400, f"The body is not what its Content-Encoding says: {name}.") from None


def _inflated(body: bytes, wbits: int, most: int) -> bytes:
    found, rest = list[bytes](), body
    while rest:  # a gzip file may be several, one after the other
        if len(found) == _MEMBERS:
            raise zlib.error("too many files")
        stream = zlib.decompressobj(wbits)
        found.append(stream.decompress(rest, most + 1))
        most -= len(found[-1])
        if most < 0:
            raise too_large()
        if not stream.eof:
            raise zlib.error("cut off")
        rest = stream.unused_data
    return b"".join(found)


def too_large() -> BadBody:
    """The refusal of a body over the limit."""
    return BadBody(413, "The body is too large. Send fewer spans at once, or raise --max-body.")


def accepted(encoding: Encoding, rejected: int = 0, message: str = "") -> Answer:
    """All went well, or partly: ``rejected`` spans were not taken, and ``message`` says why.

    ExportTraceServiceResponse of opentelemetry/proto/collector/trace/v1, whose twins for logs and metrics are alike.
    """
    if encoding == "json":
        partial: dict[str, Any] = {"errorMessage": message} if message else {}
        if rejected:
            partial["rejectedSpans"] = str(rejected)
        return Answer(200, msgspec.json.encode({"partialSuccess": partial} if partial else {}), encoding)
    inner = (b"\x08" + varint(rejected) if rejected else b"") + (delimited(2, message.encode()) if message else b"")
    return Answer(200, delimited(1, inner) if inner else b"", encoding)


def refused(status: int, sentence: str, encoding: Encoding, **headers: str) -> Answer:
    """A refusal as OTLP/HTTP wants it: a google.rpc.Status with the sentence."""
    code = _CODES.get(status, 2)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if encoding == "json":
        return Answer(status, msgspec.json.encode({"code": code, "message": sentence}), encoding, named)
    return Answer(status, b"\x08" + varint(code) + delimited(2, sentence.encode()), encoding, named)
