"""A matcher's syntax tree -> one Python function over request values and a policy row.

What Casbin would interpret node by node is checked against an allow-list and compiled once, without builtins. A node
outside the list raises `NotCompilable`; a value that the compiled form cannot treat as Casbin would raises `Odd`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar, cast

from simpleeval import AttributeDoesNotExist

from handrail.policy.casbin.model import Function, Row, Values

Residual = Callable[[Values, Row], Any]
"""What remains of a matcher, as a function of the request's values and a row."""

_MAX_TEXT, _MAX_BITS, _MAX_EXPONENT = 100_000, 4_096, 1_000


class NotCompilable(Exception):
    """Why stock Casbin has to evaluate an expression."""


class Odd(Exception):
    """A value for which only stock Casbin knows the answer."""


class Compiler:
    """Compiles expressions over the fields of one request and one policy definition."""

    def __init__(self, request: Sequence[str], policy: Sequence[str], functions: Mapping[str, Function]) -> None:
        """``request`` and ``policy`` are field names as matchers write them: ``r_sub``."""
        self._fields = {name: ("p", index) for index, name in enumerate(policy)}
        self._fields |= {name: ("r", index) for index, name in enumerate(request)}
        self._functions = functions

    def compile(self, node: ast.expr) -> Residual:
        """The function ``(r, p) -> value`` of an expression; raises NotCompilable."""
        names = [ast.arg("r"), ast.arg("p")]
        body = self._lower(node)
        form = ast.Expression(ast.Lambda(ast.arguments([], names, None, [], [], None, []), body))
        code = compile(ast.fix_missing_locations(form), "<matcher>", "eval")
        scope: dict[str, Any] = {
            "__builtins__": {},
            **_HELPERS,
            **{f"F_{name}": given for name, given in self._functions.items()},
        }
        # The tree was built here, from allowed nodes only.
        return cast("Residual", eval(code, scope))  # noqa: S307

    def _lower(self, node: ast.expr) -> ast.expr:
        lower = self._LOWER.get(type(node))
        if lower is None:
            raise NotCompilable(f"it uses {type(node).__name__}")
        return lower(self, node)

    def _lower_all(self, nodes: Sequence[ast.expr]) -> list[ast.expr]:
        return [self._lower(node) for node in nodes]

    def _name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._fields:
            raise NotCompilable(f"{node.id!r} is no field")
        side, index = self._fields[node.id]
        return ast.Subscript(ast.Name(side, ast.Load()), ast.Constant(index), ast.Load())

    def _constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, (str, int, float, bool, type(None))):
            raise NotCompilable(f"it has the constant {node.value!r}")
        if isinstance(node.value, str) and len(node.value) > _MAX_TEXT:
            raise NotCompilable("it has a very long text")
        return ast.Constant(node.value)

    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        return ast.BoolOp(node.op, self._lower_all(node.values))

    def _unary(self, node: ast.UnaryOp) -> ast.expr:
        if not isinstance(node.op, (ast.Not, ast.USub, ast.UAdd)):
            raise NotCompilable(f"it uses {type(node.op).__name__}")
        return ast.UnaryOp(node.op, self._lower(node.operand))

    def _compare(self, node: ast.Compare) -> ast.expr:
        for sign, right in zip(node.ops, node.comparators, strict=True):
            # Whether two equal texts are one object depends on who compiled them.
            if isinstance(sign, (ast.Is, ast.IsNot)) and not _is_single(node.left) and not _is_single(right):
                raise NotCompilable("it compares identities")
        return ast.Compare(self._lower(node.left), node.ops, self._lower_all(node.comparators))

    def _choice(self, node: ast.IfExp) -> ast.expr:
        return ast.IfExp(self._lower(node.test), self._lower(node.body), self._lower(node.orelse))

    def _tuple(self, node: ast.Tuple) -> ast.expr:
        return ast.Tuple(self._lower_all(node.elts), ast.Load())

    def _list(self, node: ast.List) -> ast.expr:
        return ast.List(self._lower_all(node.elts), ast.Load())

    def _set(self, node: ast.Set) -> ast.expr:
        return ast.Set(self._lower_all(node.elts))

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr.startswith(("_", "func_")) or node.attr in _FORBIDDEN:
            raise NotCompilable(f"it reads the attribute {node.attr!r}")
        return _called("H_attribute", self._lower(node.value), ast.Constant(node.attr))

    def _subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Subscript(self._lower(node.value), self._lower(node.slice), ast.Load())

    def _binary(self, node: ast.BinOp) -> ast.expr:
        helper = _BINARY.get(type(node.op))
        if helper is None:
            raise NotCompilable(f"it uses {type(node.op).__name__}")
        return _called(helper, self._lower(node.left), self._lower(node.right))

    def _call(self, node: ast.Call) -> ast.expr:
        if node.keywords:
            raise NotCompilable("it names an argument of a function")
        arguments = self._lower_all(node.args)
        if isinstance(node.func, ast.Attribute):
            return ast.Call(self._lower(node.func), arguments, [])
        if isinstance(node.func, ast.Name) and node.func.id in self._functions:
            return _called(f"F_{node.func.id}", *arguments)
        raise NotCompilable(f"it calls {ast.unparse(node.func)!r}")

    _LOWER: ClassVar[dict[type[ast.expr], Callable[[Compiler, Any], ast.expr]]] = {
        ast.Name: _name,
        ast.Constant: _constant,
        ast.BoolOp: _boolop,
        ast.UnaryOp: _unary,
        ast.Compare: _compare,
        ast.IfExp: _choice,
        ast.Tuple: _tuple,
        ast.List: _list,
        ast.Set: _set,
        ast.Attribute: _attribute,
        ast.Subscript: _subscript,
        ast.BinOp: _binary,
        ast.Call: _call,
    }


def conjuncts(node: ast.expr) -> list[ast.expr]:
    """The parts that ``&&`` joins, left to right."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return [part for value in node.values for part in conjuncts(value)]
    return [node]


def joined(parts: Sequence[ast.expr]) -> ast.expr:
    """The conjunction of ``parts``."""
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), list(parts))


def names_in(node: ast.AST) -> frozenset[str]:
    """Names that an expression reads; those of called functions are not among them."""
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    return frozenset(one.id for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in called)


def calls_in(node: ast.AST) -> frozenset[str]:
    """Names of the functions that an expression calls; a method's is ``.name``."""
    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return frozenset(
        func.id if isinstance(func, ast.Name) else f".{func.attr}" if isinstance(func, ast.Attribute) else "."
        for func in calls
    )


def modulo(left: Any, right: Any) -> Any:
    """``left % right`` of numbers. A text would be a format that can ask for any number of characters: TypeError."""
    if isinstance(left, (str, bytes)):
        raise TypeError("a text has no remainder")
    return left % right


def power(left: Any, right: Any) -> Any:
    """``left ** right`` of numbers whose power is not long to compute; ValueError for others."""
    if abs(right) > _MAX_EXPONENT or (isinstance(left, int) and left.bit_length() > _MAX_BITS):
        raise ValueError(f"powers above {_MAX_EXPONENT} are not computed")
    return left**right


def _is_single(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _called(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _attribute_of(item: Any, name: str) -> Any:
    """As simpleeval reads an attribute, or a key where there is none."""
    try:
        found = getattr(item, name)
    except (AttributeError, TypeError):
        try:
            found = item[name]
        except (KeyError, TypeError):
            raise AttributeDoesNotExist(name, "<matcher>") from None
    if isinstance(found, ModuleType) or (callable(found) and type(item) is not str):
        raise Odd
    return found


def _add(left: Any, right: Any) -> Any:
    texts = isinstance(left, str) and isinstance(right, str) and len(left) + len(right) <= _MAX_TEXT
    if texts or (_is_number(left) and _is_number(right)):
        return left + right
    raise Odd


def _multiply(left: Any, right: Any) -> Any:
    if _is_number(left) and _is_number(right):
        return left * right
    raise Odd


def _is_number(value: object) -> bool:
    """Whether arithmetic with it is cheap."""
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= _MAX_BITS)


_HELPERS: dict[str, Function] = {
    "H_attribute": _attribute_of,
    "H_add": _add,
    "H_multiply": _multiply,
    "H_subtract": operator.sub,
    "H_divide": cast("Any", operator).truediv,
    "H_floor": cast("Any", operator).floordiv,
    "H_modulo": modulo,
}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "H_add",
    ast.Mult: "H_multiply",
    ast.Sub: "H_subtract",
    ast.Div: "H_divide",
    ast.FloorDiv: "H_floor",
    ast.Mod: "H_modulo",
}
_FORBIDDEN = ("format", "format_map", "mro", "tb_frame", "gi_frame", "ag_frame", "cr_frame", "exec")
