"""Days in texts, in the formats that people and programs write them in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal

from handrail.validators.searching import TooMuch

MAX_DAYS = 3_000
"""Days of one text, and what looks like one."""
Order = Literal["any", "dmy", "mdy"]
Day = tuple[int, int, int]
"""Year (0 where none is written), month, day."""
_MONTHS = (
    "january jan januar jänner janvier enero ene gennaio gen januari janeiro",
    "february feb februar février févr fév febrero febbraio februari fevereiro fev",
    "march mar märz mrz mars marzo maart março",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag mei maio",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
)
MONTHS: Mapping[str, int] = {name: month for month, names in enumerate(_MONTHS, 1) for name in names.split()}
"""Month as it is written in English, German, French, Spanish, Italian, Dutch or Portuguese -> its number."""
_FIRST = "|".join(sorted({name[:3] for name in MONTHS}))
_MONTH = rf"(?:{_FIRST})[^\W\d_]{{0,8}}"
_DAY = re.compile(
    r"(?<![\w./-])(?:"
    r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})(?![\d/-])"
    r"|(?P<a>\d{1,2})(?P<t>[-/.])(?P<b>\d{1,2})(?P=t)(?P<z>\d{4}|\d{2})(?![\d/-])"
    r"|(?P<d2>\d{1,2})(?:st|nd|rd|th|er|º|\.)?[ \u00a0-](?:of |de |di )?(?P<m2>" + _MONTH + r")\b\.?"
    r"(?:,?[ \u00a0-](?:of |de |del )?(?P<y2>\d{4})(?!\d))?"
    r"|(?P<m3>" + _MONTH + r")\.?[ \u00a0](?P<d3>\d{1,2})(?:st|nd|rd|th)?(?!\w)(?:,?[ \u00a0](?P<y3>\d{4})(?!\d))?"
    r")"
)
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days(text: str, order: Order = "any") -> Iterator[tuple[tuple[int, int], tuple[Day, ...]]]:
    """(where, every way to read it) of each day in ``text``; ``3/4/2024`` may be either of two. Raises TooMuch."""
    lower = text.lower()
    text = lower if len(lower) == len(text) else text  # places must stay what they are
    at = count = 0
    while (match := _DAY.search(text, at)) is not None:
        count += 1
        if count > MAX_DAYS:
            raise TooMuch
        readings = tuple(dict.fromkeys(one for one in _readings(match, order) if _real(one)))
        if readings:
            yield match.span(), readings
            at = match.end()
        else:  # a word that is no month may stand before one that is
            at = _past_first(match)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where days are written in ``text``, with the time of day and the zone that follow at once."""
    for (first, last), _ in days(text):
        clock = _CLOCK.match(text, last)
        yield first, clock.end() if clock else last


_CLOCK = re.compile(r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?")
_WORD_END = re.compile(r"\w+")


def _past_first(match: re.Match[str]) -> int:
    found = _WORD_END.match(match.string, match.start())
    return found.end() if found else match.end()


def _readings(match: re.Match[str], order: Order) -> Iterator[Day]:
    if match["y"]:
        yield int(match["y"]), int(match["m"]), int(match["d"])
    elif match["a"]:
        year = int(match["z"]) if len(match["z"]) == 4 else 1900 + int(match["z"]) + 100 * (int(match["z"]) < 69)
        one, other = int(match["a"]), int(match["b"])
        if order != "mdy":
            yield year, other, one
        if order != "dmy" and match["t"] != ".":
            yield year, one, other
    else:
        name, number, written = (match[key + "2"] or match[key + "3"] for key in "mdy")
        month = MONTHS.get(name)
        if month is not None:
            yield int(written or 0), month, int(number)


def _real(day: Day) -> bool:
    year, month, number = day
    if not 1 <= month <= 12 or not 1 <= number <= _LENGTHS[month - 1]:
        return False
    try:
        return not year or bool(date(year, month, number))
    except ValueError:
        return False
