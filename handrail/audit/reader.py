"""Reading the journal: its parts, their records, their payloads. Needs no right to write; never changes a byte.

Damage is reported, never raised, by whatever reads records: the good prefix of a part is used and the rest
named as a ``Problem``. Folding into the index and checking everything lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from handrail.audit import oscalls, packs
from handrail.audit.chain import MAX_LINE, Chain, Code, Fault, line_at, lines
from handrail.audit.format import (
    GENESIS,
    HEX,
    JOURNAL,
    PART_NAME,
    SALT_HEX,
    commitment,
    encode,
    erased_line,
    opened_line,
    part_name,
    payload_line,
)
from handrail.audit.longhand import Longhand, Unreadable
from handrail.audit.packs import Place
from handrail.errors import FormatTooNew, JournalCorrupt, JournalError

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Problem:
    """Damage in one place of the journal."""

    file: str
    """File name, such as ``<writer>-<number>.jl``; for a packed one ``<pack>:<file name>``."""
    offset: int
    """Bytes from the start of that segment or side segment."""
    what: str
    """What is wrong and what to do, as a sentence."""
    code: Code
    """Kind of damage."""

    @property
    def harmless(self) -> bool:
        """Whether nothing that was ever acknowledged is lost: a process died while it wrote a record."""
        return self.code == "torn"


class Record(NamedTuple):
    """One record that fits its chain."""

    offset: int
    """Bytes from the start of its part to its line."""
    digest: str
    """64 hex digits, as on disk."""
    written: bytes
    """Canonical JSON as on disk: what the digest is of. Short where the record is like an earlier one."""
    long: Mapping[str, Any] | None = None
    """What it says in full, where ``written`` does not."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """All that it says, envelope included. Not to be changed: records that are alike share values."""
        return self.long if self.long is not None else _decode(self.written)

    @property
    def body(self) -> bytes:
        """Canonical JSON of all that it says."""
        return encode(self.long) if self.long is not None else self.written

    @property
    def end(self) -> int:
        """Offset of the line after it."""
        return self.offset + HEX + 1 + len(self.written) + 1


@dataclass(frozen=True, slots=True)
class Part:
    """One segment, in a file of its own or in a pack."""

    name: str
    """``<writer>-<number>``: stays the same when the segment is packed, and so do all offsets."""
    writer: str
    """Id of its writer, 16 hex digits."""
    number: int
    """Place among the segments of its writer, from 0."""
    folder: Path
    """The journal folder it lies in."""
    place: Place
    """Where its bytes lie."""
    previous: Part | None = field(default=None, repr=False, compare=False)
    """The writer's segment before it; None for the first, and where that is missing."""

    @property
    def file(self) -> str:
        """What to call it in a message."""
        own = f"{self.name}.jl"
        return own if self.place.length is None else f"{self.place.path.name}:{own}"


def parts(folder: Path) -> list[Part]:
    """All segments under a data folder, packed ones included, each once, by writer and number.

    A pack that cannot be read is passed over here and named by ``damaged_packs``. Raises JournalError where
    the folder cannot be listed.
    """
    found: list[Part] = []
    for name, place in sorted(_places(folder / JOURNAL).items(), key=_by_number):
        writer, number = name.split("-")
        before = found[-1] if found and (found[-1].writer, found[-1].number + 1) == (writer, int(number)) else None
        found.append(Part(name, writer, int(number), folder / JOURNAL, place, before))
    return found


def _by_number(item: tuple[str, Place]) -> tuple[str, int]:
    writer, number = item[0].split("-")
    return writer, int(number)


def _places(folder: Path) -> dict[str, Place]:
    names = _names(folder)
    found = {name[:-3]: Place(folder / name) for name in names if name.endswith(".jl") and _is_part(name[:-3])}
    for pack in packs.packs_in(folder):
        if pack.name not in names:  # packed while we listed: what it holds may have been left out
            return _places(folder)
        try:
            inside = packs.places_in(pack)
        except JournalError:
            continue
        # a crash between packing and removing leaves both, with the same bytes: the pack counts
        found |= {name[:-3]: place for name, place in inside.items() if name.endswith(".jl")}
    return found


def _names(folder: Path) -> set[str]:
    try:
        return set(oscalls.names_in(folder))
    except OSError as error:
        raise JournalError(f"{folder}: {error.strerror}. Let this user read the journal.") from error


def _is_part(name: str) -> bool:
    """Whether this is the name of a segment without its ending, and nothing else."""
    return PART_NAME.fullmatch(name) is not None


def damaged_packs(folder: Path) -> list[Problem]:
    """Packs under a data folder that cannot be read, or only by a newer release."""
    found: list[Problem] = []
    for pack in packs.packs_in(folder / JOURNAL):
        try:
            packs.places_in(pack)
        except JournalError as error:
            code: Code = "format" if isinstance(error, FormatTooNew) else "unreadable"
            found.append(Problem(pack.name, 0, str(error), code))
    return found


class Records:
    """The good records of a part from ``offset`` (bytes) on. Iterate, then look at ``problems`` and ``end``.

    ``end`` is the offset after the last good record: continue there. Where the segment before is missing, that
    is a problem, and the first record is taken as it stands. Half a last line of a living writer is none.
    """

    def __init__(self, part: Part, offset: int = 0) -> None:
        self.part, self.end = part, offset
        self.problems: list[Problem] = []

    def __iter__(self) -> Iterator[Record]:
        try:
            fd, self.part = open_part(self.part)
        except OSError as error:
            self._report("unreadable", f"cannot be read ({error.strerror}).")
            return
        try:
            chain = self._chain(fd)
            if chain is not None:
                yield from self._read(fd, chain)
        except OSError as error:
            self._report("unreadable", f"cannot be read further ({error.strerror}).")
        finally:
            oscalls.close(fd)

    def _report(self, code: Code, what: str) -> None:
        self.problems.append(Problem(self.part.file, self.end, what, code))

    def _chain(self, fd: int) -> Chain | None:
        part = self.part
        if self.end > 0:
            chain = Chain.after(fd, part.writer, part.place, self.end)
            if not chain.anchored:
                self._report("hash", "the record before this offset was changed since it was read.")
                return None
            return chain
        if part.number == 0:
            return Chain(part.writer, GENESIS, 0)
        if part.previous is None:
            self._report("missing", f"segment {part.number - 1} of writer {part.writer} is missing before this one.")
            return Chain(part.writer)
        return _chain_over(part.previous)

    def _read(self, fd: int, chain: Chain) -> Iterator[Record]:
        looked_again = -1
        while True:
            fault = yield from self._good(fd, chain)
            if fault is None or (fault.code == "torn" and writer_alive(self.part)):
                return
            if looked_again == self.end:
                self._report(fault.code, fault.what)
                return
            looked_again = self.end  # it may have been written, or taken back, while we read

    def _good(self, fd: int, chain: Chain) -> Generator[Record, None, Fault | None]:
        part = self.part
        longhand = Longhand(lambda offset: line_at(fd, part.place, offset), part.writer, part.name)
        for offset, line, whole in lines(fd, part.place, self.end):
            fault = chain.refuses(line) if whole else chain.torn(line)
            if fault is not None:
                return fault
            body = line[HEX + 1 :]
            try:
                record = Record(
                    offset, line[:HEX].decode(), body, None if chain.complete else longhand.full(offset, body)
                )
            except Unreadable as error:  # it fits the chain, so it will never read otherwise
                self._report("json", str(error))
                return None
            self.end = record.end
            yield record
        return None


def records(part: Part, offset: int = 0) -> Records:
    """The good records of a part from ``offset`` (bytes, where a record begins) on, and what is wrong after them."""
    return Records(part, offset)


def open_part(part: Part) -> tuple[int, Part]:
    """Open the file that holds a part; it may have been packed since it was listed. Raises OSError."""
    try:
        return oscalls.open_existing(part.place.path), part
    except FileNotFoundError:
        place = packs.find(part.folder, f"{part.name}.jl")
        if place is None:
            raise
        return oscalls.open_existing(place.path), replace(part, place=place)


def size(part: Part) -> int:
    """Bytes in a part now; 0 when it cannot be opened."""
    try:
        fd, part = open_part(part)
    except OSError:
        return 0
    try:
        return oscalls.size_of(fd) if part.place.length is None else part.place.length
    finally:
        oscalls.close(fd)


def _chain_over(previous: Part) -> Chain:
    try:
        fd, previous = open_part(previous)
    except OSError:
        return Chain(previous.writer)
    try:
        length = previous.place.length
        return Chain.after(fd, previous.writer, previous.place, oscalls.size_of(fd) if length is None else length)
    finally:
        oscalls.close(fd)


def writer_alive(part: Part) -> bool:
    """Whether the process that writes this part's chain still lives. True where the platform cannot tell."""
    prefix = f"{part.writer}-"
    own = [name[:-3] for name in _names(part.folder) if name.startswith(prefix) and name.endswith(".jl")]
    numbers = [int(name.split("-")[1]) for name in own if _is_part(name)]
    return bool(numbers) and not _is_free(part.folder / f"{part_name(part.writer, max(numbers))}.jl")


def _is_free(path: Path) -> bool:
    """Whether nobody holds the lock of a segment."""
    if not oscalls.can_lock:
        return False
    try:
        fd = oscalls.open_existing(path)
    except FileNotFoundError:
        return True  # packed, so its writer was dead
    except OSError:
        return False
    try:
        return oscalls.try_lock(fd, shared=True)
    finally:
        oscalls.close(fd)


def payload(folder: Path, ref: Mapping[str, object]) -> bytes | None:
    """Canonical JSON of a payload; None when it was erased, or never kept.

    ``folder`` is the data folder, ``ref`` the reference from a record. Raises JournalCorrupt where the payload
    is missing, or is not what the record committed to.
    """
    with Payloads(folder) as payloads:
        return payloads.get(ref)


class Payloads:
    """Reads many payloads; the file of the latest stays open until the block ends."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the data folder."""
        self._folder = folder / JOURNAL
        self._name: str = ""
        self._fd: int = -1
        self._place = Place(folder)

    def __enter__(self) -> Payloads:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._fd >= 0:
            oscalls.close(self._fd)
        self._name, self._fd = "", -1

    def get(self, ref: Mapping[str, object]) -> bytes | None:
        """As :func:`payload`."""
        if "f" not in ref:
            return None
        where = _where(ref)
        line = self._line(where)
        if line == erased_line(where.l):
            return None
        found = opened_line(line)
        # rebuilt and compared whole, so that not one byte of the line can differ unnoticed
        if found is None or len(line) != where.l or payload_line(*found) != line or commitment(*found) != where.c:
            raise JournalCorrupt(f"{where}: the payload is not the one that its record committed to.")
        return where.part_of(found[1])

    def _line(self, where: _Where) -> bytes:
        try:
            if where.f != self._name:
                self.__exit__()
                self._fd, self._place = _open_side(self._folder, f"{where.f}.pl")
                self._name = where.f
            length, start = self._place.length, self._place.start
            room = where.l if length is None else min(where.l, length - where.o)
            return oscalls.read_at(self._fd, max(room, 0), start + where.o)
        except OSError as error:
            raise JournalCorrupt(f"{where}: the file cannot be read ({error.strerror}).") from error


class _Where(msgspec.Struct):
    c: str
    f: str
    o: int
    l: int  # noqa: E741 - the name in the format
    s: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.f}.pl: offset {self.o}"

    def part_of(self, value: bytes) -> bytes:
        """What is meant of a payload's value: all of it, or a part."""
        if self.s is None:
            return value
        start, length = self.s
        if start < 0 or length < 1 or start + length > len(value):
            raise JournalCorrupt(f"{self}: the payload has no such part as its record says.")
        return value[start : start + length]


def _where(ref: Mapping[str, object]) -> _Where:
    try:
        where = msgspec.convert(dict(ref), _Where)
    except msgspec.ValidationError as error:
        raise JournalCorrupt(f"A payload reference that no journal writes: {error}.") from error
    # only a name of the exact form is ever made into a path
    if not _is_part(where.f) or not 0 <= where.o < 1 << 62 or not SALT_HEX[0] + 2 <= where.l <= MAX_LINE:
        raise JournalCorrupt(f"A payload reference that no journal writes: {dict(ref)!r}.")
    return where


def _open_side(folder: Path, file: str) -> tuple[int, Place]:
    try:
        return oscalls.open_existing(folder / file), Place(folder / file)
    except FileNotFoundError:
        place = packs.find(folder, file)
        if place is None:
            raise
        return oscalls.open_existing(place.path), place
