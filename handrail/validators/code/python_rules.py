"""What Python code imports and names, held against what it may. Reads the tree only."""

from __future__ import annotations

import ast
import string
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from handrail.validators.code import python_names as known
from handrail.validators.code.python_tree import BINDERS, MAX_MEANINGS, Bindings, Nodes, bound_values, chain
from handrail.validators.code.source_text import Lines
from handrail.validators.findings import Finding

if TYPE_CHECKING:
    from handrail.validators.code.python import Python

_MAX_FAULTS = 60
MAX_CHAIN = 20
"""Names in one dotted name that are looked up."""


class Faults:
    """What was found so far, and where."""

    def __init__(self, check: Python, lines: Lines) -> None:
        """Nothing yet."""
        self.check, self.lines = check, lines
        self.said: list[tuple[int, Finding]] = []

    def add(self, problem: str, node: ast.AST, message: str, *, hint: str = "") -> None:
        """Say that something is wrong with ``node``."""
        if len(self.said) >= _MAX_FAULTS:
            return
        line, begin = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        start = self.lines.at_byte(line, begin)
        stop = self.lines.at_byte(getattr(node, "end_lineno", line), getattr(node, "end_col_offset", begin))
        span = (start, max(start, stop))
        text = f"Line {line}: {message}"
        self.said.append((start, self.check.found(problem, text, self.lines.text, span, hint=hint)))

    def sorted(self) -> list[Finding]:
        """Everything, in the order of the text."""
        return [one for _, one in sorted(self.said, key=lambda pair: pair[0])]


def imports(faults: Faults, nodes: Nodes, bound: Bindings) -> None:
    """Find imports that are not allowed, and ways through an allowed module into others."""
    allowed = faults.check.allowed_imports
    if allowed is None:
        return
    for node in nodes.of(ast.Import):
        for one in node.names:
            if not allowed.allows(one.name):
                _refuse_import(faults, node, one.name)
    for origin in nodes.of(ast.ImportFrom):
        _from(faults, origin, allowed)
    _through(faults, nodes, bound, allowed)


def _refuse_import(faults: Faults, node: ast.AST, name: str) -> None:
    entries = faults.check.imports if faults.check.imports is not None else ()
    hint = f"Modules that may be imported: {', '.join(entries)}." if entries else ""
    faults.add("import", node, f"{name} may not be imported.", hint=hint[:300])


def _from(faults: Faults, node: ast.ImportFrom, allowed: known.Names) -> None:
    module = node.module or ""
    if module == "__future__" and not node.level:
        return
    for one in node.names:
        if one.name == "*":
            faults.add("star", node, f"`from {module} import *` hides what is imported. Name what is used.")
        elif node.level:
            faults.add("import", node, "A relative import may not be used.")
        elif not allowed.allows(module) and not allowed.allows(f"{module}.{one.name}"):
            _refuse_import(faults, node, module)
        elif _is_inside(module, one.name, allowed):
            _refuse_import(faults, node, f"{module}.{one.name}")


def _is_inside(dotted: str, name: str, allowed: known.Names) -> bool:
    """Whether ``name`` in the module ``dotted`` is private to it, or another module that is not allowed."""
    if name.startswith("_"):
        return name not in known.HARMLESS
    standard = sys.stdlib_module_names
    if dotted.partition(".")[0] not in standard or name not in standard:
        return name in known.MODULE_ATTRIBUTES
    return not allowed.allows(name) and not allowed.allows(f"{dotted}.{name}")


def _through(faults: Faults, nodes: Nodes, bound: Bindings, allowed: known.Names) -> None:
    done: set[int] = set()
    for node in nodes.of(ast.Attribute):
        if id(node) in done:
            continue
        root, parts = chain(node)
        done.update(map(id, (root, *parts)))
        modules = bound.modules.get(root.id, set()) if isinstance(root, ast.Name) else set[str]()
        for module in sorted(modules)[:MAX_MEANINGS]:
            _path(faults, module, parts[:MAX_CHAIN], allowed)
        if not modules:
            _outside(faults, parts)
    for name in nodes.of(ast.Name) if bound.modules else ():
        for module in () if id(name) in done else sorted(bound.modules.get(name.id, ()))[:MAX_MEANINGS]:
            if not allowed.allows(module):
                _refuse_import(faults, name, module)


def _path(faults: Faults, module: str, parts: list[ast.Attribute], allowed: known.Names) -> None:
    """A dotted name that begins with an imported module: it must come by an allowed one, and lead into no other."""
    at, reached = module, allowed.allows(module)
    for part in parts:
        if reached and _is_inside(at, part.attr, allowed):
            _refuse_import(faults, part, f"{at}.{part.attr}")
            return
        at = f"{at}.{part.attr}"
        reached = reached or allowed.allows(at)
    if not reached:
        _refuse_import(faults, parts[-1], at)


def _outside(faults: Faults, parts: list[ast.Attribute]) -> None:
    for part in parts:
        if part.attr in known.MODULE_ATTRIBUTES:
            faults.add("import", part, f".{part.attr} may lead into a module that was not imported.")


def forbidden(faults: Faults, nodes: Nodes, bound: Bindings) -> None:
    """Find double-underscore names, what runs text, and what opens files, where these are forbidden."""
    check = faults.check
    if check.forbids("dunder"):
        for node in nodes.of(*_NAMED, *BINDERS):
            _dunder(faults, node)
        for attribute in nodes.of(ast.Attribute):
            _attribute(faults, attribute)
    if check.forbids("dynamic"):
        _dynamic(faults, nodes, bound)
    if check.forbids("open"):
        _open(faults, nodes)


_NAMED = (ast.Attribute, ast.alias, ast.MatchClass, ast.Global, ast.Nonlocal, ast.keyword)


def _dunder(faults: Faults, node: ast.AST) -> None:
    for name in _written(node):
        if name.startswith("__") and name not in known.HARMLESS:
            faults.add("dunder", node, f"{name[:100]} may not be used: it reaches into the interpreter.")


def _attribute(faults: Faults, node: ast.Attribute) -> None:
    if node.attr in known.INSIDES:
        faults.add("dunder", node, f".{node.attr} may not be used: it leads out of the value.")
    elif node.attr in known.FORMATTERS and not _plain_template(node.value):
        said = f".{node.attr} may read attributes of what it formats."
        faults.add("format", node, said, hint="Use an f-string, or a template without dots and brackets.")


def _written(node: ast.AST) -> Iterator[str]:
    """Identifiers in a node itself. Definitions may have any name; ``super().__init__`` is how one writes a class."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        if not (node.attr == "__init__" and isinstance(node.value, ast.Call) and _is_name(node.value.func, "super")):
            yield node.attr
    elif isinstance(node, ast.alias):
        yield from node.name.split(".") if node.name != "__future__" else ()
        yield node.asname or ""
    elif isinstance(node, ast.MatchClass):
        yield from node.kwd_attrs
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif isinstance(node, ast.keyword):
        yield node.arg or ""
    else:
        yield from bound_values(node)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _plain_template(node: ast.expr) -> bool:
    """Whether a format's template is written out, and names no attribute and no item."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    try:
        parts = list(string.Formatter().parse(node.value))
    except ValueError:
        return False
    return not any("." in (field or "") or "[" in (field or "") or "{" in (spec or "") for _, field, spec, _ in parts)


def _dynamic(faults: Faults, nodes: Nodes, bound: Bindings) -> None:
    for node in nodes.of(ast.Name, ast.arg, ast.alias, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        name = _own_name(node)
        if name in known.DYNAMIC:
            faults.add("dynamic", node, f"{name} may not be used.", hint="Write what is meant as plain code.")
    _dynamic_imports(faults, nodes)
    for attribute in nodes.of(ast.Attribute):
        if attribute.attr in known.MODULE_ATTRIBUTES or attribute.attr == "import_module":
            faults.add("dynamic", attribute, f".{attribute.attr} may not be used.")
        if isinstance(attribute.value, ast.Name):
            for root in sorted(bound.imported(attribute.value.id))[:MAX_MEANINGS]:
                _dynamic_member(faults, attribute, f"{root}.{attribute.attr}")


def _dynamic_imports(faults: Faults, nodes: Nodes) -> None:
    for statement in nodes.of(ast.Import):
        for one in statement.names:
            _dynamic_module(faults, statement, one.name)
    for origin in nodes.of(ast.ImportFrom):
        _dynamic_module(faults, origin, origin.module or "")
        for one in origin.names:
            _dynamic_member(faults, origin, f"{origin.module}.{one.name}")


def _own_name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return str(getattr(node, "asname", None) or getattr(node, "name", ""))


def _dynamic_module(faults: Faults, node: ast.AST, module: str) -> None:
    if module.partition(".")[0] in known.DYNAMIC_MODULES:
        faults.add("dynamic", node, f"{module} may not be imported: it runs text, or reaches into the interpreter.")


def _dynamic_member(faults: Faults, node: ast.AST, dotted: str) -> None:
    if dotted in known.DYNAMIC_MEMBERS:
        faults.add("dynamic", node, f"{dotted} may not be used.")


def _open(faults: Faults, nodes: Nodes) -> None:
    for name in nodes.of(ast.Name):
        _opener(faults, name, name.id if name.id == "open" else "")
    for attribute in nodes.of(ast.Attribute):
        _opener(faults, attribute, attribute.attr)
    for origin in nodes.of(ast.ImportFrom):
        for one in origin.names:
            _opener(faults, origin, one.name)


def _opener(faults: Faults, node: ast.AST, name: str) -> None:
    if name in known.OPENERS:
        faults.add("open", node, f"{name} may not be used: it opens a file.")
