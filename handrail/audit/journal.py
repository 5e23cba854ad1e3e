"""Appending to the journal: one writer per process (a new one after a fork), one ``write`` per record.

Reading, checking and packing live elsewhere. Nothing is queued: a record that ``append`` returned from is in
the kernel's hands and survives ``kill -9``; ``durable=True`` or ``sync`` make it survive a power cut.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from handrail.audit.format import JOURNAL, SALT_BYTES, Ref, commitment, encode, payload_line
from handrail.audit.writer import SEGMENT_BYTES, OpenPart, Writer
from handrail.errors import JournalError
from handrail.tracing.faults import unquoted

__all__ = ["GROUP_SYNC_SECONDS", "Journal", "encode", "journal_for", "sync_first", "sync_soon"]

log = logging.getLogger(__name__)

GROUP_SYNC_SECONDS = 0.05
"""Time after which what was appended is put on the disk, many records at once."""

_urandom, _sleep = os.urandom, time.sleep


class Journal:
    """Writes the journal of one data folder. Safe for threads, for forks, and when called from within itself.

    ``folder`` is the data folder; segments lie in its folder ``journal``. With ``payloads=False`` values are
    committed to but not kept. A segment is followed by the next once it or its side segment holds
    ``segment_bytes``. Nothing is opened before the first append or ``open``.
    """

    def __init__(self, folder: Path, *, payloads: bool = True, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._payloads, self._segment_bytes = folder / JOURNAL, payloads, segment_bytes
        self._missed: dict[str, int] = {}
        self._restart(None)
        _journals.add(self)

    def _restart(self, parent: str | None) -> None:
        self._lock, self._sync_lock = threading.RLock(), threading.RLock()
        self._parent = parent
        self._dropped = 0
        self._dirty = False
        # By depth: a finalizer or a signal handler that appends while its thread is inside an append must
        # neither wait for itself nor come between the outer record's parts, so it gets a writer of its own.
        self._depth = 0
        self._writers = [self._new_writer()]
        self._left: list[Writer] = []

    def _new_writer(self) -> Writer:
        return Writer(self._folder, parent=self._parent, segment_bytes=self._segment_bytes)

    @property
    def writer(self) -> str:
        """Id of the writer: 16 hex digits, random; another one after a fork, a close, or a broken append."""
        return self._writers[0].id

    @property
    def place(self) -> tuple[str, int]:
        """Where the next record goes, unless a segment begins with it: name of a segment, and offset in bytes."""
        with self._lock:
            return self._writers[0].place

    def open(self) -> None:
        """Make the folder and the first segment now. Raises JournalError where that cannot be."""
        with self._entered() as writer:
            writer.open()

    def append(self, record: Mapping[str, object], *, durable: bool = False) -> None:
        """Append one record (``k`` and its fields; the envelope is filled in).

        When this returns, the record survives the death of the process; with ``durable`` also a power cut
        (that waits for the disk: in an event loop, append and then await ``sync`` in a thread).
        Raises JournalFull or another JournalError; then nothing of the record is in the journal.
        """
        with self._lock:
            depth = self._depth
            try:
                self._depth = depth + 1
                writer = self._writer_at(depth)
                if self._missed:
                    self._tell_missed(writer)
                writer.append(record)
            finally:
                self._depth = depth
        if durable:
            self.sync()
        elif not self._dirty:
            self._dirty = True
            _group_sync.wake()

    def append_all(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records with one write: as ``append``, all of them or none.

        Raises JournalFull or another JournalError; then nothing of them is in the journal.
        """
        with self._entered() as writer:
            if self._missed:
                self._tell_missed(writer)
            writer.append_all(records)
        if not self._dirty:
            self._dirty = True
            _group_sync.wake()

    def put_all(self, values: Sequence[bytes]) -> list[Ref]:
        """Keep payloads with one write: as ``put``, all of them or none. References come in the order of ``values``."""
        salts = [_urandom(SALT_BYTES) for _ in values]
        refs: list[Ref] = [{"c": commitment(salt, value)} for salt, value in zip(salts, values, strict=True)]
        if not self._payloads:
            return refs
        lines = [_line_of(salt, value) for salt, value in zip(salts, values, strict=True)]
        with self._entered() as writer:
            name, offset = writer.put(b"".join(lines))
        for ref, line in zip(refs, lines, strict=True):
            ref |= {"f": name, "o": offset, "l": len(line)}
            offset += len(line)
        return refs

    def put(self, value: bytes) -> Ref:
        """Keep a payload (canonical JSON) apart from the records and return the reference for its record.

        Raises JournalFull or another JournalError; then nothing was kept.
        """
        salt = _urandom(SALT_BYTES)
        committed, line = commitment(salt, value), _line_of(salt, value)
        if not self._payloads:
            return {"c": committed}
        with self._lock:  # like append, by hand: a generator would cost as much as the write
            depth = self._depth
            try:
                self._depth = depth + 1
                name, offset = self._writer_at(depth).put(line)
            finally:
                self._depth = depth
        return {"c": committed, "f": name, "o": offset, "l": len(line)}

    @contextmanager
    def _entered(self) -> Generator[Writer, None, None]:
        with self._lock:
            depth = self._depth
            try:
                self._depth = depth + 1
                yield self._writer_at(depth)
            finally:
                self._depth = depth

    def _writer_at(self, depth: int) -> Writer:
        if depth == len(self._writers):
            self._writers.append(self._new_writer())
        writer = self._writers[depth]
        if not writer.settled:
            self._left.append(writer)
            writer = self._writers[depth] = self._new_writer()
        return writer

    def drop(self, reason: str) -> None:
        """Count a record that could not be written; a ``drop`` record goes before the next one that can."""
        with self._lock:
            self._missed[reason] = self._missed.get(reason, 0) + 1
            self._dropped += 1

    def _tell_missed(self, writer: Writer) -> None:
        for reason, count in list(self._missed.items()):
            writer.append({"k": "drop", "count": count, "reason": reason})
            self._missed[reason] -= count
            if not self._missed[reason]:
                del self._missed[reason]

    def sync(self) -> None:
        """Wait until everything appended so far is on the disk. Appends go on meanwhile. Raises JournalError."""
        if self._inside_an_append():
            self._sync_at_once()
            return
        with self._sync_lock:
            with self._lock:
                left, self._left = self._left, []
                batch = [(writer, writer.unsynced()) for writer in (*left, *self._writers)]
            try:
                for writer, parts in batch:
                    self._sync(writer, parts)
            finally:
                for writer in left:
                    writer.abandon()

    def _inside_an_append(self) -> bool:
        """Whether this thread is in the middle of an append: a finalizer or signal handler is at work."""
        # asked of the lock itself: between taking it and counting the depth there is a moment, too
        return self._lock._is_owned()  # type: ignore[attr-defined, no-any-return]  # pyright: ignore

    def _sync_at_once(self) -> None:
        # whoever syncs in another thread waits for the lock that the append beneath us holds: waiting for him would
        # be for ever
        for writer in (*self._left, *self._writers):
            writer.sync(writer.unsynced())

    def _sync(self, writer: Writer, parts: tuple[OpenPart, ...]) -> None:
        try:
            writer.sync(parts)
        except JournalError:
            with self._lock:
                writer.settled = False  # what the disk holds is unknown: go on with another writer
            raise
        with self._lock:
            writer.synced(parts)

    def sync_if_dirty(self) -> None:
        """What the background thread does every 50 ms: ``sync``, with a failure told in the log."""
        if not self._dirty:
            return
        self._dirty = False
        try:
            self.sync()
        except JournalError as error:
            log.error("Records may not survive a power cut: %s", error)

    def close(self, reason: str = "exit") -> None:
        """End the writer with a ``writer.stop`` record and put all on the disk. A later append starts another.

        Never raises: what cannot be written any more is logged.
        """
        with self._sync_lock, self._lock:
            for writer in (*self._left, *self._writers):
                self._stop(writer, reason)
            self._parent, self._dropped, self._left, self._writers = None, 0, [], [self._new_writer()]

    def _stop(self, writer: Writer, reason: str) -> None:
        try:
            if writer.opened and writer.settled:
                self._tell_missed(writer)
                writer.append({"k": "writer.stop", "reason": reason, "dropped": self._dropped})
            writer.sync(writer.unsynced())
        except JournalError as error:
            log.warning("The journal could not be closed in good order: %s", error)
        finally:
            writer.abandon()

    def after_fork(self) -> None:
        """Go on as another writer in a forked process; the files and locks of the first stay its own."""
        first, writers = self._writers[0], (*self._left, *self._writers)
        parent = first.id if first.opened else None
        self._missed.clear()  # the forking process tells of these itself
        self._restart(parent)
        for writer in writers:
            writer.abandon()


def _line_of(salt: bytes, value: bytes) -> bytes:
    if b"\n" in value:
        raise JournalError("A payload is canonical JSON, on one line: pass what `encode` returns.")
    return payload_line(salt, value)


class _GroupSync:
    """The one background thread of a process that puts appended records on the disk."""

    def __init__(self) -> None:
        self._start = threading.RLock()
        self._work = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Have all journals synced soon; starts the thread at the first call."""
        if self._thread is None:
            with self._start:
                self._start_thread()
        self._work.set()

    def _start_thread(self) -> None:
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="handrail-sync", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is shutting down: closing the journal syncs it
            log.debug("No background sync any more", exc_info=unquoted())

    def _run(self) -> None:
        while True:
            self._work.wait()
            _sleep(GROUP_SYNC_SECONDS)
            self._work.clear()
            for work in (*_first, *(journal.sync_if_dirty for journal in list(_journals))):
                work()


_first: list[Callable[[], None]] = []
_journals: set[Journal] = set()
_shared: dict[tuple[str, bool], Journal] = {}
_group_sync = _GroupSync()


def sync_first(work: Callable[[], None]) -> None:
    """Have ``work`` called each time before the background thread syncs the journals: what records refer to.

    It must not raise. It is called when `sync_soon`, or an append, has woken the thread.
    """
    _first.append(work)


def sync_soon() -> None:
    """Have everything that was appended put on the disk within some `GROUP_SYNC_SECONDS`."""
    _group_sync.wake()


def journal_for(folder: Path, payloads: bool = True) -> Journal:
    """The journal that this process shares for a data folder (one with and one without payloads)."""
    key = str(folder), payloads
    found = _shared.get(key)
    if found is None:
        found = _shared.setdefault(key, Journal(folder.absolute(), payloads=payloads))
    return found


def _after_fork() -> None:
    global _group_sync
    _group_sync = _GroupSync()
    for journal in list(_journals):
        journal.after_fork()


def _at_exit() -> None:
    for journal in list(_journals):
        journal.close("exit")


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
