"""Who opened what first: threads, sessions and memory namespaces belong to a user of a tenant, on this data folder.

One small file each, made once and never changed; names are keyed digests. Where processes race, the first one wins.
"""

from __future__ import annotations

import json
import threading
from functools import cache
from pathlib import Path
from typing import Literal

from handrail.audit import small_files
from handrail.audit.keys import folder_key, keyed_digest

FOLDER = "owners"
"""Folder of the data folder for these files."""
Kind = Literal["thread", "session", "namespace"]
_MAX_KNOWN = 10_000


class Owners:
    """The owners on one data folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key: bytes | None = None
        self._known: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def owns(self, kind: Kind, name: str, tenant: str, *users: str, opens: bool) -> bool:
        """Whether nobody but these users of this tenant, together, own it; with ``opens`` it is theirs from now on.

        Raises OSError or JournalError where that cannot be found out, or put down.
        """
        owner = self._digest(tenant, *users).encode("ascii")
        found = self._owner(kind, name)
        if found is None and opens:
            small_files.write_first(self._file(kind, name), owner)
            found = self._owner(kind, name)
        return found in (None, owner)

    def _owner(self, kind: Kind, name: str) -> bytes | None:
        known = self._known.get((kind, name))
        if known is not None:
            return known
        found = small_files.read(self._file(kind, name))
        if found is not None:
            with self._lock:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                self._known[kind, name] = found  # an owner never changes
        return found

    def _file(self, kind: Kind, name: str) -> Path:
        return self._folder / FOLDER / f"{kind}-{self._digest(kind, name)}"

    def _digest(self, *parts: str) -> str:
        if self._key is None:
            self._key = folder_key(self._folder)
        return keyed_digest(self._key, json.dumps(parts))


@cache
def owners_of(folder: Path) -> Owners:
    """The owners on ``folder``, one object for each."""
    return Owners(folder)
