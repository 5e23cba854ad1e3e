"""Whether the dates in an answer come from somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context, Source
from handrail.validators.grounding.days import MAX_DAYS, Day, Order, days
from handrail.validators.grounding.ground import Ground, Grounded, Judge, Remembered, Span
from handrail.validators.searching import TooMuch
from handrail.validators.texts import TooLarge, texts

_MAX_CHARS = 50_000
"""Characters of the arguments of all calls together, the newest."""
_Days = frozenset[Day]


@dataclass(frozen=True)
class DatesGrounded(Grounded[tuple[Day, ...]]):
    """Dates in an answer are days that the run has seen, in whatever format.

    Read are ISO 8601 (``2024-03-05``), ``5.3.2024``, ``3/5/2024``, ``5 March 2024``, ``March 5th, 2024`` and the like,
    with months in English, German, French, Spanish, Italian, Dutch and Portuguese. A day without a year is that of any
    year. Where ``3/4/2024`` may be two days, either is enough.
    Finds ``dates_grounded.missing``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters or 1,000 dates, or over 3,000 days in the sources.
    """

    name: ClassVar[str] = "dates_grounded"
    asks: ClassVar[str] = "whether a date comes from its sources"
    source: ClassVar[str] = "ISO 8601-1:2019, and dates as CLDR writes them; years of two digits as POSIX reads them"
    order: Order = "any"
    """Whether ``3/4/2024`` is a day of April (``dmy``), of March (``mdy``), or may be both."""
    today: bool = True
    """Whether the day on which the answer is given needs no source."""
    arguments: bool = True
    """Whether a date that the run called a tool with is one that it knows."""
    _of_source: Remembered[tuple[_Days, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order not in ("any", "dmy", "mdy"):
            raise ConfigError(f"`order` is {self.order!r:.20}.", hint="Write any, dmy or mdy.")
        object.__setattr__(self, "_of_source", Remembered(self._in_source))

    def claims(self, text: str) -> Iterator[tuple[Span, tuple[Day, ...]]]:
        """Every date of the text, with all its readings."""
        return days(text, self.order)

    def judge(self, ground: Ground, context: Context) -> Judge[tuple[Day, ...]]:
        """Looks for days among those of all sources, and of the arguments of calls."""
        now = context.today
        known = {(now.year, now.month, now.day)} if self.today else set[Day]()
        every = self._read(ground, known)
        without = {(0, month, day) for _, month, day in known}

        def look(readings: tuple[Day, ...]) -> str:
            if any(one in known or one in without or (0, *one[1:]) in known for one in readings):
                return ""
            if not every:
                raise TooMuch
            return "missing No source has this date: give dates as the sources do."

        return look

    def _read(self, ground: Ground, known: set[Day]) -> bool:
        """Add the days of the newest sources and calls to ``known``; whether that is all of them."""
        room = MAX_DAYS
        for source in reversed(ground.sources):
            found, count = self._of_source.of(source)
            known |= found
            room -= count
            if room < 0:
                return False
        chars = _MAX_CHARS
        for call in reversed(ground.calls if self.arguments else ()):
            try:
                given = [text for _, text in texts(call.args, max_chars=chars)]
            except TooLarge:
                return False
            chars -= sum(map(len, given)) + 20
            if chars < 0:
                return False
            known.update(one for text in given for _, readings in days(text, self.order) for one in readings)
        return True

    def _in_source(self, source: Source) -> tuple[_Days, int]:
        """The days in a source, and how many there were with those that are there again."""
        found, count = set[Day](), 0
        try:
            for _, readings in days(source.text, self.order):
                found.update(readings)
                count += 1
        except TooMuch:
            return frozenset(found), MAX_DAYS + 1
        return frozenset(found), count
