"""Days and moments as texts: ISO 8601 calendar dates, and the date-times of RFC 3339. ASCII digits only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from handrail.errors import ConfigError

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(\.[0-9]{1,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_RELATIVE = re.compile(r"today(?:([+-])([0-9]{1,5})([dwmy]))?")
_LONGEST = 50


def day(text: str) -> date | None:
    """The day that "2024-01-31" is; None for another text, and for a day that there is not."""
    found = _DATE.fullmatch(text) if len(text) == 10 else None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def looks_like_day(text: str) -> bool:
    """Whether a text has the form of a date, be it a day that there is or not."""
    return len(text) == 10 and bool(_DATE.fullmatch(text))


def moment(text: str) -> datetime | None:
    """The moment that "2024-01-31T09:30:00+01:00" is, naive where no offset is given; None for another text.

    Seconds may be missing; what is finer than a microsecond is cut; the leap second :60 is not known.
    """
    found = _MOMENT.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    offset = "+00:00" if (found[4] or "") in ("Z", "z") else found[4] or ""
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '')[:7]}{offset}")
    except ValueError:
        return None


def looks_like_moment(text: str) -> bool:
    """Whether a text has the form of a date-time, be it one that there is or not."""
    return len(text) <= _LONGEST and bool(_MOMENT.fullmatch(text))


def instant(value: datetime) -> datetime:
    """An aware moment in UTC; the first or last one where that lies outside of the calendar."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return (datetime.min if value.year == 1 else datetime.max).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bound:
    """A day that an option names: a date, or one so far from today."""

    written: str
    fixed: date | None = None
    count: int = 0
    unit: Literal["d", "w", "m", "y"] = "d"

    def on(self, today: date) -> date:
        """The day, as of ``today``; the first or last day of the calendar where it would lie outside."""
        if self.fixed is not None:
            return self.fixed
        try:
            if self.unit in ("d", "w"):
                return today + timedelta(days=self.count * (7 if self.unit == "w" else 1))
            return _months(today, self.count * (12 if self.unit == "y" else 1))
        except (OverflowError, ValueError):
            return date.min if self.count < 0 else date.max


def bound(option: str, value: object) -> Bound | None:
    """An option that is a day: "2024-01-31", "today", "today-30d" (d, w, m, y), or None. Raises ConfigError."""
    if value is None:
        return None
    if isinstance(value, str):
        if (fixed := day(value)) is not None:
            return Bound(value, fixed)
        if found := _RELATIVE.fullmatch(value):
            unit: dict[str, Literal["d", "w", "m", "y"]] = {"d": "d", "w": "w", "m": "m", "y": "y"}
            return Bound(value, None, int((found[1] or "") + (found[2] or "0")), unit[found[3] or "d"])
    hint = 'Write it like "2024-01-31", "today", "today-30d" or "today+1y" (d, w, m, y).'
    raise ConfigError(f"{option} is {value!r:.100}, which is no day.", hint=hint)


def _months(start: date, count: int) -> date:
    """So many months later, on the same day or the last one of the month. Raises ValueError outside of the calendar."""
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    for last in (start.day, 30, 29, 28):
        if last <= start.day:
            try:
                return date(year, month + 1, last)
            except ValueError:
                continue
    raise ValueError("no such day")
