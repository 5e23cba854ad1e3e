"""What values of a condition are and how they compare. Exact types only: a subclass may lie about itself."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import cast

from handrail.conditions.faults import Unevaluable
from handrail.conditions.reading import Reading
from handrail.conditions.spelling import doubtful, plain, require_sound, same_text
from handrail.conditions.syntax import Sign

Comparison = Callable[[object, object, Reading], bool]

_KINDS: Mapping[type[object], str] = {
    bool: "a truth value",
    str: "a string",
    type(None): "null",
    list: "a list",
    tuple: "a list",
    int: "a number",
}


def kind(value: object) -> str:
    """The language's name for the type of a value."""
    if type(value) is float and not math.isfinite(value):
        return "an infinite number" if value == value else "a NaN"
    return "a number" if type(value) is float else _KINDS.get(type(value), "an object")


def truth(value: object) -> bool:
    """``value`` where it is a truth value; raises Unevaluable."""
    if value is True or value is False:
        return value
    raise Unevaluable(f"{kind(value)} is neither true nor false")


def mixed(left: object, right: object) -> Unevaluable:
    """What is raised when two values cannot be compared."""
    kinds = kind(left), kind(right)
    if kinds[0] != kinds[1]:
        return Unevaluable(f"{kinds[0]} cannot be compared with {kinds[1]}")
    return Unevaluable(f"{kinds[0]} cannot be compared")


def equal(left: object, right: object, reading: Reading) -> bool:
    """``==``; raises Unevaluable for mixed kinds, lists, objects and other spellings of the same text."""
    answer = _same(left, right, reading)
    if answer is None:
        raise _why_not(left, right, reading)
    return answer


def contained(item: object, container: object, reading: Reading) -> bool:
    """``in``: found anywhere is true; otherwise one member that cannot be compared leaves the question open."""
    if type(container) is not list and type(container) is not tuple:
        raise Unevaluable(f"`in` needs a list, not {kind(container)}")
    members = cast("list[object] | tuple[object, ...]", container)
    reading.spend(len(members))
    doubt: object = _NO_DOUBT
    for member in members:
        answer = _same(item, member, reading)
        if answer:
            return True
        if answer is None:
            doubt = member
    if doubt is not _NO_DOUBT:
        raise _why_not(item, doubt, reading)
    return False


def _same(left: object, right: object, reading: Reading) -> bool | None:
    """Whether two values are equal, None where that cannot be said."""
    if type(left) is str and type(right) is str:
        return same_text(left, right, reading)
    if left is None or right is None:
        return left is right
    if type(left) is bool and type(right) is bool:
        return left is right
    if kind(left) != "a number" or kind(right) != "a number":
        return None
    _spend_on_digits(left, right, reading)
    return left == right


def _why_not(left: object, right: object, reading: Reading) -> Unevaluable:
    if type(left) is str and type(right) is str:
        require_sound(left, right, reading=reading)
        return doubtful()
    return mixed(left, right)


def _spend_on_digits(left: object, right: object, reading: Reading) -> None:
    if type(left) is int and type(right) is int:
        reading.spend(min(left.bit_length(), right.bit_length()) >> 12)


def ordered(compare: Callable[[float, float], bool]) -> Comparison:
    """A comparison by size: of two numbers, or of two texts of which no other spelling decides otherwise."""

    def order(left: object, right: object, reading: Reading) -> bool:
        if type(left) is str and type(right) is str:
            return _texts_ordered(left, right, reading)
        if kind(left) != kind(right):
            raise mixed(left, right)
        if kind(left) != "a number":
            raise Unevaluable(f"{kind(left)} has no order")
        _spend_on_digits(left, right, reading)
        return compare(cast("float", left), cast("float", right))

    def _texts_ordered(left: str, right: str, reading: Reading) -> bool:
        require_sound(left, right, reading=reading)
        reading.spend(min(len(left), len(right)) >> 10)
        answer = compare(cast("float", left), cast("float", right))
        if compare(cast("float", plain(left, reading)), cast("float", plain(right, reading))) is not answer:
            raise doubtful()
        return answer

    return order


_NO_DOUBT = object()

ORDERS: Mapping[Sign, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Signs of order -> what they do with two numbers."""

COMPARISONS: Mapping[Sign, Comparison] = {
    "==": equal,
    "!=": lambda left, right, reading: not equal(left, right, reading),
    **{sign: ordered(compare) for sign, compare in ORDERS.items()},
    "in": contained,
    "not in": lambda item, container, reading: not contained(item, container, reading),
}
"""Sign -> what it does; each raises Unevaluable where there is no answer."""
