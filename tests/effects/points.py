"""Where a call can be killed, from the seam to its result's record; by methods that are wrapped in the child."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handrail.audit import oscalls
from handrail.effects.ledger import Ledger
from handrail.effects.vault import Vault
from handrail.gate import Gate, once, pipeline
from tests.effects.crashing import die, dies_at
from tests.effects.service import Service

HALF = "half of what is written"
RANDOM = "a random moment"


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after one method, each time that it is called."""

    owner: object
    method: str
    after: bool = True


POINTS: Mapping[str, Point] = {
    "before it is decided": Point(pipeline, "decided", after=False),
    "decided": Point(pipeline, "decided"),
    "claimed": Point(Ledger, "claim"),
    "before the intent is written": Point(Gate, "_open", after=False),
    "intent written": Point(Gate, "_open"),
    "attempt begun": Point(Ledger, "begin"),
    "before the intent is synced": Point(Gate, "_durable", after=False),
    "intent synced": Point(Gate, "_durable"),
    "tool begun": Point(Service, "begin"),
    "done in the world": Point(Service, "do"),
    "before the value is kept": Point(once.Doing, "keep", after=False),
    "value kept": Point(Vault, "put"),
    "ledger ended": Point(Ledger, "end"),
    "result written": Point(Gate, "_settle"),
}
"""In the order in which a call comes to them."""
_WRITES = 150
"""Among how many writes of a run the half one is; a run of six calls makes about as many."""


def arm(name: str, chance: random.Random, calls: int) -> None:
    """Have this process die at the point ``name``, in one of its next ``calls`` calls; for a child."""
    if name == HALF:
        oscalls.write = _half(chance.randrange(_WRITES), oscalls.write)
    elif name in POINTS:
        point = POINTS[name]
        dies_at(chance.randrange(calls), [(point.owner, point.method)], after=point.after)


def _half(left: int, original: Callable[..., int]) -> Callable[..., int]:
    count = [left]

    def write(fd: int, data: bytes) -> int:
        count[0] -= 1
        if count[0] < 0 and len(data) > 1:
            original(fd, bytes(data)[: len(data) // 2])
            die()
        return original(fd, data)

    return write
