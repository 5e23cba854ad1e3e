"""How deeply Python code nests, before it is parsed: the parser recurses, and a thread's stack may be small."""

from __future__ import annotations

import re

MAX_BRACKETS = 50
"""Brackets inside each other."""
MAX_PREFIXES = 400
"""``not``, ``lambda``, ``else``, ``elif``, ``**`` and other words after which the parser goes one level down."""
MAX_FORMATS = 20
"""Formatted strings that begin inside of a formatted string."""

_TOKEN = re.compile(
    r"""\#[^\r\n]*+
    | (?P<prefix>[A-Za-z]{0,2}) (?P<string>
        \"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")? | '''(?:[^'\\]|\\.|'(?!''))*+(?:''')?
        | "(?:[^"\\\r\n]|\\.)*+"? | '(?:[^'\\\r\n]|\\.)*+'? )
    | [()\[\]{}]""",
    re.VERBOSE | re.DOTALL,
)
_PREFIX = re.compile(r"\b(?:not|lambda|else|elif|await|yield)\b|\*\*|[-+~](?=\s*+[-+~(])")
_FORMAT = re.compile(r"""\{\s*+[rRfFtT]{1,2}["']""")


def too_deep(text: str) -> bool:
    """Whether ``text`` may nest more deeply than is parsed. Takes linear time."""
    return _brackets(text) > MAX_BRACKETS or _many(_PREFIX, text, MAX_PREFIXES) or _many(_FORMAT, text, MAX_FORMATS)


def _many(pattern: re.Pattern[str], text: str, limit: int) -> bool:
    return sum(1 for _ in pattern.finditer(text)) > limit


def _brackets(text: str) -> int:
    """Depth of the deepest bracket. In strings only brackets of formatted ones count, and only those that open."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        string = token["string"]
        if string is not None:
            inside = sum(map(string.count, "([{")) if "f" in token["prefix"].lower() else 0
            deepest = max(deepest, depth + inside)
        elif (mark := token[0]) in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in ")]}":
            depth = max(depth - 1, 0)
    return deepest
