"""What identifiers have in common: a text, cleaned of blanks and hyphens, whose canonical form is offered as a fix."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from handrail.validators.context import Context
from handrail.validators.data.checksums import luhn
from handrail.validators.data.values import known_words, wrong_type
from handrail.validators.findings import Finding, Findings, Fix
from handrail.validators.protocol import NOWHERE, Check

MAX_CHARS = 200
"""Characters of a text that may be an identifier: several times what any of them needs."""
_BLANKS = " \u00a0\u2007\u2009\u202f"
_HYPHENS = "-\u2010\u2011\u2012\u2013\u2212"
WRONG_DIGIT = "The check digit is wrong: one of the characters is not the right one."
WRONG_DIGITS = "The check digits are wrong: one of the characters is not the right one."
_ASCII_DIGITS = frozenset("0123456789")


@dataclass(frozen=True)
class Identifier(Check):
    """A text that identifies something. Subclasses say what is wrong with its compact form."""

    name: ClassVar[str] = ""
    """What its findings' codes begin with."""
    called: ClassVar[str] = ""
    """What it is called in a sentence, with its article."""
    separators: ClassVar[str] = _BLANKS + _HYPHENS
    """Characters that people put between its parts, and that mean nothing."""

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the identifier, or that it is not in its canonical form."""
        if not isinstance(value, str):
            return (wrong_type(self.name, f"{self.called} as text", value),)
        given = str.__str__(value)
        if len(given) > MAX_CHARS:
            return (self._found("length", f"{len(given)} characters are too many for {self.called}."),)
        tidy = given.translate(_table(self.separators)).strip()
        if (odd := self._odd(tidy)) is not None:
            text = f"{self.called[:1].upper()}{self.called[1:]} cannot have the character {odd!r} (U+{ord(odd):04X})."
            at = given.index(odd)
            return (self._found("characters", text, span=(at, at + 1), excerpt=odd),)
        compact = self.compact(tidy)
        if problem := self.problem(compact):
            return (self._found(*problem, excerpt=given[:MAX_CHARS]),)
        right = self.canonical(compact)
        if right == given:
            return ()
        text = f"{self.called[:1].upper()}{self.called[1:]} is written {right!r} where programs read it."
        return (self._found("form", text, excerpt=given, fix=Fix(right)),)

    @abstractmethod
    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with a compact text: (last part of the code, a sentence). None where nothing is."""

    def compact(self, text: str) -> str:
        """The text, cleaned of separators, in the form that `problem` reads: capitals."""
        return text.upper()

    def canonical(self, text: str) -> str:
        """The compact text as it is written where programs read it."""
        return text

    def _odd(self, text: str) -> str | None:
        """The first character that is neither an ASCII letter nor digit: ٣ and ３ are digits to Python, not here."""
        return next((one for one in text if not (one.isascii() and one.isalnum())), None)

    def _found(
        self, problem: str, text: str, span: tuple[int, int] | None = None, excerpt: str = "", fix: Fix | None = None
    ) -> Finding:
        return Finding(f"{self.name}.{problem}", text, span=span, excerpt=excerpt, fix=fix)


_TABLES: dict[str, dict[int, None]] = {}


def _table(separators: str) -> dict[int, None]:
    """What `str.translate` needs to leave ``separators`` out."""
    if separators not in _TABLES:
        _TABLES[separators] = dict.fromkeys(map(ord, separators))
    return _TABLES[separators]


def is_digits(text: str) -> bool:
    """Whether ``text`` is nothing but ASCII digits, at least one."""
    return bool(text) and _ASCII_DIGITS.issuperset(text)


def not_long(text: str, lengths: tuple[int, ...], unit: str = "digits") -> str | None:
    """A sentence where ``text`` has none of these lengths."""
    if len(text) in lengths:
        return None
    return f"{' or '.join(map(str, lengths))} {unit} are expected, not {len(text)}."


@dataclass(frozen=True)
class Luhn(Identifier):
    """A number whose last digit is a Luhn check digit.

    Findings: ``luhn.type``, ``luhn.characters``, ``luhn.length``, ``luhn.digits`` (the check digit is wrong),
    ``luhn.form`` (blanks or hyphens, with a fix).
    """

    source: ClassVar[str] = "ISO/IEC 7812-1, annex B"
    name: ClassVar[str] = "luhn"
    called: ClassVar[str] = "a number with a check digit"
    least: int = 2
    """Fewest digits."""
    most: int = 100
    """Most digits."""

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the digits."""
        if not is_digits(text):
            return "characters", "Only digits are expected."
        if not self.least <= len(text) <= self.most:
            return "length", f"Between {self.least} and {self.most} digits are expected, not {len(text)}."
        return None if luhn(text) else ("digits", WRONG_DIGIT)


_NETWORKS: dict[str, tuple[tuple[str, str, tuple[int, ...]], ...]] = {
    "amex": (("34", "34", (15,)), ("37", "37", (15,))),
    "diners": (("300", "305", (14,)), ("36", "36", (14,)), ("38", "39", (14,))),
    "discover": (("6011", "6011", (16, 17, 18, 19)), ("644", "649", (16, 17, 18, 19)), ("65", "65", (16, 17, 18, 19))),
    "jcb": (("3528", "3589", (16, 17, 18, 19)),),
    "mastercard": (("51", "55", (16,)), ("2221", "2720", (16,))),
    "maestro": tuple((one, one, tuple(range(12, 20))) for one in ("50", "56", "57", "58", "63", "67")),
    "unionpay": (("62", "62", (16, 17, 18, 19)),),
    "visa": (("4", "4", (13, 16, 19)),),
}
"""Network -> (first prefix, last prefix, lengths)."""


@dataclass(frozen=True)
class PaymentCard(Identifier):
    """The number of a payment card: 12 to 19 digits with a Luhn check digit, of a network that is allowed.

    Findings: ``payment_card.type``, ``payment_card.characters``, ``payment_card.length``, ``payment_card.network``,
    ``payment_card.digits``, ``payment_card.form`` (with a fix). None of them quotes the number.
    """

    source: ClassVar[str] = "ISO/IEC 7812-1; prefixes as the networks publish them"
    name: ClassVar[str] = "payment_card"
    called: ClassVar[str] = "a card number"
    networks: tuple[str, ...] = ()
    """Networks allowed, of amex, diners, discover, jcb, maestro, mastercard, unionpay, visa; empty for any number."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a network that is not known."""
        known_words("payment_card: networks", self.networks, tuple(_NETWORKS))

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the digits."""
        if not is_digits(text):
            return "characters", "A card number has digits only."
        if not 12 <= len(text) <= 19:
            return "length", f"A card number has 12 to 19 digits, not {len(text)}."
        if self.networks and not any(_of(network, text) for network in self.networks):
            return "network", f"The card is not one of {', '.join(self.networks)}."
        return None if luhn(text) else ("digits", WRONG_DIGIT)

    def _found(
        self, problem: str, text: str, span: tuple[int, int] | None = None, excerpt: str = "", fix: Fix | None = None
    ) -> Finding:
        if problem == "form":
            text = "A card number is written without blanks or hyphens where programs read it."
        return Finding(f"{self.name}.{problem}", text, span=span, fix=fix)


def _of(network: str, text: str) -> bool:
    return any(
        first <= text[: len(first)] <= last and len(text) in lengths for first, last, lengths in _NETWORKS[network]
    )


@dataclass(frozen=True)
class Imei(Identifier):
    """The number of a mobile device: 15 digits with a Luhn check digit.

    Findings: ``imei.type``, ``imei.characters``, ``imei.length``, ``imei.digits``, ``imei.form`` (with a fix).
    """

    source: ClassVar[str] = "3GPP TS 23.003, 6.2.1 and annex B"
    name: ClassVar[str] = "imei"
    called: ClassVar[str] = "an IMEI"
    separators: ClassVar[str] = _BLANKS + _HYPHENS + "/"

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the digits."""
        if not is_digits(text):
            return "characters", "An IMEI has digits only."
        if problem := not_long(text, (15,)):
            return "length", problem
        return None if luhn(text) else ("digits", WRONG_DIGIT)
