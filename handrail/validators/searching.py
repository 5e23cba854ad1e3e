"""Patterns from options, looked for in untrusted text: in linear time, and with a bound on all work together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handrail.config.regex import BadPattern, Regex, compiled
from handrail.errors import ConfigError

MAX_WORK = 10_000_000
"""RE2's instructions times bytes that one search may cost: about 20 ms where RE2 is slowest."""
MAX_SIZE = 1_000
"""Largest pattern, in RE2's instructions."""
MAX_MATCHES = 200
"""Matches in one text: a search for the next one may read all the rest of the text."""


class TooMuch(Exception):
    """A text is too large for a pattern, or has too many matches."""


@dataclass(frozen=True, slots=True)
class Searched:
    """One pattern of an option."""

    regex: Regex

    @classmethod
    def of(cls, option: str, pattern: str, *, ignore_case: bool = True) -> Searched:
        """Compile the pattern of ``option``. Raises ConfigError."""
        try:
            made = compiled(pattern, ignore_case=ignore_case)
        except BadPattern as problem:
            hint = "See https://github.com/google/re2/wiki/Syntax."
            raise ConfigError(f"`{option}` is {pattern!r:.100}, which is no pattern: {problem}.", hint=hint) from None
        if made.size > MAX_SIZE:
            raise ConfigError(f"`{option}` is too large a pattern.", hint="Write a shorter one, or several checks.")
        return cls(made)

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere. Raises TooMuch."""
        return bool(self.regex.search(self._bytes(text)))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it matches something, in characters, from left to right. Raises TooMuch."""
        given = self._bytes(text)
        seen = at = 0
        for number, match in enumerate(self.regex.finditer(given)):
            if number >= MAX_MATCHES:
                raise TooMuch
            begin, end = match.span()
            first = at + len(given[seen:begin].decode("utf-8", "replace"))
            seen, at = end, first + len(given[begin:end].decode("utf-8", "replace"))
            if end > begin:
                yield first, at

    def _bytes(self, text: str) -> bytes:
        given = text.encode("utf-8", "replace")
        if len(given) * self.regex.size > MAX_WORK * 5:
            raise TooMuch
        return given
