"""Running checks so that none breaks or holds its caller: what raises or takes too long is a finding of its own."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from itertools import islice

from handrail.validators.combining import MAX_FINDINGS, All
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.plain import Unreadable
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

    @property
    def needs_run(self) -> bool:
        """Whether it looks at what the run has seen and done."""
        return self.inner.needs_run

    def check(self, value: object, context: Context, text: str | None = None) -> Findings:
        """What it finds. ``text`` is what the value was read from, for checks that look at texts as they stand.

        Never raises: what could not be checked is a finding whose code begins with ``unchecked``."""
        if isinstance(value, Unreadable):
            text = f"The value has {value.problem}, and was not checked."
            return (Finding("unchecked.size", text, validator=self.id),)
        if self.inner.bounded:
            found = self._run(value, context, text)
            return found and tuple(replace(one, validator=self.id) for one in found)
        # The processor's time, not the clock's: a busy machine must not turn a good value into a bad one.
        begun = time.thread_time()
        found = self._run(value, context, text)
        if time.thread_time() - begun > self.max_seconds:
            text = f"The check took longer than the {self.max_seconds * 1000:g} ms that it may."
            found = (*found, Finding("unchecked.time", text))
        return tuple(replace(one, validator=self.id) for one in found)

    def _run(self, value: object, context: Context, text: str | None) -> Findings:
        try:
            if text is None or text is value:
                return self.inner.check(value, context)
            parts = self.inner.checks if type(self.inner) is All else (self.inner,)
            found = (one for part in parts for one in part.check(text if part.raw else value, context))
            return tuple(islice(found, MAX_FINDINGS))
        except Exception as error:
            # Only the kind: the text of a foreign exception may quote the value.
            _log.warning("validator %s could not check a value: %s", self.id, type(error).__name__)
            return (Finding("unchecked.error", f"The value could not be checked ({type(error).__name__})."),)
