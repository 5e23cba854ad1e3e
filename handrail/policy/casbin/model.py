"""A Casbin model as Casbin itself reads it, and the words of the engine. No decision is made here."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Callable
from typing import Any, cast

import casbin
from casbin.model import function

from handrail.errors import PolicyError

# Casbin has no type information; from here on it is used through this untyped name only.
_casbin = cast("Any", casbin)
_FunctionMap = cast("Any", function).FunctionMap

_PARSE_TRIES = 20
_NOT = re.compile(r"!(?!=)")

Row = tuple[str, ...]
"""The values of one policy row, without its ``p``."""

Values = tuple[Any, ...]
"""The values of one request, in the order of the request definition."""

Answer = tuple[bool, Row]
"""Allowed, and the policy row that decided; an empty row when none did."""

Function = Callable[..., Any]


def refuse_two_distributions(version: Callable[[str], str] = importlib.metadata.version) -> None:
    """Raise PolicyError where both distributions that install the package ``casbin`` are present."""
    try:
        old, new = version("casbin"), version("pycasbin")
    except importlib.metadata.PackageNotFoundError:
        return
    raise PolicyError(
        f"Two distributions install the Python package casbin: casbin {old} and pycasbin {new}.",
        hint="Run `pip uninstall casbin`, then `pip install --force-reinstall pycasbin`.",
    )


class Model:
    """A parsed model.conf. Raises RuntimeError or another exception of Casbin when the text is no model."""

    def __init__(self, text: str) -> None:
        _casbin.util.log.disabled_logging()
        self.text = text
        self.raw: Any = _casbin.Enforcer.new_model(text=text)

    def sections(self) -> frozenset[str]:
        """Letters of the sections that are there, of ``r p e m g``."""
        return frozenset(self.raw.keys())

    def tokens(self, section: str, key: str) -> tuple[str, ...]:
        """Field names of a request or policy definition, without their prefix."""
        return tuple(name.removeprefix(f"{key}_") for name in self.names(section, key))

    def names(self, section: str, key: str) -> tuple[str, ...]:
        """Field names of a request or policy definition as matchers write them: ``r_sub``."""
        return tuple(str(token) for token in self.raw[section][key].tokens)

    def value(self, section: str, key: str) -> str:
        """The right side of a definition, with ``r.sub`` written as ``r_sub``."""
        return str(self.raw[section][key].value)

    def keys(self, section: str) -> tuple[str, ...]:
        """Names of the definitions in a section: ``p``, ``p2``, ..."""
        return tuple(self.raw[section] or ())

    def is_conditional(self, key: str) -> bool:
        """Whether a role definition has conditions, which only code could supply."""
        return bool(self.raw["g"][key].params_tokens)

    @staticmethod
    def read_line(line: str) -> Row | None:
        """The fields of one line of a policy file as Casbin reads them; None for a comment. May raise IndexError."""
        fields = _casbin.persist.adapter._extract_tokens(line)
        return None if fields is None else tuple(fields)


def parse_matcher(text: str) -> ast.expr:
    """The syntax tree of a matcher after Casbin's own rewriting; raises SyntaxError and what else Casbin raises."""
    return patiently(_casbin.Enforcer._get_expression, text, {}).ast_parsed_value  # type: ignore[no-any-return]


def parse_condition(text: str) -> ast.expr:
    """The tree of the text of an ``eval(...)``; raises SyntaxError where it is not one expression of its own.

    It has to be one alone and in parentheses: ``False) or (True`` is only in somebody else's.
    """
    rewritten = _NOT.sub("not ", text.replace("&&", "and").replace("||", "or"))
    alone = patiently(ast.parse, rewritten.strip(), "<condition>", "eval")
    patiently(ast.parse, f"({rewritten})", "<condition>", "eval")
    return cast("ast.Expression", alone).body


def eval_fields(matcher: str) -> list[str]:
    """What stands in each ``eval(...)`` of a matcher, in order: ``p_cond``."""
    return [str(name) for name in _casbin.util.get_eval_value(matcher)]


def eval_text(value: str) -> str:
    """The text that ``eval(p.field)`` puts into the matcher for a policy value."""
    return str(_casbin.util.escape_assertion(value))


def with_conditions(matcher: str, texts: list[str]) -> str:
    """The matcher with ``texts`` in the place of its ``eval(...)``, each in parentheses."""
    return str(_casbin.util.replace_eval(matcher, list(texts)))


def casbin_functions() -> dict[str, Function]:
    """The functions that every Casbin matcher may call, by name."""
    return dict(_FunctionMap.load_function_map().get_functions())


def patiently(parse: Callable[..., Any], *given: object) -> Any:
    """Parse again when CPython 3.11 refuses a good text because other threads parse too (gh-106905)."""
    for _ in range(_PARSE_TRIES):
        try:
            return parse(*given)
        except SystemError:
            continue
    return parse(*given)
