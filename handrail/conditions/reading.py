"""Facts while they are read for one decision: by exact type only, and with an end to the work that they can cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from handrail.conditions.faults import Unevaluable
from handrail.conditions.syntax import path_text

MAX_STEPS = 50_000
"""Elementary steps that one decision may spend on the size of its facts, over all its conditions: a list member
compared is one, text is counted in hundreds of characters. At most some hundred nanoseconds each."""

Facts = Mapping[str, object]
"""Root -> its value, such as ``{"args": {...}, "tenant": "acme"}``."""


class _Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()
"""Stands for a fact that is not there."""


class Reading:
    """The facts of one decision and what may still be spent on them. Make one per decision; not thread-safe."""

    __slots__ = ("_known", "folded", "left", "values")

    def __init__(self, facts: Facts) -> None:
        self.values: Facts = facts if type(facts) is dict else dict(facts)
        """Root -> value."""
        self.left = MAX_STEPS
        """Steps that may still be spent."""
        self.folded: dict[str, str] = {}
        """Long texts -> their plain form, as `spelling.plain` keeps it."""
        self._known: set[int] = set()

    def spend(self, steps: int) -> None:
        """Count ``steps``; raises Unevaluable when the decision has spent more than it may."""
        self.left -= steps
        if self.left < 0:
            raise Unevaluable("the facts are too large to be decided")

    def find(self, steps: tuple[str, ...]) -> object:
        """The fact at the end of a path, or MISSING; raises Unevaluable where what is on the way cannot be trusted."""
        value: object = self.values
        for position in range(len(steps)):
            value = self._inside(value, steps, position)
            if value is MISSING:
                break
        return value

    def get(self, steps: tuple[str, ...]) -> object:
        """The fact at the end of a path; raises Unevaluable, which names the first step that is missing."""
        value: Any = self.values
        for step in steps:
            # As find(), without its book-keeping: nothing is called more often.
            if type(value) is not dict or id(cast("object", value)) not in self._known:
                return self._required(steps)
            value = cast("dict[str, object]", value).get(step, MISSING)
        return value if value is not MISSING else self._required(steps)

    def _required(self, steps: tuple[str, ...]) -> object:
        value = self.find(steps)
        if value is MISSING:
            raise Unevaluable(f"{path_text(self._missing(steps))} is missing")
        return value

    def _missing(self, steps: tuple[str, ...]) -> tuple[str, ...]:
        there = range(1, len(steps))
        return steps[: next((end for end in there if self.find(steps[:end]) is MISSING), len(steps))]

    def _inside(self, value: object, steps: tuple[str, ...], position: int) -> object:
        if type(value) is dict:
            self._check_keys(cast("dict[object, object]", value), steps, position)
            return cast("dict[str, object]", value).get(steps[position], MISSING)
        if type(value) is list or type(value) is tuple:
            return _at(cast("list[object] | tuple[object, ...]", value), steps[position])
        if value is None or type(value) in _SCALARS:
            return MISSING
        raise Unevaluable(f"{_name(steps[:position])} is an object that cannot be looked into")

    def _check_keys(self, value: dict[object, object], steps: tuple[str, ...], position: int) -> None:
        if id(value) in self._known:
            return
        self.spend(len(value))
        for key in value:
            # One with an __eq__ of its own could answer to any name.
            if type(key) is not str:
                raise Unevaluable(f"{_name(steps[:position])} has a key that is no string")
        self._known.add(id(value))


def _at(items: list[object] | tuple[object, ...], step: str) -> object:
    if step.isascii() and step.isdecimal() and len(step) < 10 and int(step) < len(items):
        return items[int(step)]
    return MISSING


Evaluate = Callable[[Reading], object]
"""A compiled part of a condition; raises Unevaluable."""

_SCALARS = (str, int, float, bool)


def _name(steps: tuple[str, ...]) -> str:
    return path_text(steps) if steps else "a fact"
