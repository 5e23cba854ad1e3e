"""What the values of this room are: exact numbers, plain texts, and keys that are equal when JSON values are."""

from __future__ import annotations

import decimal
import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import cast

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.findings import Finding

MAX_DIGITS = 77
"""Digits of a number that is calculated with: as many as 256 bits have, which no amount or measure needs."""
MAX_TEXT = 100
"""Characters of a number written as text."""
_MAX_BITS = 256
_EXPONENTS = range(-400, 401)
_TEXT = re.compile(r"[+-]?[0-9]{1,80}(?:\.[0-9]{1,80})?")
_SHOWN = 40
_MAX_OPTION = Decimal(10) ** MAX_DIGITS

EXACT = decimal.Context(
    prec=2_500, Emax=10_000, Emin=-10_000, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow]
)
"""Wide enough for sums of products of any two numbers that `exact` gives; it raises rather than rounds."""


class TooLarge(Exception):
    """A number has more digits than are calculated with."""


def exact(value: object, *, text: bool = False) -> Decimal | None:
    """``value`` as the number that it is written as (0.1 is a tenth); None where it is none. Raises TooLarge.

    True, NaN and infinity are no numbers; a text is one where ``text`` says so and it reads like "-12.50".
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        if int.bit_length(value) > _MAX_BITS:
            raise TooLarge
        return Decimal(int(value))
    if isinstance(value, float):
        return Decimal(float.__repr__(value)) if _is_number(value) else None
    if isinstance(value, Decimal):
        return _sized(value) if _is_number(value) else None
    return _from_text(value) if text and isinstance(value, str) else None


def _is_number(value: float | Decimal | Fraction) -> bool:
    """Whether it is neither NaN, nor a NaN that raises when it is compared, nor infinite."""
    if isinstance(value, float):
        return isfinite(float.__pos__(value))
    return value.is_finite() if isinstance(value, Decimal) else True


def _sized(value: Decimal) -> Decimal:
    digits = value.as_tuple().digits
    if len(digits) > MAX_DIGITS or (value and value.adjusted() not in _EXPONENTS):
        raise TooLarge
    return Decimal(value)


def _from_text(value: str) -> Decimal | None:
    plain = str.__str__(value)
    if len(plain) > MAX_TEXT or not _TEXT.fullmatch(plain):
        return None
    return _sized(Decimal(plain))


def number(option: str, value: object) -> Decimal:
    """An option that is a number, or a text of one. Raises ConfigError."""
    try:
        found = exact(value, text=True)
    except TooLarge:
        found = None
    if found is None or abs(found) >= _MAX_OPTION:
        raise ConfigError(
            f"{option} is {value!r:.100}, which is no number below 1e77.", hint='Write it like 10, 0.5 or "0.005".'
        )
    return found


def tolerance(value: object) -> Decimal:
    """The option ``tolerance``. Raises ConfigError."""
    found = number("tolerance", value)
    if found < 0:
        raise ConfigError(f"tolerance is {value!r:.100}, which is below zero.", hint="Write it like 0.01.")
    return found


def sequence(option: str, value: object) -> tuple[object, ...]:
    """An option that is a list. Raises ConfigError, also for a text, which is a list of letters by accident only."""
    if isinstance(value, (list, tuple)):
        return tuple(cast("list[object]", value))
    raise ConfigError(f"{option} is {value!r:.100}, which is no list.", hint='Write it like ["a", "b"].')


def words(option: str, value: object) -> tuple[str, ...]:
    """An option that is a list of texts. Raises ConfigError."""
    found = sequence(option, value)
    if not all(isinstance(one, str) for one in found):
        raise ConfigError(f"{option} is {value!r:.100}, which has something else than texts in it.")
    return cast("tuple[str, ...]", found)


def known_words(option: str, value: object, known: Collection[str]) -> tuple[str, ...]:
    """An option that is a list of texts, each of which is ``known``. Raises ConfigError."""
    found = words(option, value)
    for one in found:
        if one not in known:
            hint = nearest(one, list(known)) or f"There are {', '.join(sorted(known)[:40])}."
            raise ConfigError(f"{option}: {one!r:.50} is not known.", hint=hint)
    return found


def pairs(table: str) -> dict[str, str]:
    """A table written as words, two of which make an entry."""
    found = table.split()
    return dict(zip(found[::2], found[1::2], strict=True))


def plain(value: Decimal) -> str:
    """A number as people write it, shortened where it is long."""
    if not value:
        return "0"
    if value.adjusted() not in range(-20, 40):
        return f"{value:.6E}"
    written = f"{value:f}"
    tidy = written.rstrip("0").rstrip(".") if "." in written else written
    return tidy if len(tidy) <= _SHOWN else f"{tidy[:_SHOWN]}..."


def kind(value: object) -> str:
    """What a value is, for a message."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a truth value"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float, Decimal, Fraction)):
        return "a number" if _is_number(value) else "NaN or infinity"
    if isinstance(value, (Mapping, date)):
        return "an object" if isinstance(value, Mapping) else "a date"
    return "a list" if isinstance(value, (list, tuple)) else "something that JSON does not have"


def wrong_type(name: str, expected: str, value: object, *, path: str = "") -> Finding:
    """The finding for a value of the wrong type."""
    return Finding(f"{name}.type", f"{expected} is expected here, not {kind(value)}.", path)


def same(value: object) -> tuple[str, object] | None:
    """A key that two scalars share where JSON takes them for equal (1 and 1.0, never 1 and true); None for others."""
    if value is None or isinstance(value, bool):
        return ("word", value)
    if isinstance(value, str):
        return ("text", str.__str__(value))
    if isinstance(value, int):
        return ("number", int(value))
    return ("number", value) if isinstance(value, (float, Decimal)) and _is_number(value) else None


def shown(value: object) -> str:
    """A value for a message, at most 40 characters of it."""
    if isinstance(value, str):
        text = repr(str.__str__(value)[: _SHOWN + 1])
    elif isinstance(value, int) and not isinstance(value, bool):
        text = repr(int(value)) if int.bit_length(value) <= _MAX_BITS else "a number of more than 77 digits"
    elif isinstance(value, (float, Decimal)):
        text = str(value)[: _SHOWN + 1]
    else:
        text = {None: "null", True: "true", False: "false"}[cast("bool | None", value)] if _word(value) else kind(value)
    return text if len(text) <= _SHOWN + 3 else f"{text[:_SHOWN]}..."


def _word(value: object) -> bool:
    return value is None or isinstance(value, bool)
