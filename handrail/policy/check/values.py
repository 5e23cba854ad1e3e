"""Sets of values that a fact can have: a lattice with meet and join. Sets only ever grow where they are not exact,
so what is empty here is empty indeed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")

MAX_ALTERNATIVES = 16
"""Most alternatives of one list or object; beyond them a meet keeps its left side."""


@dataclass(frozen=True, slots=True)
class Span:
    """Everything from ``low`` to ``high``: numbers, or texts in the order of their code points."""

    low: Any = None
    """None: no lower bound."""
    high: Any = None
    low_open: bool = False
    """Whether ``low`` itself is left out."""
    high_open: bool = False

    def holds(self, value: Any) -> bool:
        """Whether ``value``, of the span's own type, is inside."""
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return bool(above and below)

    @property
    def empty(self) -> bool:
        """Whether nothing is inside."""
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)))

    def meet(self, other: Span) -> Span:
        """What is in both."""
        low, low_open = _tighter((self.low, self.low_open), (other.low, other.low_open), above=True)
        high, high_open = _tighter((self.high, self.high_open), (other.high, other.high_open), above=False)
        return Span(low, high, low_open, high_open)

    def join(self, other: Span) -> Span:
        """The smallest span that has both."""
        low, low_open = _wider((self.low, self.low_open), (other.low, other.low_open), above=True)
        high, high_open = _wider((self.high, self.high_open), (other.high, other.high_open), above=False)
        return Span(low, high, low_open, high_open)


def _tighter(one: tuple[Any, bool], other: tuple[Any, bool], *, above: bool) -> tuple[Any, bool]:
    if one[0] is None or other[0] is None:
        return other if one[0] is None else one
    if one[0] == other[0]:
        return one[0], one[1] or other[1]
    return one if (one[0] > other[0]) == above else other


def _wider(one: tuple[Any, bool], other: tuple[Any, bool], *, above: bool) -> tuple[Any, bool]:
    if one[0] is None or other[0] is None:
        return None, False
    if one[0] == other[0]:
        return one[0], one[1] and other[1]
    return other if (one[0] > other[0]) == above else one


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers, or texts."""

    span: Span = Span()
    among: frozenset[Any] | None = None
    """Every value there is, where they can be listed; then all else follows from them."""
    whole: bool = False
    """Numbers without a fraction only."""
    shortest: int = 0
    """Of texts, in characters."""
    longest: int | None = None
    lowered: bool = False
    """Texts that `lower` has made."""

    def admits(self, value: Any) -> bool:
        """Whether ``value``, of the right type, is one of them."""
        if not self.span.holds(value) or (self.among is not None and value not in self.among):
            return False
        if isinstance(value, str):
            fits = self.shortest <= len(value) and (self.longest is None or len(value) <= self.longest)
            return fits and (not self.lowered or value == value.lower())
        return not self.whole or isinstance(value, int) or value.is_integer()

    def meet(self, other: Scalars) -> Scalars | None:
        """What is in both; None for nothing."""
        pool = self.among if self.among is not None else other.among
        if pool is not None:
            return listed(value for value in pool if self.admits(value) and other.admits(value))
        whole = self.whole or other.whole
        span = self.span.meet(other.span)
        made = Scalars(
            _whole(span) if whole else span,
            whole=whole,
            shortest=max(self.shortest, other.shortest),
            longest=_least(self.longest, other.longest),
            lowered=self.lowered or other.lowered,
        )
        return None if made.span.empty or (made.longest is not None and made.longest < made.shortest) else made

    def join(self, other: Scalars) -> Scalars:
        """A set that has both."""
        if self.among is not None and other.among is not None:
            return Scalars(among=self.among | other.among)
        one, two = self._loosened(), other._loosened()
        return Scalars(
            one.span.join(two.span),
            whole=one.whole and two.whole,
            shortest=min(one.shortest, two.shortest),
            longest=None if one.longest is None or two.longest is None else max(one.longest, two.longest),
            lowered=one.lowered and two.lowered,
        )

    def without(self, value: Any) -> Scalars | None:
        """Everything but ``value``; exact where the values are listed or ``value`` is an end."""
        if self.among is not None:
            return listed(self.among - {value})
        at_low, at_high = self.span.low == value, self.span.high == value
        if not (at_low or at_high) or not self.admits(value):
            return self
        span = replace(self.span, low_open=self.span.low_open or at_low, high_open=self.span.high_open or at_high)
        made = replace(self, span=_whole(span) if self.whole else span)
        return None if made.span.empty else made

    def hull(self) -> Span:
        """From the least to the greatest."""
        return self._loosened().span

    def _loosened(self) -> Scalars:
        if self.among is None:
            return self
        values = sorted(self.among)
        if isinstance(values[0], str):
            lengths = [len(value) for value in values]
            return Scalars(Span(values[0], values[-1]), shortest=min(lengths), longest=max(lengths))
        return Scalars(Span(values[0], values[-1]), whole=all(isinstance(value, int) for value in values))


def listed(values: Iterable[Any]) -> Scalars | None:
    """Exactly these; None for none."""
    among = frozenset(values)
    return Scalars(among=among) if among else None


def _whole(span: Span) -> Span:
    """The same whole numbers, with closed ends."""
    low, high = span.low, span.high
    if low is not None and math.isfinite(low):
        low = math.floor(low) + 1 if span.low_open else math.ceil(low)
    if high is not None and math.isfinite(high):
        high = math.ceil(high) - 1 if span.high_open else math.floor(high)
    return Span(low, high)


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


@dataclass(frozen=True, slots=True)
class Schema:
    """A part of a JSON Schema, with the whole to which its references lead."""

    node: Mapping[str, Any]
    root: Mapping[str, Any]
    open: bool = False
    """Whether names that it does not declare are taken as possible."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Lists, or objects: of one of the alternatives, each a row of schemas that all hold."""

    alternatives: tuple[tuple[Schema, ...], ...] = ((),)
    shortest: int = 0
    """Of lists, in items."""
    longest: int | None = None

    def meet(self, other: Shapes) -> Shapes | None:
        """What is in both; None for nothing."""
        shortest, longest = max(self.shortest, other.shortest), _least(self.longest, other.longest)
        if longest is not None and longest < shortest:
            return None
        both = self.alternatives
        if len(self.alternatives) * len(other.alternatives) <= MAX_ALTERNATIVES:
            both = tuple(one + two for one in self.alternatives for two in other.alternatives)
        return Shapes(both, shortest, longest)

    def join(self, other: Shapes) -> Shapes:
        """A set that has both."""
        longest = None if self.longest is None or other.longest is None else max(self.longest, other.longest)
        return Shapes(self.alternatives + other.alternatives, min(self.shortest, other.shortest), longest)


@dataclass(frozen=True, slots=True)
class Values:
    """What a fact can be, by kind; empty when everything is left out."""

    missing: bool = False
    """Whether the fact may be absent."""
    null: bool = False
    truths: frozenset[bool] = frozenset()
    numbers: Scalars | None = None
    texts: Scalars | None = None
    lists: Shapes | None = None
    objects: Shapes | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no value at all; a fact that is only ever absent has none."""
        return not (self.null or self.truths or self.numbers or self.texts or self.lists or self.objects)

    def meet(self, other: Values) -> Values:
        """What is in both."""
        return Values(
            self.missing and other.missing,
            self.null and other.null,
            self.truths & other.truths,
            _both(self.numbers, other.numbers),
            _both(self.texts, other.texts),
            None if self.lists is None or other.lists is None else self.lists.meet(other.lists),
            None if self.objects is None or other.objects is None else self.objects.meet(other.objects),
        )

    def join(self, other: Values) -> Values:
        """A set that has both."""
        return Values(
            self.missing or other.missing,
            self.null or other.null,
            self.truths | other.truths,
            _either(self.numbers, other.numbers),
            _either(self.texts, other.texts),
            self.lists.join(other.lists) if self.lists and other.lists else self.lists or other.lists,
            self.objects.join(other.objects) if self.objects and other.objects else self.objects or other.objects,
        )

    def present(self) -> Values:
        """Without the case that the fact is absent."""
        return replace(self, missing=False) if self.missing else self

    def scalar(self) -> Values:
        """What ``==`` can compare: without lists, objects, and absence."""
        return replace(self, missing=False, lists=None, objects=None)

    def only(self) -> tuple[object] | None:
        """The one value there is, in a tuple; None when there are more, or none."""
        found = [*self.truths, *([None] if self.null else []), *_few(self.numbers), *_few(self.texts)]
        return (found[0],) if len(found) == 1 and not (self.lists or self.objects) else None


def _both(one: Scalars | None, other: Scalars | None) -> Scalars | None:
    return None if one is None or other is None else one.meet(other)


def _either(one: Scalars | None, other: Scalars | None) -> Scalars | None:
    return one.join(other) if one and other else one or other


def _few(scalars: Scalars | None) -> list[Any]:
    """At most two of the values, two standing for many."""
    return [] if scalars is None else list(scalars.among)[:2] if scalars.among is not None else [0, 1]


TRUTHS = frozenset({True, False})
PRESENT = Values(
    null=True, truths=TRUTHS, numbers=Scalars(), texts=Scalars(), lists=Shapes(), objects=Shapes()
)  # fmt: skip
"""Any value."""
ANY = replace(PRESENT, missing=True)
"""Any value, or none."""
NOTHING = Values()
ABSENT = Values(missing=True)


def constant(value: object) -> Values:
    """Exactly this value of JSON."""
    if value is None:
        return Values(null=True)
    if isinstance(value, bool):
        return Values(truths=frozenset({value}))
    if isinstance(value, (int, float)):
        return Values(numbers=listed([value]))
    if isinstance(value, str):
        return Values(texts=listed([value]))
    return Values(lists=Shapes()) if isinstance(value, (list, tuple)) else Values(objects=Shapes())


def joined(sets: Iterable[Values]) -> Values:
    """A set that has all of them."""
    found = NOTHING
    for one in sets:
        found = found.join(one)
    return found
