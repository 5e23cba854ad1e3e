"""Stock Casbin over a fixed policy, typed, silent and thread-safe: the fallback for what cannot be indexed.

Casbin decides: its model, matcher, effects and row order are used as they are. Three things are kept from it that
it does badly: it parses the matcher on every call (slow, not thread-safe), its role managers grow (links.py), and
it logs requests.
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, cast

import casbin

from handrail.policy.casbin.matcher import modulo, power
from handrail.policy.casbin.model import (
    Answer,
    Function,
    Model,
    Row,
    eval_fields,
    eval_text,
    patiently,
    with_conditions,
)
from handrail.policy.links import RoleLinks

_casbin = cast("Any", casbin)

_SILENT = logging.getLogger("handrail.policy.casbin")
_SILENT.disabled = True

LinksOf = Callable[[str, list[Sequence[str]]], RoleLinks]
"""(name of a role definition, its rows) -> its closure."""


class Stock:
    """Answers with one fixed policy. Thread-safe: asking changes nothing."""

    def __init__(self, raw: Any, links: Mapping[str, RoleLinks], functions: Mapping[str, Function]) -> None:
        """``raw`` is a loaded Casbin enforcer; ``links`` replaces its role managers, by name."""
        self._raw: Any = raw
        self._raw.logger = _SILENT
        self.links = dict(links)
        """Role definition -> its closure."""
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
                self._parsed[text] = patiently(self._parse, text, self._functions)

    def ask(self, *request: object) -> Answer:
        """The answer of r, p and m; raises what Casbin raises."""
        return self._answer(self._raw.enforce_ex(*request))

    def ask_second(self, *request: object) -> Answer:
        """The answer of r2, p2 and m2; raises what Casbin raises."""
        return self._answer(self._raw.enforce_ex(self._second, *request))

    def matcher_texts(self) -> list[str]:
        """The matcher, or one per policy row where it calls ``eval(p.field)``."""
        text = str(self._raw.get_model()["m"]["m"].value)
        if not eval_fields(text):
            return [text]
        return [with_conditions(text, self.eval_texts(row)) for row in self.rows("p", "p")]

    def eval_texts(self, row: Sequence[str]) -> list[str]:
        """The texts that ``eval(p.field)`` would put into the matcher for this policy row; raises KeyError."""
        model = self._raw.get_model()
        values = dict(zip(model["p"]["p"].tokens, row, strict=True))
        return [eval_text(values[field]) for field in eval_fields(model["m"]["m"].value)]

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
        copy.operators = {**template.operators, ast.Mod: modulo, ast.Pow: power}
        copy.nodes = {
            node: MethodType(visit.__func__, copy) if isinstance(visit, MethodType) else visit
            for node, visit in template.nodes.items()
        }
        return copy


def in_memory(
    model: Model,
    rows: Mapping[str, Sequence[Row]],
    *,
    links: Mapping[str, RoleLinks],
    functions: Mapping[str, Function],
) -> Stock:
    """Stock Casbin whose rows (``p``, ``p2``) are put into the model, never through policy text."""
    fresh = Model(model.text).raw
    for key, policy in rows.items():
        fresh["p"][key].policy = list(policy)
    return Stock(_casbin.Enforcer(fresh), links, functions)


def from_text(model: Model, policy: str, links: LinksOf, functions: Mapping[str, Function]) -> Stock:
    """Stock Casbin that loads policy text itself; ``links`` makes the closure of each role definition."""
    loaded = _casbin.Enforcer(Model(model.text).raw, _casbin.persist.adapters.StringAdapter(policy or "\n"))
    definitions = cast("dict[str, Any]", loaded.get_model()["g"] or {})
    closures = {key: links(key, definitions[key].policy) for key in definitions}
    return Stock(loaded, closures, functions)
