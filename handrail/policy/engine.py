"""The only module that imports Casbin: a typed, silent, thread-safe enforcer over a fixed policy.

Casbin decides: its model, matcher, effects and row order are used as they are. Three things are kept from it that
it does badly: it parses the matcher on every call (slow, not thread-safe), its role managers grow (links.py), and
it logs requests.
"""

from __future__ import annotations

import ast
import importlib.metadata
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, cast

import casbin

from handrail.errors import PolicyError
from handrail.policy.links import RoleLinks

# Casbin has no type information; from here on it is used through this untyped name only.
_casbin = cast("Any", casbin)

_PARSE_TRIES = 20
_SILENT = logging.getLogger("handrail.policy.casbin")
_SILENT.disabled = True

Row = tuple[str, ...]
Answer = tuple[bool, Row]
"""Allowed, and the policy row that decided; an empty row when none did."""

LinksOf = Callable[[str, list[Sequence[str]]], RoleLinks]
"""(name of a role definition, its rows) -> its closure."""


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
        return tuple(str(token).removeprefix(f"{key}_") for token in self.raw[section][key].tokens)

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


class Enforcer:
    """Answers with one fixed policy. Thread-safe: asking changes nothing."""

    def __init__(self, raw: Any, links: Mapping[str, RoleLinks], functions: Mapping[str, Callable[..., bool]]) -> None:
        """``raw`` is a loaded Casbin enforcer; ``links`` replaces its role managers, by name."""
        self._raw: Any = raw
        self._raw.logger = _SILENT
        for name, link in links.items():
            self._raw.set_named_role_manager(name, link)
            self._raw.get_model()["g"][name].rm = link
        for name, function in functions.items():
            self._raw.add_function(name, function)
        self._functions: Any = self._raw.fm.get_functions()
        self._parsed: dict[str, Any] = {}
        self._parse = self._raw._get_expression
        self._raw._get_expression = self._expression
        self._second = self._raw.new_enforce_context("2")

    def prepare(self, *matchers: str) -> None:
        """Parse these matchers now: Python's parser may fail when several threads use it at once."""
        for text in matchers:
            if text not in self._parsed:
                self._parsed[text] = _patiently(self._parse, text, self._functions)

    def share_matchers(self, other: Enforcer) -> None:
        """Use what ``other``, over the same model, has parsed."""
        self._parsed = other._parsed

    def ask(self, *request: object) -> Answer:
        """The answer of r, p and m; raises what Casbin raises."""
        return self._answer(self._raw.enforce_ex(*request))

    def ask_second(self, *request: object) -> Answer:
        """The answer of r2, p2 and m2; raises what Casbin raises."""
        return self._answer(self._raw.enforce_ex(self._second, *request))

    def matcher_texts(self) -> list[str]:
        """The matcher, or one per policy row where it calls ``eval(p.field)``."""
        text = str(self._raw.get_model()["m"]["m"].value)
        if not _casbin.util.has_eval(text):
            return [text]
        return [_casbin.util.replace_eval(text, self.eval_texts(row)) for row in self.rows("p", "p")]

    def eval_texts(self, row: Sequence[str]) -> list[str]:
        """The texts that ``eval(p.field)`` would put into the matcher for this policy row."""
        model = self._raw.get_model()
        values = dict(zip(model["p"]["p"].tokens, row, strict=True))
        fields = _casbin.util.get_eval_value(model["m"]["m"].value)
        return [_casbin.util.escape_assertion(values[field]) for field in fields]

    def rows(self, section: str, key: str) -> list[Sequence[str]]:
        """Policy or role rows, in the order in which Casbin uses them."""
        return list(self._raw.get_model()[section][key].policy)

    def function_names(self) -> frozenset[str]:
        """Every function that a matcher may call."""
        return frozenset(self._functions) | {"eval", "list", "tuple", "dict", "set"}

    @staticmethod
    def _answer(result: Any) -> Answer:
        allowed, row = result
        return allowed is True, tuple(row)

    def _expression(self, text: str, functions: Any = None) -> Any:
        """Casbin's hook for parsing: a private copy of the evaluator, since evaluating writes to it."""
        if text not in self._parsed:
            self.prepare(text)
        template = self._parsed[text]
        copy = object.__new__(template.__class__)
        copy.__dict__.update(template.__dict__)
        copy.functions = self._functions if functions is None else functions
        copy.nodes = {
            node: MethodType(visit.__func__, copy) if isinstance(visit, MethodType) else visit
            for node, visit in template.nodes.items()
        }
        return copy


def in_memory(
    model: Model,
    rows: Mapping[str, list[Row]],
    *,
    links: Mapping[str, RoleLinks],
    functions: Mapping[str, Callable[..., bool]],
) -> Enforcer:
    """An enforcer whose rows (``p``, ``p2``) are put into the model, never through policy text."""
    fresh = Model(model.text).raw
    for key, policy in rows.items():
        fresh["p"][key].policy = policy
    return Enforcer(_casbin.Enforcer(fresh), links, functions)


def from_text(model: Model, policy: str, links: LinksOf) -> Enforcer:
    """An enforcer that Casbin loads itself from policy text; ``links`` makes the closure of each role definition."""
    loaded = _casbin.Enforcer(Model(model.text).raw, _casbin.persist.adapters.StringAdapter(policy or "\n"))
    definitions = cast("dict[str, Any]", loaded.get_model()["g"] or {})
    closures = {key: links(key, definitions[key].policy) for key in definitions}
    return Enforcer(loaded, closures, {})


def parse_matcher(text: str) -> ast.expr:
    """The syntax tree of a matcher after Casbin's own rewriting; raises SyntaxError."""
    return _patiently(_casbin.Enforcer._get_expression, text, {}).ast_parsed_value  # type: ignore[no-any-return]


def _patiently(parse: Callable[..., Any], *given: object) -> Any:
    """Parse again when CPython 3.11 refuses a good text because other threads parse too (gh-106905)."""
    for _ in range(_PARSE_TRIES):
        try:
            return parse(*given)
        except SystemError:
            continue
    return parse(*given)
