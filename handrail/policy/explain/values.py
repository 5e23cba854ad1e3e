"""Values worth trying for the facts that a condition reads: its own constants, and what lies just beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from handrail.conditions import MISSING, Unevaluable
from handrail.conditions import of_tree as condition_of
from handrail.conditions.reading import Reading
from handrail.conditions.syntax import Call, Compare, ListOf, Node, Path, walk

Steps = tuple[str, ...]

CHANGEABLE = ("args", "session", "channel", "run", "env", "doc", "memory")
"""First words of the facts that another request could have; who asks and in which tenant is not among them."""

_HOUR = 3_600
_TEXT_PADDING = "x"


def candidates(tree: Node, facts: Mapping[str, object]) -> dict[Steps, list[object]]:
    """Fact -> values to try for it, in a fixed order and each once. `MISSING` stands for leaving it out."""
    found: dict[Steps, list[object]] = {}
    for node in walk(tree):
        for steps, values in _of_node(node, facts):
            if steps[0] in CHANGEABLE:
                known = found.setdefault(steps, [])
                known.extend(value for value in values if not _among(value, known))
    return found


def value_of(facts: Mapping[str, object], steps: Steps) -> object:
    """The fact at the end of a path; `MISSING` where there is none, or none that can be read."""
    try:
        return Reading(facts).find(steps)
    except Exception:  # whatever a hostile fact raises: it only means that there is nothing to see
        return MISSING


def _among(value: object, known: list[object]) -> bool:
    return any(type(one) is type(value) and one == value for one in known)


def _of_node(node: Node, facts: Mapping[str, object]) -> Iterator[tuple[Steps, list[object]]]:
    if isinstance(node, Path):
        yield node.steps, [True, False, None]
    if isinstance(node, Compare):
        yield from _compared(node.left, node.right, facts)
        yield from _compared(node.right, node.left, facts)
    if isinstance(node, Call):
        yield from _called(node, facts)


def _compared(left: Node, right: Node, facts: Mapping[str, object]) -> Iterator[tuple[Steps, list[object]]]:
    others = _others(right, facts)
    if isinstance(left, Path):
        now = value_of(facts, left.steps)
        yield left.steps, [value for other in others for value in _around(other, now)]
    if isinstance(left, ListOf):
        for item in left.items:
            yield from _compared(item, right, facts)
    if isinstance(left, Call) and len(left.arguments) == 1 and isinstance(left.arguments[0], Path):
        steps = left.arguments[0].steps
        values = [value for other in others for value in _undone(left.function, other, value_of(facts, steps))]
        yield steps, values


def _others(node: Node, facts: Mapping[str, object]) -> list[object]:
    """The values of the other side of a comparison; a list's members count each."""
    try:
        value = condition_of(node).evaluate(Reading(facts))
    except (Unevaluable, Exception):  # a hostile fact may raise anything; then there is nothing to try
        return []
    if type(value) in (list, tuple):
        return [value, *cast("list[object]", value)]
    return [value]


def _around(other: object, now: object) -> Iterator[object]:
    """``other``, and its neighbours on both sides."""
    yield other
    if type(other) is int or type(other) is float:
        fine = 0.01 if isinstance(now, float) or isinstance(other, float) else 1
        for step in dict.fromkeys((fine, 1, 0.01)):
            yield _rounded(other - step)
            yield _rounded(other + step)
    elif type(other) is str:
        yield other + _TEXT_PADDING
        yield other[:-1]
        yield _TEXT_PADDING
        yield ""
    elif type(other) in (list, tuple):
        numbers = [one for one in cast("list[object]", other) if type(one) is int or type(one) is float]
        if numbers:
            yield max(numbers) + 1


def _rounded(number: float) -> float:
    return number if isinstance(number, int) else round(number, 6)


def _undone(function: str, other: object, now: object) -> Iterator[object]:
    """Values whose ``function(value)`` is ``other``, or just beside it."""
    if function == "len" and type(other) is int and 0 <= other <= 10_000:
        for length in (other, other - 1, other + 1):
            if length >= 0:
                yield _of_length(length, now)
    elif function == "lower" and type(other) is str:
        yield other
        yield other + _TEXT_PADDING
    elif function in ("hour", "weekday") and (type(now) is int or type(now) is float):
        hours = range(1, 24) if function == "hour" else range(24, 7 * 24, 24)
        yield from (now + hour * _HOUR for hour in hours)


def _of_length(length: int, now: object) -> object:
    if type(now) in (list, tuple):
        members = list(cast("list[object]", now))
        return members[:length] + [members[-1] if members else _TEXT_PADDING] * (length - len(members))
    text = now if type(now) is str else ""
    return text[:length].ljust(length, _TEXT_PADDING)


def _called(node: Call, facts: Mapping[str, object]) -> Iterator[tuple[Steps, list[object]]]:
    if node.function == "has" and isinstance(node.arguments[0], Path):
        yield node.arguments[0].steps, [_TEXT_PADDING, 1, MISSING]
    if len(node.arguments) != 2:
        return
    left, right = node.arguments
    if isinstance(left, Path):
        now = value_of(facts, left.steps)
        for other in _others(right, facts):
            yield left.steps, list(_joined(node.function, now, other))
    if isinstance(right, Path):
        yield right.steps, _others(left, facts)


def _joined(function: str, now: object, other: object) -> Iterator[object]:
    text = now if type(now) is str else ""
    if function == "matches":
        yield from ("", "x", "a", "A", "1", "A1", "a1")
    elif function == "within" and type(other) is str:
        yield from (f"{other.rstrip('/')}/x", "/x")
    elif type(other) is str:
        yield from {"startswith": (other + text, other), "endswith": (text + other, other)}.get(function, (other,))
        yield from ("", _TEXT_PADDING)
    if function == "contains" and type(now) is list:
        members = cast("list[object]", now)
        yield [*members, other]
        yield [one for one in members if type(one) is not type(other) or one != other]
