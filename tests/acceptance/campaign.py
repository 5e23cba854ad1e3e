"""Kill governed agents, again and again: ``python -m tests.acceptance.campaign --cycles 200 [--json]``.

Each cycle forks a parent that governs an agent and forks four workers from it, as a preloading server does. The
workers say over a pipe what they know to be recorded, and are killed at random moments while an index is folded;
then what they said is held against the journal, the journal against its index, and all again once it is packed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import handrail
from handrail.audit.compact import compact
from handrail.audit.index import Index
from handrail.audit.journal import journal_for
from tests.acceptance.agents import Script, build, fork, hold, work, write_policy
from tests.acceptance.kept import Figures, judge, said

LIVES_S = (0.1, 0.6)
"""Shortest and longest life of a worker, in seconds."""
FOLD_EVERY_S = 0.1


def parent(folder: Path, agent: Any, script: Script, workers: int, *, preload: bool) -> None:
    """Fork workers and tell their process ids; wait until all are dead, say so, and wait to be killed."""
    if preload:
        agent = handrail.govern(agent, config=folder / "handrail.toml")
    for slot in range(workers):
        pid = fork(lambda slot=slot: worker(folder, agent, script, slot, preload=preload))  # type: ignore[misc]
        _tell(script, f"worker {pid}")
    for _ in range(workers):
        if not os.WIFSIGNALED(os.wait()[1]):
            _tell(script, "crashed one")
    _tell(script, "over all")
    while True:
        signal.pause()


def worker(folder: Path, agent: Any, script: Script, slot: int, *, preload: bool) -> None:
    """Run after run until killed."""
    work(agent if preload else handrail.govern(agent, config=folder / "handrail.toml"), script, slot)


def _tell(script: Script, line: str) -> None:
    if script.pipe is not None:
        os.write(script.pipe, f"{line}\n".encode())


class Killing:
    """Workers of one cycle, the moments of their deaths, and what they said."""

    def __init__(self, pipe: int, chance: random.Random, index: Index) -> None:
        self.pipe, self.chance, self.index = pipe, chance, index
        self.heard = bytearray()
        self.deaths: dict[int, float] = {}
        self.kills = 0
        self._known = 0
        self._folded = time.monotonic()

    def until_over(self) -> str:
        """Kill every worker at its moment; what they said, once all of them are dead."""
        while not self.heard.endswith(b"over all\n"):
            if select.select([self.pipe], [], [], 0.002)[0]:
                self.heard += os.read(self.pipe, 1 << 16)
            self._meet()
            self._kill()
            self._fold()
        return self.heard.decode()

    def _meet(self) -> None:
        whole = self.heard.rfind(b"\n") + 1
        for line in bytes(self.heard[self._known : whole]).splitlines():
            if line.startswith(b"worker "):
                self.deaths[int(line.split()[1])] = time.monotonic() + self.chance.uniform(*LIVES_S)
        self._known = whole

    def _kill(self) -> None:
        for pid in [pid for pid, moment in self.deaths.items() if moment <= time.monotonic()]:
            with suppress(ProcessLookupError):  # it has crashed, which its parent tells
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
            del self.deaths[pid]

    def _fold(self) -> None:
        if time.monotonic() - self._folded > FOLD_EVERY_S and (self.index.data / "journal").is_dir():
            self.index.refresh()
            self._folded = time.monotonic()


def cycle(folder: Path, agent: Any, script: Script, chance: random.Random, *, workers: int, preload: bool) -> Figures:
    """One round of writing, killing and comparing in a folder of its own. ``preload``: governed before the fork."""
    write_policy(folder)
    ours, script.pipe = os.pipe()
    pid = fork(lambda: parent(folder, agent, script, workers, preload=preload))
    os.close(script.pipe)
    killing = Killing(ours, chance, Index(folder / "data"))
    try:
        heard = killing.until_over()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ours)
    known = said(heard)
    figures = judge(folder / "data", known)
    compact(folder / "data", small_bytes=1 << 30, min_writers=1)
    packed = judge(folder / "data", known)
    figures.disagreed += packed != figures
    figures.cycles, figures.kills, figures.crashed = 1, killing.kills + 1, heard.count("crashed one\n")
    return figures


def campaign(cycles: int, *, seed: int, workers: int = 4) -> Figures:
    """So many cycles; progress goes to standard error."""
    script = Script(turns=2, pause=0.0)
    agent = build(script)
    total, chance = Figures(), random.Random(seed)
    root = Path(tempfile.mkdtemp(prefix="handrail-acceptance-"))
    try:
        hold(handrail.govern(agent, config=write_policy(root / "warm")), "warm")  # imports are paid once, and here
        journal_for(root / "warm" / "data").close()
        script.turns, script.pause = 12, 0.002
        for number in range(cycles):
            total.add(cycle(root / str(number), agent, script, chance, workers=workers, preload=number % 2 == 0))
            if not total.good:
                break
            shutil.rmtree(root / str(number))
            print(f"\rcycle {number + 1}/{cycles} {total}", end="", file=sys.stderr, flush=True)
    finally:
        print(file=sys.stderr)
        if total.good or not total.cycles:
            shutil.rmtree(root)
        else:
            print(f"What is wrong can be looked at in {root}.", file=sys.stderr)
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing was lost, doubled, damaged, or told otherwise by the index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    asked = parser.parse_args(arguments)
    figures = campaign(asked.cycles, seed=asked.seed, workers=asked.workers)
    result = asdict(figures) | {"seed": asked.seed, "good": figures.good}
    print(json.dumps(result) if asked.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
