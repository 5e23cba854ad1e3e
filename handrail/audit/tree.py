"""The steps of a run in tree order. Knows only ids and parents, and survives any that a damaged journal has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where one step stands in the tree."""

    step: str
    depth: int
    """0 for the outermost."""


def in_tree_order(steps: Sequence[tuple[str, str | None]]) -> list[Place]:
    """Every step once, each below its parent, siblings in the given order.

    ``steps`` are (step, parent) in the order in which they began. A step whose parent is unknown is an outermost
    one; steps that are each other's ancestors, which no sound journal has, come last.
    """
    known = {step for step, _ in steps}
    children: dict[str | None, list[str]] = {}
    for step, parent in dict(steps).items():
        children.setdefault(parent if parent in known and parent != step else None, []).append(step)
    placed = _walk(children)
    seen = {place.step for place in placed}
    return placed + [Place(step, 0) for step in dict(steps) if step not in seen]


def _walk(children: dict[str | None, list[str]]) -> list[Place]:
    # a stack, not recursion: a run of 10,000 nested agents must open too
    placed: list[Place] = []
    waiting = [Place(step, 0) for step in reversed(children.get(None, ()))]
    while waiting:
        place = waiting.pop()
        placed.append(place)
        below = children.get(place.step, ())
        waiting.extend(Place(step, place.depth + 1) for step in reversed(below))
    return placed
