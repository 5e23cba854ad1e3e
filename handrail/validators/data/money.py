"""Currencies and amounts: the codes of ISO 4217, how many decimals each has, and one currency throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.identifiers import Identifier
from handrail.validators.data.values import EXACT, TooLarge, exact, known_words, plain, shown, words, wrong_type
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

MAX_VISITED = 5_000
"""Places that one check comes by."""
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts, or numbers too long, to check.")

_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_NOT_APPLICABLE = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"

DECIMALS: Mapping[str, int | None] = {
    code: decimals
    for codes, decimals in ((_TWO, 2), (_NONE, 0), (_THREE, 3), (_FOUR, 4), (_NOT_APPLICABLE, None))
    for code in codes.split()
}
"""Code -> how many decimals its amounts have; None where the standard gives none, as for gold."""

WITHDRAWN: Mapping[str, tuple[date, str]] = {
    "ANG": (date(2025, 7, 1), "XCG"),
    "BGN": (date(2026, 2, 1), "EUR"),
    "BYR": (date(2017, 1, 1), "BYN"),
    "CUC": (date(2021, 7, 1), "CUP"),
    "HRK": (date(2023, 1, 15), "EUR"),
    "LTL": (date(2015, 1, 16), "EUR"),
    "MRO": (date(2018, 1, 1), "MRU"),
    "SLL": (date(2024, 1, 1), "SLE"),
    "STD": (date(2018, 1, 1), "STN"),
    "VEF": (date(2018, 8, 20), "VES"),
    "ZMK": (date(2013, 1, 1), "ZMW"),
    "ZWL": (date(2024, 9, 1), "ZWG"),
}
"""Code that is gone -> first day on which it is refused, because nobody pays with it any more; what took its place."""
_ALL = {*DECIMALS, *WITHDRAWN}


@dataclass(frozen=True)
class Currency(Identifier):
    """The code of a currency, as of the day of the check.

    Findings: ``currency.type``, ``currency.characters``, ``currency.length``, ``currency.unknown``,
    ``currency.withdrawn`` (no longer paid with), ``currency.refused`` (not one of those allowed), ``currency.form``
    (small letters or blanks, with a fix).
    """

    source: ClassVar[str] = "ISO 4217, lists one and three"
    name: ClassVar[str] = "currency"
    called: ClassVar[str] = "a currency code"
    allowed: tuple[str, ...] = ()
    """Codes allowed; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a code that is not known."""
        known_words("currency: allowed", self.allowed, _ALL)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the code."""
        said = super().check(value, context)
        code = value.strip().upper() if isinstance(value, str) and len(value) <= 10 else ""
        if code in WITHDRAWN and context.today >= WITHDRAWN[code][0]:
            first, follows = WITHDRAWN[code]
            text = f"{code} is no longer paid with, since {first.isoformat()}; {follows} took its place."
            return (Finding("currency.withdrawn", text, excerpt=shown(value)),)
        return said

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the code."""
        if len(text) != 3:
            return "length", "Three letters are expected, such as EUR."
        if text not in _ALL:
            return "unknown", f"No currency has the code {text}."
        if self.allowed and text not in self.allowed:
            return "refused", f"{text} is not one of the currencies that are allowed: {', '.join(self.allowed)[:200]}."
        return None


@dataclass(frozen=True)
class Money(Check):
    """An amount and its currency: a number with no more decimals than the currency has.

    Findings: ``money.decimals``, ``money.sign`` (below zero), ``money.missing``, ``money.type``, and those of
    ``currency`` about the code.
    """

    source: ClassVar[str] = "ISO 4217 (minor units)"
    amount: str = "$.amount"
    """Path of the amount."""
    currency: str = "$.currency"
    """Path of the currency's code, or the code itself (three capitals) where the value does not tell it."""
    negative: bool = True
    """Whether an amount may be below zero."""
    allowed: tuple[str, ...] = ()
    """Currencies allowed; empty for all."""
    minor: bool = False
    """Whether amounts are in minor units (cents), and so whole numbers."""
    text: bool = True
    """Whether a decimal text such as "12.50" is a number, as in many payment interfaces."""
    _amount: Path = field(init=False, repr=False, compare=False)
    _code: Path | None = field(init=False, repr=False, compare=False)
    _currency: Currency = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for options that cannot be read."""
        object.__setattr__(self, "_amount", compiled(self.amount))
        object.__setattr__(self, "_code", None if self.currency in _ALL else compiled(self.currency))
        object.__setattr__(self, "_currency", Currency(allowed=self.allowed))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the amount and its currency."""
        budget = Budget(MAX_VISITED)
        try:
            amounts = list(self._amount.places(value, budget))
            codes = [("", self.currency)] if self._code is None else list(self._code.places(value, budget))
        except TooManyPlaces:
            return (_TOO_LARGE,)
        if not amounts or len(codes) != 1:
            where = self.amount if not amounts else self.currency
            return (Finding("money.missing", f"An amount and its one currency are expected; see {where}."),)
        place, code = codes[0]
        wrong = [one for one in self._currency.check(code, context) if one.code != "currency.form"]
        if wrong or not isinstance(code, str):
            return tuple(Finding(one.code, one.message, place, excerpt=one.excerpt) for one in wrong)
        decimals = 0 if self.minor else DECIMALS.get(code.strip().upper(), 2)
        said = (found for at, raw in amounts for found in self._amount_of(at, raw, code.strip().upper(), decimals))
        return tuple(found for found, _ in zip(said, range(MAX_FINDINGS), strict=False))

    def _amount_of(self, place: str, raw: object, code: str, decimals: int | None) -> Findings:
        try:
            found = exact(raw, text=self.text)
        except TooLarge:
            return (_TOO_LARGE,)
        if found is None:
            return (wrong_type("money", "An amount, which is a number,", raw, path=place),)
        if found < 0 and not self.negative:
            return (Finding("money.sign", f"An amount of at least 0 is expected, not {plain(found)}.", place),)
        if decimals is None or EXACT.remainder(found, Decimal(1).scaleb(-decimals)) == 0:
            return ()
        unit = "whole minor units" if self.minor else f"{decimals} decimals" if decimals else "no decimals"
        text = f"An amount in {code} has {unit}{' at most' if decimals else ''}, and {plain(found)} has more."
        return (Finding("money.decimals", text, place, excerpt=plain(found)),)


@dataclass(frozen=True)
class SameCurrency(Check):
    """All amounts are in one currency: ``same_currency(["$.currency", "$.lines[*].currency"])``.

    Findings: ``same_currency.differs`` (with the place of the first one that differs), ``same_currency.type``.
    """

    source: ClassVar[str] = "own: amounts of different currencies cannot be added"
    paths: tuple[str, ...] = ("$.currency", "$.lines[*].currency")
    """Where the codes stand; null counts as missing."""
    _paths: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for paths that cannot be read."""
        if not words("same_currency: paths", self.paths):
            raise ConfigError("same_currency needs at least one path.", hint='Write it like ["$.lines[*].currency"].')
        object.__setattr__(self, "_paths", tuple(map(compiled, self.paths)))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether all codes in ``value`` are the same."""
        budget, first = Budget(MAX_VISITED), None
        try:
            for path in self._paths:
                for place, code in path.places(value, budget):
                    if code is None:
                        continue
                    if not isinstance(code, str):
                        return (wrong_type("same_currency", "A currency code as text", code, path=place),)
                    tidy = code[:20].strip().upper()
                    first = first or tidy
                    if tidy != first:
                        text = f"One currency is expected throughout: {shown(first)}, and here is {shown(code)}."
                        return (Finding("same_currency.differs", text, place, excerpt=shown(code)),)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        return ()
