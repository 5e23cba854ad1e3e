"""Which facts to change, and how little, so that a condition holds, or no longer strikes. Tried, never guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import cast

from handrail.conditions import MISSING, Condition, Unevaluable
from handrail.conditions import of_tree as condition_of
from handrail.conditions.syntax import AllOf, Node
from handrail.policy.explain.values import Steps, candidates, value_of

Assignment = tuple[tuple[Steps, object], ...]
"""Facts and their new values; `MISSING` leaves one out."""

MOST_TRIES = 3_000
"""Combinations of values that are tried for one condition."""


def solutions(condition: Condition, facts: Mapping[str, object], *, holds: bool) -> list[Assignment]:
    """Changes after which the condition is true, or (``holds`` false) is evaluated to false; the smallest first."""
    found: list[Assignment] = []
    for values in (_one_at_a_time(condition.tree, facts), _part_by_part(condition, facts, holds)):
        found = [one for one in islice(values, MOST_TRIES) if _is(condition, changed(facts, one), holds)]
        if found:
            break
    return sorted(found, key=lambda one: _size(one, facts))


def changed(facts: Mapping[str, object], assignment: Assignment) -> dict[str, object]:
    """A copy of ``facts`` with other values."""
    copy: dict[str, object] = dict(facts)
    for steps, value in assignment:
        copy = cast("dict[str, object]", _with(copy, steps, value))
    return copy


def _one_at_a_time(tree: Node, facts: Mapping[str, object]) -> Iterator[Assignment]:
    for steps, values in candidates(tree, facts).items():
        yield from (((steps, value),) for value in values)


def _part_by_part(condition: Condition, facts: Mapping[str, object], holds: bool) -> Iterator[Assignment]:
    """One value for each part that is not as it should be, in every combination."""
    tree = condition.tree
    parts = tree.parts if holds and isinstance(tree, AllOf) else ()
    unmet = [part for part in parts if not _is(condition_of(part), facts, True)]
    by_fact: list[list[Assignment]] = [[*ways, ()] for ways in _by_fact(tree, facts)]
    choices = [_of_part(part, facts) for part in unmet] or by_fact
    for chosen in product(*choices):
        merged = dict(pair for one in chosen for pair in one)
        if len(merged) > 1:
            yield tuple(merged.items())


def _of_part(part: Node, facts: Mapping[str, object]) -> list[Assignment]:
    """Changes that make one part true: of one fact where that is enough."""
    condition = condition_of(part)
    ones = [one for one in _one_at_a_time(part, facts) if _is(condition, changed(facts, one), True)]
    if ones:
        return sorted(ones, key=lambda one: _size(one, facts))[:6]
    several = product(*([*ways, ()] for ways in _by_fact(part, facts)))
    merged = (tuple(pair for one in chosen for pair in one) for chosen in islice(several, MOST_TRIES))
    return [one for one in merged if _is(condition, changed(facts, one), True)][:6]


def _by_fact(tree: Node, facts: Mapping[str, object]) -> list[list[Assignment]]:
    return [[((steps, value),) for value in values] for steps, values in candidates(tree, facts).items()]


def _is(condition: Condition, facts: Mapping[str, object], wanted: bool) -> bool:
    try:
        return condition.holds(facts) is wanted
    except Unevaluable:
        return False


def _size(assignment: Assignment, facts: Mapping[str, object]) -> tuple[float, ...]:
    """How large a change is: by the number of facts, of facts of another kind, and by distance."""
    pairs = [(value_of(facts, steps), value) for steps, value in assignment]
    return len(pairs), sum(_strangeness(*pair) for pair in pairs), sum(_distance(*pair) for pair in pairs)


def _strangeness(now: object, new: object) -> float:
    numbers = (int, float)
    if type(now) is type(new) or (type(now) in numbers and type(new) in numbers):
        return 0
    return 3 if new is MISSING or new is None else 1 if now is MISSING else 2


def _distance(now: object, new: object) -> float:
    if type(now) in (int, float) and type(new) in (int, float):
        gap = _float(new) - _float(now)
        return abs(gap)
    if type(now) is str and type(new) is str:
        same = next((at for at, pair in enumerate(zip(now, new, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(now), len(new)) if same is None else same
        return max(len(now), len(new)) - shared
    return 0


def _float(value: object) -> float:
    try:
        return float(cast("float", value))
    except OverflowError:
        return 1e308


def _with(value: object, steps: Steps, new: object) -> object:
    """A copy of ``value`` with ``new`` at the end of ``steps``; objects are made where there is none."""
    if not steps:
        return new
    step, rest = steps[0], steps[1:]
    if isinstance(value, (list, tuple)) and step.isdigit():
        members = list(cast("list[object]", value))
        position = int(step)
        if position < len(members) and (rest or new is not MISSING):
            members[position] = _with(members[position], rest, new)
        elif position == len(members) and new is not MISSING:
            members.append(_with({}, rest, new))
        return members
    table = dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else {}
    if not rest and new is MISSING:
        table.pop(step, None)
    else:
        table[step] = _with(table.get(step), rest, new)
    return table
