"""A second reading of the condition language: a plain walk over the tree, slow, and written from the reference page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from handrail.conditions import AllOf, AnyOf, Call, Compare, Constant, ListOf, Node, Not, Path


class NoAnswer(Exception):
    """The condition has no answer."""


class _Absent:
    pass


def holds(tree: Node, facts: Mapping[str, Any]) -> bool:
    """The answer; raises NoAnswer."""
    return _truth(_value(tree, facts))


def _value(node: Node, facts: Mapping[str, Any]) -> Any:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, ListOf):
        return [_value(item, facts) for item in node.items]
    if isinstance(node, Path):
        found = _at(facts, node.steps)
        return _refuse() if found is _Absent else found
    if isinstance(node, Not):
        return not holds(node.operand, facts)
    if isinstance(node, (AllOf, AnyOf)):
        wanted = isinstance(node, AnyOf)
        return wanted if any(holds(part, facts) is wanted for part in node.parts) else not wanted
    if isinstance(node, Compare):
        return _compare(node.sign, _value(node.left, facts), _value(node.right, facts))
    return _call(node, facts)


def _refuse() -> Any:
    raise NoAnswer


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse()


def _at(value: Any, steps: tuple[str, ...]) -> Any:
    if not steps:
        return value
    if isinstance(value, dict):
        return _at(value[steps[0]], steps[1:]) if steps[0] in value else _Absent
    if isinstance(value, list) and steps[0].isdigit() and int(steps[0]) < len(value):
        return _at(value[int(steps[0])], steps[1:])
    return _Absent


def _kind(value: Any) -> str:
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return repr(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign.startswith("not "):
        return not _compare(sign.removeprefix("not "), left, right)
    if sign == "!=":
        return not _compare("==", left, right)
    if sign == "in":
        return _member(left, right)
    if sign == "==" and None in (left, right):
        return left is None and right is None
    if _kind(left) != _kind(right) or _kind(left) not in ("str", "number", *(["bool"] if sign == "==" else [])):
        _refuse()
    answer = _simple(sign, left, right)
    if isinstance(left, str) and answer is not _simple(sign, _spelled(left), _spelled(right)):
        return answer if sign == "==" and answer else bool(_refuse())
    return answer


def _simple(sign: str, left: Any, right: Any) -> bool:
    order = -1 if left < right else int(left > right)
    return {"==": order == 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]


def _member(item: Any, members: Any) -> bool:
    if not isinstance(members, list):
        _refuse()
    answers: set[bool | None] = set()
    for member in members:
        try:
            answers.add(_compare("==", item, member))
        except NoAnswer:
            answers.add(None)
    if True in answers:
        return True
    return bool(_refuse()) if None in answers else False


def _folded(text: str, form: Any) -> str:
    kept = [
        one
        for one in text
        if unicodedata.category(one) != "Cf" and (one in "\t\n\r" or unicodedata.category(one) != "Cc")
    ]
    return "".join(unicodedata.normalize(form, one) for one in kept)


def _spelled(text: str) -> str:
    return _folded(text, "NFKD").casefold().strip()


def _call(node: Call, facts: Mapping[str, Any]) -> Any:
    if node.function == "has":
        path = node.arguments[0]
        assert isinstance(path, Path)
        return _at(facts, path.steps) is not _Absent
    given = [_value(argument, facts) for argument in node.arguments]
    if node.function == "len":
        return len(given[0]) if isinstance(given[0], (str, list, dict)) else _refuse()
    if node.function in ("hour", "weekday"):
        return _calendar(node.function, given[0])
    if node.function == "contains" and isinstance(given[0], list):
        return _member(given[1], given[0])
    if not all(isinstance(one, str) for one in given):
        _refuse()
    return _on_text(node.function, *given)


def _on_text(function: str, text: str, part: str = "") -> Any:
    if function == "lower":
        return text.lower()
    if function == "matches":
        return _matches(text, part)
    if function == "within":
        return _within(text, part)
    test: Any = {"startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__}[function]
    bare: Any = {"startswith": str.lstrip, "endswith": str.rstrip, "contains": str}[function]
    if test(text, part):
        return True
    other = _folded(part, "NFKD").casefold()
    return _refuse() if other and test(bare(_folded(text, "NFKD").casefold()), other) else False


def _matches(text: str, pattern: str) -> bool:
    tidy = _folded(text, "NFKC").strip()
    answer = re.fullmatch(pattern, text) is not None
    if (re.fullmatch(pattern, tidy) is not None) is not answer:
        _refuse()
    return answer or (bool(_refuse()) if re.fullmatch(pattern, tidy, re.I) else False)


def _within(path: str, folder: str) -> bool:
    names = path.removesuffix("/").split("/")[1:]
    odd = not path.startswith("/") or any(set(name) <= {".", " "} for name in names) or {"\\", "%"} & {*path}
    if odd or not path.isprintable() or _folded(path, "NFKC").strip() != path or len(path) > 4_096:
        _refuse()
    if PurePosixPath(path).is_relative_to(folder):
        return True
    return bool(_refuse()) if PurePosixPath(_spelled(path)).is_relative_to(_spelled(folder)) else False


def _calendar(function: str, seconds: Any) -> int:
    if _kind(seconds) != "number" or not -62_135_596_800 <= seconds < 253_402_300_800:
        _refuse()
    moment = datetime.fromtimestamp(seconds // 1, UTC)
    return moment.hour if function == "hour" else moment.isoweekday()
