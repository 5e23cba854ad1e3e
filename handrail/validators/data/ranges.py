"""Whether a number is within its bounds, and whether a value is one of those that are allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.values import EXACT, TooLarge, exact, number, plain, same, sequence, shown, wrong_type
from handrail.validators.findings import Finding, Findings, Fix
from handrail.validators.protocol import NOWHERE, Check

Number = int | float | str
"""A bound: a number, or a decimal text where a float would not be exact enough."""

MAX_VALUES = 10_000
_MAX_LISTED = 20
_MAX_NEAREST = 200
_NEAREST_CHARS = 40


@dataclass(frozen=True, slots=True)
class _Bound:
    """One end of a range."""

    limit: Decimal
    low: bool
    """Whether it is the lower end."""
    holds: Callable[[Decimal, Decimal], bool]
    """Whether a number is on the right side of the limit."""
    words: str


@dataclass(frozen=True)
class Range(Check):
    """A number within bounds, compared exactly: 0.3 is three times 0.1.

    Findings: ``range.type`` (text, truth value, NaN, infinity), ``range.min``, ``range.max``, ``range.step``,
    ``range.integer``.
    """

    source: ClassVar[str] = "JSON Schema 2020-12, validation, 6.2 (minimum, maximum, multipleOf)"
    min: Number | None = None
    """Smallest number allowed."""
    max: Number | None = None
    """Largest number allowed."""
    above: Number | None = None
    """The number must be larger than this."""
    below: Number | None = None
    """The number must be smaller than this."""
    multiple_of: Number | None = None
    """The number must be a multiple of this, such as 0.05."""
    integer: bool = False
    """Whether only whole numbers are allowed; 3.0 is one."""
    text: bool = False
    """Whether a decimal text such as "12.50" is a number."""
    _bounds: tuple[_Bound, ...] = field(init=False, repr=False, compare=False)
    _step: Decimal | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for bounds that are no numbers or that exclude everything."""
        given = [(name, number(name, value)) for name, value in self._given() if value is not None]
        bounds = tuple(_Bound(limit, *_SIDES[name]) for name, limit in given)
        object.__setattr__(self, "_bounds", bounds)
        step = None if self.multiple_of is None else number("multiple_of", self.multiple_of)
        object.__setattr__(self, "_step", step)
        for low, high in ((low, high) for low in bounds if low.low for high in bounds if not high.low):
            if not (low.holds(high.limit, low.limit) and high.holds(low.limit, high.limit)):
                text = f"range: no number is {low.words} {plain(low.limit)} and {high.words} {plain(high.limit)}."
                raise ConfigError(text, hint="Swap them, or leave one out.")
        if step is not None and step <= 0:
            raise ConfigError("range: multiple_of must be above 0.", hint="Write it like 0.05.")

    def _given(self) -> tuple[tuple[str, Number | None], ...]:
        return ("min", self.min), ("above", self.above), ("max", self.max), ("below", self.below)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with a number."""
        try:
            found = exact(value, text=self.text)
        except TooLarge:
            return self._giant(value) if isinstance(value, int) else (_UNCHECKED,)
        if found is None:
            return (wrong_type("range", "A number", value),)
        wrong = [_outside(bound, value) for bound in self._bounds if not bound.holds(found, bound.limit)]
        if self.integer and EXACT.remainder(found, Decimal(1)):
            text = f"A whole number is expected, not {shown(value)}."
            wrong.append(Finding("range.integer", text, excerpt=shown(value)))
        if self._step is not None and EXACT.remainder(found, self._step):
            text = f"A multiple of {plain(self._step)} is expected, not {shown(value)}."
            wrong.append(Finding("range.step", text, excerpt=shown(value)))
        return tuple(wrong)

    def _giant(self, value: int) -> Findings:
        """Bounds have at most 77 digits, so a larger number is beyond any on its side."""
        wrong = tuple(_outside(bound, value) for bound in self._bounds if bound.low is int.__lt__(value, 0))
        return (_UNCHECKED,) if not wrong and self._step is not None else wrong


_UNCHECKED = Finding("unchecked.size", "A number of more than 77 digits is too long to check.")
_SIDES: dict[str, tuple[bool, Callable[[Decimal, Decimal], bool], str]] = {
    "min": (True, lambda value, limit: value >= limit, "of at least"),
    "above": (True, lambda value, limit: value > limit, "above"),
    "max": (False, lambda value, limit: value <= limit, "of at most"),
    "below": (False, lambda value, limit: value < limit, "below"),
}


def _outside(bound: _Bound, value: object) -> Finding:
    text = f"A number {bound.words} {plain(bound.limit)} is expected, not {shown(value)}."
    return Finding(f"range.{'min' if bound.low else 'max'}", text, excerpt=shown(value))


@dataclass(frozen=True)
class OneOf(Check):
    """A value that is one of those allowed; 1 and 1.0 are the same value, 1 and true are not.

    Findings: ``one_of.unknown``, ``one_of.spelling`` (another case, or blanks around it; with a fix).
    """

    source: ClassVar[str] = "JSON Schema 2020-12, validation, 6.1.2 (enum)"
    values: tuple[str | int | float | bool | None, ...] = ()
    """What is allowed."""
    case: Literal["fix", "exact", "any"] = "fix"
    """What another case means: a finding with a fix, a value that is unknown, or nothing."""
    tell: bool = True
    """Whether a finding names the values that are allowed (the first 20)."""
    _known: frozenset[tuple[str, object]] = field(init=False, repr=False, compare=False)
    _folded: dict[str, str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError where nothing is allowed, or something that is no plain value."""
        if self.case not in ("fix", "exact", "any"):
            raise ConfigError(f"one_of: case is {self.case!r:.50}.", hint='It is "fix", "exact" or "any".')
        if not 0 < len(sequence("one_of: values", self.values)) <= MAX_VALUES:
            hint = 'Write it like one_of(["red", "green"]).'
            raise ConfigError(f"one_of needs between 1 and {MAX_VALUES} values.", hint=hint)
        known = [same(value) for value in self.values]
        if None in known:
            raise ConfigError("one_of: only texts, numbers, true, false and null can be allowed.")
        object.__setattr__(self, "_known", frozenset(known))
        folded: dict[str, str | None] = {}
        for value in self.values:
            if isinstance(value, str):
                folded[_fold(value)] = None if folded.get(_fold(value), value) != value else value
        object.__setattr__(self, "_folded", folded)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the value."""
        if same(value) in self._known:
            return ()
        right = self._folded.get(_fold(value)) if isinstance(value, str) and len(value) <= 1_000 else None
        if right is None or self.case == "exact":
            return (Finding("one_of.unknown", self._message(value), hint=self._near(value), excerpt=shown(value)),)
        if self.case == "any":
            return ()
        text = f"{shown(value)} is spelled {right!r} here."
        return (Finding("one_of.spelling", text, excerpt=shown(value), fix=Fix(right)),)

    def _message(self, value: object) -> str:
        if not self.tell:
            return f"{shown(value)} is not one of the {len(self.values)} values that are allowed."
        listed = ", ".join(shown(one) for one in self.values[:_MAX_LISTED])
        return f"{shown(value)} is not one of {listed}{', ...' if len(self.values) > _MAX_LISTED else ''}."

    def _near(self, value: object) -> str:
        if not self.tell or not isinstance(value, str) or not 0 < len(value) <= _NEAREST_CHARS:
            return ""
        texts = [one for one in self.values if isinstance(one, str) and len(one) <= _NEAREST_CHARS]
        return (nearest(value, texts) or "") if len(texts) <= _MAX_NEAREST else ""


def _fold(text: str) -> str:
    return str.__str__(text).strip().casefold()
