"""How somebody or something is addressed: telephone numbers, email addresses, UUIDs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.identifiers import Identifier, is_digits
from handrail.validators.data.values import shown, words, wrong_type
from handrail.validators.findings import Finding, Findings, Fix
from handrail.validators.protocol import NOWHERE, Check


@dataclass(frozen=True)
class Phone(Identifier):
    """A telephone number in international form: + and up to 15 digits, which begin with a country. Its form only.

    Findings: ``phone.type``, ``phone.characters``, ``phone.prefix`` (no + in front, or another country),
    ``phone.length``, ``phone.form`` (blanks, hyphens, dots, brackets; with a fix).
    A number such as +49 (0)30 is not repaired.
    """

    source: ClassVar[str] = "ITU-T E.164 (2010), 6.2"
    name: ClassVar[str] = "phone"
    called: ClassVar[str] = "a telephone number"
    separators: ClassVar[str] = Identifier.separators + ".()/"
    countries: tuple[str, ...] = ()
    """Country codes allowed, such as ["+49", "+1"]; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a country code that is none."""
        for one in words("phone: countries", self.countries):
            if not re.fullmatch(r"\+[1-9][0-9]{0,2}", one):
                raise ConfigError(f"phone: {one!r:.20} is no country code.", hint='Write it like "+49".')

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the number."""
        if isinstance(value, str) and "(0)" in value[:50]:
            text = "Leave out the 0 in brackets, which is not dialled from abroad."
            return (Finding("phone.characters", text, excerpt=shown(value)),)
        return super().check(value, context)

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the compact number."""
        digits = text[1:]
        if not text.startswith("+"):
            return "prefix", "A telephone number begins with + and the country, such as +49."
        if not is_digits(digits):
            return "characters", "After the +, only digits are expected."
        if digits.startswith("0") or (self.countries and not text.startswith(self.countries)):
            allowed = f": {', '.join(self.countries)[:100]}" if self.countries else ""
            return "prefix", f"After the +, the code of a country is expected{allowed}."
        if not 7 <= len(digits) <= 15:
            return "length", f"7 to 15 digits are expected, not {len(digits)}."
        return None

    def _odd(self, text: str) -> str | None:
        return super()._odd(text.removeprefix("+"))


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM}){{0,31}}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAX_ADDRESS = 254


@dataclass(frozen=True)
class Email(Check):
    """An email address as people use it: a name of ASCII letters, digits and signs, and a domain of two labels or more.

    Quoted names, comments, addresses of numbers in brackets and names in other scripts are refused, though standards
    know them; a domain in another script is written in its form for machines (xn--). Whether it exists is not known.
    Findings: ``email.type``, ``email.structure``, ``email.name``, ``email.domain``, ``email.length``, ``email.refused``
    (a domain that is not allowed), ``email.form`` (blanks around it, mailto:, capitals in the domain; with a fix).
    """

    source: ClassVar[str] = "RFC 5321, 4.5.3.1 (lengths); RFC 5322, 3.4.1 (dot-atom); RFC 1123, 2.1 (host names)"
    domains: tuple[str, ...] = ()
    """Domains allowed, those below them too; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for domains that are none."""
        for one in words("email: domains", self.domains):
            if _domain(one.lower()) is not None or one != one.lower():
                raise ConfigError(f"email: {one!r:.50} is no domain.", hint='Write it like "example.org".')

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the address."""
        if not isinstance(value, str):
            return (wrong_type("email", "An email address as text", value),)
        given = str.__str__(value)
        if len(given) > _MAX_ADDRESS + 20:
            return (Finding("email.length", f"An address has at most {_MAX_ADDRESS} characters, not {len(given)}."),)
        tidy = given.strip().removeprefix("mailto:")
        name, _, domain = tidy.rpartition("@")
        if wrong := self._problem(name, domain.lower(), len(tidy)):
            return (Finding(f"email.{wrong[0]}", wrong[1], excerpt=given[:200]),)
        right = f"{name}@{domain.lower()}"
        if right == given:
            return ()
        return (Finding("email.form", f"The address is written {right!r}.", excerpt=given[:200], fix=Fix(right)),)

    def _problem(self, name: str, domain: str, length: int) -> tuple[str, str] | None:
        if not name or not domain or "@" in name:
            return "structure", "An address has a name, one @ and a domain, such as ana@example.org."
        if length > _MAX_ADDRESS or len(name) > 64:
            return "length", f"An address has at most {_MAX_ADDRESS} characters, 64 of them before the @."
        if not _LOCAL.fullmatch(name):
            return "name", "Before the @, ASCII letters, digits, some signs, and dots between them are expected."
        if problem := _domain(domain):
            return "domain", problem
        if self.domains and not any(domain == one or domain.endswith("." + one) for one in self.domains):
            return "refused", f"An address at {', '.join(self.domains)[:200]} is expected."
        return None


def _domain(domain: str) -> str | None:
    """What is wrong with a domain in small letters."""
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return "After the @, names of ASCII letters, digits and inner hyphens with dots between them are expected."
    if labels[-1].isdecimal():
        return "The last part of a domain is no number."
    return None


_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")


@dataclass(frozen=True)
class Uuid(Check):
    """A universally unique identifier, written 123e4567-e89b-42d3-a456-426614174000.

    Findings: ``uuid.type``, ``uuid.structure``, ``uuid.version`` (not one of those allowed, or of another variant),
    ``uuid.form`` (capitals, braces, urn:uuid:, no hyphens; with a fix).
    """

    source: ClassVar[str] = "RFC 9562, 4"
    versions: tuple[int, ...] = ()
    """Versions allowed, of 1 to 8; empty for any, also for those of nil and max."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a version that there is not."""
        if not isinstance(self.versions, (list, tuple)) or not set(self.versions) <= set(range(1, 9)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"uuid: versions is {self.versions!r:.50}.", hint="It is a list of 1 to 8, such as [4].")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the identifier."""
        if not isinstance(value, str):
            return (wrong_type("uuid", "A UUID as text", value),)
        given = str.__str__(value)
        tidy = given.strip().removeprefix("urn:uuid:") if len(given) <= 60 else ""
        if tidy[:1] == "{" and tidy[-1:] == "}":
            tidy = tidy[1:-1]
        found = _UUID.fullmatch(tidy.lower() if tidy.isascii() else "")
        if found is None:
            text = "A UUID is expected: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12."
            return (Finding("uuid.structure", text, excerpt=shown(given)),)
        if self.versions and (int(found[3][0], 16) not in self.versions or found[4][0] not in "89ab"):
            text = f"A UUID of version {' or '.join(map(str, self.versions))} is expected."
            return (Finding("uuid.version", text, excerpt=shown(given)),)
        right = "-".join(found.groups())
        if right == given:
            return ()
        return (Finding("uuid.form", f"The UUID is written {right}.", excerpt=shown(given), fix=Fix(right)),)
