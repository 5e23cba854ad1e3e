"""Which delegation tokens were used on this host: a file for each, named by hash, made in one step.

The name is made of the token's expiry and a hash of its key and id, and the file is empty: whoever makes it has
used the token, and a process that dies right after has used it too.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from handrail.audit import oscalls

FOLDER = "tokens"
"""Folder of the used tokens inside a data folder."""
KEPT_NS = 3_600 * 10**9
"""Nanoseconds for which a used token is remembered after it has expired: room for a clock that is set back."""
SWEEP_NS = 60 * 10**9
"""Nanoseconds between two looks for what can be forgotten."""


class SpentTokens:
    """The used tokens of one data folder."""

    def __init__(self, data: Path) -> None:
        self._data, self._folder = data, data / FOLDER
        self._swept = 0

    def spend(self, key: str, token: str, expires: int, now: int) -> bool:
        """Use the token ``token`` of the key ``key``; False when it was used before.

        ``expires`` and ``now`` are nanoseconds since the epoch. Of several processes and threads exactly one
        gets True. Raises OSError or JournalError where nothing can be remembered.
        """
        oscalls.make_folder(self._data)
        oscalls.make_folder(self._folder)
        folder = oscalls.open_folder(self._folder)
        try:
            oscalls.close(oscalls.open_segment(folder, _name(key, token, expires)))
        except FileExistsError:
            return False
        finally:
            oscalls.close(folder)
        oscalls.sync_folder(self._folder)
        self._sweep(now)
        return True

    def _sweep(self, now: int) -> None:
        if 0 <= now - self._swept < SWEEP_NS:
            return
        self._swept = now
        for name in oscalls.names_in(self._folder):
            expires, _, _ = name.partition("-")
            with suppress(ValueError, OSError):
                if int(expires) + KEPT_NS < now:
                    oscalls.remove(self._folder / name)


def _name(key: str, token: str, expires: int) -> str:
    return f"{expires:020d}-{sha256(f'{key}.{token}'.encode()).hexdigest()}"
