"""How long recorded values are kept: those of a run that nobody used for a time are erased for good."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from handrail.audit import oscalls
from handrail.effects.vault import FOLDER, vault_for
from handrail.errors import HandrailError

log = logging.getLogger(__name__)

MARK = "swept.lock"
"""File beside the values whose time says when they were looked through last."""
EVERY_SECONDS = 86_400
_DAY = 86_400


def sweep(folder: Path, keep_days: float) -> int:
    """Erase the values in a data folder that were not used for so many days, at most once a day; how many runs it were.

    A process that finds another at it leaves it to that one. What goes wrong is logged: no run waits for it.
    """
    if not oscalls.exists(str(folder / FOLDER)):
        return 0
    path = folder / FOLDER / MARK
    try:
        before = oscalls.stamp_at(str(path))
        if before is not None and time.time_ns() - before[2] < EVERY_SECONDS * 1_000_000_000:
            return 0
        with oscalls.locked(path, wait=False) as mine:
            if not mine:
                return 0
            _touch(path)
            return vault_for(folder).sweep(keep_days * _DAY)
    except (OSError, HandrailError) as error:
        log.warning("Old values for replay in %s could not be erased: %s", folder, type(error).__name__)
        return 0


def _touch(path: Path) -> None:
    fd = oscalls.open_existing(path, writing=True)
    try:
        oscalls.touch(fd)
    finally:
        oscalls.close(fd)
