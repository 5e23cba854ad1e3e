"""Whether a text is a regular expression of ECMA-262 (with its ``u`` flag): read once, never compiled."""

from __future__ import annotations

import re

_GROUP = re.compile(r"\((?:\?(?::|=|!|<=|<!|<[^\W\d]\w*>))?")
_REPEAT = re.compile(r"(?:[*+?]|\{(\d++)(?:,(\d*+))?\})\??", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:[dDwWsSbBfnrtv0-9^$\\.*+?()\[\]{}|/-]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}"
    r"|[pP]\{[A-Za-z0-9_=]++\}|k<[^\W\d]\w*+>)"
)
_CLASS = re.compile(r"\[\^?(?:[^\]\\]|\\.)*+\]", re.DOTALL)


def is_pattern(text: str) -> bool:
    """Whether brackets close, what is repeated is there, and escapes are ones that ECMA-262 has."""
    at, open_groups, repeatable = 0, 0, False
    while at < len(text):
        step = _step(text, at, repeatable)
        if step is None:
            return False
        at, opened, repeatable = step
        open_groups += opened
        if open_groups < 0:
            return False
    return open_groups == 0


def _step(text: str, at: int, repeatable: bool) -> tuple[int, int, bool] | None:
    """(where the next part begins, groups that this one opens, whether it can be repeated); None where it is wrong."""
    one = text[at]
    if one == "(":
        found = _GROUP.match(text, at)
        return None if found is None or text[found.end() : found.end() + 1] == "?" else (found.end(), 1, False)
    if one == ")":
        return at + 1, -1, True
    if one in "*+?{":
        repeat = _REPEAT.match(text, at)
        return (repeat.end(), 0, False) if repeat is not None and repeatable and _ordered(repeat) else None
    if one in "|^$":
        return at + 1, 0, False
    if one in "\\[":
        part = (_ESCAPE if one == "\\" else _CLASS).match(text, at)
        good = part is not None and (one == "\\" or all(map(_good_escape, re.finditer(r"\\.", part[0], re.DOTALL))))
        return (part.end(), 0, True) if part is not None and good else None
    return None if one in "]}" else (at + 1, 0, True)


def _ordered(repeat: re.Match[str]) -> bool:
    least, most = repeat[1], repeat[2]
    return (
        not least
        or not most
        or (len(least.lstrip("0")), least.lstrip("0")) <= (len(most.lstrip("0")), most.lstrip("0"))
    )


def _good_escape(found: re.Match[str]) -> bool:
    """In a class: letters escape only what ECMA-262 knows."""
    return not found[0][1].isalpha() or found[0][1] in "dDwWsSbBfnrtvcxupP"
