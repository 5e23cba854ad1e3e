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
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from subprocess import PIPE
from typing import Self

from examples.loan_underwriting import __main__ as example
from examples.loan_underwriting import world
from examples.loan_underwriting.applicants import APPLICANTS

PLACES = ("bureau", "ledger", "outbox")
REPO = Path(__file__).parents[2]
CALLS = 5
"""Calls to the world outside that one application takes."""


class Crew:
    """Runs the example in processes that are forked from one in which everything is imported; use it as a context."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, "--crew"]
        self._parent = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=REPO)
        return self

    def __exit__(self, *raised: object) -> None:
        self._parent.communicate()

    def run(self, data: Path, *options: str) -> int:
        """The exit code of one process: 0, or -9 where it was killed."""
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.write(json.dumps([*options, "--data", str(data)]) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


def crew() -> None:
    """Fork a process for each line of the standard input, a list of options, and say how it ended."""
    with tempfile.TemporaryDirectory() as warm:
        for more in ([], ["--checkpointer"]):
            _quietly(["--data", warm, *more])
        for line in sys.stdin:
            print(_exit_code(json.loads(line)), flush=True)


def _exit_code(arguments: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _quietly(arguments)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


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


def case(crew: Crew, data: Path, chance: random.Random) -> tuple[int, bool]:
    """Work on one application with crashes: how many there were, and whether it came to its end."""
    options = ["--applicant", chance.choice(list(APPLICANTS)), *chance.choice([[], ["--checkpointer"]])]
    crashes = 0
    for _ in range(chance.randint(1, 3)):
        when = chance.choice(["before", "after"])
        code = crew.run(data, *options, "--crash-at", str(chance.randint(1, CALLS)), "--crash-when", when)
        if code != -signal.SIGKILL:  # what was left to do is fewer calls than that
            return crashes, code == 0
        crashes, options = crashes + 1, ["--resume"]
    return crashes, crew.run(data, "--resume") == 0


def campaign(crashes: int, seed: int) -> Outcome:
    """Cases until there were that many crashes; the folder of a case in which something went wrong is kept."""
    chance, outcome = random.Random(seed), Outcome()
    with Crew() as crew:
        while outcome.crashes < crashes:
            data = Path(tempfile.mkdtemp(prefix="loan-"))
            one = Outcome()
            one.add(*case(crew, data, chance), done(data))
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
    parser.add_argument("--crew", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.crew:
        crew()
        return 0
    outcome = campaign(asked.crashes, asked.seed)
    rows = {"seed": asked.seed, **asdict(outcome)}
    print(json.dumps(rows) if asked.json else "\n".join(f"{name:20} {value}" for name, value in rows.items()))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
