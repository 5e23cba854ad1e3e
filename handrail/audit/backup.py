"""A consistent copy of a data folder, made while agents run: one archive with its manifest at the end.

What is in it holds together. First is fixed how far each segment goes, then everything that records refer to is
copied: a payload, a replay value, a policy's text is on the disk before the record that names it. The records are cut
so that none is there without those that led to it, whoever wrote them: all that stood in the segments when they were
first looked at, and of what came after, what is not younger than the moment of the backup. A record is stamped before
it is written, and nothing follows from it before that.

The index is left out (it is made again), and so are locks. The archive gets its name after all of it is on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from handrail.audit import archive, oscalls, reader
from handrail.audit.compact import packing
from handrail.audit.format import FILE_NAME, JOURNAL, PACK_NAME
from handrail.audit.keys import KEY_FILE
from handrail.audit.packs import packs_in
from handrail.audit.reader import Part, Problem
from handrail.errors import JournalError
from handrail.tracing import ids
from handrail.version import __version__

FORMAT = 1
"""Version of the manifest that this release writes, and the newest that it reads."""
MANIFEST = "manifest.json"
"""Last file of an archive: what else is in it. An archive without it was never finished."""
VALUES, KEYS = "replay", "keys"
"""Folders of secrets that can be left out: results for replay with their keys; keys that sign delegation tokens."""
STORES = (JOURNAL, VALUES, KEYS, "owners", "policy", "threads", "asks", "tokens", KEY_FILE)
"""What of a data folder is kept, in this order; digest.key is a file."""
DERIVED = frozenset({"index", "handrail-index", "runs.lock", "undone"})
"""What of a data folder is made again by itself."""
IN_FORCE = "policy/in_force"
"""Copied before the records: a change whose record is missing would never be recorded, one too old is twice."""
SIGNED = ("policy/proposals/", "policy/approvals/")
"""Files whose owner says who wrote them: with ``two_person`` that decides."""

AGING = f"{VALUES}/keys/"
"""Files whose age says when they are erased: a restore makes no key younger."""

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all, in bytes."""


class File(msgspec.Struct, frozen=True):
    """One file in a manifest."""

    name: str
    size: int
    sha256: str
    uid: int | None = None
    """Number of its owner, where that says something."""
    used: int | None = None
    """Time of its last change, in nanoseconds since the epoch, where its age says when it is to be erased."""


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds."""

    v: int
    made: int
    """Moment of the backup, in nanoseconds since the epoch."""
    handrail: str
    """Version that made it."""
    without: tuple[str, ...]
    """Folders that were left out on request."""
    files: tuple[File, ...]
    """All files but the manifest, in their order."""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made."""

    file: str
    made: int
    """Its moment, in nanoseconds since the epoch."""
    digest: str
    """SHA-256 of the manifest: of two backups with the same digest all files are the same."""
    files: int
    bytes: int
    """Of the files in it."""
    segments: int
    records: int
    """Records in segments and packs."""
    without: tuple[str, ...]
    left_out: tuple[str, ...]
    """Names in the data folder that no backup takes: not ours, or not a regular file."""
    problems: tuple[Problem, ...]
    """Damage of the journal, which the copy has too."""


@dataclass(slots=True)
class _Cut:
    """How far the journal goes in the backup."""

    ends: dict[str, int] = field(default_factory=dict[str, int])
    """File name of a segment -> bytes of it."""
    segments: int = 0
    records: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])


class _Stamp(msgspec.Struct):
    t: int


_stamp = msgspec.json.Decoder(_Stamp).decode


def back_up(
    folder: Path, target: Path, *, without: Collection[str] = (), force: bool = False, progress: Progress | None = None
) -> Made:
    """Copy the data folder ``folder`` to the archive ``target``; agents go on meanwhile.

    ``without`` names folders to leave out: VALUES, KEYS. Raises JournalError where something cannot be read or written,
    or where ``target`` is there and ``force`` is false; then ``target`` is what it was.
    """
    if (folder / JOURNAL).is_symlink():
        raise JournalError(f"{folder / JOURNAL}: is a symbolic link. Name the data folder that has the journal itself.")
    try:
        # nothing is packed or erased while it is copied; writers do not care
        with packing(folder, wait=True), _draft(target, force) as out:
            return _Copy(folder, out, frozenset(without), progress or _quiet).all_of(target)
    except FileExistsError as error:
        raise JournalError(f"{target} is there already. Use --force to replace it, or choose another name.") from error
    except OSError as error:
        where = error.filename or target
        raise JournalError(f"{where}: {error.strerror or error}. The backup was not made.") from error


def _quiet(done: int, total: int) -> None:
    """Tell nobody."""


@contextmanager
def _draft(target: Path, force: bool) -> Generator[BinaryIO]:
    """A private file that becomes ``target`` at the end; it is locked meanwhile, and gone if that is not reached."""
    if not force and os.path.lexists(target):
        raise FileExistsError(str(target))
    _sweep(target)
    draft = target.with_name(f".{target.name}.{os.urandom(8).hex()}.part")
    folder = oscalls.open_folder(target.parent)
    try:
        fd = oscalls.open_segment(folder, draft.name)
    finally:
        oscalls.close(folder)
    try:
        with open(fd, "wb", buffering=archive.CHUNK) as out:
            oscalls.lock_new(fd, str(draft))
            yield out
            out.flush()
            oscalls.sync_data(fd)
            (oscalls.rename if force else oscalls.link)(draft, target)
            oscalls.sync_folder(target.parent)
    finally:
        oscalls.remove(draft)


def _sweep(target: Path) -> None:
    """Remove what was left by backups to this file that were killed: nobody holds their locks."""
    for name in oscalls.names_in(target.parent):
        if name.startswith(f".{target.name}.") and name.endswith(".part"):
            with suppress(OSError):
                fd = oscalls.open_existing(target.with_name(name))
                try:
                    if oscalls.try_lock(fd):
                        oscalls.remove(target.with_name(name))
                finally:
                    oscalls.close(fd)


class _Copy:
    """One backup while it is made."""

    def __init__(self, folder: Path, out: BinaryIO, without: frozenset[str], progress: Progress) -> None:
        self._folder, self._out, self._without, self._progress = folder, out, without, progress
        self._files: list[File] = []
        self._left_out: list[str] = []
        self._done = self._total = 0

    def all_of(self, target: Path) -> Made:
        """Copy everything, in the order that keeps it together."""
        self._left_out += _strangers(self._folder)
        self._store(IN_FORCE)
        floors = {part.name: reader.size(part) for part in reader.parts(self._folder)}
        made = ids.now_ns()
        cut = cut_at(self._folder, floors, made)
        self._total = sum(cut.ends.values())
        self._journal(cut)
        for store in STORES:
            if store != JOURNAL and store not in self._without:
                self._store(store)
        digest = self._finish(made)
        size = sum(file.size for file in self._files)
        return Made(
            str(target), made, digest, len(self._files), size, cut.segments, cut.records,
            tuple(sorted(self._without)), tuple(self._left_out), tuple(cut.problems),
        )  # fmt: skip

    def _journal(self, cut: _Cut) -> None:
        journal = self._folder / JOURNAL
        for pack in packs_in(journal):
            self._copy(f"{JOURNAL}/{pack.name}")
        for name, end in cut.ends.items():
            self._copy(f"{JOURNAL}/{name}", end)
        for name in cut.ends:
            side = f"{name.removesuffix('.jl')}.pl"
            if oscalls.exists(str(journal / side)):
                self._copy(f"{JOURNAL}/{side}")

    def _store(self, name: str) -> None:
        """A store's files as they are now; what is gone by the time that it is reached was never needed."""
        known = {file.name for file in self._files}
        for found in self._found(name):
            if found not in known:
                with suppress(FileNotFoundError):
                    self._copy(found)

    def _found(self, name: str) -> Iterator[str]:
        """Names of the files under ``name``, itself where it is one. No link is followed."""
        path = self._folder / name
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            for inside in oscalls.names_in(path):
                yield from self._found(f"{name}/{inside}")
        elif not stat.S_ISREG(mode) or not archive.is_name(name):
            self._left_out += [] if _is_passing(path.name) else [name]
        else:
            yield name

    def _copy(self, name: str, size: int | None = None) -> None:
        fd = oscalls.open_existing(self._folder / name)
        try:
            size = oscalls.size_of(fd) if size is None else size
            hashed = sha256()
            archive.add(self._out, name, size, self._chunks(fd, size, hashed.update))
            uid = oscalls.owner(fd) if name.startswith(SIGNED) else None
            used = oscalls.stamp(fd)[2] if name.startswith(AGING) else None
            self._files.append(File(name, size, hashed.hexdigest(), uid, used))
        finally:
            oscalls.close(fd)

    def _chunks(self, fd: int, size: int, note: Callable[[bytes], None]) -> Iterator[bytes]:
        while size > 0 and (chunk := oscalls.read(fd, min(size, archive.CHUNK))):
            note(chunk)
            size -= len(chunk)
            self._done += len(chunk)
            self._progress(self._done, max(self._done, self._total))
            yield chunk

    def _finish(self, made: int) -> str:
        manifest = Manifest(FORMAT, made, __version__, tuple(sorted(self._without)), tuple(self._files))
        body = msgspec.json.encode(manifest)
        archive.add(self._out, MANIFEST, len(body), [body])
        archive.finish(self._out)
        return sha256(body).hexdigest()


def _strangers(folder: Path) -> list[str]:
    """What lies in a data folder, and beside the segments, that is not ours."""
    known = {*STORES, *DERIVED}
    found = [name for name in oscalls.names_in(folder) if name not in known and not _is_passing(name)]
    beside = [name for name in oscalls.names_in(folder / JOURNAL) if not _is_passing(name)]
    ours = [name for name in beside if FILE_NAME.fullmatch(name) or PACK_NAME.fullmatch(name)]
    return found + [f"{JOURNAL}/{name}" for name in beside if name not in ours]


def _is_passing(name: str) -> bool:
    """Whether a file is a lock, or not finished: it is missed by nobody."""
    return name.startswith(".") or name == "lock" or name.endswith((".lock", ".tmp"))


def cut_at(folder: Path, floors: dict[str, int], moment: int) -> _Cut:
    """How far each segment goes, and what is wrong with it.

    ``floors`` are the sizes (bytes) that segments had before ``moment`` (nanoseconds since the epoch).
    """
    cut, over = _Cut(problems=reader.damaged_packs(folder)), set[str]()
    for part in reader.parts(folder):
        if part.writer in over:
            continue
        end, whole = _end_of(part, floors.get(part.name, 0), moment, cut)
        if not whole:
            over.add(part.writer)
        if end > 0:
            cut.segments += 1
            if part.place.length is None:
                cut.ends[f"{part.name}.jl"] = end
    return cut


def _end_of(part: Part, floor: int, moment: int, cut: _Cut) -> tuple[int, bool]:
    """Bytes of a segment that are in the backup, and whether its writer's next one can be. Damage is copied whole."""
    good = reader.records(part)
    for record in good:
        if record.offset >= floor and _stamp(record.written).t > moment:
            return record.offset, False
        cut.records += 1
    damage = [problem for problem in good.problems if not problem.harmless]
    cut.problems += damage
    return (reader.size(part) if damage else good.end), True
