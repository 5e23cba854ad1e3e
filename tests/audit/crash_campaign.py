"""Kill every writer, again and again: ``python -m tests.audit.crash_campaign --cycles 200 [--json]``.

Each cycle forks four writers from a warmed parent. They acknowledge every append over a pipe and are killed
at a random moment; then the journal is compared with what was acknowledged, packed, and compared again.
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
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec

from handrail.audit import reader
from handrail.audit.compact import compact
from handrail.audit.journal import Journal, encode
from handrail.audit.verify import verify

ACK = 8
"""Bytes of one acknowledgement: the number of the record."""


@dataclass
class Outcome:
    """Sums over cycles; the last four must be 0."""

    cycles: int = 0
    kills: int = 0
    acknowledged: int = 0
    stored: int = 0
    torn: int = 0
    """Half-written last lines: unacknowledged, so no loss."""
    lost: int = 0
    duplicated: int = 0
    gaps: int = 0
    broken: int = 0

    def add(self, other: Outcome) -> None:
        """Add another outcome to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, left out or damaged."""
        return self.acknowledged > 0 and not (self.lost or self.duplicated or self.gaps or self.broken)


def write_for_ever(journal: Journal, slot: int, pipe: int, chance: random.Random) -> None:
    """Append and acknowledge until killed; most records have payloads, a few are durable."""
    number = 0
    while True:
        content = encode({"text": "x" * chance.randrange(600)})
        args = journal.put(content) if number % 3 else None
        record: dict[str, object] = {"k": "tool.call", "slot": slot, "i": number, "args": args}
        journal.append(record, durable=number % 500 == 499)
        os.write(pipe, number.to_bytes(ACK, "big"))
        number += 1


def fork_writer(journal: Journal, slot: int, seed: int) -> tuple[int, int]:
    """A writer process; its id and the pipe of its acknowledgements."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            write_for_ever(journal, slot, theirs, random.Random(seed))
        finally:
            os._exit(1)
    os.close(theirs)
    return pid, ours


def acknowledged_until_killed(writers: list[tuple[int, int]], chance: random.Random) -> list[int]:
    """Let the writers run for a random moment, kill them one after the other, count what each acknowledged."""
    counts = dict.fromkeys((pipe for _, pipe in writers), 0)
    deaths = {pid: time.monotonic() + chance.uniform(0.01, 0.15) for pid, _ in writers}
    still_open = set(counts)
    while still_open:
        for pid in [pid for pid, moment in deaths.items() if moment <= time.monotonic()]:
            os.kill(pid, signal.SIGKILL)
            del deaths[pid]
        for pipe in select.select(list(still_open), [], [], 0.002)[0]:
            data = os.read(pipe, 1 << 16)
            counts[pipe] += len(data)
            if not data:
                still_open.discard(pipe)
    for pid, pipe in writers:
        os.close(pipe)
        os.waitpid(pid, 0)
    return [counts[pipe] // ACK for _, pipe in writers]


def compare(folder: Path, acknowledged: list[int]) -> Outcome:
    """Hold the journal of one cycle against the acknowledgements, one number per writer."""
    found: list[Counter[int]] = [Counter() for _ in acknowledged]
    for part in reader.parts(folder):
        for record in reader.records(part):
            body = msgspec.json.decode(record.body)
            if "slot" in body:
                found[body["slot"]][body["i"]] += 1
    problems = verify(folder).problems
    return Outcome(
        cycles=1,
        kills=len(acknowledged),
        acknowledged=sum(acknowledged),
        stored=sum(stored.total() for stored in found),
        torn=sum(problem.harmless for problem in problems),
        lost=sum(len(set(range(count)) - set(stored)) for count, stored in zip(acknowledged, found, strict=True)),
        duplicated=sum(stored.total() - len(stored) for stored in found),
        gaps=sum(max(stored, default=-1) + 1 - len(stored) for stored in found),
        broken=sum(not problem.harmless for problem in problems),
    )


def cycle(folder: Path, chance: random.Random, writers: int) -> Outcome:
    """One round of writing, killing and comparing in a folder of its own."""
    journal = Journal(folder, segment_bytes=200_000)
    journal.append({"k": "config.load", "outcome": "loaded"})
    processes = [fork_writer(journal, slot, chance.randrange(1 << 30)) for slot in range(writers)]
    acknowledged = acknowledged_until_killed(processes, chance)
    journal.close()
    outcome = compare(folder, acknowledged)
    compact(folder, small_bytes=1 << 30, min_writers=1)
    outcome.broken += compare(folder, acknowledged) != outcome
    return outcome


def campaign(cycles: int, *, seed: int, writers: int = 4) -> Outcome:
    """So many cycles; progress goes to standard error."""
    outcome, chance = Outcome(), random.Random(seed)
    root = Path(tempfile.mkdtemp(prefix="handrail-crash-"))
    try:
        for number in range(cycles):
            outcome.add(cycle(root / str(number), chance, writers))
            shutil.rmtree(root / str(number))
            print(f"\rcycle {number + 1}/{cycles} {outcome}", end="", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(root)
        print(file=sys.stderr)
    return outcome


def main() -> int:
    """0 when nothing was lost, doubled, left out or damaged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    asked = parser.parse_args()
    outcome = campaign(asked.cycles, seed=asked.seed, writers=asked.writers)
    result = asdict(outcome) | {"seed": asked.seed, "good": outcome.good}
    print(json.dumps(result) if asked.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
