"""Regular expressions of Casbin files: do they end where they seem to? Whether they are cheap, loading has asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

_parser: Any = import_module("re._parser")
_FOREVER = 1_000
"""Repetitions from which on a repeat counts as unbounded."""

Node = tuple[Any, Any]


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
