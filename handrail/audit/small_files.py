"""Small files of the data folder: there whole or not at all, durable, never through links, for their owner only.

A folder that somebody opened to its group, so that a second person can approve changes, shares its files with it.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from handrail.audit import oscalls


def write_first(path: Path, content: bytes, *, durable: bool = True) -> bool:
    """Make ``path`` with ``content``; False when it is there already, which it then stays as it was.

    Without ``durable`` it outlives the process, but not a loss of power. Raises OSError, and JournalError where the
    folder cannot be made.
    """
    draft = _draft(path, content, durable=durable)
    try:
        oscalls.link(draft, path)
    except FileExistsError:
        return False
    finally:
        oscalls.remove(draft)
    if durable:
        oscalls.sync_folder(path.parent)
    return True


def replace(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Give ``path`` new ``content`` in one step. Raises OSError, and JournalError as `write_first` does.

    Without ``durable`` it outlives the process, but not a loss of power.
    """
    draft = _draft(path, content, durable=durable)
    try:
        oscalls.rename(draft, path)
    except OSError:
        oscalls.remove(draft)
        raise
    if durable:
        oscalls.sync_folder(path.parent)


def read(path: Path) -> bytes | None:
    """What a regular file holds; None when there is none. Raises OSError."""
    try:
        return oscalls.read_file(path)
    except FileNotFoundError:
        return None


def _draft(path: Path, content: bytes, *, durable: bool = True) -> Path:
    oscalls.make_folder(path.parent)
    name = f".{path.name}.{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}"
    folder = oscalls.open_folder(path.parent)
    try:
        fd = oscalls.open_segment(folder, name)
    finally:
        oscalls.close(folder)
    draft = path.with_name(name)
    try:
        oscalls.share(fd, path.parent)
        _fill(fd, content, durable)
    except OSError:
        oscalls.remove(draft)
        raise
    finally:
        oscalls.close(fd)
    return draft


def _fill(fd: int, content: bytes, durable: bool) -> None:
    view = memoryview(content)
    while view:
        view = view[oscalls.write(fd, view) :]
    if durable:
        oscalls.sync_data(fd)
