"""VAT numbers: of the European Union and Northern Ireland, Great Britain, Norway and Switzerland."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from handrail.validators.data.identifiers import WRONG_DIGITS, Identifier
from handrail.validators.data.values import known_words
from handrail.validators.data.vat_digits import DIGITS, FORMS

_SIGNS = {"0": "[0-9]", "1": "[1-9]", "a": "[A-Z]", "x": "[0-9A-Z]"}
_NARROWER = {
    "ES": "[0-9KLMXYZ][0-9]{7}[A-Z]|[ABCDEFGHJNPQRSUVW][0-9]{7}[0-9A-J]",
    "FR": "[0-9A-HJ-NP-Z]{2}[0-9]{9}",
    "IE": "[0-9]{7}[A-W]{1,2}|[0-9][A-Z][0-9]{5}[A-W]",
}
"""Where only some letters can stand."""
_PATTERNS = {
    country: re.compile(
        _NARROWER.get(country) or "|".join("".join(_SIGNS.get(sign, sign) for sign in form) for form in forms)
    )
    for country, forms in FORMS.items()
}
"""Of fixed lengths, or all but, so that matching takes linear time."""
_SUFFIX = {"CH": ("MWST", "TVA", "IVA"), "NO": ("MVA",)}


@dataclass(frozen=True)
class Vat(Identifier):
    """A VAT number with its country's prefix, its form and its check digits. Whether it is registered, VIES knows.

    Prefixes: the 27 of the European Union (Greece is EL), XI, GB, NO, CHE. All have check digits, but these are checked
    by their form alone: Czech persons born before 1954, Latvian persons numbered since 2017, British departments and
    health authorities. Of Romania only numbers of up to ten digits are known, Ireland's old form with + or * is not.
    Findings: ``vat.type``, ``vat.characters``, ``vat.country`` (no such prefix, or not allowed), ``vat.structure``,
    ``vat.digits`` (the check digits are wrong), ``vat.form`` (blanks, dots, hyphens, small letters; with a fix).
    """

    source: ClassVar[str] = "European Commission, VIES: VAT number structures and check digit routines"
    name: ClassVar[str] = "vat"
    called: ClassVar[str] = "a VAT number"
    separators: ClassVar[str] = Identifier.separators + "./"
    countries: tuple[str, ...] = ()
    """Prefixes allowed, such as ["DE", "AT"]; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a prefix that is not known."""
        known_words("vat: countries", self.countries, DIGITS)

    def compact(self, text: str) -> str:
        """With Greece as EL, and without the name of the tax that Norway and Switzerland put behind."""
        text = text.upper()
        if text.startswith("GR"):
            text = "EL" + text[2:]
        for suffix in _SUFFIX.get(text[:2], ()):
            text = text.removesuffix(suffix)
        return text

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        country, rest = text[:2], text[2:]
        if country not in DIGITS:
            return "country", f"No VAT number begins with {country!r}; it begins with a country, such as DE or EL."
        if self.countries and country not in self.countries:
            return "country", f"A VAT number of {', '.join(self.countries)[:200]} is expected, not of {country}."
        if not _PATTERNS[country].fullmatch(rest):
            forms = " or ".join(f"{country}{form}" for form in FORMS[country][:4])
            return "structure", f"It is expected like {forms} (0 and 1 are digits, a is a letter, x either)."
        return None if DIGITS[country](rest) else ("digits", WRONG_DIGITS)

    def canonical(self, text: str) -> str:
        """Norway's with the name of the tax behind, which belongs to it."""
        return f"{text}MVA" if text.startswith("NO") else text
