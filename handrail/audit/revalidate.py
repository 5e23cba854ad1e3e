"""History under other validators: what they would have found, and what was found at the time and would pass now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from handrail.audit.history import History, Recorded, Said
from handrail.audit.index import Index
from handrail.audit.report import Window
from handrail.audit.safe_text import visible
from handrail.audit.traces import find_run
from handrail.validators.choosing import Checks
from handrail.validators.context import On
from handrail.validators.findings import Finding, shown
from handrail.validators.running import Named

OWN_SCHEMA = "arguments"
"""Id of what a tool's own schema says. The schema is not in the record, so it is not asked again."""


@dataclass(frozen=True, slots=True)
class Example:
    """One value and one thing that is said of it."""

    recorded: Recorded
    code: str
    path: str
    finding: Finding | None = None
    """What is said now; None where that is nothing."""

    def as_dict(self, *, content: bool = False) -> dict[str, object]:
        """JSON types; message and excerpt, which quote content, only with ``content``."""
        one, found = self.recorded, self.finding
        where: dict[str, object] = {"run": one.run, "step": one.step, "on": one.on, "name": one.name,
                                    "at": one.at.isoformat(), "code": self.code, "path": self.path}  # fmt: skip
        return where | ({"message": found.message, "excerpt": found.excerpt} if content and found is not None else {})

    def lines(self, *, content: bool = False) -> Iterator[str]:
        """For people: what, when, in which run and step."""
        one, found = self.recorded, self.finding
        what, at = f"{one.name}.{one.on}" if one.name else one.on, f" at {self.path}" if self.path else ""
        yield visible(f"{one.at:%Y-%m-%dT%H:%M:%SZ} {what}: {self.code}{at}; run {one.run}, step {one.step}")
        if content and found is not None:
            yield visible(f"  {found.message}" + (f" [{found.excerpt}]" if found.excerpt else ""))


@dataclass(slots=True)
class Tally:
    """What one validator says of the past."""

    id: str
    checked: int = 0
    """Values that it looked at."""
    found: int = 0
    """Values of which it says that something is wrong."""
    new: int = 0
    """Those of ``found`` in which it says something that nobody said at the time."""
    warned: int = 0
    """Values of which it only says something to be known."""
    unchecked: Counter[str] = field(default_factory=Counter[str])
    """Code -> values that it could not check."""
    codes: Counter[str] = field(default_factory=Counter[str])
    """Code -> values, of ``found`` and ``warned``."""
    on: Counter[On] = field(default_factory=Counter[On])
    """What they are -> values, of ``found``."""
    examples: list[Example] = field(default_factory=list[Example])
    """A few of ``new``."""
    runs: set[str] = field(default_factory=set[str])
    """Runs with something in ``found``; at most ``MAX_RUNS``."""

    @property
    def rate(self) -> float:
        """Share of the checked values in which something is wrong."""
        return self.found / self.checked if self.checked else 0.0

    def as_dict(self, *, content: bool = False) -> dict[str, object]:
        """JSON types."""
        return {
            "validator": self.id, "checked": self.checked, "found": self.found, "new": self.new, "rate": self.rate,
            "warned": self.warned, "unchecked": dict(self.unchecked), "codes": dict(self.codes), "on": dict(self.on),
            "runs": len(self.runs), "examples": [one.as_dict(content=content) for one in self.examples],
        }  # fmt: skip


MAX_RUNS = 100_000
"""Runs that are told apart in a count."""


@dataclass(slots=True)
class Revalidated:
    """What validators say of the past."""

    values: Counter[On] = field(default_factory=Counter[On])
    """What they are -> values that were looked at."""
    skipped: Counter[tuple[On, str]] = field(default_factory=Counter[tuple[On, str]])
    """(what it was, why not) -> values that could not be looked at again."""
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    """By validator, in the order in which they were first asked."""
    passed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """(validator, code) of the time -> values that nothing is found in now."""
    passed_examples: list[Example] = field(default_factory=list[Example])
    own_schemas: int = 0
    """Calls of which the tool's own schema said something: it is not in the record, and was not asked again."""
    mended: int = 0
    """Values that were redacted or repaired at the time: what is in the record is the mended one."""
    runs: set[str] = field(default_factory=set[str])
    """Runs that were looked at; at most ``MAX_RUNS``."""
    observed: int = 0
    """Runs that only other instrumentations told of: their content is not in the form that seams have."""

    @property
    def new(self) -> int:
        """Values in which a validator finds what nobody found at the time, summed over the validators."""
        return sum(tally.new for tally in self.tallies.values())

    def lines(self, *, content: bool = False) -> list[str]:
        """What would have been caught and was not: examples for each validator, for people."""
        examples = [example for tally in self.tallies.values() for example in tally.examples]
        return [line for example in examples for line in example.lines(content=content)]

    def as_dict(self, *, content: bool = False) -> dict[str, object]:
        """JSON types."""
        skipped = [{"on": on, "why": why, "values": count} for (on, why), count in sorted(self.skipped.items())]
        passed = [{"validator": id, "code": code, "values": n} for (id, code), n in sorted(self.passed.items())]
        return {
            "runs": len(self.runs), "values": dict(self.values), "new": self.new,
            "validators": [tally.as_dict(content=content) for tally in self.tallies.values()],
            "would_pass_now": passed, "would_pass_now_examples": [one.as_dict() for one in self.passed_examples],
            "not_checked_again": skipped, "own_schemas": self.own_schemas, "mended": self.mended,
            "observed_runs": self.observed,
        }  # fmt: skip


DEFAULT_DAYS = 7
"""How far back is looked where nothing is said."""
_STEP = 500


def past(
    data: Path, checks: Checks, *, index: Path | None = None, since: datetime | None = None,
    until: datetime | None = None, run: str | None = None, replaces: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Revalidated:  # fmt: skip
    """Ask ``checks`` about what is recorded in ``data``, or about the one run that ``run`` names.

    Runs count that began from ``since`` (aware; by default a week ago) to ``until`` (now). ``index`` is the folder of
    the index. ``progress`` is called with the events read and how many there are. Raises JournalError where there is
    no such run, IndexFailure where the index can neither be read nor made.
    """
    now, source = datetime.now(UTC), Index(data, folder=index)
    source.refresh(block=True)
    one = find_run(source, run) if run is not None else None
    window = Window(since or now - timedelta(days=DEFAULT_DAYS), until or now)
    with source.snapshot() as copy:
        history = History(copy, data, window, run=one)
        found = revalidate(_watched(history, progress), checks, replaces=replaces)
    found.observed = history.observed
    return found


def _watched(history: History, progress: Callable[[int, int], None]) -> Iterator[Recorded]:
    for number, recorded in enumerate(history):
        if number % _STEP == 0:
            progress(history.read, history.total)
        yield recorded


def revalidate(history: Iterable[Recorded], checks: Checks, *, replaces: bool = True, examples: int = 3) -> Revalidated:
    """Ask ``checks`` about every value of ``history``; keeps at most ``examples`` for a validator.

    Where they do not take the place of those of the time (``replaces``), what passes now is not counted: nobody asked
    the others again.
    """
    found = Revalidated()
    for recorded in history:
        chain = checks(recorded.on, recorded.name)
        if chain or (chain is not None and replaces and recorded.said):
            _one(found, recorded, chain, replaces, examples)
    return found


def _one(found: Revalidated, recorded: Recorded, chain: Sequence[Named], replaces: bool, examples: int) -> None:
    _within(found.runs, recorded.run)
    if recorded.missing:
        found.skipped[recorded.on, recorded.missing] += 1
        return
    found.values[recorded.on] += 1
    now: set[tuple[str, str]] = set()
    then = {(said.code, shown(said.path)) for said in recorded.said}
    for check in chain:
        tally = found.tallies.get(check.id) or found.tallies.setdefault(check.id, Tally(check.id))
        now |= _asked(tally, recorded, check, then, examples)
    if replaces:
        _passed(found, recorded, now, examples)


def _asked(
    tally: Tally, recorded: Recorded, check: Named, then: set[tuple[str, str]], examples: int
) -> set[tuple[str, str]]:
    findings = check.check(recorded.value, recorded.context, recorded.text)
    tally.checked += 1
    for code in {one.code for one in findings}:
        (tally.unchecked if code.startswith("unchecked.") else tally.codes)[code] += 1
    errors = [one for one in findings if one.severity == "error" and not one.unchecked]
    tally.warned += bool(findings) and not errors and not any(one.unchecked for one in findings)
    if errors:
        tally.found += 1
        tally.on[recorded.on] += 1
        _within(tally.runs, recorded.run)
        fresh = [one for one in errors if (one.code, shown(one.path)) not in then]
        tally.new += bool(fresh)
        if fresh and len(tally.examples) < examples:
            tally.examples.append(Example(recorded, fresh[0].code, shown(fresh[0].path), fresh[0]))
    return {(one.code, shown(one.path)) for one in findings}


def _passed(found: Revalidated, recorded: Recorded, now: set[tuple[str, str]], examples: int) -> None:
    found.own_schemas += any(said.validator == OWN_SCHEMA for said in recorded.said)
    found.mended += any(said.mended for said in recorded.said)
    left = [said for said in recorded.said if _counts(said) and (said.code, shown(said.path)) not in now]
    for pair in {(said.validator, said.code) for said in left}:
        found.passed[pair] += 1
    if left and len(found.passed_examples) < examples:
        found.passed_examples.append(Example(recorded, left[0].code, shown(left[0].path)))


def _counts(said: Said) -> bool:
    """Whether it can be asked again: a tool's schema cannot, nor what was mended."""
    return said.validator != OWN_SCHEMA and not said.mended and said.severity == "error"


def _within(runs: set[str], run: str) -> None:
    if len(runs) < MAX_RUNS:
        runs.add(run)
