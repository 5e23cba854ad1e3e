"""Whether a data folder was restored from a backup, and what that means for runs that were unfinished in it.

What a run did between the backup and the restore is in no journal: another life of it may have finished, paid, sent.
So such a run must not go on by itself, however complete its records look.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import NamedTuple

from handrail.audit import reader
from handrail.audit.reader import Part

KIND = "restore"
"""Kind of the record: the second one of a writer of its own."""


class Restored(NamedTuple):
    """One restore of a data folder; both moments in nanoseconds since the epoch."""

    made: int
    """When the backup was made: what happened after it is unknown."""
    at: int
    """When it was restored."""


_known: dict[tuple[Path, str], Restored | None] = {}


def restored_at(folder: Path) -> Restored | None:
    """The latest restore of a data folder; None where it was never restored. Raises JournalError."""
    firsts = [part for part in reader.parts(folder) if part.number == 0]
    return max((found for part in firsts if (found := _of(part)) is not None), key=lambda one: one.at, default=None)


def unfinished_before(folder: Path, last: int) -> Restored | None:
    """The restore after which nobody knows what an unfinished run did; None where it can go on.

    ``last`` is the time of the last record that the journal has of the run, over all its lives, in nanoseconds since
    the epoch. A life that began after the restore, because a person decided so, has records after it. Raises
    JournalError.
    """
    restored = restored_at(folder)
    return restored if restored is not None and last < restored.at else None


def _of(part: Part) -> Restored | None:
    """The restore that a writer begins with: what its first two records are never changes."""
    key = part.folder, part.name
    if key not in _known:
        first = list(islice(reader.records(part), 2))
        if len(first) < 2:
            return None
        said = first[1].fields
        _known[key] = Restored(int(said["made"]), int(said["t"])) if said["k"] == KIND else None
    return _known[key]
