"""Packing the segments of short-lived writers that are dead into one file. Not a byte of a segment changes.

Whoever will change bytes in place (erasure) must hold ``packing`` while doing so.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from handrail.audit import oscalls, packs
from handrail.audit.format import FILE_NAME, JOURNAL, PACK_SCHEMA, encode
from handrail.errors import JournalError

SMALL_BYTES = 4 << 20
"""Writers whose files hold more than this stay as they are."""
MIN_WRITERS = 8
"""With fewer dead writers than this, packing is not worth a file."""
MAX_WRITERS = 256
"""Writers in one pack: each costs an open file while it is made."""
PACK_BYTES = 64 << 20
"""Size at which a pack is full: it is put together in memory."""
LOCK = "pack.lock"
"""Lock file in the journal folder, held by the one process that packs."""
_UNFINISHED = ".tmp"

_urandom = os.urandom


@dataclass(frozen=True, slots=True)
class _Dead:
    """The files of one dead writer."""

    writer: str
    files: tuple[str, ...]
    """Names of its segments and side segments."""


@contextmanager
def packing(folder: Path, *, wait: bool = False) -> Generator[bool, None, None]:
    """Hold the right to rearrange the journal of a data folder; yields False when another process has it."""
    with oscalls.locked(folder / JOURNAL / LOCK, wait=wait) as mine:
        yield mine


def compact(
    folder: Path, *, small_bytes: int = SMALL_BYTES, min_writers: int = MIN_WRITERS, max_writers: int = MAX_WRITERS
) -> int:
    """Pack the dead, short-lived writers of a data folder; returns how many were packed.

    Readers and writers go on meanwhile. Returns 0 when another process is packing. A crash leaves nothing
    worse than files that are also in a pack, which count once and go at the next call.
    Raises NotSupported without file locks, JournalError where the folder cannot be written.
    """
    oscalls.require_locks()
    journal = folder / JOURNAL
    try:
        if not oscalls.names_in(journal):
            return 0
        with packing(folder) as mine:
            return _compact(journal, small_bytes, min_writers, max_writers) if mine else 0
    except OSError as error:
        raise oscalls.unusable(journal, error) from error


def _compact(journal: Path, small_bytes: int, min_writers: int, max_writers: int) -> int:
    _clear(journal)
    packed = 0
    while True:
        with ExitStack() as held:
            dead = _dead_writers(journal, small_bytes, max_writers, held)
            if len(dead) < min_writers:
                return packed
            _pack(journal, [name for writer in dead for name in writer.files])
            packed += len(dead)


def _clear(journal: Path) -> None:
    """Remove what a crash left: unfinished packs, and files that a pack has already."""
    names = oscalls.names_in(journal)
    for name in names:
        if name.endswith(_UNFINISHED) and name.startswith("pack-"):
            oscalls.remove(journal / name)
    for pack in packs.packs_in(journal):
        for name, place in _readable(pack).items():
            if name in names and _same(journal / name, place):
                oscalls.remove(journal / name)


def _readable(pack: Path) -> dict[str, packs.Place]:
    try:
        return dict(packs.places_in(pack))
    except JournalError:
        return {}


def _same(path: Path, place: packs.Place) -> bool:
    fd = oscalls.open_existing(place.path)
    try:
        return oscalls.read_at(fd, place.length or 0, place.start) == oscalls.read_file(path)
    finally:
        oscalls.close(fd)


def _dead_writers(journal: Path, small_bytes: int, most: int, held: ExitStack) -> list[_Dead]:
    by_writer: dict[str, list[str]] = {}
    for name in oscalls.names_in(journal):
        if FILE_NAME.fullmatch(name):
            by_writer.setdefault(name.split("-")[0], []).append(name)
    found: list[_Dead] = []
    room = PACK_BYTES
    for writer, files in by_writer.items():
        size = sum(oscalls.size_at(journal / name) for name in files)
        if size <= min(small_bytes, room) and len(found) < most and _is_dead(journal, files, held):
            found.append(_Dead(writer, tuple(files)))
            room -= size
    return found


def _is_dead(journal: Path, files: list[str], held: ExitStack) -> bool:
    """Whether no process writes these files; if so their newest segment stays locked while ``held`` lasts.

    An empty segment is let be: its writer may have made it, and not locked it yet.
    """
    segments = [name for name in files if name.endswith(".jl")]
    if not segments:
        return False
    fd = oscalls.open_existing(journal / max(segments, key=_number))
    # shared, so that a reader that looks meanwhile still finds the writer dead
    if oscalls.size_of(fd) > 0 and oscalls.try_lock(fd, shared=True):
        held.callback(oscalls.close, fd)
        return True
    oscalls.close(fd)
    return False


def _number(name: str) -> int:
    return int(name[:-3].split("-")[1])


def _pack(journal: Path, names: list[str]) -> None:
    pack = journal / f"pack-{_urandom(8).hex()}.jlp"
    unfinished = pack.with_name(pack.name + _UNFINISHED)
    _write(unfinished, [(name, oscalls.read_file(journal / name)) for name in names])
    oscalls.rename(unfinished, pack)
    oscalls.sync_folder(journal)
    for name in names:
        oscalls.remove(journal / name)


def _write(path: Path, files: list[tuple[str, bytes]]) -> None:
    entries: list[dict[str, object]] = []
    offset = 0
    for name, content in files:
        entries.append({"name": name, "o": offset, "l": len(content)})
        offset += len(content)
    header = encode({"v": PACK_SCHEMA, "files": entries}) + b"\n"
    folder = oscalls.open_folder(path.parent)
    try:
        fd = oscalls.open_segment(folder, path.name)
    finally:
        oscalls.close(folder)
    try:
        oscalls.append(fd, header + b"".join(content for _, content in files), 0, str(path))
        oscalls.sync_data(fd)
    finally:
        oscalls.close(fd)
