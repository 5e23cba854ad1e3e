"""From a syntax tree to a closure that answers for given facts. Facts are read, never changed."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import cast

from handrail.conditions.functions import FUNCTIONS, Folders, Pattern
from handrail.conditions.reading import Evaluate, Reading
from handrail.conditions.spelling import plain
from handrail.conditions.syntax import AllOf, AnyOf, Call, Compare, Constant, ListOf, Node, Not, Path, Sign
from handrail.conditions.values import COMPARISONS, ORDERS, truth


def compiled(node: Node) -> Evaluate:
    """What answers ``node``; the closure raises Unevaluable, or whatever a hostile fact raises."""
    match node:
        case Constant(value=value):
            return lambda _: value
        case Path(steps=steps):
            return lambda reading: reading.get(steps)
        case ListOf():
            return _list(node)
        case Not(operand=operand):
            inner = compiled(operand)
            return lambda reading: not truth(inner(reading))
        case AllOf() | AnyOf():
            return _joined(node)
        case Compare():
            return _special(node) or _comparison(node)
        case Call():
            return _call(node)


def _list(node: ListOf) -> Evaluate:
    if all(isinstance(item, Constant) for item in node.items):
        whole = tuple(item.value for item in node.items if isinstance(item, Constant))
        return lambda _: whole
    members = [compiled(item) for item in node.items]
    return lambda reading: [member(reading) for member in members]


def _joined(node: AllOf | AnyOf) -> Evaluate:
    """Left to right, stops at the first part that decides."""
    parts, decides = [compiled(part) for part in node.parts], isinstance(node, AnyOf)

    def join(reading: Reading) -> bool:
        for part in parts:
            answer = part(reading)
            if answer is decides or truth(answer) is decides:
                return decides
        return not decides

    return join


def _comparison(node: Compare) -> Evaluate:
    compare, left, right = COMPARISONS[node.sign], compiled(node.left), compiled(node.right)
    return lambda reading: compare(left(reading), right(reading), reading)


def _call(node: Call) -> Evaluate:
    function = FUNCTIONS[node.function]
    apply, given = (
        function.apply,
        [_argument(takes, one) for takes, one in zip(function.takes, node.arguments, strict=True)],
    )
    if len(given) == 1:
        only = given[0]
        return lambda reading: apply(reading, only(reading))
    return lambda reading: apply(reading, *[value(reading) for value in given])


def _argument(takes: str, node: Node) -> Evaluate:
    if takes == "path":
        steps = cast("Path", node).steps
        return lambda reading: reading.find(steps)
    if takes in LITERALS:
        prepared = LITERALS[takes](cast("str", cast("Constant", node).value))
        return lambda _: prepared
    return compiled(node)


LITERALS: dict[str, Callable[[str], object]] = {"pattern": Pattern.of, "folder": Folders.of}
"""What a literal argument is made into when the condition is compiled; raises ValueError."""


def _special(node: Compare) -> Evaluate | None:
    """A shorter closure for the common shapes: something against a number, a text, or a list of texts."""
    left, right = compiled(node.left), node.right
    if isinstance(right, Constant) and type(right.value) in (int, float):
        return _with_number(node, left, cast("float", right.value))
    if isinstance(right, Constant) and type(right.value) is str and node.sign in ("==", "!="):
        return _with_texts(node, left, (right.value,))
    if isinstance(right, ListOf) and node.sign in ("in", "not in"):
        texts = tuple(item.value for item in right.items if isinstance(item, Constant) and type(item.value) is str)
        return _with_texts(node, left, texts) if texts and len(texts) == len(right.items) else None
    return None


_NUMBERS: Mapping[Sign, Callable[[float, float], bool]] = {**ORDERS, "==": operator.eq, "!=": operator.ne}


def _with_number(node: Compare, left: Evaluate, number: float) -> Evaluate | None:
    compare = _NUMBERS.get(node.sign)
    general = COMPARISONS[node.sign]
    if compare is None:
        return None

    def test(reading: Reading) -> bool:
        value = left(reading)
        if type(value) is int or (type(value) is float and math.isfinite(value)):
            return compare(value, number)
        return general(value, number, reading)

    return test


def _with_texts(node: Compare, left: Evaluate, texts: tuple[str, ...]) -> Evaluate:
    wanted = frozenset(texts)
    spelled = frozenset(plain(text, Reading({})) for text in texts)
    found = node.sign in ("==", "in")
    general, right = COMPARISONS[node.sign], texts if node.sign in ("in", "not in") else texts[0]

    def test(reading: Reading) -> bool:
        value = left(reading)
        if type(value) is str and value.isascii():
            if value in wanted:
                return found
            if plain(value, reading) not in spelled:
                return not found
        return general(value, right, reading)

    return test
