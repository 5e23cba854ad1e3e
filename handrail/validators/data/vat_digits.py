"""The check digits of VAT numbers, country by country: what must hold of the part after the prefix.

Source: the algorithms that the member states gave to the European Commission for VIES, and the publications of the
tax authorities of Norway, Switzerland and the United Kingdom. Every function takes a part whose form is right already.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence

from handrail.validators.data.checksums import in_digits, luhn, mod_11_10, weighted

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_IRISH = "WABCDEFGHIJKLMNOPQRSTUV"
_FRENCH = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CYPRIOT = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_BRITISH = (42, 55)
"""Remainders of the newer numbers: 42 as published (mod 9755), 55 as found in use."""
_DOWN_8 = (8, 7, 6, 5, 4, 3, 2)
_DOWN_9 = (9, 8, 7, 6, 5, 4, 3, 2)


def _last(text: str) -> int:
    return int(text[-1])


def _born(text: str, added: Sequence[int]) -> bool:
    """Whether a number begins with a birthday as year, month and day, to whose month one of these may be added."""
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:6])
    # In a leap year, because the century is not known here.
    return any(
        1 <= month - more <= 12 and 1 <= day <= monthrange(2000 + year // 4 * 4, month - more)[1] for more in added
    )


def _austria(text: str) -> bool:
    digits = text[1:]
    total = sum(int(one) for one in digits[0:7:2]) + sum(sum(map(int, str(2 * int(one)))) for one in digits[1:6:2])
    return _last(text) == (6 - total) % 10


def _belgium(text: str) -> bool:
    return text[0] in "01" and int(text[8:]) == 97 - int(text[:8]) % 97


def _bulgaria(text: str) -> bool:
    return _bulgarian_company(text) if len(text) == 9 else _bulgarian_person(text)


def _bulgarian_company(text: str) -> bool:
    rest = weighted(text, range(1, 9)) % 11
    if rest == 10:
        rest = weighted(text, range(3, 11)) % 11
    return _last(text) == rest % 10


def _bulgarian_person(text: str) -> bool:
    """A citizen's, a foreigner's or another number of ten digits."""
    citizen = weighted(text, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 if _born(text, (0, 20, 40)) else -1
    foreigner = weighted(text, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10
    other = (11 - weighted(text, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    return _last(text) in (citizen, foreigner, other)


def _cyprus(text: str) -> bool:
    total = sum(_CYPRIOT[int(one)] for one in text[0:8:2]) + sum(int(one) for one in text[1:8:2])
    return not text.startswith("12") and text[8] == chr(ord("A") + total % 26)


def _czechia(text: str) -> bool:
    """Companies have 8 digits, persons 9 (before 1954, without check digit, or beginning with 6) or 10."""
    if len(text) == 8:
        return text[0] != "9" and _last(text) == (11 - weighted(text, _DOWN_8) % 11) % 10
    if len(text) == 9:
        return _czech_person_6(text) if text.startswith("6") else _born(text, (0, 50)) and not 54 <= int(text[:2]) < 80
    return _czech_person(text)


def _czech_person(text: str) -> bool:
    return _born(text, (0, 20, 50, 70)) and int(text[:9]) % 11 % 10 == _last(text)


def _czech_person_6(text: str) -> bool:
    rest = weighted(text[1:], _DOWN_8) % 11
    return _last(text) == (8 - (10 - rest) % 11) % 10


def _denmark(text: str) -> bool:
    return weighted(text, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _estonia(text: str) -> bool:
    return weighted(text, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0


def _finland(text: str) -> bool:
    return weighted(text, (7, 9, 10, 5, 8, 4, 2, 1)) % 11 == 0


def _france(text: str) -> bool:
    """Two characters over a company number, which is a Luhn number except in Monaco."""
    key, company = text[:2], text[2:]
    if not company.startswith("000") and not luhn(company):
        return False
    if key.isdecimal():
        return int(key) == int(company + "12") % 97
    first, second = _FRENCH.index(key[0]), _FRENCH.index(key[1])
    check = first * 24 + second - 10 if key[0].isdecimal() else first * 34 + second - 100
    return (int(company) + 1 + check // 11) % 11 == check % 11


def _greece(text: str) -> bool:
    return _last(text) == weighted(text, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10


def _hungary(text: str) -> bool:
    return weighted(text, (9, 7, 3, 1, 9, 7, 3, 1)) % 10 == 0


def _ireland(text: str) -> bool:
    """Seven digits and a letter, perhaps a second one; of the old form the second character is a letter."""
    if not text[1].isdecimal():
        text = f"0{text[2:7]}{text[0]}{text[7]}"
    second = _IRISH.index(text[8]) if len(text) == 9 else 0
    return text[7] == _IRISH[(weighted(text, _DOWN_8) + 9 * second) % 23]


def _italy(text: str) -> bool:
    office = int(text[7:10])
    return text[:7] != "0000000" and (1 <= office <= 100 or office in (120, 121, 888, 999)) and luhn(text)


def _latvia(text: str) -> bool:
    """Companies begin with more than 3, persons with their birthday, or since 2017 with 32 and no check digit."""
    if text[0] > "3":
        return weighted(text, (9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)) % 11 == 3
    if text.startswith("32"):
        return True
    if not _born(text[4:6] + text[2:4] + text[:2], (0,)) or text[6] > "2":
        return False
    return _last(text) == (1 + weighted(text, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10


def _lithuania(text: str) -> bool:
    """Companies have 9 digits, others 12; the last but one is 1."""
    count = len(text) - 1
    rest = weighted(text, [at % 9 + 1 for at in range(count)]) % 11
    if rest == 10:
        rest = weighted(text, [(at + 2) % 9 + 1 for at in range(count)]) % 11
    return text[-2] == "1" and _last(text) == rest % 10


def _luxembourg(text: str) -> bool:
    return int(text[6:]) == int(text[:6]) % 89


def _malta(text: str) -> bool:
    return weighted(text, (3, 4, 6, 7, 8, 9, 10, 1)) % 37 == 0


def _netherlands(text: str) -> bool:
    """Companies have the digits of a citizen number, sole traders since 2020 check digits over the whole."""
    old = weighted(text, _DOWN_9) - int(text[8])
    if text[10:] == "00":
        return False
    return (old % 11 == 0 and text[:9] != "000000000") or int(in_digits("NL" + text)) % 97 == 1


def _poland(text: str) -> bool:
    return weighted(text, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == _last(text)


def _portugal(text: str) -> bool:
    return _last(text) == (11 - weighted(text, _DOWN_9) % 11) % 11 % 10


def _romania(text: str) -> bool:
    return _last(text) == 10 * weighted(text[:-1].zfill(9), (7, 5, 3, 2, 1, 7, 5, 3, 2)) % 11 % 10


def _slovenia(text: str) -> bool:
    rest = 11 - weighted(text, _DOWN_8) % 11
    return rest != 11 and _last(text) == rest % 10


def _slovakia(text: str) -> bool:
    """Companies have one of six digits in the third place, persons a birthday."""
    return (text[2] in "234789" or _born(text, (0, 20, 50, 70))) and int(text) % 11 == 0


def _spain(text: str) -> bool:
    """Persons (digits and a letter), foreigners (X, Y, Z), others (K, L, M), companies (a letter in front)."""
    if text[0].isdecimal():
        return text[8] == _DNI[int(text[:8]) % 23]
    if text[0] in "KLMXYZ":
        return text[8] == _DNI[int(text[1:8].rjust(8, str("XYZ".find(text[0])) if text[0] in "XYZ" else "0")) % 23]
    digit = next(one for one in "0123456789" if luhn(text[1:8] + one))
    return text[8] in _spanish_control(text[0], digit)


def _spanish_control(kind: str, digit: str) -> str:
    letter = "JABCDEFGHI"[int(digit)]
    if kind in "ABEH":
        return digit
    # For the others publications disagree which of them have a letter, so both pass.
    return digit + letter


def _sweden(text: str) -> bool:
    return 1 <= int(text[10:]) <= 94 and luhn(text[:10])


def _switzerland(text: str) -> bool:
    rest = 11 - weighted(text[1:], (5, 4, 3, 2, 7, 6, 5, 4)) % 11
    return rest != 10 and int(text[9]) == rest % 11


def _norway(text: str) -> bool:
    return weighted(text, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _britain(text: str) -> bool:
    """Standard numbers and branches; government departments (GD) and health authorities (HA) have no check digits."""
    if text[0] in "GH":
        return (int(text[2:]) < 500) is (text[0] == "G")
    rest = (weighted(text, _DOWN_8) + int(text[7:9])) % 97
    return rest == 0 or (int(text[:3]) >= 100 and rest in _BRITISH)


DIGITS: Mapping[str, Callable[[str], bool]] = {
    "AT": _austria, "BE": _belgium, "BG": _bulgaria, "CH": _switzerland, "CY": _cyprus, "CZ": _czechia,
    "DE": mod_11_10, "DK": _denmark, "EE": _estonia, "EL": _greece, "ES": _spain, "FI": _finland, "FR": _france,
    "GB": _britain, "HR": mod_11_10, "HU": _hungary, "IE": _ireland, "IT": _italy, "LT": _lithuania,
    "LU": _luxembourg, "LV": _latvia, "MT": _malta, "NL": _netherlands, "NO": _norway, "PL": _poland,
    "PT": _portugal, "RO": _romania, "SE": _sweden, "SI": _slovenia, "SK": _slovakia, "XI": _britain,
}  # fmt: skip
"""Prefix -> whether the check digits of the part after it are right."""

FORMS: Mapping[str, Sequence[str]] = {
    "AT": ("U00000000",), "BE": ("0000000000", "1000000000"), "BG": ("000000000", "0000000000"), "CH": ("E000000000",),
    "CY": ("00000000a",), "CZ": ("00000000", "000000000", "0000000000"), "DE": ("100000000",), "DK": ("10000000",),
    "EE": ("000000000",), "EL": ("000000000",), "ES": ("x0000000x",), "FI": ("00000000",), "FR": ("xx000000000",),
    "GB": ("000000000", "000000000000", "GD000", "HA000"), "HR": ("00000000000",), "HU": ("00000000",),
    "IE": ("0000000a", "0000000aa", "0a00000a"), "IT": ("00000000000",), "LT": ("000000000", "000000000000"),
    "LU": ("00000000",), "LV": ("00000000000",), "MT": ("10000000",), "NL": ("000000000B00",), "NO": ("000000000",),
    "PL": ("0000000000",), "PT": ("100000000",),
    "RO": tuple("1" + "0" * count for count in range(1, 10)), "SE": ("000000000000",), "SI": ("10000000",),
    "SK": ("1000000000",), "XI": ("000000000", "000000000000", "GD000", "HA000"),
}  # fmt: skip
"""Prefix -> forms of the part after it: 0 is a digit, 1 one that is not zero, a a letter, x either; others stand."""
