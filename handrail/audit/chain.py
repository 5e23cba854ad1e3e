"""Checking lines of a segment against their chain, one after the other. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from handrail.audit import oscalls
from handrail.audit.format import HEX, SCHEMA, chained
from handrail.audit.packs import Place, too_new

MAX_LINE = 64 << 20
"""Longest line that is read, in bytes; a longer one is damage."""
_CHUNK = 1 << 20
_TAIL = 1 << 14
_LINE = 1 << 11

Code = Literal["torn", "hash", "json", "gap", "writer", "format", "missing", "unreadable", "payload"]
"""Kinds of damage: half a line at the end; a line that its digest does not fit; a line that is no record; a
record number left out; a record of another writer; a newer format; a segment that is not there; a file that
cannot be read; a payload that is not what its record says."""


class Fault(NamedTuple):
    """Why a line is refused."""

    code: Code
    """Kind of damage."""
    what: str
    """The same as a sentence."""


class _Envelope(msgspec.Struct):
    n: int
    v: int = 0
    w: str = ""


class _Version(msgspec.Struct):
    v: int


_envelope = msgspec.json.Decoder(_Envelope).decode
_version = msgspec.json.Decoder(_Version).decode
_UNDECODABLE = (msgspec.DecodeError, ValueError, RecursionError)


class Chain:
    """Where a writer's chain stands: the digest and number that the next record must follow.

    Without a previous digest the first record is taken as it stands.
    """

    def __init__(self, writer: str, previous: bytes | None = None, number: int | None = None) -> None:
        self._writer, self._previous, self._number = writer, previous, number
        self.complete = False
        """Whether the record taken last states version and writer itself."""

    @property
    def anchored(self) -> bool:
        """Whether it is known what the next record must follow."""
        return self._previous is not None

    @classmethod
    def after(cls, fd: int, writer: str, place: Place, end: int) -> Chain:
        """The chain as it stands behind the line that ends at ``end``; not anchored if that line is damaged."""
        chain = cls(writer)
        for line in _last_lines(fd, place, end):
            if chain.refuses(line) is not None:
                return cls(writer)
        return chain

    def refuses(self, line: bytes) -> Fault | None:
        """Take the next line (without its newline) into the chain, or say why it does not belong there."""
        body = line[HEX + 1 :]
        digest = chained(self._previous, body) if self._previous is not None else stated_digest(line)
        if digest is None or digest.hex().encode() + b" " != line[: HEX + 1]:
            return _newer(body) or Fault("hash", "the line does not fit its digest and the record before it.")
        try:
            envelope = _envelope(body)
        except _UNDECODABLE:
            return _newer(body) or Fault("json", "the line is no record.")
        fault = self._misplaced(envelope)
        if fault is None:
            self._previous, self._number = digest, envelope.n + 1
            self.complete = envelope.v > 0 and envelope.w != ""
        return fault

    def _misplaced(self, envelope: _Envelope) -> Fault | None:
        if envelope.v > SCHEMA:
            return Fault("format", too_new("FormatTooNew", envelope.v))
        if envelope.w not in ("", self._writer):
            return Fault("writer", f"a record of writer {envelope.w!r} in a segment of another.")
        if self._number is not None and envelope.n != self._number:
            return Fault("gap", f"record {self._number} is missing: record {envelope.n} follows.")
        return None

    def torn(self, line: bytes) -> Fault:
        """The fault of a last line without end."""
        if len(line) >= MAX_LINE:
            return Fault("json", f"a line of more than {MAX_LINE} bytes.")
        return Fault("torn", f"torn tail: {len(line)} bytes of a record that was never finished, nor acknowledged.")


def stated_digest(line: bytes) -> bytes | None:
    """The digest that a line begins with; None when it begins with none."""
    try:
        return bytes.fromhex(line[:HEX].decode("ascii"))
    except ValueError:
        return None


def _newer(body: bytes) -> Fault | None:
    try:
        version = _version(body).v
    except _UNDECODABLE:
        return None
    return Fault("format", too_new("FormatTooNew", version)) if version > SCHEMA else None


def lines(fd: int, place: Place, start: int) -> Iterator[tuple[int, bytes, bool]]:
    """Lines from offset ``start`` of a place on: their offset, their bytes without newline, whether they end.

    A line that does not end is the last. Raises OSError.
    """
    position, rest = start, b""
    while len(rest) < MAX_LINE:
        chunk = _bytes(fd, place, position, position + _CHUNK)
        if not chunk:
            break
        offset = position - len(rest)
        position += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield offset, line, True
            offset += len(line) + 1
    if rest:
        yield position - len(rest), rest, False


def line_at(fd: int, place: Place, offset: int) -> bytes:
    """The line that begins at ``offset`` of a place, without its newline. Raises OSError."""
    length = _LINE
    while True:
        found = _bytes(fd, place, offset, offset + length)
        end = found.find(b"\n")
        if end >= 0 or len(found) < length or length > MAX_LINE:
            return found[:end] if end >= 0 else found
        length *= 8


def _bytes(fd: int, place: Place, start: int, end: int) -> bytes:
    if place.length is not None:
        end = min(end, place.length)
    return oscalls.read_at(fd, max(end - start, 0), place.start + start)


def _last_lines(fd: int, place: Place, end: int) -> list[bytes]:
    """The last one or two whole lines before ``end``; none where no line ends there."""
    length = _TAIL
    while True:
        start = max(end - length, 0)
        found = _bytes(fd, place, start, end).split(b"\n")
        if found.pop():
            return []
        if len(found) > 2 or start == 0:
            return found[-2:]
        length *= 4
