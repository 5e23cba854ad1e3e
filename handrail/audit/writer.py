"""One writer: its chain, its segment and side segment, rotation. Locking between threads is the journal's part."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from handrail.audit import oscalls
from handrail.audit.format import GENESIS, LIKE, SCHEMA, chained, encode, part_name, record_line
from handrail.audit.shorthand import Shortener
from handrail.errors import JournalError
from handrail.tracing import ids
from handrail.version import __version__

SEGMENT_BYTES = 64 << 20
"""Size of a segment after which the next one is begun."""

_A = TypeVarTuple("_A")
_T = TypeVar("_T")
_urandom, _getpid = os.urandom, os.getpid
_UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError)


_ABOUT = {"handrail": __version__, "python": platform.python_version(), "host": platform.node()}


class _File:
    """An append-only file of ours and how many bytes of it are whole lines."""

    def __init__(self, folder: Path, descriptor: int, name: str) -> None:
        self.name = str(folder / name)
        try:
            self.fd = oscalls.open_segment(descriptor, name)
        except OSError as error:
            raise oscalls.unusable(self.name, error) from error
        self.size = 0

    def add(self, line: bytes) -> int:
        """Append a whole line; returns its offset in bytes."""
        start = self.size
        oscalls.append(self.fd, line, start, self.name)
        self.size = start + len(line)
        return start

    def close(self) -> None:
        """Close the file; a later append fails instead of reaching whatever gets its number."""
        descriptor, self.fd = self.fd, -1
        oscalls.close(descriptor)


class OpenPart:
    """A segment and its side segment, opened together; the lock on the segment says that we live."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.shorthand = Shortener(name)
        self._folder = folder
        descriptor = _opened(folder)
        try:
            self.records = _File(folder, descriptor, f"{name}.jl")
            try:
                oscalls.lock_new(self.records.fd, self.records.name)
                self.payloads = _File(folder, descriptor, f"{name}.pl")
            except JournalError:
                self._undo(self.records)
                raise
        finally:
            oscalls.close(descriptor)

    def is_full(self, most: int) -> bool:
        """Whether one of the two holds ``most`` bytes."""
        return self.records.size >= most or self.payloads.size >= most

    def discard(self) -> None:
        """Take both files away again: nothing was recorded in them."""
        self._undo(self.payloads)
        self._undo(self.records)

    def _undo(self, file: _File) -> None:
        file.close()
        oscalls.remove(Path(file.name))

    def close(self) -> None:
        """Close both files; the lock lasts as long as another process still holds the same opened file."""
        self.payloads.close()
        self.records.close()

    def sync(self) -> None:
        """Put payloads, then records on the disk. Raises OSError; also when the segment was removed."""
        oscalls.sync_data(self.payloads.fd)
        oscalls.sync_data(self.records.fd)
        if oscalls.is_deleted(self.records.fd):
            raise FileNotFoundError(errno.ENOENT, "was deleted while it was written", self.records.name)


def _opened(folder: Path) -> int:
    oscalls.make_folder(folder.parent)
    oscalls.make_folder(folder)
    oscalls.refuse_network(folder)
    try:
        return oscalls.open_folder(folder)
    except OSError as error:
        raise oscalls.unusable(folder, error) from error


class Writer:
    """Appends to one chain. Not safe for threads by itself.

    A call that was interrupted half-way (KeyboardInterrupt), or whose traces could not be removed from the
    file, leaves ``settled`` false: nobody can say then what the file holds, and another writer must go on.
    """

    def __init__(self, folder: Path, *, parent: str | None, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.id = _urandom(8).hex()
        self.settled = True
        self._folder, self._parent, self._segment_bytes = folder, parent, segment_bytes
        self._part: OpenPart | None = None
        self._retired: list[OpenPart] = []
        self._number = self._next = 0
        self._head = GENESIS
        self._named = False

    @property
    def opened(self) -> bool:
        """Whether this writer has a file, and so a place in the journal."""
        return self._part is not None

    @property
    def place(self) -> tuple[str, int]:
        """Name of the segment, and how many bytes of it are whole records; empty and 0 before the first."""
        return (self._part.name, self._part.records.size) if self._part is not None else ("", 0)

    def open(self) -> None:
        """Make the first segment now. Raises JournalError."""
        self._whole(self._current)

    def append(self, record: Mapping[str, object]) -> None:
        """Append one record, which gets its envelope here. Raises JournalError; then nothing was written."""
        part = self._part
        if part is None or part.is_full(self._segment_bytes):
            self._whole(self._current)
            part = self._part
            assert part is not None
        self._whole(self._add, part, record)

    def append_all(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records with one write, each said in full. Raises JournalError; then nothing was written."""
        self._whole(self._append_all, records)

    def put(self, line: bytes) -> tuple[str, int]:
        """Append one payload line; returns the name of its part and its offset. Raises JournalError."""
        return self._whole(self._put, line)

    def _whole(self, act: Callable[[Unpack[_A]], _T], *args: *_A) -> _T:
        self.settled = False
        try:
            result = act(*args)
        except OSError as error:
            raise oscalls.unusable(self._folder, error) from error
        except Exception:  # whoever raised it has left the files as they were
            self.settled = True
            raise
        self.settled = True
        return result

    def _append_all(self, records: Sequence[Mapping[str, object]]) -> None:
        part = self._current()
        head, number, now, lines = self._head, self._next, ids.now_ns(), list[bytes]()
        for record in records:
            body = _in_full(record, {"n": number, "t": now})
            head = chained(head, body)
            lines.append(record_line(head, body))
            number += 1
        part.records.add(b"".join(lines))
        self._head, self._next = head, number

    def _put(self, line: bytes) -> tuple[str, int]:
        part = self._current()
        return part.name, part.payloads.add(line)

    def _current(self) -> OpenPart:
        part = self._part
        if part is None:
            about = {"k": "writer.start", "pid": _getpid(), "parent": self._parent, **_ABOUT}
            return self._begin(0, about)
        if not part.is_full(self._segment_bytes):
            return part
        fresh = self._begin(self._number + 1, {"k": "segment", "seg": self._number + 1})
        self._retired.append(part)
        return fresh

    def _begin(self, number: int, first: Mapping[str, object]) -> OpenPart:
        part = OpenPart(self._folder, part_name(self.id, number))
        try:
            self._add(part, first)
        except JournalError:
            part.discard()
            raise
        self._part, self._number, self._named = part, number, False
        return part

    def _add(self, part: OpenPart, record: Mapping[str, object]) -> None:
        body = self._body(part, record)
        digest = chained(self._head, body)
        part.shorthand.written(part.records.add(record_line(digest, body)))
        self._head = digest
        self._next += 1

    def _body(self, part: OpenPart, record: Mapping[str, object]) -> bytes:
        """Canonical JSON of a record, as short as may be. Raises JournalError for what has none."""
        envelope: dict[str, object] = {"n": self._next, "t": ids.now_ns()}
        if not part.records.size:
            envelope |= {"v": SCHEMA, "w": self.id}
        else:
            record = _own(record)
        try:
            return encode({**part.shorthand.short(record), **envelope})
        except _UNENCODABLE as error:
            raise _no_form(record, error) from error

    def unsynced(self) -> tuple[OpenPart, ...]:
        """Parts that may hold bytes that are not on the disk: the finished ones first."""
        return (*self._retired, *([self._part] if self._part else ()))

    def sync(self, parts: Sequence[OpenPart]) -> None:
        """Put these parts, and their names, on the disk. Needs no lock. Raises JournalError."""
        named = self._named
        try:
            for part in parts:
                part.sync()
            if parts and not named:
                oscalls.sync_folder(self._folder)
        except OSError as error:
            raise oscalls.unusable(self._folder, error) from error

    def synced(self, parts: Sequence[OpenPart]) -> None:
        """Note that these parts are on the disk, and close those that are finished."""
        self._named = self._named or self._part in parts
        for part in [part for part in self._retired if part in parts]:
            self._retired.remove(part)
            part.close()

    def abandon(self) -> None:
        """Close all files, without a word in them. In a forked process the lock stays with the other one."""
        parts, self._part, self._retired = self.unsynced(), None, []
        for part in parts:
            part.close()


def _own(record: Mapping[str, object]) -> Mapping[str, object]:
    """The record without what the segment says for all: a caller's word on these is not taken."""
    if "v" in record or "w" in record:
        return {name: value for name, value in record.items() if name not in ("v", "w")}
    return record


def _in_full(record: Mapping[str, object], envelope: Mapping[str, object]) -> bytes:
    try:
        if LIKE in record:
            raise ValueError(f"a field {LIKE!r} of its own")
        return encode({**_own(record), **envelope})
    except _UNENCODABLE as error:
        raise _no_form(record, error) from error


def _no_form(record: Mapping[str, object], error: Exception) -> JournalError:
    return JournalError(f"A record of kind {record.get('k')!r} has no JSON form: {error}.")
