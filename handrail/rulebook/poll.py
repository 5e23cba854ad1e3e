"""When the rows of a Casbin adapter are due to be read again, and when they are too old to decide by."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from handrail.errors import PolicyError

if TYPE_CHECKING:
    from handrail.config import Settings
    from handrail.config.settings import CasbinSettings

log = logging.getLogger(__name__)


class Poll:
    """The clock of one adapter's rows, which have just been read; without an adapter nothing is ever due."""

    def __init__(self, casbin: CasbinSettings | None, before: Poll | None = None) -> None:
        """``before`` is the clock that goes on when the same rows stay in force under other settings."""
        self._casbin = casbin if casbin is not None and casbin.adapter else None
        now = time.monotonic()
        self._tried: float = before._tried if before else now
        self._read: float = before._read if before else now
        self._failing: bool = before is not None and before._failing
        self._text = casbin.texts[1] if casbin is not None and casbin.texts else ""

    @property
    def due(self) -> bool:
        """Whether the next call should read the rows again."""
        return self._casbin is not None and time.monotonic() - self._tried >= self._casbin.poll

    @property
    def too_old(self) -> str:
        """Why the rows may not be decided by any more; empty while they may."""
        if self._casbin is None or time.monotonic() - self._read <= self._casbin.max_age:
            return ""
        return f"the rows of {self._casbin.adapter} could not be read for {self._casbin.max_age:g} seconds"

    def of(self, settings: Settings) -> str | None:
        """The latest rows, where ``settings`` has the same adapter and model: a store that is down must not keep a
        change of rights out of force. None where they must be read."""
        casbin, known = settings.casbin, self._casbin
        if casbin is None or known is None or known.texts is None or casbin.adapter != known.adapter:
            return None
        same = settings.sources.get(casbin.model) == known.texts[0].encode()
        return self._text if same else None

    def read_again(self) -> bool:
        """Read the rows; whether they have changed. A failure is logged, once in a row."""
        casbin = self._casbin
        if casbin is None or casbin.texts is None:
            return False
        from handrail.policy.casbin_rows import read

        self._tried = time.monotonic()
        try:
            rows = read(casbin, casbin.texts[0])
        except PolicyError as error:
            if not self._failing:
                log.error("%s The rows of before stay in force for %g seconds.", error, casbin.max_age)
            self._failing = True
            return False
        self._read, self._failing = self._tried, False
        before, self._text = self._text, rows
        return rows != before
