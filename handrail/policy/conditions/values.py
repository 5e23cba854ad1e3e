"""What values of a condition are and how they compare. Exact types only: a subclass may lie about itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import cast

from handrail.policy.conditions.faults import Unevaluable
from handrail.policy.conditions.syntax import Sign

Comparison = Callable[[object, object], bool]

_KINDS: Mapping[type[object], str] = {
    bool: "a truth value",
    str: "a string",
    type(None): "null",
    list: "a list",
    tuple: "a list",
}


def kind(value: object) -> str:
    """The language's name for the type of a value."""
    if type(value) is int or type(value) is float:
        return "a NaN" if value != value else "a number"
    return _KINDS.get(type(value), "an object")


def truth(value: object) -> bool:
    """``value`` where it is a truth value; raises Unevaluable."""
    if value is True or value is False:
        return value
    raise Unevaluable(f"{kind(value)} is neither true nor false")


def same_kind(left: object, right: object) -> str:
    """The kind of both; raises Unevaluable where they differ."""
    kinds = kind(left), kind(right)
    if kinds[0] != kinds[1]:
        raise Unevaluable(f"{kinds[0]} cannot be compared with {kinds[1]}")
    return kinds[0]


def equal(left: object, right: object) -> bool:
    """``==``; raises Unevaluable for mixed kinds, lists and objects."""
    if left is None or right is None:
        return left is right
    if same_kind(left, right) not in ("a truth value", "a string", "a number"):
        raise Unevaluable(f"{kind(left)} cannot be compared")
    return left == right


def contained(item: object, container: object) -> bool:
    """``in``: found anywhere is true; otherwise one member of another type leaves the question open."""
    if kind(container) != "a list":
        raise Unevaluable(f"`in` needs a list, not {kind(container)}")
    doubt: Unevaluable | None = None
    for member in cast("list[object]", container):
        try:
            if equal(item, member):
                return True
        except Unevaluable as error:
            doubt = error
    if doubt:
        raise doubt
    return False


def _ordered(compare: Callable[[float, float], bool]) -> Comparison:
    def order(left: object, right: object) -> bool:
        if same_kind(left, right) not in ("a string", "a number"):
            raise Unevaluable(f"{kind(left)} has no order")
        return compare(cast("float", left), cast("float", right))

    return order


COMPARISONS: Mapping[Sign, Comparison] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": contained,
    "not in": lambda item, container: not contained(item, container),
}
"""Sign -> what it does; each raises Unevaluable where there is no answer."""
