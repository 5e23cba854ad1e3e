"""Where settings get the bytes of their files from, and what was read on the way, also when that ended in an error."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from handrail.config.settings import Place
from handrail.errors import ConfigError

_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)

MAX_OWN_BYTES = 16 << 20
"""Longest file of Handrail's own that is read: some 50,000 changes of rights."""


class Files:
    """Reads each file once and remembers what it held. For one load: not thread-safe."""

    def __init__(self) -> None:
        self.contents: dict[Path, bytes | None] = {}
        """Every file that was asked for, in order, with its bytes; None for one that could not be read."""

    def read(self, path: Path, place: Place) -> bytes:
        """The bytes of the file that stands at ``place``. Raises ConfigError, with that place."""
        if (known := self.contents.get(path)) is not None:
            return known
        self.contents[path] = None
        try:
            self.contents[path] = content = path.read_bytes()
        except (OSError, ValueError) as problem:
            raise _unreadable(path, place, problem) from problem
        return content

    def read_own(self, path: Path) -> bytes | None:
        """The bytes of a file that Handrail wrote itself, never through a symbolic link; None when there is none.

        Raises ConfigError.
        """
        self.contents[path] = None
        try:
            self.contents[path] = content = own_bytes(path)
        except OSError as problem:
            raise _unreadable(path, Place(path), problem) from problem
        return content


class GivenFiles(Files):
    """Texts that were kept: nothing is read."""

    def __init__(self, given: Mapping[Path, bytes]) -> None:
        super().__init__()
        self._given = given

    def read(self, path: Path, place: Place) -> bytes:
        """The bytes that were given for ``path``. Raises ConfigError when there are none."""
        if path not in self._given:
            raise ConfigError(f"{path} is not among the texts that were kept.", file=place.file, line=place.line)
        return self.contents.setdefault(path, self._given[path]) or b""

    def read_own(self, path: Path) -> bytes | None:
        """The bytes that were given for ``path``; None when there are none."""
        if path in self._given:
            self.contents[path] = self._given[path]
        return self._given.get(path)


def own_bytes(path: Path) -> bytes | None:
    """What a regular file holds that is no symbolic link; None when there is none. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | _NOFOLLOW | _NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        content = file.read(MAX_OWN_BYTES + 1)
    if len(content) > MAX_OWN_BYTES:
        raise OSError(errno.EFBIG, f"is larger than {MAX_OWN_BYTES >> 20} MiB", str(path))
    return content


def holds(path: Path, content: bytes | None) -> bool:
    """Whether a file holds ``content`` and no more; None stands for one that cannot be read. Waits for nobody."""
    try:
        fd = os.open(path, os.O_RDONLY | _NONBLOCK)  # a pipe in its place would hold the reader for ever
        with open(fd, "rb") as file:
            if content is None or not stat.S_ISREG(os.fstat(fd).st_mode):
                return content is None and not stat.S_ISREG(os.fstat(fd).st_mode)
            return file.read(len(content) + 1) == content
    except (OSError, ValueError):
        return content is None


def _unreadable(path: Path, place: Place, problem: OSError | ValueError) -> ConfigError:
    # ValueError: a NUL in the name.
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    what = "The file" if path == place.file else str(path)
    hint = "Correct the path or the permissions."
    return ConfigError(f"{what} cannot be read: {reason}.", file=place.file, line=place.line, hint=hint)
