"""Matchers and conditions of Casbin, which are Python expressions, read into what checks understand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handrail.conditions import AllOf, AnyOf, Compare, Constant, ListOf, Node, Not, Path, Sign

_SIGNS: Mapping[type[ast.cmpop], Sign] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call in a matcher."""

    function: str
    arguments: tuple[ast.expr, ...]


def calls_of(tree: ast.AST) -> Iterator[FunctionCall]:
    """Every call of a named function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield FunctionCall(node.func.id, tuple(node.args))


def conjuncts(tree: ast.expr) -> Iterator[ast.expr]:
    """What must all be true."""
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        for part in tree.values:
            yield from conjuncts(part)
    else:
        yield tree


def field_of(node: ast.expr, prefix: str) -> str | None:
    """``sub`` of the name ``r_sub``; None for anything else."""
    found = isinstance(node, ast.Name) and node.id.startswith(f"{prefix}_")
    return node.id[len(prefix) + 1 :] if found and isinstance(node, ast.Name) else None


def string_of(node: ast.expr) -> str | None:
    """A text that stands in the expression itself."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def node_of(tree: ast.expr) -> Node | None:
    """The same as a condition of ``[[rule]]``, as far as it can be one; None where nothing of it can.

    Parts that cannot be told are left out of a conjunction, where they could only restrict more.
    """
    if isinstance(tree, ast.BoolOp):
        parts = [node_of(part) for part in tree.values]
        known = tuple(part for part in parts if part is not None)
        if isinstance(tree.op, ast.Or) and len(known) < len(parts):
            return None
        return (AllOf if isinstance(tree.op, ast.And) else AnyOf)(known) if len(known) > 1 else (*known, None)[0]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        inner = node_of(tree.operand)
        # What was left out of a conjunction inside would restrict less here.
        return Not(inner) if isinstance(inner, Compare) else None
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        left, right = _value(tree.left), _value(tree.comparators[0])
        sign = _SIGNS.get(type(tree.ops[0]))
        # Python compares lists, and looks for a text in a text; conditions do neither.
        listed = isinstance(right, ListOf) and not isinstance(left, ListOf)
        return Compare(sign, left, right) if sign and left and right and listed == (sign in ("in", "not in")) else None
    return None


def _value(node: ast.expr) -> Node | None:
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
        return Constant(node.value)
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_value(item) for item in node.elts]
        known = tuple(item for item in items if isinstance(item, Constant))
        return ListOf(known) if len(known) == len(items) else None
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    if steps and field_of(node, "r") in ("args", "facts"):
        return Path(("args", *reversed(steps)))
    return None
