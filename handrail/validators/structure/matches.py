"""A text that a regular expression describes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from handrail.config.regex import BadPattern, Regex, compiled
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.texts import excerpt

MAX_WORK = 2_000_000
"""Bytes of a text times instructions of the pattern that one check may take: about ten milliseconds at worst."""
_SHOWN = 200


@dataclass(frozen=True)
class Matches(Check):
    """A text that matches a regular expression as a whole: ``matches("[A-Z]{3}-[0-9]+")``.

    Codes: ``matches.pattern`` (it does not match), ``matches.type`` (it is no text), ``unchecked.size``.
    """

    source: ClassVar[str] = "RE2 syntax, https://github.com/google/re2/wiki/Syntax"
    pattern: str
    """In RE2's syntax: no look-around, no reference back to a group, and so linear time."""
    search: bool = False
    """True where it is enough that some part of the text matches."""
    ignore_case: bool = False
    """True where capitals and small letters are the same."""
    _regex: Regex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the pattern. Raises ConfigError where that cannot be done."""
        try:
            made = compiled(self.pattern, ignore_case=self.ignore_case)
        except (BadPattern, AttributeError) as problem:
            hint = "Patterns are RE2's: no look-around, no reference to a group."
            raise ConfigError(f"matches({self.pattern!r:.200}): {problem}.", hint=hint) from None
        object.__setattr__(self, "_regex", made)

    @property
    def raw(self) -> bool:
        """It looks at a text as it stands, even where that is JSON."""
        return True

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """One finding where ``value`` is not such a text."""
        if not isinstance(value, str):
            return (Finding("matches.type", "A text is expected here."),)
        data = value.encode("utf-8", "surrogatepass") if len(value) <= MAX_WORK else b""
        if max(len(value), len(data)) * self._regex.size > MAX_WORK:
            return (Finding("unchecked.size", f"A text of {len(value)} characters is too long for this pattern."),)
        if self._regex.search(data) if self.search else self._regex.fullmatch(data):
            return ()
        how = "have a part that matches" if self.search else "match"
        return (Finding("matches.pattern", f"The text must {how} {self.pattern[:_SHOWN]!r}.", excerpt=excerpt(value)),)
