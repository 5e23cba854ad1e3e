"""Mends what models slip into JSON by habit, where there is no doubt about what was meant.

Read from left to right, once: code fences, comments, quotation marks of other kinds, Python's words, bare keys, line
ends inside texts, commas too many; and, where that is allowed, closing brackets that are missing. Never a value.
"""

from __future__ import annotations

import json
import re

_FENCE = re.compile(r"\s*```[A-Za-z0-9_+-]*[ \t]*\r?\n")
_TOKEN = re.compile(
    r"(?P<space>[\s\ufeff\u200b]++)|(?P<comment>//[^\n]*+|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)"
    r"|(?P<plain>\"(?:[^\"\\\x00-\x1f]|\\[\"\\/bfnrtu])*+\")|(?P<quote>[\"'“”„‟‘’‚‛])"
    r"|(?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?![\w.]))"
    r"|(?P<word>[A-Za-z_$][\w$-]*+)|(?P<sign>[{}\[\],:])",
    re.DOTALL,
)
_CLOSERS = {'"': '"', "'": "'", **dict.fromkeys("“”„‟", "“”"), **dict.fromkeys("‘’‚‛", "‘’")}
_WORDS = {"True": "true", "False": "false", "None": "null", "true": "true", "false": "false", "null": "null"}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\", "/": "/"}
_KEY = re.compile(r"[\s\ufeff\u200b]*+:")


class _Doubt(Exception):
    """It is not clear what was meant."""


def repaired(text: str, *, close: bool = False) -> str | None:
    """``text`` as JSON, or None where it is not clear how. What comes back may still be wrong: it is to be parsed."""
    inside = _unfenced(text)
    reader = _Reader(inside)
    try:
        return reader.read(close)
    except _Doubt:
        return None


def _unfenced(text: str) -> str:
    """What stands in a code fence, where that is all there is."""
    opening = _FENCE.match(text)
    end = text.rstrip()
    if opening is None or not end.endswith("```") or text.count("```") != 2:
        return text
    return end[opening.end() : -3]


class _Reader:
    """Reads one text and writes it anew."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        self._open: list[str] = []
        self._last = ""
        """The last sign that means something; ``v`` for a value."""
        self._comma = 0
        """Where the last comma stands in what is written."""

    def read(self, close: bool) -> str:
        at = 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None:
                raise _Doubt
            at = self._token(found)
        if self._open:
            self._finish(close)
        return "".join(self._out).strip()

    def _token(self, found: re.Match[str]) -> int:
        kind, text = found.lastgroup, found[0]
        if kind == "space":
            self._out.append("".join(one if one in " \t\r\n" else " " for one in text))
        elif kind == "sign":
            self._sign(text)
        elif kind == "quote":
            return self._quoted(found.end(), _CLOSERS[text])
        elif kind == "word":
            self._word(text, found.end())
        elif kind != "comment":
            self._value(text)
        return found.end()

    def _value(self, text: str) -> None:
        if self._last == "v":
            raise _Doubt  # two values side by side: nobody knows what belongs between them
        self._out.append(text)
        self._last = "v"

    def _sign(self, sign: str) -> None:
        if sign in "{[":
            self._value(sign)
            self._open.append("}" if sign == "{" else "]")
        elif sign in "}]":
            if not self._open or self._open.pop() != sign:
                raise _Doubt
            self._drop_comma()
            self._out.append(sign)
        elif self._last == "v":
            self._comma = len(self._out)
            self._out.append(sign)
        else:
            raise _Doubt
        self._last = "v" if sign in "}]" else sign

    def _drop_comma(self) -> None:
        if self._last == ",":
            self._out[self._comma] = ""

    def _word(self, word: str, end: int) -> None:
        if self._open[-1:] == ["}"] and self._last in ("{", ",") and _KEY.match(self._text, end):
            self._value(json.dumps(word))
        elif word in _WORDS and self._last in ("", ":", "[", ","):
            self._value(_WORDS[word])
        else:
            raise _Doubt

    def _quoted(self, at: int, closers: str) -> int:
        """A text in other quotation marks, or with line ends in it."""
        parts: list[str] = []
        stop = re.compile(f"[{closers}\\\\]")
        while True:
            found = stop.search(self._text, at)
            if found is None:
                raise _Doubt
            parts.append(self._text[at : found.start()])
            at = found.end()
            if found[0] != "\\":
                break
            at = self._escape(at, parts)
        self._value(json.dumps("".join(parts), ensure_ascii=False))
        return at

    def _escape(self, at: int, parts: list[str]) -> int:
        one = self._text[at : at + 1]
        if one == "u" and re.fullmatch("[0-9a-fA-F]{4}", self._text[at + 1 : at + 5]):
            parts.append(chr(int(self._text[at + 1 : at + 5], 16)))
            return at + 5
        if one not in _ESCAPES:
            raise _Doubt
        parts.append(_ESCAPES[one])
        return at + 1

    def _finish(self, close: bool) -> None:
        if not close or self._last == ":":
            raise _Doubt
        self._drop_comma()
        self._out.extend(reversed(self._open))
