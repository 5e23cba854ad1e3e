"""Running checks so that none breaks or holds its caller: what raises or takes too long is a finding of its own."""

from __future__ import annotations

import logging
import time
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice

from handrail.validators.combining import AllOf
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.functions import findings
from handrail.validators.plain import Unreadable
from handrail.validators.protocol import Check

MAX_SECONDS = 0.05
"""Time (of this thread's processor) that a check of other people's code may take."""

_PATIENCE = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Used:
    """What this thread has used so far."""

    processor: float
    clock: float
    waits: int
    """How often it gave the processor away by itself; 0 where the system does not say."""

    @classmethod
    def now(cls) -> _Used:
        return cls(time.thread_time(), time.monotonic(), _waits())

    def over(self, seconds: float) -> bool:
        """Whether since then it computed longer than ``seconds``, or waited for much longer than that.

        The processor's time comes first: a busy machine must not turn a good value into a bad one. A check that sleeps,
        or asks the network, uses none: it is late where the clock says twenty times as much and the thread did wait,
        which one that was only kept from running did not.
        """
        if time.thread_time() - self.processor > seconds:
            return True
        return time.monotonic() - self.clock > _PATIENCE * seconds and _waits() > self.waits


def _waits() -> int:
    try:
        import resource

        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    except (ImportError, AttributeError):
        return 0


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
        begun = _Used.now()
        found = self._run(value, context, text)
        if begun.over(self.max_seconds):
            text = f"The check took longer than the {self.max_seconds * 1000:g} ms that it may."
            found = (*found, Finding("unchecked.time", text))
        return tuple(replace(one, validator=self.id) for one in found)

    def _sound(self, found: Findings) -> Findings:
        return found if self.inner.bounded else findings(found, self.id)

    def _run(self, value: object, context: Context, text: str | None) -> Findings:
        try:
            if not self.inner.bounded:
                value = deepcopy(value)  # the program's own, which nobody else's check may change
            if text is None or text is value:
                return self._sound(self.inner.check(value, context))
            parts = self.inner.checks if type(self.inner) is AllOf else (self.inner,)
            found = (one for part in parts for one in part.check(text if part.raw else value, context))
            return self._sound(tuple(islice(found, MAX_FINDINGS)))
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a library in Rust that panics raises no Exception
            # Only the kind: the text of a foreign exception may quote the value.
            _log.warning("validator %s could not check a value: %s", self.id, type(error).__name__)
            return (Finding("unchecked.error", f"The value could not be checked ({type(error).__name__})."),)
