"""What a journal holds, read straight from its segments, held against what agents said and against the index."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from handrail.audit import reader
from handrail.audit.index import Index
from handrail.audit.verify import verify

Step = tuple[str, str]
"""Run and step."""
CALLS = "SELECT run, step, name, outcome, verdict, ran, args FROM decisions"
RUNS = "SELECT run, session, outcome FROM runs"


@dataclass(frozen=True, slots=True)
class Said:
    """What agents of ``agents.py`` said of themselves before they ended or were killed."""

    began: frozenset[str]
    """Keys of calls of which the intent is recorded."""
    done: frozenset[str]
    """Keys of calls of which the result is recorded."""
    ended: frozenset[str]
    """Sessions of which the run's end is recorded."""

    @property
    def count(self) -> int:
        """How many facts these are."""
        return len(self.began) + len(self.done) + len(self.ended)


def said(text: str) -> Said:
    """What the lines of ``text`` say; half a last line says nothing."""
    words: dict[str, set[str]] = {"began": set(), "done": set(), "ended": set()}
    for line in text.splitlines(keepends=True):
        what, _, key = line.rstrip("\n").partition(" ")
        if line.endswith("\n") and what in words:
            words[what].add(key)
    return Said(*(frozenset(words[field.name]) for field in fields(Said)))


@dataclass(slots=True)
class Kept:
    """What the good records of a journal say."""

    records: int = 0
    calls: dict[Step, dict[str, Any]] = field(default_factory=dict[Step, dict[str, Any]])
    """Records ``tool.call``."""
    keys: Counter[str] = field(default_factory=Counter[str])
    """Argument ``key`` of the calls: how often it was recorded."""
    results: Counter[Step] = field(default_factory=Counter[Step])
    """How often the result of a call was recorded."""
    outcomes: dict[Step, str] = field(default_factory=dict[Step, str])
    """Outcome of the calls that have a result."""
    sessions: Counter[str] = field(default_factory=Counter[str])
    """How often a run of a session began."""
    runs: dict[str, str] = field(default_factory=dict[str, str])
    """Session of a run."""
    ends: dict[str, str] = field(default_factory=dict[str, str])
    """Outcome of the runs that have an end."""
    ended: Counter[str] = field(default_factory=Counter[str])
    """How often the end of a run was recorded."""

    def take(self, folder: Path, record: Mapping[str, Any]) -> None:
        """Count one record."""
        self.records += 1
        if record["k"] == "tool.call":
            self.calls[record["run"], record["step"]] = dict(record)
            self.keys[key_of(folder, record["args"])] += 1
        elif record["k"] == "tool.result":
            self.results[record["run"], record["step"]] += 1
            self.outcomes[record["run"], record["step"]] = record["outcome"]
        elif record["k"] == "run.start":
            self.runs[record["run"]] = record["session"]
            self.sessions[record["session"]] += 1
        elif record["k"] == "run.end":
            self.ends[record["run"]] = record["outcome"]
            self.ended[record["run"]] += 1

    def finished(self, folder: Path) -> set[str]:
        """Keys of the calls that have a result."""
        return {key_of(folder, self.calls[step]["args"]) for step in self.results if step in self.calls}


def key_of(folder: Path, ref: Mapping[str, Any]) -> str:
    """The argument ``key`` that a reference leads to."""
    content = reader.payload(folder, ref)
    return str(json.loads(content)["key"]) if content is not None else ""


def kept(folder: Path) -> Kept:
    """Read the journal of the data folder ``folder``."""
    found = Kept()
    for part in reader.parts(folder):
        for record in reader.records(part):
            found.take(folder, msgspec.json.decode(record.body))
    return found


@dataclass
class Figures:
    """Sums; all from ``crashed`` on must be 0."""

    cycles: int = 0
    kills: int = 0
    said: int = 0
    """Facts that agents knew to be recorded: intents, results, ends of runs."""
    records: int = 0
    """Records in the journal."""
    calls: int = 0
    """Tool calls in the journal."""
    torn: int = 0
    """Half-written last lines of killed writers: never acknowledged, so no loss."""
    in_flight: int = 0
    """Calls that were running when their writer was killed."""
    lost_runs: int = 0
    """Runs that were going on when their writer was killed."""
    crashed: int = 0
    """Workers that ended before they were killed."""
    lost: int = 0
    """Acknowledged facts that the journal does not hold."""
    duplicated: int = 0
    """Calls, results, starts and ends that it holds more than once."""
    rootless: int = 0
    """Calls of a run whose start it does not hold."""
    broken: int = 0
    """Problems that ``verify`` found, torn tails aside."""
    unnamed: int = 0
    """Calls in flight, or runs cut short, that the index does not show as lost, by name."""
    disagreed: int = 0
    """Calls and runs of which index and segments say different things."""

    def add(self, other: Figures) -> None:
        """Add other sums to these."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def good(self) -> bool:
        """Whether something was acknowledged, and all of it is there, once, unbroken and indexed."""
        wrong = (self.crashed, self.lost, self.duplicated, self.rootless, self.broken, self.unnamed, self.disagreed)
        return self.said > 0 and not any(wrong)


def judge(folder: Path, known: Said) -> Figures:
    """Hold the journal of ``folder``, whose writers are all dead, against what they said; then its index."""
    found, problems = kept(folder), verify(folder).problems
    figures = Figures(
        said=known.count, records=found.records, calls=len(found.calls), torn=sum(one.harmless for one in problems),
        broken=sum(not one.harmless for one in problems), lost=_lost(folder, found, known),
        in_flight=sum(found.calls[step]["ran"] for step in found.calls.keys() - found.results.keys()),
        lost_runs=len(found.runs.keys() - found.ends.keys()),
        rootless=sum(run not in found.runs for run, _ in found.calls),
        duplicated=_repeated(found.keys, found.results, found.sessions, found.ended),
    )  # fmt: skip
    index = Index(folder)
    index.refresh(block=True)
    figures.disagreed, figures.unnamed = _compare(index, found)
    index.rebuild()
    anew = _compare(index, found)
    figures.disagreed, figures.unnamed = figures.disagreed + anew[0], figures.unnamed + anew[1]
    return figures


def _lost(folder: Path, found: Kept, known: Said) -> int:
    ends = {found.runs[run] for run in found.ends if run in found.runs}
    return len((known.began | known.done) - found.keys.keys()) + len(known.done - found.finished(folder)) + len(
        known.ended - ends)  # fmt: skip


def _repeated(*counts: Counter[Any]) -> int:
    return sum(number - 1 for count in counts for number in count.values())


def _compare(index: Index, found: Kept) -> tuple[int, int]:
    """How many calls and runs the index tells otherwise, and how many lost ones it does not name."""
    rows = index.query(CALLS)
    told = {(row["run"], row["step"], row["name"], row["outcome"], row["verdict"], row["ran"]) for row in rows}
    wanted = {
        (*step, call["tool"], found.outcomes.get(step, "lost"), call["verdict"], call["ran"])
        for step, call in found.calls.items()
    }
    runs = index.query(RUNS)
    told_runs = {(row["run"], row["session"], row["outcome"]) for row in runs}
    wanted_runs = {(run, session, found.ends.get(run, "lost")) for run, session in found.runs.items()}
    folded = index.query("SELECT coalesce(sum(records), 0)::BIGINT AS n FROM parts")[0]["n"]
    repeated = len(rows) - len(told) + len(runs) - len(told_runs)
    wrong = len(told ^ wanted) + len(told_runs ^ wanted_runs) + repeated + (folded != found.records)
    named = {(row["run"], row["step"]) for row in rows if row["outcome"] == "lost" and row["name"] and row["args"]}
    return wrong, _missing(found.calls.keys() - found.results.keys(), named)


def _missing(wanted: Iterable[Step], named: set[tuple[object, object]]) -> int:
    return sum(step not in named for step in wanted)
