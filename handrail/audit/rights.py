"""Writing live.json: changes of rights while agents run. What they mean is config/overlay.py's business."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from handrail.audit import oscalls, small_files
from handrail.config.live import LiveChange, LiveFile, live_file, parse_changes
from handrail.errors import JournalError

Changes = tuple[LiveChange, ...]


def new_id(what: str) -> str:
    """A name for a new change, such as ``grant-3fa94c12``."""
    return f"{what}-{os.urandom(4).hex()}"


def read(data: Path) -> Changes:
    """Every change in the data folder, also those that are over. Raises ConfigError and JournalError."""
    path = live_file(data)
    try:
        content = small_files.read(path)
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}.") from error
    return parse_changes(content, path) if content is not None else ()


def edit(data: Path, edited: Callable[[Changes], Changes]) -> None:
    """Replace the changes by what ``edited`` makes of them; what is over is dropped. One writer at a time.

    Raises what ``edited`` raises, ConfigError for a file that cannot be read, and JournalError.
    """
    path = live_file(data)
    try:
        oscalls.make_folder(path.parent)
        with oscalls.locked(path.parent / "live.lock", wait=True, shared=True):
            changes = edited(read(data))
            now = time.time()
            running = tuple(one for one in changes if one.until is None or one.until > now)
            small_files.replace(path, msgspec.json.format(msgspec.json.encode(LiveFile(running)), indent=1) + b"\n")
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}. Make the folder writable for this user.") from error
