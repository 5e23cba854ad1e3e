"""The arithmetic of check digits. All take ASCII digits (and capitals where said), already checked to be such.

Sources: ISO/IEC 7812-1 annex B (Luhn), ISO/IEC 7064 (mod 97-10, mod 11-10), GS1 General Specifications 7.9 (mod 10).
"""

from __future__ import annotations

from collections.abc import Sequence

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""Twice a digit, its own digits added."""


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of those before it."""
    total = sum(int(one) for one in digits[-1::-2]) + sum(_DOUBLED[int(one)] for one in digits[-2::-2])
    return total % 10 == 0


def in_digits(text: str) -> str:
    """``text`` with A as 10, B as 11 and so on to Z as 35."""
    return "".join(str(int(one, 36)) for one in text)


def mod_97(text: str) -> int:
    """``text`` as a number, letters as in `in_digits`, modulo 97: 1 where ISO/IEC 7064 mod 97-10 holds."""
    return int(in_digits(text)) % 97


def mod_11_10(digits: str) -> bool:
    """Whether the last digit is the ISO/IEC 7064 mod 11-10 check digit of those before it."""
    product = 10
    for one in digits[:-1]:
        total = (product + int(one)) % 10 or 10
        product = total * 2 % 11
    return (product + int(digits[-1])) % 10 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of each digit times its weight, for as many as there are weights."""
    return sum(int(one) * weight for one, weight in zip(digits, weights, strict=False))


def gs1(digits: str) -> bool:
    """Whether the last digit is the GS1 check digit: weights 3 and 1 in turn from the right."""
    return (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0
