"""Who works on a logical run: one process at a time, proven by a lock that ends with it.

One POSIX record lock for each run, on one byte of one file: the system frees it when the process ends, however it
ends, and says which process has it. Such locks belong to the process, so its own threads are told apart here.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from functools import cache
from pathlib import Path

from handrail.audit import oscalls
from handrail.errors import RunHeld

try:
    import fcntl
except ImportError:  # no POSIX, where enforce mode is refused before
    fcntl = None  # type: ignore[assignment]

FILE = "runs.lock"
"""Nobody else may open this file in a process that holds runs: closing it would free them all."""
_PLACES = 2**62


class Holds:
    """The runs that this process works on, on one data folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._path, self._lock = folder / FILE, threading.Lock()
        self._pid, self._fd = -1, -1
        self._held: set[str] = set()

    def take(self, run: str) -> None:
        """Work on ``run`` from now on. Raises RunHeld where another does, and OSError or JournalError."""
        with self._lock:
            self._open()
            if run in self._held:
                raise RunHeld(run, os.getpid())
            if fcntl is not None:
                try:
                    fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(run))
                except (BlockingIOError, PermissionError):
                    raise RunHeld(run, self._holder(run)) from None
            self._held.add(run)

    def free(self, run: str) -> None:
        """Work on it no longer; nothing happens where this process did not."""
        with self._lock:
            if run in self._held and self._pid == os.getpid():
                self._held.discard(run)
                if fcntl is not None:
                    fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, _place(run))

    def held(self, run: str) -> int | None:
        """The process that works on ``run``; None where none does, 0 where the system does not say which."""
        with self._lock:
            self._open()
            return os.getpid() if run in self._held else self._holder(run)

    def close(self) -> None:
        """Free every run, and close the file, so that its disk can be taken away."""
        with self._lock:
            if self._fd >= 0 and self._pid == os.getpid():
                oscalls.close(self._fd)
            self._pid, self._fd = -1, -1
            self._held.clear()

    def _open(self) -> None:
        if self._pid == os.getpid():
            return
        oscalls.make_folder(self._path.parent)
        self._fd, self._pid = oscalls.open_shared(self._path), os.getpid()
        self._held.clear()

    def _holder(self, run: str) -> int | None:
        if fcntl is None:
            return None
        return _holder(self._fd, _place(run))


def _place(run: str) -> int:
    return int(run[:16], 16) % _PLACES


def _holder(fd: int, place: int) -> int | None:
    """Asks the system with F_GETLK; its structure is that of the platform's ``struct flock``."""
    assert fcntl is not None
    if sys.platform.startswith("linux") and struct.calcsize("P") == 8:  # type, whence, start, length, process
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
        kind, _, _, _, process = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    elif sys.platform == "darwin":  # start, length, process, type, whence
        asked = struct.pack("qqihh", place, 1, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, process, kind, _ = struct.unpack("qqihh", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    else:
        return 0
    return None if kind == fcntl.F_UNLCK else int(process)


@cache
def holds_of(folder: Path) -> Holds:
    """The runs held on ``folder``, one object for each."""
    return Holds(folder)
