"""Numbers in texts: as they are written in several countries, with units and words that scale them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

MAX_DIGITS = 40
"""Longer ones are names of things, not numbers."""
Decimal = Literal["any", ".", ","]
_SPACES = " \u00a0\u202f\u2009'’"
_NUMBER = re.compile(
    rf"(?:(?<!\d)\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)|\d+)(?:[.,٬٫]\d+)*(?:[eE][+-]?\d{{1,2}}(?![\w]))?"
)
_PLAIN = str.maketrans({**dict.fromkeys(_SPACES), "٬": ",", "٫": "."})
_AFTER = re.compile(r"[ \u00a0\u202f]?([%‰€$£¥₹°]|[^\W\d_]{1,12}\b(?!['’]))")
_TWO = re.compile(r"[ \u00a0\u202f]?([%€$£¥₹]|[^\W\d_]{2,8}\b)")
_BEFORE = re.compile(r"(?:([€$£¥₹])|\b([A-Z]{3}))[ \u00a0\u202f]?$")
UNITS: Mapping[str, str] = {
    "%": "%", "percent": "%", "pct": "%", "prozent": "%", "percentage": "%", "€": "EUR", "eur": "EUR", "euro": "EUR",
    "euros": "EUR", "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "gbp": "GBP",
    "pounds": "GBP", "¥": "JPY", "jpy": "JPY", "yen": "JPY", "₹": "INR", "inr": "INR", "rupees": "INR", "chf": "CHF",
    "cny": "CNY", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN", "czk": "CZK", "cad": "CAD", "aud": "AUD",
}  # fmt: skip
"""As written, in lower case -> the unit: percent, and currencies by ISO 4217."""
_SCALES: Mapping[str, int] = {
    "k": 10**3, "tsd": 10**3, "thousand": 10**3, "tausend": 10**3, "mio": 10**6, "mn": 10**6, "million": 10**6,
    "millions": 10**6, "millionen": 10**6, "bn": 10**9, "billion": 10**9, "billions": 10**9, "mrd": 10**9,
    "milliarde": 10**9, "milliarden": 10**9, "trillion": 10**12,
}  # fmt: skip
_ONE = (1,)
_NOTHING_COMES = frozenset("\n.,;:)\"'0123456789-/]}([ ") | {""}
_MAYBE: Mapping[str, int] = {"m": 10**6, "b": 10**9}
"""Letters that scale, or are a unit of their own."""
_ORDINAL = frozenset(("st", "nd", "rd", "th"))
_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
"""
_TENS = "thirty forty fifty sixty seventy eighty ninety"
WORDS: Mapping[str, int] = {
    **{name: value for value, name in enumerate(_SMALL.split())},
    **{name: 10 * value for value, name in enumerate(_TENS.split(), 3)},
}
"""English words that are numbers by themselves."""
_WORD = re.compile(rf"\b(?:{'|'.join(sorted(WORDS, key=len, reverse=True))})\b", re.IGNORECASE)


class Figure(NamedTuple):
    """One number as it is written."""

    readings: tuple[tuple[float, float], ...]
    """(value without its sign, half of its last written digit) of every way in which it can be read."""
    unit: str = ""


def figures(text: str, units: Mapping[str, str] = UNITS, decimal: Decimal = "any") -> Iterator[tuple[int, int, Figure]]:
    """(first character, one after the last, number) of every number in ``text``; parts of names are none."""
    for match in _NUMBER.finditer(text):
        first, last = match.span()
        if _named(text, first):
            continue
        after, scales, end = _behind(text, last, units)
        if after is None:
            continue
        written = match[0]
        if len(written) <= MAX_DIGITS and written.isdigit():
            readings: tuple[tuple[float, float], ...] = ((int(written), 0.0),)
        else:
            readings = tuple(_readings(written, decimal))
        if scales is not _ONE:
            readings = tuple((value * scale, half * scale) for value, half in readings for scale in scales)
        if readings:
            yield first, end, Figure(readings, after or (_before(text, first, units) if first else ""))


def words(text: str) -> Iterator[tuple[int, int, Figure]]:
    """Likewise every number that is an English word."""
    for match in _WORD.finditer(text):
        yield match.start(), match.end(), Figure(((WORDS[match[0].lower()], 0.0),))


def has_words(text: str) -> bool:
    """Whether any English word in ``text`` is a number."""
    return _WORD.search(text) is not None


def _named(text: str, first: int) -> bool:
    """Whether a name or another number goes on here: ``A4``, ``GPT-4``, ``1.2.3``."""
    before = text[first - 1 : first]
    if not before or before == " ":
        return False
    if before.isalpha():
        return text[first - 3 : first].upper() not in _CODES
    if before == "-" and (
        _YEAR.fullmatch(text, max(first - 5, 0), first) or _MONTH.fullmatch(text, max(first - 8, 0), first)
    ):
        return True  # the rest of a date as ISO 8601 writes it
    return before in "_#" or (before in "-./" and text[first - 2 : first - 1].isalpha())


_YEAR, _MONTH = re.compile(r"[12]\d{3}-"), re.compile(r"[12]\d{3}-[01]\d-")
_CODES = frozenset(unit for unit in UNITS.values() if len(unit) == 3)


def _before(text: str, first: int, units: Mapping[str, str]) -> str:
    found = _BEFORE.search(text[max(first - 4, 0) : first])
    return units.get((found[1] or found[2]).lower(), "") if found else ""


def _behind(text: str, last: int, units: Mapping[str, str]) -> tuple[str | None, tuple[int, ...], int]:
    """The unit after a number, how it scales it, and where it ends; None for the unit of what is no number."""
    next_ = text[last : last + 1]
    if next_ == " ":
        next_ = text[last + 1 : last + 2]
    if next_ in _NOTHING_COMES:
        return "", _ONE, last
    found = _AFTER.match(text, last)
    if found is None:
        return (None if text[last : last + 1].isalpha() else ""), _ONE, last
    word = found[1].lower()
    if word in _SCALES or word in _MAYBE:
        more = _TWO.match(text, found.end())
        unit = units.get(more[1].lower(), "") if more else ""
        scales = (_SCALES[word],) if word in _SCALES else (1, _MAYBE[word])
        return unit, scales, more.end() if more and unit else found.end()
    if word in units:
        return units[word], _ONE, found.end()
    joined = found.start(1) == last
    if joined and (word in _ORDINAL or text[found.end() : found.end() + 1].isdigit()):
        return None, _ONE, last
    return "", _ONE, last


def _readings(written: str, decimal: Decimal) -> Iterator[tuple[float, float]]:
    plain, _, exponent = written.lower().partition("e")
    plain = plain.translate(_PLAIN)
    if len(plain) > MAX_DIGITS:
        return
    power = 10.0 ** int(exponent) if exponent else 1
    for whole, part in _parts(plain, decimal):
        value = float(f"{whole}.{part}") if part else int(whole)
        yield value * power, (0.5 * 10.0 ** -len(part) if part else 0.0) * power


def _parts(plain: str, decimal: Decimal) -> Iterator[tuple[str, str]]:
    """(digits before the point, digits after it) of every reading."""
    dots, commas = plain.count("."), plain.count(",")
    if not dots and not commas:
        yield plain, ""
        return
    if dots and commas:
        point = "." if plain.rfind(".") > plain.rfind(",") else ","
        group = "," if point == "." else "."
        if plain.count(point) == 1 and decimal in ("any", point):
            whole, _, part = plain.replace(group, "").partition(point)
            yield whole, part
        return
    sign = "." if dots else ","
    digits = plain.split(sign)
    grouped = (
        len(digits[0]) <= 3 and digits[0] != "0" and len(digits[-1]) == 3 and all(len(d) in (2, 3) for d in digits[1:])
    )
    if grouped and decimal != sign:
        yield "".join(digits), ""
    if len(digits) == 2 and decimal in ("any", sign):
        yield digits[0], digits[1]
