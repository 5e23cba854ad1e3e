"""What models answered in the lives of one logical run: each answer is given back once to an equal request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Record: TypeAlias = Mapping[str, Any]
"""What the journal has of an answer: ``asked``, ``value``, and where there are some ``at`` and ``calls``."""
MAX_REMEMBERED = 1_000
"""Answers of one life that are remembered until it goes on in the same process."""


class Answers:
    """The answers of earlier lives that this one has not asked for, and its own. Thread-safe."""

    def __init__(self, known: Mapping[str, Iterable[Record]] = MappingProxyType({})) -> None:
        """``known`` are those of earlier lives: digest of what was asked -> records, in the order of the answers."""
        self._known = {asked: list(records) for asked, records in known.items()}
        self._free = {asked: list(records) for asked, records in self._known.items()}
        self._count = 0
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        """This life has an answer, which a later one may ask for."""
        with self._lock:
            if self._count < MAX_REMEMBERED:
                self._count += 1
                self._known.setdefault(record["asked"], []).append(record)

    def again(self) -> Answers:
        """What the next life has."""
        with self._lock:
            return Answers(self._known)

    def take(self, asked: str, at: str, made: Callable[[], set[str]]) -> Record | None:
        """The next answer to a request; None where there is none left.

        ``at`` is where it is asked for; ``made`` tells the ids of the calls that this life has made already: an answer
        with one of them may lie behind, and goes last.
        """
        with self._lock:
            free = self._free.get(asked)
            if not free:
                return None
            done = made() if len(free) > 1 else set[str]()
            found = min(free, key=lambda one: (_has(one, done), one.get("at", "") != at))  # the first of equals
            free.remove(found)
            return found

    def pass_by(self, behind: Callable[[str], bool]) -> None:
        """The run goes on from a checkpoint: answers at places ``behind`` it are not asked for again."""
        with self._lock:
            for records in self._free.values():
                records[:] = [one for one in records if not behind(one.get("at", ""))]


def _has(record: Record, calls: set[str]) -> bool:
    return any(call.get("id") in calls for call in record.get("calls") or ())
