"""On which line of a JSON text the part stands that a JSON pointer names."""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


def line_of(text: str, path: str) -> int:
    """The line (1-based) of the JSON ``text`` on which ``path`` (RFC 6901) begins; the first where nothing is there."""
    offset = offset_of(text, path)
    return text.count("\n", 0, offset) + 1


def offset_of(text: str, path: str) -> int:
    """Characters before the part that ``path`` names; of the first value where there is no such part.

    Where a key stands twice, the last one counts, as it does for the reader of the value.
    """
    wanted = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    found = _Walk(wanted).offset(text)
    return found if found is not None else len(text) - len(text.lstrip())


class _Walk:
    """One pass over the tokens, with the key or index of each open level."""

    def __init__(self, wanted: list[str]) -> None:
        self._wanted = wanted
        self._open: list[str | int] = []
        self._same = 0  # leading levels that are those of the wanted path
        self._found: int | None = None
        self._key: str | None = None

    def offset(self, text: str) -> int | None:
        after = ""
        for token in _TOKEN.finditer(text):
            self._take(token[0], token.start(), after)
            after = token[0]
        return self._found

    def _take(self, token: str, at: int, after: str) -> None:
        if token in "]}":
            self._close()
        elif token == ",":
            self._next()
        elif token == ":":
            self._named(after)
        elif not self._is_key(token, after):
            self._value(token, at)

    def _is_key(self, token: str, after: str) -> bool:
        """Whether a text is the name of a member: what follows will be its value."""
        inside = bool(self._open) and isinstance(self._open[-1], str)
        return inside and token.startswith('"') and after in ("{", ",")

    def _value(self, token: str, at: int) -> None:
        if self._same == len(self._wanted) == len(self._open):
            self._found = at
        if token in ("[", "{"):
            self._open.append(0 if token == "[" else "")
            if token == "[":
                self._match()

    def _close(self) -> None:
        if self._open:
            self._open.pop()
        self._same = min(self._same, len(self._open))

    def _next(self) -> None:
        if self._open and isinstance(self._open[-1], int):
            self._open[-1] += 1
            self._match()

    def _named(self, key: str) -> None:
        if self._open:
            self._open[-1] = str(json.loads(key)) if key.startswith('"') else key
            self._match()

    def _match(self) -> None:
        level = len(self._open) - 1
        if self._same < level:
            return
        same = level < len(self._wanted) and str(self._open[level]) == self._wanted[level]
        self._same = level + 1 if same else level
