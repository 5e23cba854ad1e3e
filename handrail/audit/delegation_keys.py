"""The keys of a data folder that sign delegation tokens: made at first use, kept for their owner only.

``delegation.key`` signs. ``next.key`` will sign after the next rotation, so that other hosts can be told of it
before. ``retired-ID.pub`` are public keys that signed once; tokens of theirs are accepted until the file is removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from handrail.audit import oscalls, small_files
from handrail.errors import JournalError
from handrail.tracing.tokens import KEY_BYTES, key_id, public_key

FOLDER = "keys"
"""Folder of the keys inside a data folder."""
SIGNING, NEXT = "delegation.key", "next.key"
_RETIRED, _PUBLIC = "retired-", ".pub"
_LOCK = "lock"
_T = TypeVar("_T")


class DelegationKeys:
    """The keys of one data folder. Every method raises JournalError where the folder or a key is not usable."""

    def __init__(self, data: Path) -> None:
        self._data, self.folder = data, data / FOLDER

    def signing(self) -> bytes:
        """The private key (32 bytes) that signs."""
        return self._reading(lambda: self._private(SIGNING) or self._make(SIGNING))

    def next(self) -> bytes:
        """The private key (32 bytes) that will sign after :meth:`rotate`."""
        return self._reading(lambda: self._private(NEXT) or self._make(NEXT))

    def trusted(self) -> Mapping[str, bytes]:
        """Key id -> public key, of every key of this folder whose tokens are accepted."""
        return self._reading(self._trusted)

    def rotate(self) -> bytes:
        """Retire the signing key and sign with the next one, which is returned (32 bytes)."""
        self.signing()
        self.next()
        return self._reading(self._rotate)

    def _trusted(self) -> Mapping[str, bytes]:
        found = [public_key(seed) for name in (SIGNING, NEXT) if (seed := self._private(name))]
        for name in oscalls.names_in(self.folder):
            if name.startswith(_RETIRED) and name.endswith(_PUBLIC):
                found.append(self._read(name))
        return {key_id(public): public for public in found}

    def _rotate(self) -> bytes:
        with oscalls.locked(self.folder / _LOCK, wait=True):
            old, new = self._private(SIGNING), self._private(NEXT)
            if old is None or new is None:
                raise JournalError(f"{self.folder}: another process is changing these keys. Try again.")
            public = public_key(old)
            small_files.replace(self.folder / f"{_RETIRED}{key_id(public)}{_PUBLIC}", public)
            oscalls.rename(self.folder / NEXT, self.folder / SIGNING)
            oscalls.sync_folder(self.folder)
            return new

    def _make(self, name: str) -> bytes:
        oscalls.make_folder(self._data)
        seed = os.urandom(KEY_BYTES)
        # whoever is first decides; a symbolic link in its place is found there too, and refused when it is read
        made = small_files.write_first(self.folder / name, seed)
        return seed if made else self._read(name)

    def _private(self, name: str) -> bytes | None:
        try:
            return self._read(name)
        except FileNotFoundError:
            return None

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        fd = oscalls.open_existing(path)
        try:
            if oscalls.is_open_to_others(fd):
                raise JournalError(f"{path}: others can read or write this key. Replace it: handrail policy key --help")
            content = oscalls.read_at(fd, KEY_BYTES + 1, 0)
        finally:
            oscalls.close(fd)
        if len(content) != KEY_BYTES:
            raise JournalError(f"{path}: this is no key of {KEY_BYTES} bytes. Remove it; a new one is made.")
        return content

    def _reading(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except OSError as error:
            raise oscalls.unusable(error.filename or self.folder, error) from error
