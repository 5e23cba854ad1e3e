"""What the earlier lives of a logical run did, read from the journal: the only truth about it.

Every segment that names the run is read from where it does so first. Nothing else is trusted with this: a file of
state could be missing, or older than what was done since.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.audit import oscalls, reader
from handrail.audit.format import encode
from handrail.audit.reader import Part
from handrail.effects.ledger import Effect
from handrail.errors import JournalError

_DONE = {"ok", "rejected"}
_LOOKED_UP = {"retrieval", "memory"}
"""Types of steps whose results no effect has."""


@dataclass(slots=True)
class Past:
    """The lives of one logical run."""

    run: str
    """The logical run: the id of its first life."""
    lives: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Life -> the fields of its ``run.start`` record, in the order in which they were found."""
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    """Life -> how it ended; a life that is missing here died, or goes on."""
    effects: dict[str, Effect] = field(default_factory=dict[str, Effect])
    """Key -> effect, in the order of their latest attempts."""
    answers: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict[str, list[Mapping[str, Any]]])
    """Digest of a model's input -> what its answers' records say, in their order."""
    last_at: int = 0
    """When its latest record was written, nanoseconds since the epoch."""
    last: str = ""
    """The life that began last."""
    whole: bool = True
    """Whether everything that its lives saw is among the effects: nothing was looked up, refused or failed."""
    settled: set[str] = field(default_factory=set[str])
    """Keys of effects whose last attempt was in doubt and is not any more: somebody was asked."""
    input: Mapping[str, Any] | None = None
    """Where the input of its first life lies in the encrypted store; None where it was not kept."""
    forgotten: bool = False
    """Whether its values were erased, so that it cannot go on."""
    _open: dict[tuple[str, str], Effect] = field(default_factory=dict[tuple[str, str], Effect])
    _parents: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Life and step -> the step above."""
    _attempts: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Life and step -> key of the effect of which it is an attempt."""

    @property
    def first(self) -> Mapping[str, Any]:
        """What the record says with which the run began: ``tenant``, ``user``, ``agent``, ``thread`` and more."""
        return self.lives[self.run]

    @property
    def finished(self) -> bool:
        """Whether the life that began last came to its end."""
        return self.outcomes.get(self.last) in _DONE

    def goes_on(self, effect: Effect) -> bool:
        """Whether nothing says that the last attempt of ``effect`` or its life is over: it may be running now."""
        return (
            (effect.life, effect.step) in self._open and effect.life not in self.outcomes and effect.life == self.last
        )

    def take(self, record: Mapping[str, Any]) -> None:
        """The next record of one of the lives."""
        tell = {
            "run.start": self._started, "run.end": self._ended, "tool.call": self._called, "tool.result": self._result,
            "model.result": self._replied, "effect.resolved": self._resolved, "step.start": self._opened,
            "run.input": self._given, "run.forgotten": self._forgotten,
        }  # fmt: skip
        self.last_at = max(self.last_at, record["t"])
        if record["k"] in tell:
            tell[record["k"]](record)

    def _started(self, record: Mapping[str, Any]) -> None:
        self.lives[record["run"]], self.last = record, record["run"]

    def _ended(self, record: Mapping[str, Any]) -> None:
        self.outcomes[record["run"]] = record["outcome"]

    def _given(self, record: Mapping[str, Any]) -> None:
        self.input = self.input or record["value"]

    def _forgotten(self, record: Mapping[str, Any]) -> None:
        self.forgotten = True

    def _opened(self, record: Mapping[str, Any]) -> None:
        self._parents[record["run"], record["step"]] = record.get("parent") or ""
        self.whole = self.whole and record["type"] not in _LOOKED_UP

    def _called(self, record: Mapping[str, Any]) -> None:
        self._parents[record["run"], record["step"]] = record.get("parent") or ""
        key = record.get("key")
        if not key:
            self.whole = False
            return
        if record.get("ran"):
            self._ran(key, record)
        found = self.effects.get(key)
        if found is not None:  # replayed too: what a graph keeps of it is kept where it was asked for last
            found.call_id, found.at = record.get("call_id") or "", record.get("at") or ""

    def _ran(self, key: str, record: Mapping[str, Any]) -> None:
        found = self.effects.setdefault(key, Effect(key, record.get("occ", 0), record["tool"], record["effect"]))
        self.effects[key] = self.effects.pop(key)  # they stand in the order of their latest attempts
        found.attempts = record.get("attempt", 1)
        self.settled.discard(key)
        found.status, found.step, found.life = "doubt", record["step"], record["run"]
        found.agent, found.branch, found.inside = record["agent"], record.get("parent") or "", self._around(record)
        self._open[record["run"], record["step"]] = found
        self._attempts[record["run"], record["step"]] = key

    def _around(self, record: Mapping[str, Any]) -> str:
        """Key of the effect inside which a call was made; empty for none."""
        life, step = record["run"], record.get("parent") or ""
        while step and (life, step) not in self._attempts:
            step = self._parents.get((life, step), "")
        return self._attempts.get((life, step), "")

    def _result(self, record: Mapping[str, Any]) -> None:
        found = self._open.pop((record["run"], record["step"]), None)
        if found is None:
            return
        self.whole = self.whole and record["outcome"] in ("ok", "interrupted")
        if record.get("doubt"):
            found.status = "doubt"
        elif record["outcome"] in _DONE and record.get("began", True):
            found.status, found.value = "done", record.get("value")
        else:
            found.status = "suspended" if record["outcome"] == "interrupted" else "failed"

    def _resolved(self, record: Mapping[str, Any]) -> None:
        found = self.effects.get(record["key"])
        if found is not None:
            found.status, found.value = record["status"], record.get("value")
            self.settled.add(record["key"])

    def _replied(self, record: Mapping[str, Any]) -> None:
        if not record.get("asked") or record["outcome"] != "ok":
            return
        known = self.answers.setdefault(record["asked"], [])
        if record.get("replayed"):  # it is here already, and was asked for there
            known[:] = [
                {**one, "at": record.get("at", "")} if one["value"] == record["value"] else one for one in known
            ]
        else:
            known.append(record)


def read(folder: Path, run: str) -> Past | None:
    """The past of the logical run that has a life ``run``; None where the journal has none.

    Raises JournalError where a segment that names it cannot be read to its end: what was done might stand there.
    """
    logical, parts = logical_of(folder, run), reader.parts(folder)
    if logical is None:
        return None
    past = Past(logical)
    for record in _in_order(list(_records(parts, _lives(parts, logical)))):
        past.take(record)
    return past if logical in past.lives else None


def of_thread(folder: Path, tenant: str, thread: str) -> str | None:
    """The logical run that began or went on last in a thread; None where the journal knows none."""
    found: Mapping[str, Any] | None = None
    for part in reader.parts(folder):
        for record in _from(part, {thread}):
            if record["k"] == "run.start" and (record["tenant"], record.get("thread")) == (tenant, thread):
                found = record if found is None or record["t"] > found["t"] else found
    return str(found.get("logical") or found["run"]) if found is not None else None


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the journal of a data folder was written, but for the part of one writer."""

    writer: str
    process: int
    sizes: Mapping[str, int]
    """Part -> its bytes."""


def mark(folder: Path, writer: str) -> Mark:
    """How far all others have written now; ``writer`` is this process. Raises JournalError."""
    sizes = {part.name: reader.size(part) for part in reader.parts(folder) if part.writer != writer}
    return Mark(writer, os.getpid(), sizes)


def gone_on(folder: Path, run: str, since: Mark) -> bool:
    """Whether anybody else may have gone on with the logical ``run`` since then. Raises JournalError.

    Whoever does so names it in a segment of its own; what has not grown is not read.
    """
    if since.process != os.getpid():
        return True
    others = (part for part in reader.parts(folder) if part.writer != since.writer)
    grown = (part for part in others if reader.size(part) != since.sizes.get(part.name))
    return any(_first(part, {run}) is not None for part in grown)


def logical_of(folder: Path, run: str) -> str | None:
    """The logical run that has a life ``run``; None where the journal has no such life."""
    for record in _records(reader.parts(folder), {run}):
        if record["k"] == "run.start":
            return str(record.get("logical") or run)
    return None


def _lives(parts: list[Part], logical: str) -> set[str]:
    """Each life says the logical run in full where its segment has not said it before."""
    return {
        record["run"]
        for part in parts
        for record in _from(part, {logical})
        if record["k"] == "run.start" and logical in (record["run"], record.get("logical"))
    }


def _in_order(records: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Life by life, each after the one that it goes on with, whatever the clocks said; within one as written."""
    before = {record["run"]: _resumed(record) for record in records if record["k"] == "run.start"}
    started = {record["run"]: record["t"] for record in records if record["k"] == "run.start"}

    def depth(run: str, seen: frozenset[str] = frozenset()) -> int:
        above = before.get(run)
        return 0 if above is None or above in seen else 1 + depth(above, seen | {run})

    for run in sorted(before, key=lambda one: (depth(one), started[one])):
        yield from (record for record in records if record.get("run") == run)


def _resumed(record: Mapping[str, Any]) -> str | None:
    return next((link.get("run") for link in record.get("links", ()) if link.get("type") == "resumed_from"), None)


def _records(parts: list[Part], runs: set[str]) -> Iterator[Mapping[str, Any]]:
    for part in parts:
        yield from (record for record in _from(part, runs) if record.get("run") in runs)


def _from(part: Part, texts: set[str]) -> Iterator[Mapping[str, Any]]:
    """The records of ``part`` from the first on that has one of ``texts`` as a value."""
    start = _first(part, texts)
    if start is None:
        return
    found = reader.records(part, start)
    for record in found:
        yield record.fields
    for problem in found.problems:
        if not problem.harmless:
            raise JournalError(
                f"{problem.file}, byte {problem.offset}: {problem.what} What was done there is not known."
            )


def _first(part: Part, texts: set[str]) -> int | None:
    """Where the record begins (bytes from the start of ``part``) that has one of ``texts`` first."""
    try:
        fd, part = reader.open_part(part)
    except FileNotFoundError:
        return None
    try:
        with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as held:
            begin = part.place.start
            end = len(held) if part.place.length is None else begin + part.place.length
            hits = [at for at in (held.find(encode(text), begin, end) for text in texts) if at >= 0]
            return max(held.rfind(b"\n", begin, min(hits)) + 1, begin) - begin if hits else None
    except ValueError:  # an empty file
        return None
    finally:
        oscalls.close(fd)
