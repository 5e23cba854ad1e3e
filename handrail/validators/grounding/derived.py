"""Whether a number can be computed from two that are known. Bounded: every question costs a few searches for each."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

MAX_OPERANDS = 150
"""Numbers that are computed with, the newest."""
Bounds = tuple[float, float]
"""Least and greatest value that counts as the number that is asked for."""
_Find = Callable[[float, float], bool]


def _sum(a: float, bounds: Bounds, find: _Find) -> bool:
    return find(bounds[0] - a, bounds[1] - a)


def _difference(a: float, bounds: Bounds, find: _Find) -> bool:
    return find(a - bounds[1], a - bounds[0])


def _product(a: float, bounds: Bounds, find: _Find) -> bool:
    return a > 0 and find(bounds[0] / a, bounds[1] / a)


def _ratio(a: float, bounds: Bounds, find: _Find) -> bool:
    return bounds[0] > 0 and find(a / bounds[1], a / bounds[0])


def _percent(a: float, bounds: Bounds, find: _Find) -> bool:
    """A part in percent, a change in percent, or so many percent of something."""
    low, high = bounds[0] / 100, bounds[1] / 100
    part = low > 0 and find(a / high, a / low)
    change = find(a * (1 + low), a * (1 + high)) or find(a * (1 - high), a * (1 - low))
    return part or change or (a > 0 and find(bounds[0] * 100 / a, bounds[1] * 100 / a))


WAYS: Mapping[str, Callable[[float, Bounds, _Find], bool]] = {
    "sum": _sum, "difference": _difference, "product": _product, "ratio": _ratio, "percent": _percent,
}  # fmt: skip
"""Name -> whether a known number and one that can be found give the number that is asked for."""


def between(values: Sequence[float], low: float, high: float, but: float = math.nan) -> bool:
    """Whether one of the sorted, different ``values`` other than ``but`` lies from ``low`` to ``high``."""
    slack = 1e-12 * max(abs(low), abs(high))
    at = bisect_left(values, low - slack)
    if at < len(values) and values[at] == but:
        at += 1
    return at < len(values) and values[at] <= high + slack


def derivable(bounds: Bounds, values: Sequence[float], ways: Sequence[str]) -> bool:
    """Whether one of ``ways`` leads from two of the sorted, different ``values`` to a number within ``bounds``."""
    for a in values:

        def find(low: float, high: float, a: float = a) -> bool:
            return between(values, low, high, a)

        if any(WAYS[way](a, bounds, find) for way in ways if way in WAYS):
            return True
    return False
