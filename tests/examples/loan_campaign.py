"""Kill the loan example, let it go on, count what it did: ``python -m tests.examples.loan_campaign --crashes 100``.

Each case is killed with SIGKILL one to three times, before or after a call to the world outside has done its work, and
goes on each time in a new process, with LangGraph's checkpoints in a file or without. Then every inquiry, ledger entry
and letter is counted: one of each, whatever happened.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from examples.loan_underwriting import __main__ as example
from examples.loan_underwriting import world
from examples.loan_underwriting.applicants import APPLICANTS
from tests.effects.crashing import child

PLACES = ("bureau", "ledger", "outbox")
CALLS = 5
"""Calls to the world outside that one application takes."""


def life(data: Path, *options: str) -> int:
    """Run the example in a process that is forked from this one: 0, or -9 where it was killed."""
    return child(lambda: _quietly([*options, "--data", str(data)]))


def _quietly(arguments: list[str]) -> None:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        example.main(arguments)


def done(data: Path) -> dict[str, int]:
    """How often something was done in the world that is kept in ``data``: what the bureau charged, entries, letters."""
    os.environ[world.FOLDER] = str(data / "world")
    return {place: sum(entry.get("charged", True) for entry in world.entries(place)) for place in PLACES}


@dataclass
class Outcome:
    """Sums over all cases; the last four must be 0."""

    cases: int = 0
    crashes: int = 0
    repeated_inquiries: int = 0
    repeated_entries: int = 0
    repeated_letters: int = 0
    lost: int = 0
    """Inquiries, entries and letters that are missing at the end, and cases that did not come to one."""

    @property
    def good(self) -> bool:
        """Whether nothing was done twice, and nothing was left undone."""
        return self.crashes > 0 and not (
            self.repeated_inquiries or self.repeated_entries or self.repeated_letters or self.lost
        )

    def add(self, crashes: int, ended: bool, counts: dict[str, int]) -> None:
        """Add one case, with how often what was done in it."""
        self.cases, self.crashes = self.cases + 1, self.crashes + crashes
        self.repeated_inquiries += max(counts["bureau"] - 1, 0)
        self.repeated_entries += max(counts["ledger"] - 1, 0)
        self.repeated_letters += max(counts["outbox"] - 1, 0)
        self.lost += sum(count < 1 for count in counts.values()) + (not ended)

    def sum(self, other: Outcome) -> None:
        """Add another outcome to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def case(data: Path, chance: random.Random) -> tuple[int, bool]:
    """Work on one application with crashes: how many there were, and whether it came to its end."""
    options = ["--applicant", chance.choice(list(APPLICANTS)), *chance.choice([[], ["--checkpointer"]])]
    crashes = 0
    for _ in range(chance.randint(1, 3)):
        when = chance.choice(["before", "after"])
        code = life(data, *options, "--crash-at", str(chance.randint(1, CALLS)), "--crash-when", when)
        if code != -signal.SIGKILL:  # what was left to do is fewer calls than that
            return crashes, code == 0
        crashes, options = crashes + 1, ["--resume"]
    return crashes, life(data, "--resume") == 0


def campaign(crashes: int, seed: int) -> Outcome:
    """Cases until there were that many crashes; the folder of a case in which something went wrong is kept."""
    chance, outcome = random.Random(seed), Outcome()
    while outcome.crashes < crashes:
        data, one = Path(tempfile.mkdtemp(prefix="loan-")), Outcome()
        one.add(*case(data, chance), done(data))
        outcome.sum(one)
        if one.good or not one.crashes:
            shutil.rmtree(data)
        else:
            print(f"{one}: look at {data}", file=sys.stderr)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign and print it; exit code 1 where anything was done twice or not at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crashes", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as warm:  # what is imported late is imported once
        _quietly(["--data", warm, "--checkpointer"])
        outcome = campaign(asked.crashes, asked.seed)
    rows = {"seed": asked.seed, **asdict(outcome)}
    print(json.dumps(rows) if asked.json else "\n".join(f"{name:20} {value}" for name, value in rows.items()))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
