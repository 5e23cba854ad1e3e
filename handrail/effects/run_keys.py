"""The keys of the vault: 32 random bytes per logical run, in a file of its own, gone once the run is forgotten.

A key is named by a digest of the run's id, never by the id itself, which is a caller's text. The file appears whole
(written beside, then linked), is not followed through links, and must belong to whom its folder belongs to. Before it
is removed it is overwritten with zeros, which are no key: a removal that was cut short has erased it all the same.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.audit import oscalls, small_files
from handrail.errors import JournalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
"""AES-256."""
NAME_BYTES = 8
"""Of a digest of a key, by which a frame says which key it needs; tells nothing about the key."""
MOST_KEPT = 256
"""Keys that one process keeps ready, the last used ones."""
USED_SECONDS = 3600
"""A key that was not used for as long gets the present for its time, from which its age is counted."""

_ERASED = bytes(KEY_BYTES)
_NO_FILE = {errno.ELOOP, errno.EINVAL}
_urandom = os.urandom


class Key:
    """A run's key, ready for use, and the file that it was read from."""

    __slots__ = ("_unfit", "cipher", "name", "path", "stamp")

    def __init__(self, path: str, stamp: tuple[int, int, int], secret: bytes) -> None:
        # a process that keeps no values loads no cryptography
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._unfit = InvalidTag
        self.path, self.stamp = path, stamp
        self.cipher: AESGCM = AESGCM(secret)
        self.name = name_of(secret)

    def opened(self, nonce: bytes, sealed: bytes, about: bytes) -> bytes | None:
        """What was sealed; None when it, or what it is about, was changed, or the key is another."""
        try:
            return self.cipher.decrypt(nonce, sealed, about)
        except self._unfit:
            return None


class RunKeys:
    """The keys in one folder. Safe for threads; forget a key in one process and it is forgotten in all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.restart()

    def restart(self) -> None:
        """Keep nothing ready: after a fork another thread may have been at work here."""
        self._lock = threading.RLock()
        self._ready: dict[str, Key] = {}
        self._made: list[Path] = []

    def existing(self, run: str) -> Key | None:
        """The key of a run; None when there is none. Raises JournalError for a file that is no key."""
        with self._lock:
            key = self._ready.pop(run, None)
            if key is None or self._stamp(key.path) != key.stamp:
                key = self._read(self._path(run), using=True)
            if key is not None:
                self._ready[run] = key
                if len(self._ready) > MOST_KEPT:
                    del self._ready[next(iter(self._ready))]
            return key

    def of(self, run: str) -> Key:
        """The key of a run, made if there is none. Raises JournalError."""
        key = self.existing(run)
        while key is None:
            self._make(self._path(run))
            key = self.existing(run)
        return key

    def forget(self, run: str) -> bool:
        """Erase the key of a run; False when there was none. Raises JournalError."""
        with self._lock:
            self._ready.pop(run, None)
            return self._erase(self._path(run))

    def forget_unused(self, seconds: float) -> int:
        """Erase the keys that were not used for so long, and say how many. Raises JournalError."""
        oldest = time.time_ns() - int(seconds * 1e9)
        erased = 0
        for name in self._names():
            path = self._folder / name
            stamp = self._stamp(str(path))
            if stamp is not None and stamp[2] < oldest and self._erase(path) and not name.startswith("."):
                erased += 1
        return erased

    def names(self) -> set[bytes]:
        """What frames call the keys that there are. Raises JournalError."""
        found = [self._read(self._folder / name) for name in self._names() if not name.startswith(".")]
        return {key.name for key in found if key is not None}

    def sync(self) -> None:
        """Put the keys that were made here on the disk. Raises OSError."""
        with self._lock:
            made, self._made = self._made, []
        for path in made:
            _sync_file(path)
        if made:
            oscalls.sync_folder(self._folder)

    def _path(self, run: str) -> Path:
        return self._folder / blake2b(run.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _names(self) -> list[str]:
        try:
            return oscalls.names_in(self._folder)
        except OSError as error:
            raise oscalls.unusable(self._folder, error) from error

    def _stamp(self, path: str) -> tuple[int, int, int] | None:
        try:
            return oscalls.stamp_at(path)
        except OSError as error:
            raise oscalls.unusable(path, error) from error

    def _read(self, path: Path, *, using: bool = False) -> Key | None:
        try:
            _require_folders(self._folder)
            fd = oscalls.open_existing(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise oscalls.unusable(path, error) from error
        try:
            return self._read_opened(path, fd, using)
        finally:
            oscalls.close(fd)

    def _read_opened(self, path: Path, fd: int, using: bool) -> Key | None:
        if oscalls.owner(fd) != oscalls.owner_at(self._folder):
            raise JournalError(
                f"{path}: belongs to another user than its folder. Look who put it there, and remove it."
            )
        stamp = oscalls.stamp(fd)
        if using and time.time_ns() - stamp[2] > USED_SECONDS * 1_000_000_000:
            oscalls.touch(fd)
            stamp = oscalls.stamp(fd)
        secret = oscalls.read_at(fd, KEY_BYTES + 1, 0)
        if len(secret) != KEY_BYTES:
            raise JournalError(f"{path}: is not a key of {KEY_BYTES} bytes. Restore it from a backup, or remove it.")
        return None if secret == _ERASED else Key(str(path), stamp, secret)

    def _make(self, path: Path) -> None:
        try:
            oscalls.make_folder(self._folder.parent.parent)
            oscalls.make_folder(self._folder.parent)
            if not small_files.write_first(path, _urandom(KEY_BYTES), durable=False) and self._read(path) is None:
                oscalls.remove(path)  # an erased one, left there by a process that was killed
            self._made.append(path)
        except OSError as error:
            raise oscalls.unusable(path, error) from error

    def _erase(self, path: Path) -> bool:
        try:
            _overwrite(path)
            oscalls.remove(path)
            oscalls.sync_folder(self._folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise oscalls.unusable(path, error) from error
        return True


def name_of(secret: bytes) -> bytes:
    """What a frame calls this key."""
    return blake2b(secret, digest_size=NAME_BYTES, person=b"handrail.values").digest()


def _require_folders(folder: Path) -> None:
    """Raise OSError where the folder of keys, or the one that it is in, is a link or no folder."""
    for place in (folder.parent, folder):
        oscalls.close(oscalls.open_folder(place))


def _sync_file(path: Path) -> None:
    try:
        fd = oscalls.open_existing(path)
    except FileNotFoundError:  # forgotten meanwhile
        return
    try:
        oscalls.sync_data(fd)
    finally:
        oscalls.close(fd)


def _overwrite(path: Path) -> None:
    try:
        fd = oscalls.open_existing(path, writing=True)
    except OSError as error:
        if (
            error.errno in _NO_FILE
        ):  # a link or the like in its place: its name is removed, what it leads to is not ours
            return
        raise
    try:
        oscalls.write(fd, bytes(max(KEY_BYTES, oscalls.size_of(fd))))
        oscalls.sync_data(fd)
    finally:
        oscalls.close(fd)
