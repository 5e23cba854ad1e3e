"""How tests make identifiers and records, and the slips that people make when they copy them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime

from handrail.validators import Context
from handrail.validators.data.checksums import gs1, luhn, mod_11_10

KINDS = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}
"""What the letters of an IBAN's structure stand for."""
_SCHEMES = {"luhn": luhn, "gs1": gs1, "mod_11_10": mod_11_10}


def bban(structure: str) -> Iterator[str]:
    """The kind of each character of an account number."""
    for count, kind in re.findall(r"([0-9]+)([nac])", structure):
        yield from kind * int(count)


def completed(begun: str, scheme: str) -> str:
    """``begun`` with the one check digit that fits, found by trying all."""
    (right,) = (begun + one for one in string.digits if _SCHEMES[scheme](begun + one))
    return right


def substitutions(text: str, letters: str) -> Iterator[str]:
    """``text`` with one digit replaced by each other one of ``letters``."""
    for at, old in enumerate(text):
        if old in letters:
            yield from (text[:at] + new + text[at + 1 :] for new in letters if new != old)


def transpositions(text: str) -> Iterator[str]:
    """``text`` with two different neighbours exchanged, both digits or both letters (to mod 97, 1B is B1)."""
    for at in range(len(text) - 1):
        if text[at] != text[at + 1] and text[at].isdecimal() == text[at + 1].isdecimal():
            yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]


NOW = Context(now=datetime(2024, 3, 31, 12, tzinfo=UTC))
"""A value that stands on Easter Sunday 2024."""


def lines(count: int, **cells: object) -> object:
    """An order of so many lines."""
    return {"total": 1, "currency": "EUR", "lines": [dict(cells) for _ in range(count)]}


def giant_rows() -> object:
    """As many rows of the longest numbers as most checks look at."""
    return lines(
        3_300, amount=1e308, quantity=-5e-324, price=1e308, currency="EUR", unit="kg", percent=5e-324, day="2024-01-31"
    )
