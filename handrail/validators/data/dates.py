"""Days and moments: whether they exist, lie in a range, follow each other, are days of business."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.moments import Bound, bound, day, instant, looks_like_day, looks_like_moment, moment
from handrail.validators.data.values import known_words, sequence, shown, words, wrong_type
from handrail.validators.findings import Finding, Findings, Fix
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

MAX_VISITED = 5_000
"""Places that one check comes by."""
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts to check.")
_OTHER_FORM = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
"""Year, month and day in the order of ISO 8601, which no other custom shares, with other signs or fewer zeros."""


@dataclass(frozen=True)
class Date(Check):
    """A day as ISO 8601 writes it, 2024-01-31, that the calendar has.

    Findings: ``date.type``, ``date.form`` (not that form; with a fix for "2024/1/31" and "20240131", whose order is
    beyond doubt), ``date.calendar`` (30 February), ``date.min``, ``date.max``.
    """

    source: ClassVar[str] = "ISO 8601-1:2019, 5.2.2.1 (extended format); RFC 3339 full-date"
    min: str | None = None
    """First day allowed: "2024-01-31", "today", "today-30d" (d, w, m, y)."""
    max: str | None = None
    """Last day allowed, likewise."""
    _min: Bound | None = field(init=False, repr=False, compare=False)
    _max: Bound | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for bounds that are no days."""
        object.__setattr__(self, "_min", bound("date: min", self.min))
        object.__setattr__(self, "_max", bound("date: max", self.max))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the day."""
        if not isinstance(value, str):
            return (wrong_type("date", "A date as text, such as 2024-01-31,", value),)
        found = day(value)
        if found is None:
            return (_no_day("date", value),)
        return _bounds("date", found, self._min, self._max, context.today, value)


def _no_day(name: str, text: str, place: str = "") -> Finding:
    if looks_like_day(text):
        return Finding(f"{name}.calendar", f"There is no {text} in the calendar.", place, excerpt=text)
    fix = _repaired(text)
    said = f"A date such as 2024-01-31 is expected, not {shown(text)}."
    return Finding(f"{name}.form", said, place, excerpt=shown(text), fix=None if fix is None else Fix(fix))


def _repaired(text: str) -> str | None:
    found = _OTHER_FORM.fullmatch(text) if len(text) <= 10 else None
    if found is None or (not found[2] and len(text) != 8):
        return None
    written = f"{found[1]}-{found[3]:0>2}-{found[4]:0>2}"
    return written if day(written) else None


def _bounds(name: str, found: date, low: Bound | None, high: Bound | None, today: date, text: str) -> Findings:
    if low is not None and found < low.on(today):
        said = f"A date on or after {low.on(today).isoformat()}{_relative(low)} is expected, not {text}."
        return (Finding(f"{name}.min", said, excerpt=text),)
    if high is not None and found > high.on(today):
        said = f"A date on or before {high.on(today).isoformat()}{_relative(high)} is expected, not {text}."
        return (Finding(f"{name}.max", said, excerpt=text),)
    return ()


def _relative(limit: Bound) -> str:
    return "" if limit.fixed else f" ({limit.written})"


@dataclass(frozen=True)
class DateTime(Check):
    """A moment as RFC 3339 writes it, 2024-01-31T09:30:00+01:00, that the calendar has, with its offset from UTC.

    Findings: ``datetime.type``, ``datetime.form``, ``datetime.calendar``, ``datetime.offset`` (none is given),
    ``datetime.min``, ``datetime.max`` (by the day in UTC). The leap second (:60) is not known.
    """

    source: ClassVar[str] = "RFC 3339, 5.6"
    min: str | None = None
    """First day allowed (UTC): "2024-01-31", "today", "today-30d" (d, w, m, y)."""
    max: str | None = None
    """Last day allowed (UTC), likewise."""
    offset: bool = True
    """Whether the offset from UTC must be given; a moment without one is read as UTC."""
    _min: Bound | None = field(init=False, repr=False, compare=False)
    _max: Bound | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for bounds that are no days."""
        object.__setattr__(self, "_min", bound("datetime: min", self.min))
        object.__setattr__(self, "_max", bound("datetime: max", self.max))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the moment."""
        if not isinstance(value, str):
            return (wrong_type("datetime", "A moment as text, such as 2024-01-31T09:30:00Z,", value),)
        found = moment(value)
        if found is None:
            return (_no_moment("datetime", value),)
        if found.tzinfo is None and self.offset:
            text = f"The offset from UTC is missing: {value} may be Z, +01:00 or another."
            return (Finding("datetime.offset", text, excerpt=value),)
        utc = instant(found if found.tzinfo else found.replace(tzinfo=UTC))
        return _bounds("datetime", utc.date(), self._min, self._max, context.today, value)


def _no_moment(name: str, text: str, place: str = "") -> Finding:
    if looks_like_moment(text):
        return Finding(f"{name}.calendar", f"There is no moment {text}.", place, excerpt=text)
    said = f"A moment such as 2024-01-31T09:30:00Z is expected, not {shown(text)}."
    return Finding(f"{name}.form", said, place, excerpt=shown(text))


@dataclass(frozen=True)
class DateOrder(Check):
    """Days, or moments, in an order: ``date_order(["$.check_in", "$.check_out"])``.

    Each is before the next. Null and missing ones are passed over. Findings: ``date_order.order`` (with the place of
    the later one), ``date_order.form``, ``date_order.calendar``, ``date_order.mixed`` (a day and a moment, or a moment
    without offset beside one with), ``date_order.type``.
    """

    source: ClassVar[str] = "own: time goes one way; forms as in ISO 8601 and RFC 3339"
    paths: tuple[str, ...]
    """Where the dates stand, the earliest first; a path with [*] stands for a list in order."""
    equal: bool = False
    """Whether one may be the same as the next."""
    _paths: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for paths that cannot be read."""
        if not words("date_order: paths", self.paths):
            raise ConfigError("date_order needs paths.", hint='Write it like ["$.check_in", "$.check_out"].')
        object.__setattr__(self, "_paths", tuple(map(compiled, self.paths)))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """The first pair that is out of order."""
        budget = Budget(MAX_VISITED)
        last: tuple[date, str] | None = None
        try:
            for path in self._paths:
                for place, raw in path.places(value, budget):
                    if raw is None:
                        continue
                    found = _dated(raw, place)
                    if isinstance(found, Finding):
                        return (found,)
                    if last is not None and (wrong := self._wrong(last, found, str(raw), place)):
                        return (wrong,)
                    last = found, str(raw)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        return ()

    def _wrong(self, last: tuple[date, str], found: date, text: str, place: str) -> Finding | None:
        before, written = last
        kinds = [(isinstance(one, datetime), getattr(one, "tzinfo", None) is None) for one in (before, found)]
        if kinds[0] != kinds[1]:
            said = f"{written} and {text} cannot be compared: give both as days, or both as moments with an offset."
            return Finding("date_order.mixed", said, place, excerpt=text)
        if before < found or (self.equal and before == found):
            return None
        said = f"{text} is expected to be {'not before' if self.equal else 'after'} {written}."
        return Finding("date_order.order", said, place, excerpt=text)


def _dated(raw: object, place: str) -> date | Finding:
    if not isinstance(raw, str):
        return wrong_type("date_order", "A date as text, such as 2024-01-31,", raw, path=place)
    found = day(raw) or moment(raw)
    if found is not None:
        return found
    return _no_moment("date_order", raw, place) if looks_like_moment(raw) else _no_day("date_order", raw, place)


_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class BusinessDay(Check):
    """A day on which business is done: not at the weekend, and none of the holidays that are given.

    Findings: ``business_day.weekend``, ``business_day.holiday``, ``business_day.region`` (none of the table),
    ``business_day.missing``, and ``type``, ``form``, ``calendar`` as of ``date``.
    """

    source: ClassVar[str] = "ISO 8601-1:2019 (days of the week); the holidays are yours"
    holidays: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    """Days such as "2024-12-25", or yearly ones such as "12-25"; or a table of them by region."""
    weekend: tuple[str, ...] = ("sat", "sun")
    """Days of the week without business, of mon, tue, wed, thu, fri, sat, sun."""
    region: str = ""
    """The region in the table, or the path ($.country) of where the value tells it."""
    day: str = "$"
    """Path of the day."""
    _table: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _paths: tuple[Path, Path | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for holidays that are no days, and for a region without a table."""
        known_words("business_day: weekend", self.weekend, _WEEK)
        table = self.holidays if isinstance(self.holidays, Mapping) else {self.region: self.holidays}
        object.__setattr__(self, "_table", {str(name): _holidays(days) for name, days in table.items()})
        path = compiled(self.region) if self.region.startswith("$") else None
        if path is not None and not isinstance(self.holidays, Mapping):
            raise ConfigError("business_day: a region needs a table of holidays.", hint='Write {"DE": ["2024-12-25"]}.')
        if path is None and self.region not in self._table:
            raise ConfigError(f"business_day: {self.region!r:.50} is no region of the table.", hint="Name one of it.")
        object.__setattr__(self, "_paths", (compiled(self.day), path))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether business is done on the day."""
        budget = Budget(MAX_VISITED)
        try:
            days = list(self._paths[0].places(value, budget))
            region = self._region(value, budget)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        if isinstance(region, Finding):
            return (region,)
        if not days:
            return (Finding("business_day.missing", f"A day is expected at {self.day}."),)
        return tuple(found for place, raw in days[:20] if (found := self._look(place, raw, region)) is not None)

    def _region(self, value: object, budget: Budget) -> frozenset[str] | Finding:
        path = self._paths[1]
        if path is None:
            return self._table[self.region]
        found = [raw for _, raw in path.places(value, budget)]
        name = found[0] if len(found) == 1 else None
        if isinstance(name, str) and name in self._table:
            return self._table[name]
        return Finding("business_day.region", f"No holidays are known for {shown(name)}.", excerpt=shown(name))

    def _look(self, place: str, raw: object, holidays: frozenset[str]) -> Finding | None:
        if not isinstance(raw, str):
            return wrong_type("business_day", "A date as text, such as 2024-01-31,", raw, path=place)
        found = day(raw)
        if found is None:
            return _no_day("business_day", raw, place)
        name = _WEEK[found.weekday()]
        if name in self.weekend:
            return Finding("business_day.weekend", f"{raw} is a {found:%A}, without business.", place, excerpt=raw)
        if raw in holidays or raw[5:] in holidays:
            return Finding("business_day.holiday", f"{raw} is a holiday, without business.", place, excerpt=raw)
        return None


def _holidays(given: object) -> frozenset[str]:
    for one in sequence("business_day: holidays", given):
        if not isinstance(one, str) or not (day(one) or (len(one) == 5 and day(f"2024-{one}"))):
            hint = 'Write it like "2024-12-25", or "12-25" for every year.'
            raise ConfigError(f"business_day: {one!r:.50} is no day.", hint=hint)
    return frozenset(cast("tuple[str, ...]", sequence("business_day: holidays", given)))
