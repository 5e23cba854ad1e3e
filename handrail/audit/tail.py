"""The newest records, live, straight from the segments: no index is needed or touched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.audit import reader
from handrail.audit.fold import is_held
from handrail.audit.reader import Part, Problem

Record = dict[str, Any]
"""One record as it was written, its envelope (v, w, n, t, k) included."""

_CLOCK_NS = 2_000_000_000


@dataclass(slots=True)
class Tail:
    """Follows the journal under ``data``. ``wanted`` says which records count."""

    data: Path
    wanted: Callable[[Record], bool] = lambda record: True
    note: Callable[[Record], None] = lambda record: None
    """Called with every record that is read, wanted or not."""
    problems: list[Problem] = field(default_factory=list[Problem])
    """Damage met since the caller last emptied the list."""
    _ends: dict[str, int] = field(default_factory=dict[str, int])
    _done: set[str] = field(default_factory=set[str])

    def last(self, count: int) -> list[Record]:
        """The ``count`` newest records, oldest first. Raises JournalError where the journal cannot be listed.

        Afterwards ``new`` returns what came later. Reads only parts that can hold one of these records.
        """
        kept: list[Record] = []
        for part in sorted(reader.parts(self.data), key=_changed_ns, reverse=True):
            held = is_held(part)
            # nothing in a file is newer than its last change, by the coarse clock of the file system
            if not held and len(kept) >= count and (count == 0 or _changed_ns(part) + _CLOCK_NS < kept[0]["t"]):
                self._done.add(part.name)
                continue
            # a part as large as a segment is decoded once and not kept
            newest = deque((record for record in self._read(part, held) if self.wanted(record)), maxlen=count)
            kept = sorted([*kept, *newest], key=_moment)[-count:] if count else []
        return kept

    def new(self) -> list[Record]:
        """What has come since the last call, in the order of time. Raises JournalError."""
        parts = [part for part in reader.parts(self.data) if part.name not in self._done]
        found = [record for part in parts for record in self._read(part, is_held(part)) if self.wanted(record)]
        return sorted(found, key=_moment)

    def _read(self, part: Part, held: bool) -> Iterator[Record]:
        records = reader.records(part, self._ends.get(part.name, 0))
        for line in records:
            record = dict(line.fields)
            self.note(record)
            yield record
        self._ends[part.name] = records.end
        if records.problems or (records.end and not held):
            self._done.add(part.name)
            self.problems += records.problems


def _changed_ns(part: Part) -> int:
    try:
        return part.place.path.lstat().st_mtime_ns
    except OSError:
        return 0


def _moment(record: Record) -> tuple[int, str, int]:
    return record["t"], record["w"], record["n"]
