"""Which runs one thread had, so that a run can say which it goes on with, in whatever process that was.

One small file for each thread: ids only, no content. It is a convenience, not a record: where it is missing, damaged
or written by two at once, a link is missing and nothing else. What is true is in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from handrail.audit import reader, small_files
from handrail.audit.keys import folder_key, keyed_digest

FOLDER = "threads"
"""Folder of the data folder for these files."""
MAX_RUNS = 20
"""Latest runs of a thread that are remembered."""
MAX_READ = 100_000
"""Most records of a run that died that are looked at."""
MAX_WAITING = 200
"""Undecided calls, and unanswered questions, of a thread that are remembered."""


@dataclass(frozen=True, slots=True)
class Past:
    """A run of the thread."""

    run: str
    trace: str
    step: str
    logical: str
    """The first run of the chain that it goes on with; itself where it goes on with none."""
    outcome: str = ""
    """How it ended; empty while it goes on, and for ever where its process died."""
    head: str = ""
    """The last checkpoint that it made; empty where that is not known."""
    part: str = ""
    """The journal's segment in which its records begin."""
    offset: int = 0
    """Bytes of that segment before them."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was proposed, and not decided or not over, when its run ended."""

    id: str
    tool: str
    agent: str
    step: str
    """The model's step that proposed it."""
    run: str
    trace: str
    open: int = 1
    """How many of it nobody has decided."""
    last: str = ""
    """Step of the attempt that was interrupted; empty without one."""
    last_run: str = ""
    last_trace: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person was asked."""

    id: str
    """Id of the interrupt."""
    n: int
    """Which of its questions."""
    run: str
    step: str
    trace: str
    at: int
    """Nanoseconds since the epoch."""
    tool: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """What is remembered of a thread."""

    runs: tuple[Past, ...] = ()
    calls: tuple[Call, ...] = ()
    asked: tuple[Question, ...] = ()

    def made(self, checkpoint: str) -> Past | None:
        """The run that made ``checkpoint``: their ids are ordered by time (UUID version 6)."""
        return next((past for past in self.runs if not past.head or past.head >= checkpoint), None)


@dataclass(slots=True)
class Open:
    """The run that goes on in a thread now."""

    lineage: Lineage
    tenant: str
    name: str
    now: Past
    before: Thread
    asked: dict[str, list[Question]] = field(default_factory=dict[str, list[Question]])
    """Interrupt -> its questions that wait for an answer."""
    answers: dict[str, str] = field(default_factory=dict[str, str])
    """Call -> what a person decided on it in this run."""
    loop: Any = None
    """What makes the run's checkpoints, to ask it for the last one."""


class Lineage:
    """The threads of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key: bytes | None = None

    def read(self, tenant: str, thread: str) -> Thread:
        """What is remembered of ``thread``; nothing where its file is damaged. Raises OSError or JournalError."""
        kept = small_files.read(self._file(tenant, thread))
        if kept is None:
            return Thread()
        try:
            said = json.loads(kept)
            return Thread(_all(Past, said["runs"]), _all(Call, said["calls"]), _all(Question, said["asked"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return Thread()

    def died(self, past: Past) -> tuple[list[Call], set[str]]:
        """The latest calls of a run without an end, and the ids of all that were decided in it: from the journal.

        Reads the records from where the run began, at most MAX_READ of them.
        """
        left = _Left(past)
        for record in islice(_records_of(self._folder, past), MAX_READ):
            left.take(record)
        return left.calls, left.decided

    def begin(self, tenant: str, thread: str, before: Thread, now: Past) -> None:
        """Remember that ``now`` began. Raises OSError or JournalError."""
        self._write(tenant, thread, replace(before, runs=(*before.runs, now)))

    def end(self, tenant: str, thread: str, now: Past, calls: Sequence[Call], asked: Sequence[Question]) -> None:
        """Remember how ``now`` ended and what it left open. Raises OSError or JournalError."""
        runs = self.read(tenant, thread).runs
        others = tuple(past for past in runs if past.run != now.run)
        self._write(tenant, thread, Thread((*others, now), tuple(calls), tuple(asked)))

    def _write(self, tenant: str, thread: str, said: Thread) -> None:
        kept = {
            "runs": [asdict(past) for past in said.runs[-MAX_RUNS:]],
            "calls": [asdict(call) for call in said.calls[-MAX_WAITING:]],
            "asked": [asdict(question) for question in said.asked[-MAX_WAITING:]],
        }
        small_files.replace(self._file(tenant, thread), json.dumps(kept).encode("utf-8"), durable=False)

    def _file(self, tenant: str, thread: str) -> Path:
        if self._key is None:
            self._key = folder_key(self._folder)
        return self._folder / FOLDER / keyed_digest(self._key, json.dumps(("lineage", tenant, thread)))


def _records_of(folder: Path, past: Past) -> Iterator[Mapping[str, Any]]:
    writer, _, number = past.part.partition("-")
    for part in reader.parts(folder):
        if part.writer == writer and number and part.number >= int(number):
            start = past.offset if part.name == past.part else 0
            for record in reader.records(part, start):
                if record.fields.get("run") == past.run:
                    yield record.fields


class _Left:
    """The calls of one run, told by its records in their order."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._calls: dict[str, Call] = {}
        self.decided: set[str] = set()

    @property
    def calls(self) -> list[Call]:
        """The latest of each id: a checkpoint may be older than their results, and so have them made again."""
        return list(self._calls.values())[-MAX_WAITING:]

    def take(self, record: Mapping[str, Any]) -> None:
        """The next record."""
        tell = {"model.result": self._proposed, "tool.call": self._decided}
        if record["k"] in tell:
            tell[record["k"]](record)

    def _proposed(self, record: Mapping[str, Any]) -> None:
        for said in record.get("calls") or ():
            name, known = str(said.get("id") or ""), self._calls.get(str(said.get("id") or ""))
            if not name or said.get("invalid"):
                continue
            again = known is not None and known.step == record["step"]
            count = known.open + 1 if known is not None and again else 1
            self._calls[name] = Call(
                name, str(said.get("name")), "", record["step"], self._past.run, self._past.trace, count
            )

    def _decided(self, record: Mapping[str, Any]) -> None:
        name, step = record.get("call_id") or "", record["step"]
        self.decided.add(name)
        known = self._calls.get(name) or Call(name, record["tool"], "", "", self._past.run, self._past.trace, 0)
        self._calls[name] = replace(
            known, open=max(0, known.open - 1), last=step, last_run=self._past.run, last_trace=self._past.trace
        )


def _all(kind: Any, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """``rows`` as objects of ``kind``; raises TypeError where a value has another type than the field."""
    types = {each.name: int if each.type == "int" else str for each in fields(kind)}
    for row in rows:
        if not all(isinstance(value, types[name]) for name, value in row.items() if name in types):
            raise TypeError(kind.__name__)
    return tuple(kind(**{name: value for name, value in row.items() if name in types}) for row in rows)


@cache
def lineage_of(folder: Path) -> Lineage:
    """The threads on ``folder``, one object for each."""
    return Lineage(folder)
