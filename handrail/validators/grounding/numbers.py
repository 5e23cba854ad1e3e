"""Whether the numbers in an answer come from somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.grounding import citing, figures
from handrail.validators.grounding.days import spans as days_in
from handrail.validators.grounding.derived import WAYS, Bounds
from handrail.validators.grounding.figures import UNITS, Figure
from handrail.validators.grounding.ground import MAX_CLAIMS, Ground, Grounded, Judge, Span
from handrail.validators.grounding.tallies import Known, Tally
from handrail.validators.searching import TooMuch

Way = Literal["sum", "difference", "product", "ratio", "count", "percent"]
_MARKER = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]", re.MULTILINE)
_DIGIT = re.compile(r"\d")
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")


@dataclass(frozen=True)
class NumbersGrounded(Grounded[Figure]):
    """Numbers in an answer occur in what the run has seen, or are computed from it.

    Numbers are read with the thousands separators of several countries: where ``1.234`` may be two numbers, either is
    enough. A sign makes no difference. One that is written with decimals, in percent or in millions may be rounded.
    What has a unit is not taken from what has another. Not looked at: numbers of lists, citations, dates (see
    ``dates_grounded``) and times, parts of names such as ``GPT-4``, and numbers of more than 40 digits.
    Two numbers make a third by ``derive``; a sum may also be that of all numbers under one key of a list in a result,
    and a count that of a list. Few digits are easily reached that way: ``derive=[]`` is the strict setting.
    Finds ``numbers_grounded.missing``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters, 1,000 numbers, or 3,000 of the sources, or 15 that occur nowhere and are tried to be computed.
    """

    name: ClassVar[str] = "numbers_grounded"
    asks: ClassVar[str] = "whether a number comes from its sources"
    source: ClassVar[str] = "own: numbers are read as CLDR writes them (decimal and grouping signs), units by ISO 4217"
    tolerance: float = 0.0
    """How far a number may be from its source, as a part of it: 0.01 is one percent."""
    rounding: bool = True
    """Whether a number may be rounded to the digits that it is written with."""
    derive: tuple[Way, ...] = ("sum", "difference", "count", "percent")
    """How two known numbers may make one of the answer; ``product`` and ``ratio`` besides."""
    units: tuple[str, ...] = ()
    """Units that are told apart, besides percent and currencies: ``kg``, ``km``."""
    decimal: figures.Decimal = "any"
    """The decimal sign of answer and sources, where only one is right."""
    free: tuple[float, ...] = ()
    """Numbers that need no source."""
    arguments: bool = True
    """Whether a number that the run called a tool with is one that it knows."""
    words: bool = False
    """Whether English words such as ``three`` are numbers, in answer and sources."""
    _tally: Tally = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = set(self.derive) - {*WAYS, "count"}
        if unknown:
            raise ConfigError(f"`derive` has {sorted(unknown)}.", hint=f"Write some of {', '.join((*WAYS, 'count'))}.")
        if not 0 <= self.tolerance < 1:
            raise ConfigError(f"`tolerance` is {self.tolerance}.", hint="Write a part, from 0 to less than 1.")
        if self.decimal not in ("any", ".", ","):
            raise ConfigError(f"`decimal` is {self.decimal!r:.20}.", hint='Write ".", "," or "any".')
        units = {**UNITS, **{unit.lower(): unit.lower() for unit in self.units}}
        object.__setattr__(self, "_tally", Tally(units, self.decimal, self.words))

    def claims(self, text: str) -> Iterator[tuple[Span, Figure]]:
        """Every number that the text claims."""
        if not _DIGIT.search(text) and not (self.words and figures.has_words(text)):
            return
        found = self._tally.figures(text)
        begin = next(found, None)
        if begin is None:
            return
        skipped = sorted((*_matches(_MARKER, text), *_matches(_CLOCK, text), *days_in(text), *citing.spans(text)))
        ends = iter(skipped)
        count = 0
        at = next(ends, None)
        for first, last, figure in chain((begin,), found):
            count += 1
            if count > MAX_CLAIMS:
                raise TooMuch
            while at is not None and at[1] <= first:
                at = next(ends, None)
            if at is not None and at[0] <= first:
                continue
            if not any(value in self.free for value, _ in figure.readings):
                yield (first, last), figure

    def judge(self, ground: Ground, context: Context) -> Judge[Figure]:
        """Looks for numbers among all that the run knows."""
        known = Known(self._tally, ground, self.kinds, self.arguments)

        def look(figure: Figure) -> str:
            wanted = [self.bounds(value, half, figure.unit) for value, half in figure.readings]
            found = known.has(wanted, figure.unit) or known.computes(wanted, self.derive)
            return "" if found else f"missing No source has this number{_how(self.derive)}."

        return look

    def bounds(self, value: float, half: float, unit: str) -> Bounds:
        """Between which numbers one that is read so is the same."""
        rounded = (half or (0.5 if unit == "%" else 0.0)) if self.rounding else 0.0
        away = max(abs(value) * self.tolerance, rounded)
        return value - away, value + away


def _how(derive: tuple[str, ...]) -> str:
    if not derive:
        return ": give numbers as the sources do"
    return f", and it is no {' or '.join(derive)} of numbers that they have: give numbers as the sources do"


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))
