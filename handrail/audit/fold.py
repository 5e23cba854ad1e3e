"""From the journal into the index, exactly once: records and the offset behind them change in one transaction.

Where the index lies and who may fold is index.py's business.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.audit import observed_fold, oscalls, reader
from handrail.audit.reader import Part, Problem
from handrail.audit.schema import statements

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK_BYTES = 32 << 20
"""Most bytes of records that one transaction takes."""

_TEXTS = (
    "w k run trace step parent agent tenant user session channel mode entry config policy validators thread outcome "
    "error type name verdict rule reason by effect call_id model provider tool host action cause logical "
    "tools stopped_by key how"
)
_JSONS = "chain framework findings args messages result output facts scopes links causes calls value"
_SHAPE = json.dumps(
    dict.fromkeys(_TEXTS.split(), "VARCHAR")
    | dict.fromkeys(_JSONS.split(), "JSON")
    | dict.fromkeys(("n", "t", "v", "dur", "pid", "said", "reasoning", "occ", "attempt"), "BIGINT")
    | dict.fromkeys(("ran", "doubt", "began", "replayed"), "BOOLEAN")
    | {"usage": {"input": "BIGINT", "output": "BIGINT"}}
)
"""Fields of a record that get a column; one of an unexpected type becomes NULL."""
_PARSE = """
CREATE OR REPLACE TEMP TABLE incoming AS
SELECT part, byte_offset, body, fields.* FROM (
    SELECT part, byte_offset, body, json_transform(try_cast(body AS JSON), getvariable('shape')) AS fields FROM (
        SELECT unnest($1::VARCHAR[]) AS part, unnest($2::BIGINT[]) AS byte_offset, unnest($3::VARCHAR[]) AS body))"""
_ADVANCE = """
INSERT OR REPLACE INTO parts
SELECT unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::BIGINT[]), unnest($4::BOOLEAN[])"""
_FORGET_PROBLEMS = "DELETE FROM problems WHERE part = $1 AND byte_offset >= $2"
_NOTE_PROBLEM = "INSERT INTO problems (part, byte_offset, file, problem) VALUES ($1, $2, $3, $4)"
_NOTE_WRITERS = "INSERT OR REPLACE INTO writers SELECT unnest($1::VARCHAR[]), unnest($2::BOOLEAN[])"
_SET_SHAPE = "SET VARIABLE shape = $1"
_PACKS = ""
"""In the place of a part's name: the problem is with a pack."""
_MAY_HEAL = {"format", "unreadable"}
"""Damage that an upgrade or another permission can end: such a part is looked at again."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What one call of ``fold`` has done."""

    records: int
    bytes: int
    left: int
    """Bytes of the journal that are not folded yet."""
    more: bool
    """Whether another call has something to do."""


@dataclass(slots=True)
class _Progress:
    """How far one part has been folded."""

    part: Part
    offset: int = 0
    records: int = 0
    done: bool = False
    held: bool = True
    """Whether its writer still held it when we began to read."""
    read: bool = False
    """Whether it was read to its end."""
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def row(self) -> tuple[str, int, int, bool]:
        """The part's row in the index."""
        return self.part.name, self.offset, self.records, self.done

    def settle(self) -> None:
        """Note whether nothing more can come. A file without a record may be one whose writer has yet to lock it."""
        may_heal = any(problem.code in _MAY_HEAL for problem in self.problems)
        self.done = self.read and not self.held and self.records > 0 and not may_heal


@dataclass(slots=True)
class _Chunk:
    """Records of one transaction."""

    room: int
    """Bytes that it may still take."""
    parts: list[str] = field(default_factory=list[str])
    offsets: list[int] = field(default_factory=list[int])
    bodies: list[str] = field(default_factory=list[str])
    spans: observed_fold.Spans = field(default_factory=observed_fold.Spans)
    """Records of other instrumentations' spans: these go another way."""

    def take(self, progress: _Progress) -> None:
        """Read a part on, to its end or until the chunk is full."""
        records, before = reader.records(progress.part, progress.offset), self.records
        for record in records:
            size = self.spans.take(record)
            if not size:
                body = record.body
                self.parts.append(progress.part.name)
                self.offsets.append(record.offset)
                self.bodies.append(body.decode("utf-8", "replace"))
                size = len(body)
            self.room -= size
            if self.room <= 0:
                break
        else:
            progress.read = True
        progress.offset, progress.problems = records.end, records.problems
        progress.records += self.records - before
        progress.settle()

    @property
    def records(self) -> int:
        """How many records it has."""
        return len(self.bodies) + len(self.spans)


def fold(con: DuckDBPyConnection, data: Path, limit: int = CHUNK_BYTES) -> Folded:
    """Fold up to about ``limit`` bytes of what the journal under ``data`` has gained.

    ``con`` is the only connection that writes, and is in no transaction. Raises JournalError where the journal
    cannot be listed; damage in it becomes rows of ``problems``.
    """
    known = {row[0]: row for row in con.execute("SELECT part, folded_bytes, records, done FROM parts").fetchall()}
    open_parts = [p for p in (_progress(part, known.get(part.name)) for part in reader.parts(data)) if not p.done]
    begun = {p.part.name: p.offset for p in open_parts}
    for p in open_parts:
        # asked before reading: what a writer that is gone has written is there to be read
        p.held = is_held(p.part)
    chunk = _Chunk(limit)
    for p in open_parts:
        if chunk.room > 0:
            chunk.take(p)
    con.execute("BEGIN")
    _note_problems(con, data, open_parts, begun)
    if chunk.bodies:
        _spread(con, chunk)
    if chunk.spans:
        observed_fold.spread(con, chunk.spans)
    _advance(con, [p for p in open_parts if p.row != known.get(p.part.name)])
    _note_writers(con, open_parts)
    con.execute("COMMIT")
    unread = [p for p in open_parts if not p.read]
    left = sum(max(0, reader.size(p.part) - p.offset) for p in unread)
    return Folded(chunk.records, sum(p.offset - begun[p.part.name] for p in open_parts), left, bool(unread))


def _progress(part: Part, row: tuple[str, int, int, bool] | None) -> _Progress:
    return _Progress(part, *row[1:]) if row else _Progress(part)


def is_held(part: Part) -> bool:
    """Whether a process holds the lock of a part: it may grow. A packed one cannot."""
    if part.place.length is not None or not oscalls.can_lock:
        return part.place.length is None
    try:
        fd = oscalls.open_existing(part.place.path)
    except OSError:
        return True  # packed meanwhile, or not ours to open: the next fold looks again
    try:
        return not oscalls.try_lock(fd, shared=True)
    finally:
        oscalls.close(fd)


def _spread(con: DuckDBPyConnection, chunk: _Chunk) -> None:
    con.execute(_SET_SHAPE, [_SHAPE])
    con.execute(_PARSE, [chunk.parts, chunk.offsets, chunk.bodies])
    con.execute(statements("fold"))


def _advance(con: DuckDBPyConnection, changed: list[_Progress]) -> None:
    if changed:
        con.execute(_ADVANCE, [list(column) for column in zip(*(p.row for p in changed), strict=True)])


def _note_problems(con: DuckDBPyConnection, data: Path, open_parts: list[_Progress], begun: dict[str, int]) -> None:
    """Put what is wrong now in the place of what was wrong from where reading began."""
    noted = con.execute("SELECT part, byte_offset, file, problem FROM problems").fetchall()
    looked = {p.part.name: (begun[p.part.name], p.problems) for p in open_parts if p.read}
    looked[_PACKS] = 0, reader.damaged_packs(data)
    for part, (start, problems) in looked.items():
        before = {row for row in noted if row[0] == part and row[1] >= start}
        now = {(part, problem.offset, problem.file, problem.what) for problem in problems}
        if now != before:
            con.execute(_FORGET_PROBLEMS, [part, start])
            for row in sorted(now):
                con.execute(_NOTE_PROBLEM, row)


def _note_writers(con: DuckDBPyConnection, open_parts: list[_Progress]) -> None:
    # one that is gone counts as living until all that it wrote is here: its runs are not lost yet
    alive: dict[str, bool] = {}
    for p in open_parts:
        alive[p.part.writer] = alive.get(p.part.writer, False) or p.held or not p.read
    known = dict(con.execute("SELECT w, alive FROM writers").fetchall())
    changed = {writer: state for writer, state in alive.items() if known.get(writer) != state}
    if changed:
        con.execute(_NOTE_WRITERS, [list(changed), list(changed.values())])
