"""Which runs one thread had, so that a run can say which it goes on with, in whatever process that was.

One small file for each thread: ids only, no content. It is a convenience, not a record: where it is missing, damaged
or written by two at once, a link is missing and nothing else. What is true is in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from handrail.audit import small_files
from handrail.audit.keys import folder_key, keyed_digest

FOLDER = "threads"
"""Folder of the data folder for these files."""
MAX_RUNS = 20
"""Latest runs of a thread that are remembered."""
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
