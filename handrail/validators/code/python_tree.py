"""The tree of a piece of Python code: its nodes by kind, the names that it binds, statements out of place."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar, cast

MAX_NODES = 2_500
"""Nodes of the largest tree that is read: some 20,000 characters of ordinary code."""
MAX_MEANINGS = 2
"""Imports under one name that are told apart."""

_Node = TypeVar("_Node", bound=ast.AST)


class TooManyNodes(Exception):
    """The code is too large to be read."""


class Nodes:
    """All nodes of a tree by kind; of each kind, outer ones before those inside. Neither operators nor contexts."""

    def __init__(self, tree: ast.AST) -> None:
        """Walk the tree. Raises TooManyNodes."""
        self.by_kind: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        todo: list[ast.AST] = [tree]
        left = MAX_NODES
        while todo:
            node = todo.pop()
            left -= 1
            self.by_kind[type(node)].append(node)
            for name in _parts(cast("Hashable", type(node))):
                part = getattr(node, name, None)
                if type(part) is list:
                    todo.extend(one for one in cast("list[object]", part) if isinstance(one, ast.AST))
                elif isinstance(part, ast.AST):
                    todo.append(part)
            if left < 0 or len(todo) > MAX_NODES:
                raise TooManyNodes

    def of(self, *kinds: type[_Node]) -> Iterator[_Node]:
        """The nodes of these kinds, kind by kind."""
        for kind in kinds:
            yield from cast("list[_Node]", self.by_kind.get(kind, ()))


_NOT_WALKED = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "n", "kind", "type_comment", "type_ignores", "lineno"}
)


@cache
def _parts(kind: Hashable) -> tuple[str, ...]:
    node = cast("type[ast.AST]", kind)
    return (
        ()
        if issubclass(node, ast.Name | ast.Constant)
        else tuple(one for one in node._fields if one not in _NOT_WALKED)
    )


@dataclass
class Bindings:
    """Which names the code gives a meaning, anywhere in it."""

    modules: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Alias -> modules that it stands for."""
    members: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Alias -> dotted names of what was imported out of a module."""
    functions: set[str] = field(default_factory=set[str])
    values: set[str] = field(default_factory=set[str])

    def imported(self, name: str) -> set[str]:
        """Dotted names that ``name`` may stand for by an import; empty when there is none."""
        return self.modules.get(name, set()) | self.members.get(name, set())


def bindings(nodes: Nodes) -> Bindings:
    """What every name of the code is bound by."""
    bound = Bindings()
    for node in nodes.of(ast.Import):
        for one in node.names:
            target = one.name if one.asname else one.name.partition(".")[0]
            bound.modules.setdefault(one.asname or target, set()).add(target)
    for origin in nodes.of(ast.ImportFrom):
        for one in origin.names:
            bound.members.setdefault(one.asname or one.name, set()).add(f"{origin.module or ''}.{one.name}")
    for definition in nodes.of(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        bound.functions.add(cast("ast.FunctionDef", definition).name)
    for other in nodes.of(*BINDERS):
        bound.values.update(bound_values(other))
    return bound


BINDERS: tuple[type[ast.AST], ...] = (
    ast.Name, ast.arg, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
)  # fmt: skip
"""Kinds of node that give a name a value."""


def bound_values(node: ast.AST) -> Iterator[str]:
    """Names that a node gives a value, other than by an import or a definition."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def chain(node: ast.Attribute) -> tuple[ast.expr, list[ast.Attribute]]:
    """The expression that a dotted name begins with, and its attributes from left to right."""
    parts = [node]
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value)
        value = value.value
    return value, parts[::-1]


_PLACED = (
    ast.Return, ast.Yield, ast.YieldFrom, ast.Break, ast.Continue, ast.Await, ast.AsyncFor, ast.AsyncWith,
)  # fmt: skip
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def misplaced(nodes: Nodes, tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Statements that parse and yet do not compile: ``return``, ``yield``, ``break`` and others out of place."""
    if not any(nodes.by_kind.get(kind) for kind in _PLACED):
        return
    todo: list[tuple[ast.AST, str, bool]] = [(tree, "", False)]
    while todo:
        node, function, loop = todo.pop()
        if word := _homeless(node, function, loop):
            yield node, word
        if isinstance(node, ast.AsyncFunctionDef):
            function, loop = "async", False
        elif isinstance(node, ast.FunctionDef | ast.Lambda):
            function, loop = "def", False
        elif isinstance(node, ast.ClassDef):
            function, loop = "", False
        inner = loop or isinstance(node, _LOOPS)
        later = cast("list[ast.AST]", getattr(node, "orelse", [])) if isinstance(node, _LOOPS) else []
        after = set(map(id, later))
        todo.extend((one, function, loop if id(one) in after else inner) for one in ast.iter_child_nodes(node))


def _homeless(node: ast.AST, function: str, loop: bool) -> str:
    if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and not function:
        return "return" if isinstance(node, ast.Return) else "yield"
    if isinstance(node, ast.Break | ast.Continue) and not loop:
        return type(node).__name__.lower()
    if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) and function != "async":
        return "await" if isinstance(node, ast.Await) else "async"
    return ""
