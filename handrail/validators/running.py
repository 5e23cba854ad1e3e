"""Running checks so that none breaks or holds its caller: what raises or takes too long is a finding of its own."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import Check

MAX_SECONDS = 0.05
"""Time (of this thread's processor) that a check of other people's code may take."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """A check under the id that its findings carry."""

    id: str
    inner: Check
    max_seconds: float = MAX_SECONDS

    def check(self, value: object, context: Context) -> Findings:
        """What it finds. Never raises: what could not be checked is a finding whose code begins with ``unchecked``."""
        if self.inner.bounded:
            found = self._run(value, context)
            return found and tuple(replace(one, validator=self.id) for one in found)
        # The processor's time, not the clock's: a busy machine must not turn a good value into a bad one.
        begun = time.thread_time()
        found = self._run(value, context)
        if time.thread_time() - begun > self.max_seconds:
            text = f"The check took longer than the {self.max_seconds * 1000:g} ms that it may."
            found = (*found, Finding("unchecked.time", text))
        return tuple(replace(one, validator=self.id) for one in found)

    def _run(self, value: object, context: Context) -> Findings:
        try:
            return self.inner.check(value, context)
        except Exception as error:
            # Only the kind: the text of a foreign exception may quote the value.
            _log.warning("validator %s could not check a value: %s", self.id, type(error).__name__)
            return (Finding("unchecked.error", f"The value could not be checked ({type(error).__name__})."),)
