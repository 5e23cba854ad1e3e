"""The encrypted store of values for replay: one file per writer, one key per logical run, apart from the journal.

A file ``<data>/replay/<writer>.values`` is a row of frames: 4 bytes of length (big-endian, of what follows), 8 bytes
that name the key, a nonce of 12 bytes, and AES-256-GCM (NIST SP 800-38D) of the body with its tag of 16. What a frame
is of (run and ``about``) and where it stands (file and offset) is authenticated with it: a frame that is changed, cut,
moved, or asked for in another's name is not given out. The key of a run is a file of its own (see
`handrail.effects.run_keys`); with it all values of the run are gone, wherever copies of the frames lie.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeAlias

from handrail.audit import oscalls
from handrail.audit.journal import sync_first, sync_soon
from handrail.effects.run_keys import NAME_BYTES, Key, RunKeys
from handrail.errors import JournalError, ValueErased

log = logging.getLogger(__name__)

FOLDER, KEYS, SUFFIX = "replay", "keys", ".values"
FILE_BYTES = 64 << 20
"""Size of a file after which the next one is begun, so that old ones can be removed."""
MAX_BODY = 1 << 30
"""Largest value, in bytes."""

Ref: TypeAlias = dict[str, str | int]
"""Where a value lies: file ``f`` (without its suffix), offset ``o``, and length ``l``, both in bytes."""

_LENGTH, _NONCE, _TAG = 4, 12, 16
_HEAD = _LENGTH + NAME_BYTES + _NONCE
_NAME = re.compile(r"[0-9a-f]{16}")
_urandom = os.urandom


class _File:
    """A file of frames that this process appends to; the lock on it says that we live."""

    def __init__(self, folder: Path) -> None:
        self.id = _urandom(8).hex()
        self.path = str(folder / f"{self.id}{SUFFIX}")
        self.size = 0
        self.settled = self.fit = True
        descriptor = oscalls.open_folder(folder)
        try:
            self.fd = oscalls.open_segment(descriptor, f"{self.id}{SUFFIX}")
        finally:
            oscalls.close(descriptor)
        try:
            oscalls.lock_new(self.fd, self.path)
        except JournalError:
            self.close()
            oscalls.remove(Path(self.path))
            raise

    def add(self, frame: bytes) -> None:
        """Append a frame whole, or leave the file as it was. Raises JournalError.

        An append that was interrupted half-way, or could not be taken back, leaves ``settled`` false.
        """
        self.settled = False
        try:
            oscalls.append(self.fd, frame, self.size, self.path)
        except JournalError:
            self.settled = True
            raise
        except OSError as error:
            raise oscalls.unusable(self.path, error) from error
        self.size += len(frame)
        self.settled = True

    def sync(self) -> None:
        """Wait until the frames are on the disk. Raises OSError; a file that somebody deleted is not gone on with."""
        try:
            oscalls.sync_data(self.fd)
            self.fit = self.fit and not oscalls.is_deleted(self.fd)
        except OSError:
            self.fit = False  # what the disk holds is unknown
            raise

    def takes_more(self) -> bool:
        """Whether the next frame goes here: the file is whole, on the disk as far as is known, and not too large."""
        return self.settled and self.fit and self.size < FILE_BYTES

    def close(self) -> None:
        """Close the file; a later append fails instead of reaching whatever gets its number."""
        descriptor, self.fd = self.fd, -1
        oscalls.close(descriptor)


class Vault:
    """The values of one data folder. Safe for threads, for forks, and when called from within itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._keys = RunKeys(self._folder / KEYS)
        self._restart()

    def _restart(self) -> None:
        self._lock, self._sync_lock = threading.RLock(), threading.RLock()
        self._file: _File | None = None
        self._retired: list[_File] = []
        self._dirty = False

    def put(self, run: str, about: str, body: bytes) -> Ref:
        """Keep ``body`` for a logical run under a name of the caller's, and return where it lies.

        When this returns, the value survives the death of the process. Raises JournalFull or another JournalError; then
        nothing was kept.
        """
        if len(body) > MAX_BODY:
            raise JournalError(f"{self._folder}: a value of more than {MAX_BODY >> 20} MiB is not kept for replay.")
        with self._lock:
            key = self._keys.of(run)
            file = self._file
            if file is None or not file.takes_more():
                file = self._begin()
            offset = file.size
            frame = _frame(key, _place(run, about, file.id, offset), body)
            file.add(frame)
        if not self._dirty:
            self._dirty = True
            sync_soon()
        return {"f": file.id, "o": offset, "l": len(frame)}

    def get(self, run: str, about: str, ref: Mapping[str, object]) -> bytes:
        """The body that was kept, as ``put`` told where.

        Raises ValueErased when the run's key is gone, or is a later one, and JournalError for a value that is damaged,
        cut, or was kept for another run or under another name. Neither text quotes anything.
        """
        key = self._keys.existing(run)
        if key is None:
            raise ValueErased("The values of this run were erased: what it did is known, its results are not.")
        file, offset, length = _checked(ref)
        frame = self._frame_at(file, offset, length)
        if int.from_bytes(frame[:_LENGTH]) != length - _LENGTH:
            self._damaged(file, offset)
        body = key.opened(frame[_HEAD - _NONCE : _HEAD], frame[_HEAD:], _place(run, about, file, offset))
        named = frame[_LENGTH : _LENGTH + NAME_BYTES]
        if body is None and named != key.name and named not in self._keys.names():
            raise ValueErased("This value was erased: its run has another key now.")
        if body is None or named != key.name:
            self._damaged(file, offset)
        return body

    def forget(self, run: str) -> bool:
        """Erase the key of a run, and so all its values; False when it has none. Raises JournalError."""
        return self._keys.forget(run)

    def sweep(self, older_than_seconds: float) -> int:
        """Forget the runs whose values were not used for so long, and say how many. Raises JournalError.

        Files that hold nothing but values of forgotten runs are removed.
        """
        erased = self._keys.forget_unused(older_than_seconds)
        oldest = time.time_ns() - int(older_than_seconds * 1e9)
        try:
            candidates = [name for name in oscalls.names_in(self._folder) if name.endswith(SUFFIX)]
            alive = self._keys.names() if candidates else set[bytes]()
            for name in candidates:
                _remove_if_dead(self._folder / name, oldest, alive)
        except OSError as error:
            raise oscalls.unusable(self._folder, error) from error
        return erased

    def close(self) -> None:
        """Close the files, so that their disk can be taken away. A later put begins another."""
        files = self._files()
        self._restart()
        for file in files:
            file.close()

    def after_fork(self) -> None:
        """Go on with a file of its own in a forked process; the first one stays the other's."""
        files = self._files()
        self._restart()
        self._keys.restart()
        for file in files:
            file.close()

    def sync(self) -> None:
        """Wait until what was put so far is on the disk. Puts go on meanwhile. Raises JournalError."""
        with self._sync_lock:
            self._dirty = False
            with self._lock:
                files, finished = self._files(), list(self._retired)
            try:
                self._keys.sync()
                for file in files:
                    file.sync()
                if files:
                    oscalls.sync_folder(self._folder)
            except OSError as error:
                raise oscalls.unusable(self._folder, error) from error
            for file in finished:
                self._retired.remove(file)
                file.close()

    def sync_if_dirty(self) -> None:
        """What the background thread does soon after a put: ``sync``, with a failure told in the log."""
        if self._dirty:
            try:
                self.sync()
            except JournalError as error:
                log.error("Values for replay may not survive a power cut: %s", error)

    def _files(self) -> list[_File]:
        return [*self._retired, *([self._file] if self._file is not None else ())]

    def _begin(self) -> _File:
        last = self._file
        try:
            self._file = _File(self._folder)
        except OSError as error:
            raise oscalls.unusable(self._folder, error) from error
        if last is not None:
            self._retired.append(last)
        return self._file

    def _frame_at(self, file: str, offset: int, length: int) -> bytes:
        path = self._folder / f"{file}{SUFFIX}"
        try:
            fd = oscalls.open_existing(path)
        except OSError as error:
            raise JournalError(
                f"{path}: {error.strerror or error}. A value for replay was kept there: restore it."
            ) from error
        try:
            frame = oscalls.read_at(fd, length, offset)
        except OSError as error:
            raise oscalls.unusable(path, error) from error
        finally:
            oscalls.close(fd)
        if len(frame) != length:
            self._damaged(file, offset)
        return frame

    def _damaged(self, file: str, offset: int) -> NoReturn:
        raise JournalError(
            f"{self._folder / file}{SUFFIX}, byte {offset}: the value that was kept here for replay is damaged, "
            "cut, or of something else. Restore the file from a backup."
        )


def _place(run: str, about: str, file: str, offset: int) -> bytes:
    """What is authenticated with a body; the length of the run keeps the two texts apart."""
    name = run.encode("utf-8", "surrogatepass")
    return b"%d %d %b %b %b" % (offset, len(name), file.encode(), name, about.encode("utf-8", "surrogatepass"))


def _frame(key: Key, place: bytes, body: bytes) -> bytes:
    nonce = _urandom(_NONCE)
    sealed = key.cipher.encrypt(nonce, body, place)
    return (NAME_BYTES + _NONCE + len(sealed)).to_bytes(_LENGTH) + key.name + nonce + sealed


def _checked(ref: Mapping[str, object]) -> tuple[str, int, int]:
    file, offset, length = ref.get("f"), ref.get("o"), ref.get("l")
    if type(file) is str and type(offset) is int and type(length) is int:
        can_be = _NAME.fullmatch(file) and 0 <= offset < 1 << 62 and length >= _HEAD + _TAG
        if can_be:  # how much there is of it, the file says
            return file, offset, length
    raise JournalError(
        "A record refers to a value for replay that cannot be: it was changed. Run handrail audit verify."
    )


def _remove_if_dead(path: Path, oldest: int, alive: set[bytes]) -> None:
    fd = oscalls.open_existing(path)
    try:
        if oscalls.stamp(fd)[2] < oldest and oscalls.try_lock(fd) and not _holds_any(fd, alive):
            oscalls.remove(path)
    finally:
        oscalls.close(fd)


def _holds_any(fd: int, alive: set[bytes]) -> bool:
    """Whether a file has a frame of one of these keys, or one that cannot be read: who knows of what."""
    offset, size = 0, oscalls.size_of(fd)
    while offset < size:
        head = oscalls.read_at(fd, _LENGTH + NAME_BYTES, offset)
        length = int.from_bytes(head[:_LENGTH])
        if head[_LENGTH:] in alive or length < NAME_BYTES + _NONCE + _TAG or offset + _LENGTH + length > size:
            return True
        offset += _LENGTH + length
    return False


_shared: dict[str, Vault] = {}


def vault_for(folder: Path) -> Vault:
    """The vault that this process shares for a data folder."""
    found = _shared.get(str(folder))
    if found is None:
        found = _shared.setdefault(str(folder), Vault(folder.absolute()))
    return found


def _after_fork() -> None:
    for vault in list(_shared.values()):
        vault.after_fork()


def _sync_all() -> None:
    for vault in list(_shared.values()):
        vault.sync_if_dirty()


sync_first(_sync_all)
atexit.register(_sync_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
