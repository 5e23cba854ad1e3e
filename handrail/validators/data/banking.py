"""Identifiers of accounts, banks, companies and securities: IBAN, BIC, LEI, ISIN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from handrail.validators.data.checksums import in_digits, luhn, mod_97
from handrail.validators.data.countries import COUNTRIES
from handrail.validators.data.identifiers import WRONG_DIGIT, WRONG_DIGITS, Identifier, is_digits, not_long
from handrail.validators.data.values import known_words, pairs

_BBAN = """
AD 8n12c AE 19n AL 8n16c AT 16n AZ 4a20c BA 16n BE 12n BG 4a6n8c BH 4a14c BI 23n BR 23n1a1c BY 4c4n16c CH 5n12c
CR 18n CY 8n16c CZ 20n DE 18n DJ 23n DK 14n DO 4c20n EE 16n EG 25n ES 20n FI 14n FK 2a12n FO 14n FR 10n11c2n
GB 4a14n GE 2a16n GI 4a15c GL 14n GR 7n16c GT 24c HN 4a20n HR 17n HU 24n IE 4a14n IL 19n IQ 4a15n IS 22n
IT 1a10n12c JO 4a4n18c KW 4a22c KZ 3n13c LB 4n20c LC 4a24c LI 5n12c LT 16n LU 3n13c LV 4a13c LY 21n MC 10n11c2n
MD 20c ME 18n MK 3n10c2n MN 16n MR 23n MT 4a5n18c MU 4a19n3a NI 4a20n NL 4a10n NO 11n OM 3n16c PK 4a16c PL 24n
PS 4a21c PT 21n QA 4a21c RO 4a16c RS 18n RU 14n15c SA 2n18c SC 4a20n3a SD 14n SE 20n SI 15n SK 20n SM 1a10n12c
SO 19n ST 21n SV 4a20n TL 19n TN 20n TR 6n16c UA 6n19c VA 18n VG 4a16n XK 16n YE 4a4n18c
"""
_KINDS = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
_WORDS = {"n": "digits", "a": "letters", "c": "letters or digits"}
_PART = re.compile(r"([0-9]+)([nac])")

STRUCTURES: Mapping[str, str] = pairs(_BBAN)
"""Country -> what follows the check digits: lengths of digits (n), capitals (a), either (c)."""
_PATTERNS = {
    country: re.compile("".join(f"{_KINDS[kind]}{{{count}}}" for count, kind in _PART.findall(structure)))
    for country, structure in STRUCTURES.items()
}
"""Fixed lengths only, so that matching takes linear time."""


@dataclass(frozen=True)
class Iban(Identifier):
    """An international bank account number: country, length, structure and check digits.

    Findings: ``iban.type``, ``iban.characters``, ``iban.country`` (no IBANs there, or not allowed), ``iban.length``,
    ``iban.structure``, ``iban.digits`` (the check digits are wrong), ``iban.form`` (blanks, hyphens or small letters,
    with the electronic form as a fix). National check digits inside the account number are not checked.
    """

    source: ClassVar[str] = "ISO 13616-1 and the IBAN registry of SWIFT; ISO/IEC 7064 mod 97-10"
    name: ClassVar[str] = "iban"
    called: ClassVar[str] = "an IBAN"
    countries: tuple[str, ...] = ()
    """Countries allowed, such as ["DE", "AT"]; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a country without IBANs."""
        known_words("iban: countries", self.countries, STRUCTURES)

    def compact(self, text: str) -> str:
        """Without the word IBAN in front, which printed forms have."""
        return text.upper().removeprefix("IBAN")

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        country, structure = text[:2], STRUCTURES.get(text[:2])
        if structure is None:
            return "country", f"No country with IBANs has the code {country!r}; an IBAN begins with one, such as DE."
        if self.countries and country not in self.countries:
            return "country", f"An IBAN of {', '.join(self.countries)[:200]} is expected, not of {country}."
        parts = _PART.findall(structure)
        if problem := not_long(text, (4 + sum(int(count) for count, _ in parts),), f"characters for {country}"):
            return "length", problem
        if not is_digits(text[2:4]) or not _PATTERNS[country].fullmatch(text, 4):
            wanted = ", ".join(f"{count} {_WORDS[kind]}" for count, kind in parts)
            return "structure", f"After {country} and two check digits, an IBAN has {wanted}."
        if not 2 <= int(text[2:4]) <= 98 or mod_97(text[4:] + text[:4]) != 1:
            return "digits", WRONG_DIGITS
        return None


_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


@dataclass(frozen=True)
class Bic(Identifier):
    """A business identifier code (SWIFT code): 8 or 11 characters, with a country that exists. It has no check digit.

    Findings: ``bic.type``, ``bic.characters``, ``bic.length``, ``bic.structure``, ``bic.country``, ``bic.form``
    (with a fix).
    """

    source: ClassVar[str] = "ISO 9362:2022"
    name: ClassVar[str] = "bic"
    called: ClassVar[str] = "a BIC"
    countries: tuple[str, ...] = ()
    """Countries allowed; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a country that is not known."""
        known_words("bic: countries", self.countries, {*COUNTRIES, "XK"})

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact code."""
        if problem := not_long(text, (8, 11), "characters"):
            return "length", problem
        if not _BIC.fullmatch(text):
            return "structure", "A BIC has 4 characters, a country, 2 characters, and perhaps 3 of the branch."
        country = text[4:6]
        if country not in COUNTRIES and country != "XK":
            return "country", f"Characters 5 and 6 are a country, and none has the code {country}."
        if self.countries and country not in self.countries:
            return "country", f"A BIC of {', '.join(self.countries)[:200]} is expected, not of {country}."
        return None


@dataclass(frozen=True)
class Lei(Identifier):
    """A legal entity identifier: 18 letters or digits, and two check digits.

    Findings: ``lei.type``, ``lei.characters``, ``lei.length``, ``lei.structure``, ``lei.digits``, ``lei.form`` (fix).
    """

    source: ClassVar[str] = "ISO 17442-1; ISO/IEC 7064 mod 97-10"
    name: ClassVar[str] = "lei"
    called: ClassVar[str] = "an LEI"

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact identifier."""
        if problem := not_long(text, (20,), "characters"):
            return "length", problem
        if not is_digits(text[18:]):
            return "structure", "The last two characters of an LEI are digits."
        if not 2 <= int(text[18:]) <= 98 or mod_97(text) != 1:
            return "digits", WRONG_DIGITS
        return None


_NO_COUNTRY = frozenset({"EU", "XA", "XB", "XC", "XD", "XF", "XK", "XS", "XT"})
"""Prefixes of securities that belong to no country: international central depositories, the EU, Kosovo, and so on."""
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


@dataclass(frozen=True)
class Isin(Identifier):
    """An international securities identification number: a prefix, 9 characters and a check digit.

    Findings: ``isin.type``, ``isin.characters``, ``isin.length``, ``isin.structure``, ``isin.country``,
    ``isin.digits``, ``isin.form`` (with a fix).
    """

    source: ClassVar[str] = "ISO 6166"
    name: ClassVar[str] = "isin"
    called: ClassVar[str] = "an ISIN"
    countries: tuple[str, ...] = ()
    """Prefixes allowed; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a prefix that is not known."""
        known_words("isin: countries", self.countries, {*COUNTRIES, *_NO_COUNTRY})

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        if problem := not_long(text, (12,), "characters"):
            return "length", problem
        if not _ISIN.fullmatch(text):
            return "structure", "An ISIN has two letters, 9 letters or digits, and a check digit."
        prefix = text[:2]
        if (prefix not in COUNTRIES and prefix not in _NO_COUNTRY) or (self.countries and prefix not in self.countries):
            return (
                "country",
                f"The prefix {prefix} is of no country{' that is allowed' if self.countries else ''}.",
            )
        return None if luhn(in_digits(text)) else ("digits", WRONG_DIGIT)
