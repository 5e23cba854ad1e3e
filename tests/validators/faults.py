"""Seeded faults: every way in which one small thing in a module's source can be wrong.

Comparisons turned, numbers one off, `and` for `or`, `not` dropped, branches skipped or always taken, entries of tables
lost, findings not given, a sum for a difference, true for false. Left alone are annotations, docstrings, texts, and
the bounds of work and of what is shown (`MAX_*`, `_SHOWN`): one more or less of these is no fault.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

_BOUNDS = ("MAX", "MOST", "SHOWN")
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_PER_TABLE = 3
"""Entries that a table has at least, and how many of it are lost in turn."""
_WORDING = ("_shown", "_how", "_said", "_why", "_told", "_names", "_words", "_listed")
"""Functions that make the words of a message."""
_SHOWN = 40
"""From here on the end of a slice is how much of a text is shown."""
Change = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in one module."""

    module: str
    where: str
    """Class and function, or the name that a table is assigned to."""
    line: int
    kind: str
    before: str
    after: str
    node: int
    """Which node of the module's tree, as `ast.walk` counts."""
    nth: int
    """Which change of that node."""

    @property
    def key(self) -> str:
        """What it is called, also after lines were added elsewhere in the module."""
        return f"{self.module.removeprefix('handrail.validators.')}:{self.where}: {self.before} -> {self.after}"

    @property
    def rank(self) -> str:
        """Where it stands in a fixed order that looks random."""
        return hashlib.sha256(self.key.encode()).hexdigest()


def faults(module: str, source: str) -> list[Fault]:
    """All that can be made in ``source``, in its order; of several with the same key only the first."""
    tree = ast.parse(source)
    number = {id(node): at for at, node in enumerate(ast.walk(tree))}
    found: dict[str, Fault] = {}
    for place in _places(tree, _Place("", "", tree)):
        for nth, (kind, change) in enumerate(_changes(place)):
            before = _shown(place.node)
            kept = copy.deepcopy(place.node)
            change(kept)
            after = _shown(kept)
            line = getattr(place.node, "lineno", 0)
            one = Fault(module, place.where, line, kind, before, after, number[id(place.node)], nth)
            if before != after:
                found.setdefault(one.key, one)
    return list(found.values())


def faulty(source: str, fault: Fault) -> ast.Module:
    """The module's tree with the fault in it."""
    tree = ast.parse(source)
    node = list(ast.walk(tree))[fault.node]
    place = next(one for one in _places(tree, _Place("", "", tree)) if one.node is node)
    list(_changes(place))[fault.nth][1](node)
    return ast.fix_missing_locations(tree)


def _shown(node: Any) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"[:150]
    text = ast.unparse(node)
    return text if len(text) <= 150 else f"{text[:60]}...{hashlib.sha256(text.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, and what stands around it."""

    where: str
    returns: str
    """What the function around it is annotated to return."""
    node: Any


def _places(node: ast.AST, around: _Place) -> Iterator[_Place]:
    """Every node in which a fault may be."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST) and not _left_alone(inner):
                place = _place(inner, around)
                yield place
                yield from _places(inner, place)


def _place(node: ast.AST, around: _Place) -> _Place:
    where, returns = around.where, around.returns
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where = f"{where}.{node.name}".strip(".")
    elif not where and isinstance(node, ast.Assign | ast.AnnAssign):
        where = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    if isinstance(node, ast.FunctionDef):
        returns = ast.unparse(node.returns) if node.returns else ""
    return _Place(where, returns, node)


def _left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Raise() | ast.Assert():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Subscript(value=ast.Name(id="Literal" | "ClassVar")) | ast.Call(func=ast.Name(id="field" | "cast")):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name.strip("_").startswith(_BOUNDS) or name == "__all__"
        case ast.FunctionDef(name=name):
            # What options are refused, and what is told about a check, is shown by tests of their own.
            return name in ("__post_init__", "__repr__", "needs_run", "bounded", "raw") or name in _WORDING
        case ast.keyword(arg="hint" | "excerpt" | "message"):
            return True
        case ast.Slice(upper=ast.Constant(value=int(upper))):
            return upper >= _SHOWN
        case ast.Call(func=ast.Name(id="BadPattern" | "ConfigError")):
            return True
        case _:
            return False


def _changes(place: _Place) -> Iterator[tuple[str, Change]]:
    """Every change that makes a fault of a node; each is given the node, of whatever tree, that it changes."""
    yield from _of_statement(place) if isinstance(place.node, ast.stmt) else _of_expression(place.node)


def _of_statement(place: _Place) -> Iterator[tuple[str, Change]]:
    match place.node:
        case ast.If():
            yield from _decided()
        case ast.Return(value=ast.expr()) if place.returns in _EMPTY:
            yield "finding", partial(_give, text=_EMPTY[place.returns])
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            yield "finding", _withhold
        case _:
            return


def _of_expression(node: Any) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=ops):
            for at, sign in enumerate(ops):
                yield "comparison", partial(_turn, at=at, to=_TURNED[type(sign)])
        case ast.BoolOp():
            yield "and, or", _swap
        case ast.UnaryOp(op=ast.Not()):
            yield "not", _twice
        case ast.Constant(value=int(value)):
            yield ("true, false", _flip) if isinstance(value, bool) else ("number", _more)
        case ast.IfExp():
            yield from _decided()
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            yield "sum", _subtract
        case ast.Dict() | ast.Set() | ast.Tuple() | ast.List():
            yield from _lost(node)
        case _:
            return


def _decided() -> Iterator[tuple[str, Change]]:
    yield "branch", partial(_decide, to=False)
    yield "branch", partial(_decide, to=True)


_EMPTY = {
    "Findings": "()", "tuple[str, str] | None": "None", "bool": "False", "Finding | None": "None", "str": "''",
    "Iterable[Finding]": "()", "tuple[Finding, ...]": "()", "list[Finding]": "[]", "str | None": "None",
}  # fmt: skip
"""What a function returns -> that there is nothing."""


def _turn(node: Any, at: int, to: type[ast.cmpop]) -> None:
    node.ops[at] = to()


def _swap(node: Any) -> None:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _twice(node: Any) -> None:
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _flip(node: Any) -> None:
    node.value = not node.value


def _more(node: Any) -> None:
    node.value += 1


def _decide(node: Any, to: bool) -> None:
    node.test = ast.Constant(to)


def _subtract(node: Any) -> None:
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()


def _give(node: Any, text: str) -> None:
    node.value = ast.parse(text, mode="eval").body


def _withhold(node: Any) -> None:
    node.value = ast.YieldFrom(ast.Tuple([], ast.Load()))


def _lost(node: Any) -> Iterator[tuple[str, Change]]:
    """Entries at the beginning, in the middle and at the end, of what is a table rather than a pair."""
    entries = node.keys if isinstance(node, ast.Dict) else node.elts
    if len(entries) >= _PER_TABLE and len({_kind(one) for one in entries}) == 1:
        for at in sorted({0, len(entries) // 2, len(entries) - 1}):
            yield "entry", partial(_lose, at=at)


def _kind(entry: Any) -> object:
    """What an entry of a table is; something else for each that is no plain value."""
    return (
        type(entry.value) if isinstance(entry, ast.Constant) else ast.Tuple if isinstance(entry, ast.Tuple) else entry
    )


def _lose(node: Any, at: int) -> None:
    for table in (node.keys, node.values) if isinstance(node, ast.Dict) else (node.elts,):
        del table[at]
