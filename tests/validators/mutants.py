"""How many seeded faults in validators are found by their examples and properties.

``python -m tests.validators.mutants [--room ROOM] [--sample N | --all] [--only TEXT] [--json]``: each line is a
validator, or a module that several share. Faults that change nothing stand in `same.py` with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.validators.registry import ROOMS, known
from tests.validators.faults import Fault
from tests.validators.same import SAME
from tests.validators.trial import Room, faults_of


@dataclass(frozen=True, slots=True)
class Tried:
    """One fault, and what became of it."""

    fault: Fault
    by: str
    """What found it; empty where it survived."""
    same: str = ""
    """Why it is none: it changes nothing that can be seen."""


def chosen(room: str, count: int | None, only: str = "") -> list[Fault]:
    """``count`` faults of a room, chosen by the hash of what they are; or all."""
    every = sorted((one for one in faults_of(room) if only in one.key), key=lambda one: one.rank)
    return every[:count]


def tried(room: str, faults: Sequence[Fault]) -> list[Tried]:
    """What becomes of each."""
    known_room = Room.of(room)
    return [Tried(one, "", SAME[one.key]) if one.key in SAME else Tried(one, known_room.found(one)) for one in faults]


def owner(fault: Fault) -> str:
    """The validator that the fault is in, or the module."""
    first = fault.where.split(".")[0]
    names = [name for name, entry in known().items() if entry.home == f"{fault.module}:{first}"]
    return names[0] if names else fault.module.removeprefix("handrail.validators.")


def table(found: Sequence[Tried]) -> str:
    """Found and survived by validator, as Markdown."""
    every, alive = (Counter(map(owner, [one.fault for one in part])) for part in (_counted(found), _alive(found)))
    lines = [f"| {who} | {every[who] - alive[who]} | {alive[who]} |" for who in sorted(every)]
    return "\n".join(["| validator or module | found | survived |", "|---|---|---|", *lines])


def summary(room: str, found: Sequence[Tried]) -> str:
    """The room in one line."""
    counted, alive = _counted(found), _alive(found)
    part = 100 * (len(counted) - len(alive)) / max(1, len(counted))
    same = len(found) - len(counted)
    return f"{room}: {len(counted) - len(alive)} of {len(counted)} found ({part:.1f} %), {same} change nothing"


def _counted(found: Sequence[Tried]) -> list[Tried]:
    return [one for one in found if not one.same]


def _alive(found: Sequence[Tried]) -> list[Tried]:
    return [one for one in _counted(found) if not one.by]


def main() -> int:
    """Command line; 1 where a fault survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", choices=ROOMS, action="append", help="this room (again for more; else all)")
    parser.add_argument("--sample", type=int, default=60, metavar="N", help="so many faults of each room (60)")
    parser.add_argument("--all", action="store_true", help="every fault, which takes about half an hour")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose description has this in it")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    survived = 0
    printed: dict[str, object] = {}
    for room in options.room or ROOMS:
        if problem := Room.of(room).found(None):
            raise SystemExit(f"{room}: something fails without any fault: {problem}")
        found = tried(room, chosen(room, None if options.all else options.sample, options.only))
        survived += len(_alive(found))
        printed[room] = {"counted": len(_counted(found)), "survived": [one.fault.key for one in _alive(found)]}
        if not options.json:
            print(table(found), *(f"survived: {one.fault.line}: {one.fault.key}" for one in _alive(found)), sep="\n")
            print(summary(room, found), end="\n\n", flush=True)
    if options.json:
        print(json.dumps(printed))
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
