"""What a team's own matcher may cost: whatever a request could make slow is refused when the files are loaded.

A regular expression sees at most `MAX_TEXT` characters (longer ones are an error, hence a denial), so that what remains
is to refuse expressions whose work grows faster than with the cube of that.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any, cast

from handrail.policy.casbin.model import Function
from handrail.policy.casbin.tables import MAX_REMEMBERED_NAME, REGEX_OF, Indexed, indexed_functions

MAX_TEXT = MAX_REMEMBERED_NAME
"""Longest text, in characters, that is compared with a pattern."""

MAX_DEGREE = 3.0
"""Work on a text of n characters may grow as n to this power."""

_WIDE = 8
"""From here on a counted repetition is taken for an unbounded one."""

_METHODS = frozenset({
    "startswith", "endswith", "lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix",
    "find", "count", "isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isupper", "islower", "isascii",
})  # fmt: skip
_REFUSED: dict[type[ast.AST], str] = {
    ast.ListComp: "it goes through a list, however long",
    ast.SetComp: "it goes through a list, however long",
    ast.DictComp: "it goes through a list, however long",
    ast.GeneratorExp: "it goes through a list, however long",
}


_PATTERNS = frozenset(REGEX_OF) | {"globMatch"}


def bounded_functions() -> dict[str, Indexed]:
    """Casbin's pattern functions, for texts of at most `MAX_TEXT` characters; longer ones raise ValueError."""
    given = indexed_functions()
    return {name: Indexed(_bounded(name, one.call), one.table, one.policy_at) for name, one in given.items()}


def unbounded(tree: ast.expr) -> str:
    """Why evaluating ``tree`` may cost any amount of time; empty where it may not.

    Policy fields that serve as patterns are left to `pattern_fields` and `dear`; patterns of a request are looked at
    when they come.
    """
    for node in ast.walk(tree):
        problem = (
            _REFUSED.get(type(node))
            or _format_problem(node)
            or (_call_problem(node) if isinstance(node, ast.Call) else "")
        )
        if problem:
            return problem
    return ""


def pattern_fields(tree: ast.expr) -> frozenset[tuple[str, str]]:
    """(function, policy field) wherever a field is used as a pattern."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Name(id=field)]) if name in _PATTERNS:
                found.add((name, field))
            case _:
                continue
    return frozenset(found)


def dear(function: str, pattern: str) -> str:
    """Why matching ``pattern`` by ``function`` may take long; empty where it may not."""
    if function == "globMatch":
        stars = len(re.findall(r"\*+", pattern))
        return f"{pattern!r} has too many stars" if stars > MAX_DEGREE else ""
    return explosive(REGEX_OF[function](pattern))


_known_dear = lru_cache(4_096)(dear)


def explosive(pattern: str) -> str:
    """Why matching ``pattern`` may take long; empty where it may not, or where it is no regular expression."""
    try:
        parsed = cast("Any", _parser).parse(pattern)
    except (re.error, OverflowError):
        return ""  # never matched: every request that reaches it is denied
    except RecursionError:
        return f"{pattern[:40]!r}... is nested too deep"
    degree = _degree(cast("Sequence[Any]", parsed))
    if math.isinf(degree):
        return f"{pattern!r} repeats a repetition, which a text can make explode"
    if degree > MAX_DEGREE:
        return f"{pattern!r} has too many repetitions in a row"
    return ""


def _bounded(name: str, call: Function) -> Function:
    """``call`` for short texts and tame patterns; a pattern may come from the request too."""

    def function(*given: object) -> Any:
        if any(isinstance(one, str) and len(one) > MAX_TEXT for one in given):
            raise ValueError(f"a text of more than {MAX_TEXT} characters is compared with no pattern")
        pattern = given[1] if len(given) > 1 else None
        if name in _PATTERNS and isinstance(pattern, str) and (problem := _known_dear(name, pattern)):
            raise ValueError(problem)
        return call(*given)  # Casbin itself says what is wrong with their number

    return function


def _format_problem(node: ast.AST) -> str:
    formats = isinstance(node, ast.FormattedValue) and node.format_spec is not None
    return "it formats a text, however long" if formats else ""


def _call_problem(node: ast.Call) -> str:
    match node:
        case ast.Call(func=ast.Attribute(attr=method)) if method not in _METHODS:
            return f"the method {method!r} is not known to be cheap"
        case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str() as text)]) if name in _PATTERNS:
            return dear(name, text)
        case _:
            return ""


def _degree(items: Sequence[Any]) -> float:
    return sum(_item_degree(str(item[0]), item[1]) for item in items)


def _item_degree(kind: str, given: Any) -> float:
    match kind:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _repeat_degree(*given)
        case "SUBPATTERN":
            return _degree(given[3])
        case "BRANCH":
            branches = [_degree(branch) for branch in given[1]]
            return max(branches) + (0 if _apart(given[1]) else math.log2(len(branches)) / 8)
        case "ASSERT" | "ASSERT_NOT":
            return _degree(given[1])
        case "ATOMIC_GROUP":
            return _degree(given)
        case "GROUPREF" | "GROUPREF_EXISTS":
            return 1
        case _:
            return 0


def _repeat_degree(low: int, high: int, body: Sequence[Any]) -> float:
    inner = _degree(body)
    if int(high) - int(low) < _WIDE:
        return inner * max(1, int(high)) + math.log2(int(high) - int(low) + 1) / 8
    return math.inf if inner > 0 else 1


def _apart(branches: Sequence[Sequence[Any]]) -> bool:
    """Whether no text can begin two of the branches."""
    firsts = [branch[0][1] for branch in branches if len(branch) and str(branch[0][0]) == "LITERAL"]
    return len(set(firsts)) == len(branches)
