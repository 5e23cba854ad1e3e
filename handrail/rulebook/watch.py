"""Whether files are still what they were when they were read. Looks at them on every call, so it must cost little.

A file is known by times, size and inode. A kernel's clock for them moves in ticks, so a change in the tick in which
a file was read leaves no trace: for that long its bytes are compared, not its times.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from handrail.audit import oscalls
from handrail.config.files import holds

TICK_SECONDS = 0.05
"""Longest tick of a file system's clock: several times the 10 ms of the coarsest Linux kernel."""
_TRIES = 3

Signature = tuple[int, int, int, int]


class Watch:
    """Some files and what they held. Immutable after it was made; looking again makes a new one."""

    __slots__ = ("_contents", "_seen", "_young")

    def __init__(self, contents: Mapping[Path, bytes | None]) -> None:
        """``contents`` has what was read of each file, or None where it could not be read. Reads them again."""
        self._contents = contents
        self._seen: list[tuple[str, Signature | None]] = []
        self._young = True
        """Whether a further change may be missed by ``moved`` alone."""
        for _ in range(_TRIES):
            if self._settle():
                return

    @property
    def moved(self) -> bool:
        """Whether a file has changed, or may have."""
        if self._young:
            return True
        for path, seen in self._seen:  # noqa: SIM110 - a generator costs as much as the call to the system
            if _signature(path, seen) != seen:
                return True
        return False

    def again(self) -> Watch | None:
        """The same files looked at once more; None when one of them holds something else now. Reads files."""
        watch = Watch(self._contents)
        return watch if watch._seen else None

    def _settle(self) -> bool:
        """Note what the files look like, provided that they still hold what was read; whether that succeeded."""
        begun = time.time_ns()
        before = [(str(path), _signature(str(path))) for path in self._contents]
        same = all(holds(path, content) for path, content in self._contents.items())
        after = [(str(path), _signature(str(path))) for path in self._contents]
        if not same or before != after:
            return False
        self._seen, tick = before, int(TICK_SECONDS * 1e9)
        self._young = any(seen is not None and abs(begun - seen[1]) < tick for _, seen in before)
        return True


def _signature(path: str, seen: Signature | None = (0, 0, 0, 0)) -> Signature | None:
    """Times, size and inode; None for what is not there. ``seen`` says whether it was there the last time."""
    if seen is None and not oscalls.exists(path):  # without the price of an exception
        return None
    try:
        found = oscalls.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
