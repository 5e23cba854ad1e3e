"""Ids and the clock, behind one small seam, so that tests can decide them. Nothing else reads either."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol


class Source(Protocol):
    """Where ids and times come from."""

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        ...

    def bits(self, count: int) -> int:
        """A random integer of ``count`` bits that is not zero."""
        ...


class SystemSource:
    """The real clock and randomness. Re-seeded in a forked child, so that no two processes share ids."""

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reseed)

    def _reseed(self) -> None:
        self._random = random.Random(os.urandom(32))

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def bits(self, count: int) -> int:
        """A random integer of ``count`` bits that is not zero."""
        return self._random.getrandbits(count) or 1


_source: Source = SystemSource()


def use_source(source: Source) -> Source:
    """Replace the source of ids and times; returns the one that was there."""
    global _source
    previous, _source = _source, source
    return previous


def now_ns() -> int:
    """Nanoseconds since the Unix epoch, UTC."""
    return _source.now_ns()


def new_step() -> str:
    """A step id: 16 hex digits, the form of an OpenTelemetry span id."""
    return f"{_source.bits(64):016x}"


def new_trace() -> str:
    """A trace id: 32 hex digits, the form of an OpenTelemetry trace id."""
    return f"{_source.bits(128):032x}"


def new_run() -> str:
    """A run id: 32 hex digits of a UUID version 7 (RFC 9562), so that ids sort by time."""
    milliseconds = _source.now_ns() // 1_000_000
    rest = _source.bits(74)
    value = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | (rest >> 62) << 64 | 2 << 62 | rest & (1 << 62) - 1
    return f"{value:032x}"
