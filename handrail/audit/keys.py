"""The data folder's own secret: with it, digests of prompts can be compared, and without it not guessed."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from handrail.audit import oscalls

KEY_FILE = "digest.key"
KEY_BYTES = 32


def folder_key(folder: Path) -> bytes:
    """The secret of a data folder, made by whoever needs it first. Raises OSError or JournalError."""
    oscalls.make_folder(folder)
    path = folder / KEY_FILE
    with oscalls.locked(path, wait=True):
        found = oscalls.read_file(path)
        return found if len(found) == KEY_BYTES else _make(path)


def _make(path: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    fd = oscalls.open_existing(path, writing=True)
    try:
        oscalls.write(fd, key)
        oscalls.sync_data(fd)
    finally:
        oscalls.close(fd)
    return key


def keyed_digest(key: bytes, text: str) -> str:
    """BLAKE2b of ``text`` under ``key``, 32 hex digits: equal texts of one data folder have equal digests."""
    return blake2b(text.encode("utf-8", "replace"), key=key, digest_size=16).hexdigest()
