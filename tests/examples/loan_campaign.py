"""Kill the loan example, let it go on, count what it did: ``python -m tests.examples.loan_campaign --crashes 100``.

Each case is killed one to three times: before or after a call to the world outside has done its work, or at a random
moment. It goes on each time in a new process, with LangGraph's checkpoints in a file or without. Then every inquiry,
ledger entry and letter is counted: one of each, whatever happened.
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
from handrail.audit import reader
from tests.effects.crashing import child

PLACES = ("bureau", "ledger", "outbox")
LONGEST_SECONDS = 0.8
"""Up to when a life is killed at random; most are over by then."""
CALLS = 5
"""Calls to the world outside that one application takes."""


def life(data: Path, *options: str, seconds: float = 0) -> int:
    """Run the example in a process that is forked from this one, and killed after ``seconds`` where these are given.

    Its exit code: 0 where it came to its end, below 0 where it was killed.
    """
    return child(lambda: _life([*options, "--data", str(data)], seconds))


def _life(arguments: list[str], seconds: float) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # what the system does then: nothing of the process's own runs
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _quietly(arguments)


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


def state(data: Path) -> str:
    """How the case in ``data`` stands, as its journal says: ``new``, ``open`` or ``ended``."""
    found = (record.fields for part in reader.parts(data / "handrail") for record in reader.records(part))
    last = max(
        (each for each in found if each["k"] in ("run.start", "run.end")), key=lambda each: each["t"], default={}
    )
    return "new" if not last else "ended" if last.get("outcome") == "ok" else "open"


def _crash(chance: random.Random) -> tuple[list[str], float]:
    """Options that make a life kill itself, or after how many seconds it is killed."""
    if chance.random() < 0.5:
        return [], chance.uniform(0.02, LONGEST_SECONDS)
    return ["--crash-at", str(chance.randint(1, CALLS)), "--crash-when", chance.choice(["before", "after"])], 0.0


def case(data: Path, chance: random.Random) -> tuple[int, bool]:
    """Work on one application with crashes: how many there were, and whether it came to its end."""
    begin = ["--applicant", chance.choice(list(APPLICANTS)), *chance.choice([[], ["--checkpointer"]])]
    crashes = 0
    for left in reversed(range(chance.randint(2, 4))):
        now = state(data)
        if now == "ended":
            break
        crash, seconds = _crash(chance) if left else ([], 0.0)
        code = life(data, *(begin if now == "new" else ["--resume"]), *crash, seconds=seconds)
        crashes += code < 0
        if code > 0:
            return crashes, False
    return crashes, state(data) == "ended"


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
    with tempfile.TemporaryDirectory() as warm:
        return child(lambda: sys.exit(_printed(Path(warm), asked)))  # what it keeps open there is not closed


def _printed(warm: Path, asked: argparse.Namespace) -> int:
    _quietly(["--data", str(warm), "--checkpointer"])  # what is imported late is imported once
    outcome = campaign(asked.crashes, asked.seed)
    rows = {"seed": asked.seed, **asdict(outcome)}
    text = json.dumps(rows) if asked.json else "\n".join(f"{name:20} {value}" for name, value in rows.items())
    print(text, flush=True)
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
