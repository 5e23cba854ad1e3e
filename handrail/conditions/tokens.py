"""The words and signs of the condition language, with their positions. What they mean stands in parser.py."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)?")
_POSITION = re.compile(r"[0-9]+")
_SIGN = re.compile(r"&&|\|\||==|!=|<=|>=|[!<>()\[\],.]")
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word, sign or literal of a condition."""

    kind: Literal["word", "sign", "number", "string", "end"]
    text: str
    """As written."""
    at: int
    """First character, 0-based."""
    value: object = None
    """The number or string that the text stands for."""


def tokenize(source: str, *, fault: Callable[[str, int], Exception]) -> list[Token]:
    """Split ``source``; the last token is ``end``. Raises ``fault(problem, position)`` on anything unknown."""
    tokens: list[Token] = []
    at = 0
    while at < len(source):
        if source[at] in " \t\r\n":
            at += 1
            continue
        after_dot = bool(tokens) and tokens[-1].text == "." and tokens[-1].kind == "sign"
        token, at = _next(source, at, after_dot, fault)
        tokens.append(token)
    return [*tokens, Token("end", "", len(source))]


def explain(source: str, position: int) -> str:
    """The line of ``source`` that holds ``position``, and a caret under it."""
    start = source.rfind("\n", 0, position) + 1
    end = source.find("\n", position)
    line = source[start : end if end >= 0 else len(source)]
    first = max(0, position - start - 60)
    return f"    {line[first : first + 100]}\n    {' ' * (position - start - first)}^"


def _next(source: str, at: int, after_dot: bool, fault: Callable[[str, int], Exception]) -> tuple[Token, int]:
    if source[at] in "'\"":
        return _string(source, at, fault)
    if found := _WORD.match(source, at):
        return Token("word", found.group(), at), found.end()
    if found := (_POSITION if after_dot else _NUMBER).match(source, at):
        return _number(found.group(), at, fault), found.end()
    if found := _SIGN.match(source, at):
        return Token("sign", found.group(), at), found.end()
    raise fault(f"{source[at]!r} is not part of the language", at)


def _number(text: str, at: int, fault: Callable[[str, int], Exception]) -> Token:
    value = float(text) if any(mark in text for mark in ".eE") else int(text)
    if math.isinf(value) if isinstance(value, float) else len(text) > 300:
        raise fault("the number is too large", at)
    return Token("number", text, at, value)


def _string(source: str, start: int, fault: Callable[[str, int], Exception]) -> tuple[Token, int]:
    quote, at, out = source[start], start + 1, list[str]()
    while at < len(source) and source[at] != quote:
        if source[at] == "\\":
            at += 1
            if source[at : at + 1] not in _ESCAPES:
                raise fault("only \\\\ \\' \\\" \\n and \\t may follow a backslash", at)
            out.append(_ESCAPES[source[at]])
        else:
            out.append(source[at])
        at += 1
    if at >= len(source):
        raise fault("the string has no end", start)
    return Token("string", source[start : at + 1], start, "".join(out)), at + 1
