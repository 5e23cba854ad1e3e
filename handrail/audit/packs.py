"""Packs: one file that holds the segments of many short-lived writers, byte for byte. Finding them, not making them.

The first line is JSON: ``{"files":[{"l":bytes,"name":"<writer>-<number>.jl","o":offset},...],"v":1}``; offsets
count from the byte after that line. A packed segment keeps its name, its bytes and so its chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from handrail.audit import oscalls
from handrail.audit.format import FILE_NAME, PACK_NAME, PACK_SCHEMA, SCHEMA
from handrail.errors import FormatTooNew, JournalCorrupt, JournalError

MAX_HEADER = 16 << 20
"""Longest first line of a pack that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a segment or side segment lie."""

    path: Path
    """A file of its own, or a pack."""
    start: int = 0
    """Offset of the first byte in ``path``."""
    length: int | None = None
    """Bytes there; None for a file of its own, which may grow."""


class _Packed(msgspec.Struct):
    name: str
    o: int
    l: int  # noqa: E741 - the name in the format


class _Header(msgspec.Struct):
    v: int
    files: list[_Packed]


_decode = msgspec.json.Decoder(_Header).decode


def packs_in(folder: Path) -> list[Path]:
    """The packs of a journal folder, in the order of their names."""
    return [folder / name for name in oscalls.names_in(folder) if PACK_NAME.fullmatch(name)]


def places_in(pack: Path) -> Mapping[str, Place]:
    """What a pack holds, by file name. Raises JournalCorrupt, FormatTooNew, and JournalError if unreadable."""
    try:
        fd = oscalls.open_existing(pack)
    except OSError as error:
        raise JournalError(f"{pack}: {error.strerror}. Let this user read the journal.") from error
    try:
        return _places(pack, oscalls.identity(fd), fd)
    finally:
        oscalls.close(fd)


def find(folder: Path, name: str) -> Place | None:
    """Where a packed segment or side segment lies; None when no readable pack has it."""
    for pack in packs_in(folder):
        try:
            place = places_in(pack).get(name)
        except JournalError:
            continue  # reported by whoever lists the parts
        if place is not None:
            return place
    return None


def _places(pack: Path, identity: tuple[int, int, int], fd: int) -> Mapping[str, Place]:
    known = _known(pack, identity)
    if not known:
        known.update(dict(_read(pack, fd)))  # all of it or nothing: a damaged header raises half-way
    return known


@lru_cache(maxsize=1024)
def _known(pack: Path, identity: tuple[int, int, int]) -> dict[str, Place]:
    return {}  # filled once: a pack's header never changes


def _read(pack: Path, fd: int) -> Iterator[tuple[str, Place]]:
    line, newline, _ = oscalls.read_at(fd, min(oscalls.size_of(fd), MAX_HEADER), 0).partition(b"\n")
    size = oscalls.size_of(fd)
    try:
        header = _decode(line)
    except msgspec.DecodeError as error:
        raise JournalCorrupt(f"{pack}: offset 0: the header of the pack is damaged ({error}).") from error
    if header.v > PACK_SCHEMA:
        raise FormatTooNew(too_new(str(pack), header.v, PACK_SCHEMA))
    base = len(line) + 1
    for file in header.files:
        inside = file.o >= 0 and file.l >= 0 and base + file.o + file.l <= size
        if not newline or not inside or not FILE_NAME.fullmatch(file.name):
            raise JournalCorrupt(f"{pack}: offset 0: the header of the pack does not fit its content.")
        yield file.name, Place(pack, base + file.o, file.l)


def too_new(where: str, version: int, newest: int = SCHEMA) -> str:
    """The sentence for a record or pack of a newer format than the ``newest`` that is read."""
    return (
        f"{where}: written in journal format {version}, but this release reads formats up to {newest}. "
        "Upgrade handrail to read it."
    )
