"""Kill agents in the middle of what they do, resume them, and count: ``python -m tests.effects.campaign --kills 200``.

Every run carries out one plan, is killed up to four times, at a named point or at a random moment, and then comes to
its end. What became of the world is compared with the plan, and each attempt with what the journal says of it. The
same runs without Handrail stand beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import math
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from handrail.audit import reader
from handrail.audit.journal import journal_for
from handrail.effects import asks, past
from tests.effects.crashing import POLICY, child, run_of
from tests.effects.points import HALF, POINTS, RANDOM, arm
from tests.effects.service import Service, answer
from tests.effects.shapes import SHAPES, WAITS, Life, Plan

DECLARED: Mapping[str, str] = {
    "accepts_key": "idempotent = true\naccepts_key = true",
    "query": 'query = "tests.effects.service:happened"',
    "undeclared": 'effect = "write"',
    "irreversible": 'effect = "irreversible"',
}
"""How the tool is declared -> its table in handrail.toml."""
MOST_KILLS = 4
MOST_LIVES = 40
"""After so many lives a run that still has not come to its end is a fault."""
BARE = ("sync", "async", "exit")
"""LangGraph's words for when it keeps checkpoints, each with the agents that have a checkpointer."""


@dataclass
class Counts:
    """Sums over runs. What is named in ``FAULTS`` must be 0."""

    runs: int = 0
    kills: int = 0
    effects: int = 0
    """What the plans asked for."""
    repeated: int = 0
    """Effects that were done once more."""
    again: int = 0
    """Calls that were made although their result was recorded."""
    silent: int = 0
    """Calls that were made again, and nobody was asked, nothing declared."""
    lost: int = 0
    """Effects that were not done at all."""
    doubt: int = 0
    """Calls that a kill left in doubt, each attempt counted."""
    unlisted: int = 0
    """Those of them that the run does not list."""
    asked: int = 0
    """Questions that a person answered."""
    orphans: int = 0
    """Effects that a person was asked about though the run had asked for them again."""
    failed: int = 0
    """Lives that ended in an error, runs that came to no end."""
    points: Counter[str] = field(default_factory=Counter[str])
    """Where the kills fell."""

    def add(self, other: Counts) -> None:
        """Add other counts to these."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def faults(self) -> dict[str, int]:
        """What is not as it must be."""
        return {name: getattr(self, name) for name in FAULTS if getattr(self, name)}


FAULTS = ("repeated", "again", "silent", "lost", "unlisted", "orphans", "failed")


def plan(chance: random.Random) -> Plan:
    """Six effects in four turns: some made together, some equal in one turn and over turns."""
    names = list("abc")
    chance.shuffle(names)
    first, second, third = names
    turns = [[first], [second, third], [first], [third, third]]
    chance.shuffle(turns)
    return turns


def expected(what: Plan) -> Counter[str]:
    """How often each thing is to be done."""
    return Counter(name for turn in what for name in turn)


def one_run(life: Life, chance: random.Random, point: str | None = None) -> Counts:
    """Carry out one plan; the kills are at ``point``, or anywhere."""
    life.folder.mkdir(parents=True)
    table = f"[tools.book]\n{DECLARED[life.declared]}\n"
    (life.folder / "handrail.toml").write_text(POLICY + table)
    counts, left = Counts(runs=1, effects=sum(map(len, life.plan))), chance.randint(1, MOST_KILLS)
    for _ in range(MOST_LIVES):
        where = (point or _somewhere(chance)) if counts.kills < left else ""
        code = _lived(life, where, chance)
        if code == 0:
            break
        counts.kills += code == -9
        counts.points[where] += code == -9
        counts.failed += code not in (-9, WAITS)
        if life.governed:
            life = _after(life, counts, chance)
    else:
        counts.failed += 1
    _compare(life, counts)
    return counts


def _somewhere(chance: random.Random) -> str:
    return chance.choice((*POINTS, HALF, RANDOM, RANDOM, RANDOM, RANDOM))


def _lived(life: Life, where: str, chance: random.Random) -> int:
    """One life in a child; how it ended."""
    seed = chance.random()
    if life.governed:  # each life keeps its checkpoints as it likes
        life = replace(life, durability=chance.choice(BARE))

    def work() -> None:
        logging.disable()
        gc.disable()
        if where:
            arm(where, random.Random(seed), calls=sum(map(len, life.plan)))
        life.live()

    moment = chance.uniform(0.0, SECONDS[life.shape.kind]) if where == RANDOM else None
    return child(work, killed_after=moment)


SECONDS = {"loop": 0.05, "agent": 0.25, "graph": 0.2}
"""About how long a life takes on an idle machine: within it lie the random moments."""


def _after(life: Life, counts: Counts, chance: random.Random) -> Life:
    """A person looks into the world and answers; the next life goes on with the run, where it had begun."""
    data, run = life.folder / ".handrail", life.run or _begun(life.folder)
    known = past.read(data, run) if run else None
    if known is None:
        return life
    service, world = Service(life.folder), Service(life.folder).keys()
    counts.doubt += sum(one.status == "doubt" and one.life == known.last for one in known.effects.values())
    for key in service.begun():
        effect = known.effects.get(key)
        counts.unlisted += effect is None or (effect.status not in ("doubt", "done") and key in world)
    _answer(data, world, counts, chance)
    return replace(life, run=run)


def _begun(folder: Path) -> str:
    return run_of(folder) if any(one["k"] == "run.start" for one in _records(folder)) else ""


def _records(folder: Path) -> Iterator[Mapping[str, Any]]:
    for part in reader.parts(folder / ".handrail"):
        yield from (record.fields for record in reader.records(part))


def _answer(data: Path, world: Mapping[str, int], counts: Counts, chance: random.Random) -> None:
    for question in list(asks.open_questions(data)):
        counts.asked += 1
        counts.orphans += question.kind == "orphan"
        if question.key in world:
            said = answer(_what(data, question.key)) if chance.random() < 0.5 else asks.NOT_KNOWN
            asks.answer(data, question.id, "happened", "it is in the books", said)
        else:
            asks.answer(data, question.id, "did_not_happen", "it is not in the books")


def _what(data: Path, key: str) -> str:
    """What a person reads in the books beside a key."""
    lines = (data.parent / "world").read_text().splitlines()
    return next(what for what, other in (line.split(" ") for line in lines) if other == key)


def _compare(life: Life, counts: Counts) -> None:
    """The world with the plan; each attempt with what the journal says of it."""
    service, wanted = Service(life.folder), expected(life.plan)
    counts.repeated += (service.done() - wanted).total()
    counts.lost += (wanted - service.done()).total()
    if not life.governed:
        return
    counts.repeated += sum(number - 1 for number in service.keys().values())
    counts.orphans += sum(question.kind == "orphan" for question in asks.open_questions(life.folder / ".handrail"))
    intents = _intents(life, counts)
    counts.silent += sum(max(0, number - intents[key]) for key, number in service.begun().items())


def _intents(life: Life, counts: Counts) -> Counter[str]:
    """How often each effect was attempted; counts the attempts that nobody may make."""
    intents, done, open_, resolved = Counter[str](), set[str](), dict[str, str](), Counter[str]()
    for record in sorted(_records(life.folder), key=lambda one: (one["t"], one["n"])):
        if record["k"] == "tool.call" and record.get("ran") and record.get("key"):
            key = record["key"]
            counts.again += key in done
            intents[key] += 1
            open_[record["step"]] = key
            explained = record["how"] == "retried" and life.declared in ("accepts_key", "query")
            explained |= record["how"] in ("asked", "again") and resolved[key] == intents[key] - 1
            counts.silent += intents[key] > 1 and not explained
        elif record["k"] == "tool.result" and record["outcome"] == "ok" and record["step"] in open_:
            done.add(open_[record["step"]])
        elif record["k"] == "effect.resolved":
            resolved[record["key"]] += record["status"] == "failed"
            done |= {record["key"]} if record["status"] == "done" else set()
    return intents


def campaign(kills: int, seed: int, folder: Path, seconds: float = math.inf) -> Counts:
    """Runs over all agents and declarations until so many kills fell; the first ones at each named point in turn.

    After so many ``seconds`` no further run begins.
    """
    until = time.monotonic() + seconds
    chance, total = random.Random(seed), Counts()
    ways = [(shape, declared) for shape in SHAPES for declared in DECLARED]
    chance.shuffle(ways)
    named = [*POINTS, HALF]
    while total.kills < kills and time.monotonic() < until:
        (shape, declared), at = ways[total.runs % len(ways)], total.runs
        point = named[at % len(named)] if at < 2 * len(named) else None
        life = Life(shape, folder / f"run{at}", plan(chance), declared)
        found = one_run(life, chance, point)
        if found.faults:
            print(f"run {at}, {shape}, {declared}: {found}", file=sys.stderr)
        else:
            shutil.rmtree(life.folder)
        total.add(found)
    return total


def bare(kills: int, seed: int, folder: Path) -> dict[str, Counts]:
    """The same runs of LangGraph alone, by when it keeps checkpoints; and from the first step again without any."""
    found: dict[str, Counts] = {}
    for durability in (*BARE, None):
        shapes = [one for one in SHAPES if one.kind != "loop" and one.checkpointed is (durability is not None)]
        name = f"LangGraph, durability {durability}" if durability else "begun again from the first step"
        found[name] = _bare(kills, random.Random(seed), folder / name.replace(" ", "_"), shapes, durability)
    return found


def _bare(kills: int, chance: random.Random, folder: Path, shapes: list[Any], durability: str | None) -> Counts:
    total = Counts()
    points = ("tool begun", "done in the world", RANDOM, RANDOM)
    while total.kills < kills:
        shape = shapes[total.runs % len(shapes)]
        where = folder / f"run{total.runs}"
        life = Life(shape, where, plan(chance), "undeclared", governed=False, durability=durability)
        total.add(one_run(life, chance, points[total.runs % len(points)]))
        shutil.rmtree(where)
    return total


def warm() -> None:
    """Import all that a life imports, so that each child has it from its first moment."""
    with tempfile.TemporaryDirectory() as name:
        for number, shape in enumerate(SHAPES):
            life = Life(shape, Path(name) / str(number), [["a"]], "undeclared")
            life.folder.mkdir()
            (life.folder / "handrail.toml").write_text(POLICY)
            life.live()
            journal_for(life.folder / ".handrail").close()
    gc.collect()
    gc.freeze()  # what is not touched by a child's collector need not be copied for it


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--bare-kills", type=int, default=60, help="kills of each comparison (0: none)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no further run after as long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--keep", type=Path, help="a folder for the runs; those with a fault stay there")
    options = parser.parse_args()
    warm()
    with tempfile.TemporaryDirectory() as name:
        folder, began = options.keep or Path(name), time.monotonic()
        ours = campaign(options.kills, options.seed, folder / "ours", options.minutes * 60)
        alone = bare(options.bare_kills, options.seed, Path(name) / "bare") if options.bare_kills else {}
        print(_told(ours, alone, time.monotonic() - began, options.json))
    return 1 if ours.faults else 0


def _told(ours: Counts, alone: Mapping[str, Counts], seconds: float, as_json: bool) -> str:
    rows = {"Handrail": ours, **alone}
    if as_json:
        return json.dumps(
            {name: {one.name: getattr(row, one.name) for one in fields(row)} for name, row in rows.items()}
        )
    names = ("runs", "kills", "effects", *FAULTS, "doubt", "asked")
    width = max(map(len, rows))
    head = f"{'':{width}}" + "".join(f"{name:>10}" for name in names)
    lines = [f"{name:{width}}" + "".join(f"{getattr(row, one):>10}" for one in names) for name, row in rows.items()]
    points = ", ".join(f"{name} {number}" for name, number in ours.points.most_common())
    return "\n".join([head, *lines, f"Kills of Handrail: {points}. {seconds:.0f} seconds."])


if __name__ == "__main__":
    raise SystemExit(main())
