"""Identifiers of products and publications: GTIN (EAN, UPC), ISBN, ISSN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.data.checksums import gs1, weighted
from handrail.validators.data.identifiers import WRONG_DIGIT, Identifier, is_digits, not_long
from handrail.validators.data.values import sequence


@dataclass(frozen=True)
class Gtin(Identifier):
    """A global trade item number, which is what bar codes say: 8, 12, 13 or 14 digits, the last one a check digit.

    Findings: ``gtin.type``, ``gtin.characters``, ``gtin.length``, ``gtin.digits``, ``gtin.form`` (with a fix).
    """

    source: ClassVar[str] = "GS1 General Specifications, 3.3 and 7.9"
    name: ClassVar[str] = "gtin"
    called: ClassVar[str] = "a GTIN"
    lengths: tuple[int, ...] = (8, 12, 13, 14)
    """Lengths allowed."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a length that no GTIN has."""
        _lengths(self.name, self.lengths, (8, 12, 13, 14))

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the digits."""
        if not is_digits(text):
            return "characters", f"Only digits are expected in {self.called}."
        if problem := not_long(text, self.lengths):
            return "length", problem
        return None if gs1(text) else ("digits", WRONG_DIGIT)


@dataclass(frozen=True)
class Ean(Gtin):
    """A European article number: a GTIN of 8 or 13 digits.

    Findings: ``ean.type``, ``ean.characters``, ``ean.length``, ``ean.digits``, ``ean.form`` (with a fix).
    """

    name: ClassVar[str] = "ean"
    called: ClassVar[str] = "an EAN"
    lengths: tuple[int, ...] = (8, 13)
    """Lengths allowed."""


def _lengths(name: str, given: object, known: tuple[int, ...]) -> None:
    found = sequence(f"{name}: lengths", given)
    if not found or not set(found) <= set(known):
        raise ConfigError(f"{name}: lengths is {given!r:.50}.", hint=f"It is a list of {', '.join(map(str, known))}.")


@dataclass(frozen=True)
class Isbn(Identifier):
    """An international standard book number of 10 or 13 digits.

    Findings: ``isbn.type``, ``isbn.characters``, ``isbn.length``, ``isbn.prefix`` (13 digits that begin otherwise than
    978 or 979, or a piece of music: 9790), ``isbn.digits``, ``isbn.form`` (blanks, hyphens, a small x, the word ISBN,
    or ten digits where thirteen are wanted; with a fix).
    """

    source: ClassVar[str] = "ISO 2108:2017"
    name: ClassVar[str] = "isbn"
    called: ClassVar[str] = "an ISBN"
    lengths: tuple[int, ...] = (10, 13)
    """Lengths allowed. Where only 13 is, one of ten digits has its longer form as fix."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a length that no ISBN has."""
        _lengths("isbn", self.lengths, (10, 13))

    def compact(self, text: str) -> str:
        """Without the word ISBN in front."""
        return text.upper().removeprefix("ISBN")

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        if problem := not_long(text, self._readable()):
            return "length", problem
        if not is_digits(text[:-1]) or not (is_digits(text[-1]) or (len(text) == 10 and text[-1] == "X")):
            return "characters", "An ISBN has digits only; X may be the last one of ten."
        if len(text) == 13 and (text[:3] not in ("978", "979") or text[:4] == "9790"):
            return "prefix", "An ISBN of 13 digits begins with 978, or with 979 and another digit than 0."
        return None if _isbn_digits(text) else ("digits", WRONG_DIGIT)

    def canonical(self, text: str) -> str:
        """The longer form where only that is allowed."""
        if len(text) in self.lengths:
            return text
        begun = "978" + text[:9]
        return next(begun + one for one in "0123456789" if gs1(begun + one))

    def _readable(self) -> tuple[int, ...]:
        return (10, 13) if 13 in self.lengths else self.lengths


def _isbn_digits(text: str) -> bool:
    return gs1(text) if len(text) == 13 else _mod_11(text)


def _mod_11(text: str) -> bool:
    """Weights that fall to 1, the last digit, which is X for ten; the sum is a multiple of 11."""
    last = 10 if text[-1] == "X" else int(text[-1])
    return (weighted(text[:-1], range(len(text), 1, -1)) + last) % 11 == 0


@dataclass(frozen=True)
class Issn(Identifier):
    """An international standard serial number: eight digits, written 0378-5955, the last one a check digit or X.

    Findings: ``issn.type``, ``issn.characters``, ``issn.length``, ``issn.digits``, ``issn.form`` (with a fix).
    """

    source: ClassVar[str] = "ISO 3297:2022"
    name: ClassVar[str] = "issn"
    called: ClassVar[str] = "an ISSN"

    def compact(self, text: str) -> str:
        """Without the word ISSN in front."""
        return text.upper().removeprefix("ISSN")

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        if problem := not_long(text, (8,), "characters"):
            return "length", problem
        if not is_digits(text[:7]) or not (is_digits(text[7]) or text[7] == "X"):
            return "characters", "An ISSN has digits only; X may be the last one."
        return None if _mod_11(text) else ("digits", WRONG_DIGIT)

    def canonical(self, text: str) -> str:
        """With its hyphen."""
        return f"{text[:4]}-{text[4:]}"
