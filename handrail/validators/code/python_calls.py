"""The closed list of calls: whatever cannot be decided by reading the code is refused."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from handrail.validators.code import python_names as known
from handrail.validators.code.python_rules import MAX_CHAIN, Faults
from handrail.validators.code.python_tree import BINDERS, MAX_MEANINGS, Bindings, Nodes, bound_values, chain

_BUILTINS = frozenset(dir(builtins))
_EXCEPTIONS = frozenset(
    name for name in _BUILTINS if isinstance(kind := getattr(builtins, name), type) and issubclass(kind, BaseException)
)
_CONSTANTS = frozenset({"__name__", "NotImplemented", "Ellipsis"})

_READ = tuple(
    getattr(ast, name)
    for name in known.words(
        "Module FunctionDef AsyncFunctionDef Return Delete Assign AugAssign AnnAssign For AsyncFor While If With"
        " AsyncWith Match Raise Try TryStar Assert Import ImportFrom Global Nonlocal Expr Pass Break Continue BoolOp"
        " NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp GeneratorExp Await Yield YieldFrom"
        " Compare Call FormattedValue JoinedStr Constant Attribute Subscript Starred Name List Tuple Slice"
        " comprehension ExceptHandler arguments arg keyword alias withitem match_case MatchValue MatchSingleton"
        " MatchSequence MatchMapping MatchStar MatchAs MatchOr boolop unaryop cmpop"
    )
)
"""Kinds of node that the rules below see through. What is of no such kind is refused, so newer syntax is too."""
_CONSTRUCTS: tuple[type[ast.AST], ...] = (
    ast.Call, ast.FunctionDef, ast.AsyncFunctionDef, ast.With, ast.AsyncWith, ast.ExceptHandler, ast.arg, ast.AnnAssign,
)  # fmt: skip
_DELETED = "`del` may bring back another meaning of the name."


def calls(faults: Faults, nodes: Nodes, bound: Bindings, allowed: known.Names) -> None:
    """Find everything that is not listed, and everything that the list cannot see into."""
    _Reader(faults, bound, allowed, nodes).read()


class _Reader:
    def __init__(self, faults: Faults, bound: Bindings, allowed: known.Names, nodes: Nodes) -> None:
        self.faults, self.bound, self.allowed, self.nodes = faults, bound, allowed, nodes
        self.done: set[int] = set()
        """Nodes that were decided together with the one around them."""

    def read(self) -> None:
        for kind, found in self.nodes.by_kind.items():
            if not issubclass(kind, _READ):
                self._odd(found[0], f"a {kind.__name__} may do what no reader of the code sees")
        self._bindings()
        self._imported()
        for node in self.nodes.of(*_CONSTRUCTS):
            self._construct(node)
        for attribute in self.nodes.of(ast.Attribute):
            if not isinstance(attribute.ctx, ast.Load):
                self._changed(attribute)
            if id(attribute) not in self.done:
                self._attribute(attribute)
        for name in self.nodes.of(ast.Name):
            if isinstance(name.ctx, ast.Del):
                self.faults.add("rebind", name, _DELETED)
            elif isinstance(name.ctx, ast.Load) and id(name) not in self.done:
                self._name(name)

    def _odd(self, node: ast.AST, why: str) -> None:
        self.faults.add("construct", node, f"{why[0].upper()}{why[1:]}.", hint="Use plain calls of listed names.")

    def _refuse(self, node: ast.AST, what: str) -> None:
        entries = ", ".join(self.allowed.entries)
        hint = f"Allowed: {entries}." if entries else "No calls are allowed."
        self.faults.add("call", node, f"{what[:100]} is not among the names that may be used.", hint=hint[:300])

    # names and attributes

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if name in self.bound.modules:
            self._odd(node, f"the module {name[:100]} is handed around as a value")
        elif name in self.bound.members:
            for dotted in sorted(self.bound.members[name])[:MAX_MEANINGS]:
                if not self.allowed.allows(dotted):
                    self._refuse(node, dotted)
        elif not self._is_own(name) and name not in _CONSTANTS and not self.allowed.allows(name):
            self._refuse(node, name)
        elif name == "type" and not self._is_own(name):
            self._odd(node, "`type` may only be called with one argument, because with three it makes classes")

    def _is_own(self, name: str) -> bool:
        return name in self.bound.values or name in self.bound.functions

    def _attribute(self, node: ast.Attribute) -> None:
        root, parts = chain(node)
        self.done.update(map(id, parts))
        if len(parts) > MAX_CHAIN:
            self._odd(node, f"a chain of more than {MAX_CHAIN} names is not looked up")
        elif not isinstance(root, ast.Name) or self._is_own(root.id):
            self._methods(parts)
        else:
            self.done.add(id(root))
            imported = self.bound.imported(root.id)
            for dotted in sorted(imported or {root.id})[:MAX_MEANINGS]:
                self._dotted(node, dotted, parts, whole=root.id in self.bound.modules)

    def _methods(self, parts: list[ast.Attribute]) -> None:
        for part in parts:
            if not self.allowed.allows_attribute(part.attr):
                self._refuse(part, f".{part.attr}")

    def _dotted(self, node: ast.AST, root: str, parts: list[ast.Attribute], *, whole: bool) -> None:
        """One part of the name from the left must be listed, and all attributes after it. A module alone is none."""
        names = list(accumulate((part.attr for part in parts), lambda a, b: f"{a}.{b}", initial=root))
        for at in range(len(parts), 0 if whole else -1, -1):
            if self.allowed.allows(names[at]):
                self._methods(parts[at:])
                return
        self._refuse(node, names[-1])

    # what binds names

    def _bindings(self) -> None:
        bound = self.bound
        names = [*bound.modules, *bound.members, *bound.functions, *bound.values]
        twice = {name for name, times in Counter(names).items() if times > 1 or len(bound.imported(name)) > 1}
        hidden = {name for name in names if name in _BUILTINS and not self.allowed.allows(name)}
        if twice or hidden:
            for node in self.nodes.of(*BINDERS, ast.alias, ast.FunctionDef, ast.AsyncFunctionDef):
                for name in _bound_here(node):
                    if name in twice:
                        self._rebound(node, name, "has two meanings in this code")
                    elif name in hidden:
                        self._rebound(node, name, "is the name of a builtin")

    def _imported(self) -> None:
        modules = self.faults.check.allowed_imports
        for node in self.nodes.of(ast.ImportFrom):
            for one in node.names if node.module != "__future__" else ():
                dotted = f"{node.module}.{one.name}"
                if not self.allowed.allows(dotted) and not (modules and modules.allows(dotted)):
                    self._refuse(node, dotted)

    def _rebound(self, node: ast.AST, name: str, why: str) -> None:
        self.faults.add("rebind", node, f"{name[:100]} {why}.", hint="Give it a name of its own.")

    def _changed(self, node: ast.Attribute) -> None:
        said = f"Assigning to .{node.attr[:100]}, or deleting it, may change what a listed name does."
        self.faults.add("rebind", node, said)

    # what calls without a call being written

    def _construct(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._called(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if not isinstance(item.context_expr, ast.Call):
                    self._odd(item.context_expr, "`with` calls methods of a value that is no listed call")
        elif isinstance(node, ast.ExceptHandler):
            self._decided(node.type, _EXCEPTIONS)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            self._decided(node.annotation, known.TYPES)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self._odd(decorator, "a decorator is a call of whatever it stands for")
        if known.is_dunder(node.name):
            self._odd(node, f"a function called {node.name[:100]} is called by the interpreter")
        self._decided(node.returns, known.TYPES)

    def _called(self, node: ast.Call) -> None:
        func = node.func
        if isinstance(func, ast.Name):
            if func.id in self.bound.values:
                self._odd(func, f"{func.id[:100]} is a value, and what it calls is not to be seen")
            elif func.id == "type" and not self._is_own("type"):
                self._type(node, func)
        elif not isinstance(func, ast.Attribute):
            self._odd(func, f"what a {type(func).__name__} calls is not to be seen")

    def _type(self, node: ast.Call, func: ast.Name) -> None:
        one = len(node.args) == 1 and not isinstance(node.args[0], ast.Starred) and not node.keywords
        if one and self.allowed.allows("type"):
            self.done.add(id(func))

    def _decided(self, node: ast.expr | None, names: frozenset[str]) -> None:
        for part in _names(node):
            if part.id in names and part.id not in self.bound.members and part.id not in self.bound.modules:
                self.done.add(id(part))


def _names(node: ast.expr | None) -> Iterator[ast.Name]:
    """Names in the type of an exception or in an annotation that is made of names, subscripts and ``|`` alone."""
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Name):
            yield part
        elif isinstance(part, ast.Tuple):
            todo.extend(part.elts)
        elif isinstance(part, ast.Subscript):
            todo.extend((part.value, part.slice))
        elif isinstance(part, ast.BinOp):
            todo.extend((part.left, part.right))


def _bound_here(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    else:
        yield from bound_values(node)
