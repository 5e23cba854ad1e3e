"""Checking a whole journal: every chain from its first record to its last, every payload against its record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from handrail.audit import reader
from handrail.audit.reader import Part, Problem
from handrail.errors import JournalCorrupt


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found in a journal."""

    writers: int
    """Chains."""
    segments: int
    """Segments, packed ones included."""
    records: int
    """Records that fit their chain."""
    payloads: int
    """Payloads that records refer to and that were compared; each once."""
    erased: int
    """Payloads among those of which only the erased place is left."""
    problems: tuple[Problem, ...]
    """Everything that is wrong, in the order of writers and offsets."""

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class _Count:
    records: int = 0
    erased: int = 0
    payloads: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])


def verify(folder: Path) -> VerifyReport:
    """Read the whole journal of a data folder. Raises JournalError only where it cannot be listed."""
    found = reader.parts(folder)
    count, problems = _Count(), reader.damaged_packs(folder)
    for part in found:
        problems += _check(folder, part, count)
    writers = {part.writer for part in found}
    return VerifyReport(len(writers), len(found), count.records, len(count.payloads), count.erased, tuple(problems))


def _check(folder: Path, part: Part, count: _Count) -> Iterator[Problem]:
    read = reader.records(part)
    for record in read:
        count.records += 1
        # most of the time would go into decoding records that refer to nothing
        for ref in references(record.fields) if b'"c":"' in record.written else ():
            yield from _check_payload(folder, ref, count)
    yield from read.problems


def references(value: object) -> Iterator[dict[str, object]]:
    """The payload references in a decoded record."""
    items: Iterable[object] = ()
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        if known.keys() >= {"c", "f", "o", "l"}:
            yield known
        else:
            items = known.values()
    elif isinstance(value, list):
        items = cast("list[object]", value)
    for item in items:
        yield from references(item)


def _check_payload(folder: Path, ref: dict[str, object], count: _Count) -> Iterator[Problem]:
    key = tuple(ref[name] for name in "cfol")
    if key in count.payloads:
        return
    count.payloads.add(key)
    try:
        count.erased += reader.payload(folder, ref) is None
    except JournalCorrupt as error:
        offset = ref["o"] if isinstance(ref["o"], int) else 0
        yield Problem(f"{ref['f']}.pl", offset, str(error), "payload")
