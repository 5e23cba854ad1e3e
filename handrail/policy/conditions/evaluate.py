"""From a syntax tree to a closure that answers for given facts. Facts are read, never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from handrail.policy.conditions.faults import Unevaluable
from handrail.policy.conditions.functions import FUNCTIONS
from handrail.policy.conditions.syntax import (
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    path_text,
)
from handrail.policy.conditions.values import COMPARISONS, truth

Facts = Mapping[str, object]
"""Root -> its value, such as ``{"args": {...}, "tenant": "acme"}``."""

Evaluate = Callable[[Facts], object]


class _Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()
"""Stands for a fact that is not there."""


def compiled(node: Node) -> Evaluate:
    """What answers ``node``; the closure raises Unevaluable, or whatever a hostile fact raises."""
    match node:
        case Constant(value=value):
            return lambda _: value
        case Path(steps=steps):
            return lambda facts: _required(facts, steps)
        case ListOf(items=items):
            members = [compiled(item) for item in items]
            return lambda facts: [member(facts) for member in members]
        case Not(operand=operand):
            inner = compiled(operand)
            return lambda facts: not truth(inner(facts))
        case AllOf() | AnyOf():
            return _joined(node)
        case Compare():
            return _comparison(node)
        case Call():
            return _call(node)


def _joined(node: AllOf | AnyOf) -> Evaluate:
    """Left to right, stops at the first part that decides."""
    parts = [compiled(part) for part in node.parts]
    if isinstance(node, AllOf):
        return lambda facts: all(truth(part(facts)) for part in parts)
    return lambda facts: any(truth(part(facts)) for part in parts)


def _comparison(node: Compare) -> Evaluate:
    compare, left, right = COMPARISONS[node.sign], compiled(node.left), compiled(node.right)
    return lambda facts: compare(left(facts), right(facts))


def _call(node: Call) -> Evaluate:
    apply = FUNCTIONS[node.function].apply
    given = [compiled(argument) for argument in node.arguments]
    return lambda facts: apply(*(value(facts) for value in given))


def read(facts: Facts, steps: tuple[str, ...]) -> object:
    """The fact at the end of a path, or MISSING."""
    value: object = facts
    for step in steps:
        value = _member(value, step)
        if value is MISSING:
            break
    return value


def _required(facts: Facts, steps: tuple[str, ...]) -> object:
    value: object = facts
    for position, step in enumerate(steps):
        value = _member(value, step)
        if value is MISSING:
            raise Unevaluable(f"{path_text(steps[: position + 1])} is missing")
    return value


def _member(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(step, MISSING)
    if isinstance(value, (list, tuple)) and step.isdigit() and len(step) < 10:
        items, position = cast("list[object] | tuple[object, ...]", value), int(step)
        return items[position] if position < len(items) else MISSING
    return MISSING
