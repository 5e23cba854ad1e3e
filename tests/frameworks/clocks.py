"""A clock that a test sets."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from handrail.tracing import ids

NOW = 1_800_000_000 * 10**9
"""Some moment, in nanoseconds since the epoch."""


class Clock(ids.SystemSource):
    """The system's randomness at a time that stands still."""

    def __init__(self, at: int = NOW) -> None:
        super().__init__()
        self.at = at
        """Nanoseconds since the epoch."""

    def now_ns(self) -> int:
        """The time that was set."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Let time pass; a negative number sets the clock back."""
        self.at += int(seconds * 10**9)


@contextmanager
def standing_clock(at: int = NOW) -> Generator[Clock]:
    """Let a :class:`Clock` decide every time in the block."""
    clock = Clock(at)
    before = ids.use_source(clock)
    try:
        yield clock
    finally:
        ids.use_source(before)
