"""What is taken out of content before it is kept or shown: the one place for journal, spans and events alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from handrail.config.regex import Regex, compiled

MARK = "[redacted]"
"""What stands where something was taken out."""
_SCALARS = (bool, type(None))


class Redactor:
    """Takes out of JSON values what patterns match. Thread-safe; linear time, whatever pattern and text."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """``patterns`` are regular expressions (RE2). Raises BadPattern for one that is none."""
        self._patterns = [compiled(pattern) for pattern in patterns]

    def value(self, value: Any) -> tuple[Any, int]:
        """``value`` (JSON types) redacted, and how many places were; an equal value where none was.

        Texts, keys and numbers are looked at, each by itself: what is spread over several is not found.
        """
        walk = _Walk(self._patterns)
        return walk.value(value), walk.count

    def text(self, text: str) -> str:
        """``text`` redacted."""
        return _Walk(self._patterns).text(text)


@lru_cache(maxsize=32)
def redactor(patterns: tuple[str, ...]) -> Redactor | None:
    """The redactor for ``patterns``, made once; None where there are none."""
    return Redactor(patterns) if patterns else None


class _Walk:
    """One pass over one value."""

    def __init__(self, patterns: list[Regex]) -> None:
        self._patterns, self.count = patterns, 0

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[str, Any]", value))
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in cast("Iterable[Any]", value)]
        return value if isinstance(value, _SCALARS) else self._number(value)

    def text(self, text: str) -> str:
        body = text.encode()
        if not any(pattern.search(body) for pattern in self._patterns):
            return text
        spans = sorted(span for pattern in self._patterns for span in _spans(pattern, body))
        return self._without(body, spans).decode() if spans else text

    def _without(self, body: bytes, spans: list[tuple[int, int]]) -> bytes:
        """``body`` with a mark for every run of overlapping ``spans``."""
        parts: list[bytes] = []
        end = 0
        for start, stop in spans:
            if start >= end:
                parts += [body[end:start], MARK.encode()]
                self.count += 1
            end = max(end, stop)
        return b"".join([*parts, body[end:]])

    def _number(self, value: Any) -> Any:
        shown = str(value)
        redacted = self.text(shown)
        return value if redacted == shown else redacted

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = shown = self.text(key)
            number = 1
            while name in found:  # two keys may be the same without what was taken out
                number += 1
                name = f"{shown} {number}"
            found[name] = self.value(item)
        return found


def _spans(pattern: Regex, body: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = [match.span() for match in pattern.finditer(body)]
    return [(start, stop) for start, stop in found if stop > start]
