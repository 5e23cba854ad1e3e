"""What the tests of the encrypted store share: a value, and where its files lie."""

from __future__ import annotations

from pathlib import Path

RUN, ABOUT, BODY = "run-1", "call-1", b'{"balance":12}'


def only(folder: Path) -> Path:
    """The one file in ``folder``."""
    (found,) = (path for path in folder.iterdir() if path.is_file())
    return found


def values_file(data: Path) -> Path:
    """The file of values of a data folder that has one."""
    return only(data / "replay")


def key_file(data: Path) -> Path:
    """The key of a data folder that has one."""
    return only(data / "replay" / "keys")
