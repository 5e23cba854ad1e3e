"""Files of spans, in whatever form tools write them: OTLP in protobuf or JSON, or one span a line; gzipped or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from handrail.errors import HandrailError
from handrail.tracing.otlp import dump, json_in, limits, protobuf
from handrail.tracing.otlp.span import Decoded, NotOtlp, OtlpSpan, Refused

Form = Literal["auto", "jsonl", "otlp-json", "otlp-proto"]
FORMS: tuple[Form, ...] = get_args(Form)
BATCH = 1_000
"""Spans that are handed on at once."""
MAX_BODY = 512 << 20
"""Bytes of a file that is read as one OTLP request."""
MAX_LINE = 256 << 20
"""Bytes of one line: a line may be a whole OTLP request."""
_GZIP = b"\x1f\x8b"
_HEAD = 1 << 16


class Unreadable(HandrailError):
    """A file of spans cannot be read, or is of no form that is known."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some spans of a file."""

    decoded: Decoded
    bytes: int
    """How far the file has been read."""


def pieces(path: Path, form: Form) -> Iterator[Piece]:
    """The spans of a file, some at a time; a bad one is refused by itself. Raises Unreadable for a bad file."""
    try:
        with path.open("rb") as raw:
            stream = _plain(raw)
            form = _form(stream) if form == "auto" else form
            if form == "otlp-proto":
                yield from _whole(path, stream, raw, protobuf.decode)
            elif form == "otlp-json" and not _by_lines(stream):
                yield from _whole(path, stream, raw, json_in.decode)
            else:
                yield from _lines(path, stream, raw)
    except (OSError, EOFError, zlib.error) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unreadable(f"{path}: cannot be read: {told}.") from error


def _plain(raw: BinaryIO) -> io.BufferedReader:
    is_gzip = raw.read(2) == _GZIP
    raw.seek(0)
    return io.BufferedReader(gzip.GzipFile(fileobj=raw) if is_gzip else raw, _HEAD)  # type: ignore[arg-type]


def _form(stream: io.BufferedReader) -> Form:
    """By the first bytes: a brace begins JSON, anything else is protobuf."""
    head = stream.peek(_HEAD)[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head and head[:1] != b"{":
        return "otlp-proto"
    return "otlp-json" if _is_request(head[:200]) else "jsonl"


def _is_request(text: bytes) -> bool:
    return b'"resourceSpans"' in text or b'"resource_spans"' in text


def _by_lines(stream: io.BufferedReader) -> bool:
    """Whether each line is a request of its own, as the collector's file exporter writes them."""
    first = stream.peek(_HEAD)[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0].strip()
    return len(first) > 2 or first.endswith(b"}")


def _whole(path: Path, stream: BinaryIO, raw: BinaryIO, decode: Callable[[bytes], Decoded]) -> Iterator[Piece]:
    body = stream.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise Unreadable(f"{path}: more than {MAX_BODY >> 20} MiB in one request: write one request a line.")
    try:
        yield Piece(decode(body), raw.tell())
    except NotOtlp as error:
        raise Unreadable(f"{path}: {error} Name its form with --format.") from error


def _lines(path: Path, stream: BinaryIO, raw: BinaryIO) -> Iterator[Piece]:
    spans: list[OtlpSpan] = []
    refused: list[Refused] = []
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise Unreadable(f"{path}: a line of more than {MAX_LINE >> 20} MiB.")
        if not line.isspace():
            _take_line(line, spans, refused)
        if len(spans) + len(refused) >= BATCH:
            yield Piece(Decoded(spans, refused), raw.tell())
            spans, refused = [], []
    yield Piece(Decoded(spans, refused), raw.tell())


def _take_line(line: bytes, spans: list[OtlpSpan], refused: list[Refused]) -> None:
    try:
        if _is_request(line[:200]):
            found = json_in.decode(line)
            spans += found.spans
            refused += found.refused
        else:
            spans.append(dump.from_line(line))
    except NotOtlp:
        refused.append(Refused("the line is neither a span nor an OTLP request in JSON"))
    except limits.Unfit as problem:
        refused.append(Refused(str(problem)))
