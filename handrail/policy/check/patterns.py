"""Regular expressions and key patterns of Casbin files: do they end where they seem to, and can they take for ever?

Casbin matches with Python's ``re``, which tries every way to split a text among nested repetitions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

_parser: Any = import_module("re._parser")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_FOREVER = 1_000
"""Repetitions from which on a repeat counts as unbounded."""

Node = tuple[Any, Any]


def explosive(pattern: str) -> str:
    """Why matching ``pattern`` can take exponential time, as a phrase; empty where it cannot, or is no pattern."""
    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return ""
    return _in(list(tree))


def unanchored(pattern: str) -> bool:
    """Whether something may follow a match, though the pattern does not say so with ``.*`` at its end."""
    try:
        tree = list(_parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return False
    return not _ends(tree)


def problem(pattern: str) -> str:
    """Why ``pattern`` is no regular expression, as a phrase; empty where it is one."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return ""


def _ends(tree: Sequence[Node]) -> bool:
    if not tree:
        return False
    kind, value = tree[-1]
    match str(kind):
        case "AT":
            return str(value) in ("AT_END", "AT_END_STRING")
        case "BRANCH":
            return all(_ends(list(one)) for one in value[1])
        case "SUBPATTERN":
            return _ends(list(value[-1]))
        case "MAX_REPEAT" | "MIN_REPEAT":
            _, most, body = value
            return most >= _FOREVER and str(next(iter(body))[0]) == "ANY"
        case _:
            return False


def _in(tree: Sequence[Node]) -> str:
    for kind, value in tree:
        name = str(kind)
        if name in _REPEATS and value[1] >= _FOREVER and (why := _repeated(list(value[2]))):
            return why
        for inner in _bodies(name, value):
            if why := _in(inner):
                return why
    return ""


def _repeated(body: Sequence[Node]) -> str:
    """Whether there are several ways to split a text among repetitions of ``body``."""
    body = _unwrapped(body)
    if len(body) == 1 and str(body[0][0]) == "BRANCH":
        branches = [_unwrapped(list(one)) for one in body[0][1][1]]
        if any(_repeated(one) for one in branches):
            return "a repetition repeats"
        firsts = [_characters(one[0]) if one else None for one in branches]
        return "" if _disjoint(firsts) else "its alternatives begin alike and repeat"
    for place, (kind, value) in enumerate(body):
        name = str(kind)
        if name in _REPEATS and value[1] >= _FOREVER:
            after = body[(place + 1) % len(body)]
            if len(body) == 1 or not _disjoint([_characters(_unwrapped(list(value[2]))[0]), _characters(after)]):
                return "a repetition repeats"
    return ""


def _unwrapped(body: Sequence[Node]) -> Sequence[Node]:
    while len(body) == 1 and str(body[0][0]) == "SUBPATTERN":
        body = list(body[0][1][-1])
    return body


def _bodies(name: str, value: Any) -> list[list[Node]]:
    if name in _REPEATS:
        return [list(value[2])]
    if name == "SUBPATTERN":
        return [list(value[-1])]
    if name == "BRANCH":
        return [list(one) for one in value[1]]
    return [list(value[1])] if name in ("ASSERT", "ASSERT_NOT") else []


def _characters(node: Node) -> frozenset[str] | None:
    """Which ASCII characters the node can begin with; None where that is not known, or where it may be empty."""
    name, value = str(node[0]), node[1]
    every = [chr(code) for code in range(128)]
    if name == "LITERAL":
        return frozenset({chr(value)})
    if name == "NOT_LITERAL":
        return frozenset(every) - {chr(value)}
    if name == "ANY":
        return frozenset(every) - {"\n"}
    if name == "IN":
        return _of_class(value, every)
    return None


def _of_class(items: Sequence[Node], every: Sequence[str]) -> frozenset[str] | None:
    found: set[str] = set()
    negated = False
    for kind, value in items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found.add(chr(value))
            case "RANGE":
                found |= {chr(code) for code in range(value[0], min(value[1], 127) + 1)}
            case "CATEGORY" if letter := _CATEGORIES.get(str(value)):
                found |= {one for one in every if re.match(letter, one)}
            case _:
                return None
    return frozenset(every) - found if negated else frozenset(found)


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
    "CATEGORY_SPACE": r"\s", "CATEGORY_NOT_SPACE": r"\S",
}  # fmt: skip


def _disjoint(sets: Sequence[frozenset[str] | None]) -> bool:
    known = cast("list[frozenset[str]]", [one for one in sets if one is not None])
    return len(known) == len(sets) and sum(map(len, known)) == len(frozenset[str]().union(*known))
