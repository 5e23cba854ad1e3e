"""``check = "iban() & length(max=34)"``: the text that names a check, read, never run.

check:     part (("&" | "|") part)*        & binds more tightly
part:      NAME | NAME "(" arguments ")" | "at(" PATH "," check ")" | "each(" check ")" | "isolated(" check ")"
           | "when(" condition "," check ")" | "(" check ")"
argument:  a text, a number, true, false, null, a list or a table of these
condition: a check that is content, or a text over args, tenant and principal as in ``when`` of a rule
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from handrail.config.nearest import nearest
from handrail.errors import ConfigError, PolicyError
from handrail.validators import combining
from handrail.validators.conditional import holds
from handrail.validators.functions import as_check
from handrail.validators.protocol import Check
from handrail.validators.registry import find

MAX_TEXT = 10_000
"""Characters of one text."""
_WORDS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Check:
    """The check that ``text`` names. Raises ConfigError with the place in the text, and with the nearest right name."""
    if len(text) > MAX_TEXT:
        raise ConfigError(f"The check is longer than {MAX_TEXT} characters.", hint="Make it several validators.")
    try:
        return _check(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as problem:
        hint = 'Write it like "iban()", or "at(\'$.iban\', iban()) & length(max=500)".'
        raise ConfigError(f"The check {text!r:.200} cannot be read: {problem.msg}.", hint=hint) from None
    except (ValueError, RecursionError, MemoryError):
        raise ConfigError(f"The check {text!r:.200} cannot be read.") from None


def _check(node: ast.expr) -> Check:
    if isinstance(node, ast.Name):
        return make(node.id, (), {})
    if isinstance(node, ast.Attribute):
        return make(_dotted(node), (), {})
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        join = combining.both if isinstance(node.op, ast.BitAnd) else combining.either
        return join(_check(node.left), _check(node.right))
    if isinstance(node, ast.Call):
        return _called(node)
    raise _odd(node, "a check is a name with arguments, such as length(max=500)")


def _called(node: ast.Call) -> Check:
    name = _dotted(node.func)
    if name in _FORMS:
        return _FORMS[name](node)
    given: dict[str, object] = {}
    for one in node.keywords:
        if one.arg is None:
            raise _odd(node, "`**` has no place here")
        if one.arg in given:
            raise _odd(node, f"{one.arg} stands twice")
        given[one.arg] = _value(one.value)
    return make(name, tuple(map(_value, node.args)), given)


def make(name: str, args: tuple[object, ...], given: Mapping[str, object]) -> Check:
    """The validator called ``name`` with these options. Raises ConfigError where they do not fit."""
    maker = find(name).load()
    _bind(name, maker, args, given)
    if getattr(maker, "isolated", False) is True:
        from handrail.validators import isolation

        if not isolation.HERE:
            return isolation.isolated(_written(name, args, given))
    try:
        return as_check(maker(*args, **given))
    except ConfigError:
        raise
    except (TypeError, AttributeError) as error:
        kinds = ", ".join(map(str, inspect.signature(maker).parameters.values()))
        raise ConfigError(f"{name}(...): an option is of the wrong kind.", hint=f"Its options: {kinds}.") from error
    except Exception as error:
        raise ConfigError(f"{name}(...) cannot be made: {type(error).__name__}: {error}") from error


def _bind(name: str, maker: Callable[..., Any], args: tuple[object, ...], given: Mapping[str, object]) -> None:
    signature = inspect.signature(maker)
    try:
        bound = signature.bind(*args, **given)
    except TypeError as problem:
        options = list(signature.parameters)
        unknown = next((one for one in given if one not in options), None)
        near = nearest(unknown, options) if unknown is not None else None
        known = f"Its options: {', '.join(options)}." if options else "It has no options."
        raise ConfigError(f"{name}(...): {problem}.", hint=near or known) from None
    for option, value in bound.arguments.items():
        if isinstance(value, str) and _is_list(signature.parameters[option]):  # else each letter would count as one
            raise ConfigError(f"{name}({option}=...) is a list of texts.", hint=f"Write {option}=[{value!r:.60}].")
        if str(signature.parameters[option].annotation) == "str" and not isinstance(value, str):
            raise ConfigError(f"{name}({option}=...) is a text, not {value!r:.60}.", hint=f'Write {option}="...".')


def _is_list(option: inspect.Parameter) -> bool:
    """Whether an option takes a list and no single text."""
    kinds = str(option.annotation).split(" | ")
    return "str" not in kinds and any(kind.startswith("tuple[") for kind in kinds)


def _at(node: ast.Call) -> Check:
    path, check = _two(node)
    written = _value(path)
    if not isinstance(written, str):
        raise _odd(node, "the path in at(PATH, CHECK) is a text")
    return combining.at(written, _check(check))


def _each(node: ast.Call) -> Check:
    if len(node.args) != 1 or node.keywords:
        raise _odd(node, "each(CHECK) takes one check")
    return combining.each(_check(node.args[0]))


def _when(node: ast.Call) -> Check:
    condition, check = _two(node)
    if isinstance(condition, ast.Constant) and isinstance(condition.value, str):
        try:
            return combining.when(holds(condition.value), _check(check))
        except PolicyError as problem:
            raise ConfigError(problem.problem, hint=problem.hint) from None
    return combining.when(_check(condition), _check(check))


def _isolated(node: ast.Call) -> Check:
    """``isolated(CHECK, seconds=1.0)``: nothing of the check is loaded here."""
    from handrail.validators import isolation

    options = {one.arg: _value(one.value) for one in node.keywords}
    seconds = options.get("seconds", 1.0)
    if len(node.args) != 1 or options.keys() - {"seconds"} or not isinstance(seconds, int | float):
        raise _odd(node, "isolated(CHECK, seconds=1.0) takes one check")
    return _check(node.args[0]) if isolation.HERE else isolation.isolated(ast.unparse(node.args[0]), seconds=seconds)


def _written(name: str, args: tuple[object, ...], given: Mapping[str, object]) -> str:
    """A check as text, to be read in another process. Raises ConfigError where an option is a check."""
    for one in (*args, *given.values()):
        if isinstance(one, Check):
            raise ConfigError(f"{name}(...) runs in a process of its own, and can take no check as an option.")
    return f"{name}({', '.join([*map(repr, args), *(f'{key}={value!r}' for key, value in given.items())])})"


_FORMS: Mapping[str, Callable[[ast.Call], Check]] = {
    "at": _at, "each": _each, "when": _when, "isolated": _isolated,
}  # fmt: skip


def _two(node: ast.Call) -> tuple[ast.expr, ast.expr]:
    if len(node.args) != 2 or node.keywords:
        raise _odd(node, f"{_dotted(node.func)}(..., CHECK) takes two arguments")
    return node.args[0], node.args[1]


def _dotted(node: ast.expr) -> str:
    try:
        parts = [node.id] if isinstance(node, ast.Name) else [_dotted(cast("ast.Attribute", node).value)]
    except AttributeError:
        raise _odd(node, "a validator is called by its name") from None
    return ".".join([*parts, node.attr]) if isinstance(node, ast.Attribute) else parts[0]


def _value(node: ast.expr) -> object:
    """A literal; lists are tuples, because options are never changed."""
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(map(_value, node.elts))
    if isinstance(node, ast.Dict):
        return {_key(key, node): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand)
        if isinstance(inner, int | float):
            return -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        return node.value
    if isinstance(node, ast.Call | ast.BinOp | ast.Name | ast.Attribute):
        return _check(node)  # an option may be a check
    raise _odd(node, "an option is a text, a number, true, false, null, a list or a table")


def _key(node: ast.expr | None, table: ast.Dict) -> object:
    key = _value(node) if node is not None else table
    if not isinstance(key, str | int | float | bool | None):
        raise _odd(table, "a key of a table is a text or a number")
    return key


def _odd(node: ast.AST, expected: str) -> ConfigError:
    return ConfigError(f"The check cannot be read at {ast.unparse(node)!r:.100}: {expected}.")
