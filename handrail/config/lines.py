"""Where each key of a TOML text stands. Knows positions only: tomllib has parsed and accepted the text before.

The scanner walks the text once and skips over values; it relies on the text being valid TOML.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from types import MappingProxyType

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_MULTI_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
_MULTI_LITERAL = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]+")


class Lines:
    """The 1-based lines of a TOML document's tables, keys and array elements."""

    def __init__(self, text: str) -> None:
        """``text`` is a TOML document that tomllib accepts."""
        self._lines: Mapping[Path, int] = MappingProxyType(_Scanner(text).scan())

    @property
    def paths(self) -> Mapping[Path, int]:
        """Every path of the document with its line."""
        return self._lines

    def of(self, *path: str | int) -> int | None:
        """Line of ``path``, or of its nearest parent that stands in the text; None for the whole document."""
        for length in range(len(path), 0, -1):
            if (line := self._lines.get(path[:length])) is not None:
                return line
        return None


class _Scanner:
    """One walk over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._found: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        """Every path of the document with its line."""
        table: Path = ()
        while self._skip_blank() < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _skip_blank(self) -> int:
        self._at = self._match(_BLANK, self._at)
        return self._at

    def _match(self, pattern: re.Pattern[str], start: int) -> int:
        found = pattern.match(self._text, start)
        return found.end() if found else start

    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of the table that begins here."""
        line = self._line()
        many = self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        path: Path = ()
        keys = self._keys()
        for part in keys[:-1]:
            path = self._current((*path, part))
            self._found.setdefault(path, line)
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        path = (*path, keys[-1])
        if many:
            self._found.setdefault(path, line)
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
        # A header states its table even where a sub-table stood before it.
        self._found[path] = line
        return path

    def _current(self, path: Path) -> Path:
        """``path``, or its latest element where it is an array of tables."""
        return (*path, self._elements[path]) if path in self._elements else path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._keys():
            path = (*path, part)
            self._found.setdefault(path, line)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _keys(self) -> list[str]:
        """A dotted key; the scanner then stands behind its last part and the blanks that follow."""
        keys = [self._key()]
        while self._text.startswith(".", self._skip_blank()):
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        start = self._skip_blank()
        quote = self._text[start]
        pattern = {'"': _BASIC, "'": _LITERAL}.get(quote, _BARE)
        self._at = self._match(pattern, start)
        raw = self._text[start : self._at]
        # tomllib knows the escapes of a quoted key best.
        return next(iter(tomllib.loads(f"{raw} = 0"))) if quote == '"' else raw.strip("'")

    def _value(self, path: Path) -> None:
        self._skip_blank()
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        else:
            self._at = self._match(self._scalar(), self._at)

    def _scalar(self) -> re.Pattern[str]:
        if self._text.startswith('"""', self._at):
            return _MULTI_BASIC
        if self._text.startswith("'''", self._at):
            return _MULTI_LITERAL
        return {'"': _BASIC, "'": _LITERAL}.get(self._text[self._at], _PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip_blank()] != "]":
            self._found[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip_blank()] != "}":
            self._pair(path)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        if self._text.startswith(",", self._skip_blank()):
            self._at += 1
