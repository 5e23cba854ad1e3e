"""The most that one check can cost: every validator on its worst cases and on the whole attack corpus.

CPU milliseconds (`time.thread_time`) of one check, the least of three runs, without making the check or the value.
Checks whose options were written to do harm are among them. Exit code 1 where one takes over 50 ms or raises. Checks
that say of themselves that they are not bounded (`Check.bounded`) are timed, and may take longer. Each line is told on
stderr as soon as it is measured; Ctrl-C, or a time limit that sends SIGTERM, leaves the table of what there is.
``python -m benchmarks.validators worst [--only NAME] [--json]``
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from handrail.validators import Check, Context
from handrail.validators.registry import known
from tests.validators.cases import Cases
from tests.validators.collected import collected
from tests.validators.hostile import VALUES
from tests.validators.hostile_checks import HOSTILE

LIMIT_MS = 50.0
"""What no check may take."""
_WORTH_MS = 2.0
"""What is measured again: below, a check is far from the limit."""
_HOPELESS_MS = 200.0
"""What is not measured again because it is far above the limit: the rest of that check's values are left out."""
_RUNS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """The dearest value of one validator."""

    name: str
    ms: float
    check: str
    value: str
    """Which value it was."""
    values: int
    """How many were tried, over all of its checks."""
    raised: str = ""
    """What it raised; empty where it raised nothing."""
    bounded: bool = True
    """Whether it promises to take no longer than the limit."""

    @property
    def bad(self) -> bool:
        """Whether it breaks the promise."""
        return self.bounded and (bool(self.raised) or self.ms > LIMIT_MS)

    @property
    def shown(self) -> str:
        """What became of it."""
        return self.raised or f"{self.ms:.2f}" + ("" if self.bounded else " (timed, not bounded)")


def costs(only: Iterable[str] = ()) -> Iterator[Cost]:
    """One for each name that has cases, and one for each check of hostile options."""
    wanted, all_cases = set(only), collected()
    ours = {name for name, entry in known().items() if entry.room}
    gc.collect()
    gc.freeze()  # what the corpus holds would be walked by each collection, and counted to the check
    for name in sorted(ours):
        if not wanted or name in wanted:
            yield _dearest(name, [(one.check, one.made(), one) for one in all_cases.get(name, ()) if one.can_be_made])
    for one in HOSTILE:
        if not wanted or one.name in wanted:
            yield _dearest(one.name, [(one.says, check, one.cases) for check in one.made()])


def _dearest(name: str, checks: list[tuple[str, Check, Cases]]) -> Cost:
    most, count = Cost(name, 0.0, "", "nothing", 0), 0
    for says, check, cases in checks:
        for label, value in _values(cases):
            count += 1
            found = _measured(name, says, check, label, value, cases.context)
            if (bool(found.raised), found.ms) > (bool(most.raised), most.ms):
                most = replace(found, bounded=check.bounded)
            if found.ms > _HOPELESS_MS:
                break
    return replace(most, values=count)


def _values(cases: Cases) -> Iterator[tuple[str, object]]:
    yield from VALUES.items()
    for number, make in enumerate(cases.worst):
        yield f"worst case {number + 1}", make()
    yield from (("a good value", value) for value in cases.good)


def _measured(name: str, says: str, check: Check, label: str, value: object, context: Context) -> Cost:
    least = float("inf")
    for _ in range(_RUNS):
        begun = time.thread_time()
        try:
            check.check(value, context)
        except Exception as error:
            return Cost(name, 0.0, says, label, 1, f"{type(error).__name__}: {error}"[:200])
        least = min(least, (time.thread_time() - begun) * 1000)
        if least < _WORTH_MS or least > _HOPELESS_MS:
            break
    return Cost(name, least, says, label, 1)


def table(found: list[Cost]) -> str:
    """The costs, the dearest first, as Markdown, and what they come to."""
    lines = ["| validator | ms | check | value | values tried |", "|---|---|---|---|---|"]
    for one in sorted(found, key=lambda one: (bool(one.raised), one.ms), reverse=True):
        lines.append(f"| `{one.name}` | {one.shown} | `{one.check[:70]}` | {one.value} | {one.values:,} |")
    return "\n".join([*lines, "", summary(found)])


def summary(found: list[Cost]) -> str:
    """The claim, or by how much it fails."""
    bad, most = [one for one in found if one.bad], _slowest(found)
    tried = sum(one.values for one in found)
    said = f"{len(found)} validators, {tried:,} checks; the slowest: {most.ms:.1f} ms ({most.name}, {most.value})"
    return said + (f"; OVER {LIMIT_MS:g} ms OR RAISED: {', '.join(one.name for one in bad)}" if bad else "")


def _slowest(found: list[Cost]) -> Cost:
    """The dearest of those that promise a bound; of all, where none does."""
    return max([one for one in found if one.bounded] or found, key=lambda one: one.ms)


def _told(found: Iterator[Cost]) -> Iterator[Cost]:
    """Each as soon as it is there, until somebody ends it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for one in found:
            print(f"{one.name}: {one.shown} ({one.value})", file=sys.stderr, flush=True)
            yield one
    except KeyboardInterrupt:
        print("ended before all were measured", file=sys.stderr)


def run(only: Iterable[str], as_json: bool) -> int:
    """Print the table; 0 where no check takes over the limit and none raises."""
    found = list(_told(costs(only)))
    if not found:
        raise SystemExit("Nothing was measured: --only names no validator that has cases, or there was no time.")
    if as_json:
        most = _slowest(found).ms
        what = "CPU ms of the slowest check: all validators, their worst cases and the attack corpus"
        row = {"id": "worst_check_ms", "what": what, "figure": round(most, 2), "goal": LIMIT_MS, "better": "lower"}
        print(json.dumps({"rows": [row], "table": table(found)}))
    else:
        print(table(found))
    return int(any(one.bad for one in found))
