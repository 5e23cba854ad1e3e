"""One compiled policy: Casbin's effects on the rows that the index yields, and stock Casbin for everything else.

A program is built once and never changed; another version of the policy is another program. What it remembers is
bounded and derived, so threads need no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handrail.policy.casbin.build import Plan, Prepared, plan_of
from handrail.policy.casbin.effects import Effects
from handrail.policy.casbin.index import Entries, Index
from handrail.policy.casbin.matcher import Odd
from handrail.policy.casbin.model import Answer, Function, Model, Row, Values
from handrail.policy.casbin.report import Report
from handrail.policy.casbin.stock import LinksOf, Stock, from_text, in_memory
from handrail.policy.casbin.tables import MAX_REMEMBERED_NAME, Indexed
from handrail.policy.links import CasbinLinks, RoleLinks

MAX_REMEMBERED = 16_384
"""Requests whose candidates are remembered."""

__all__ = ["MAX_REMEMBERED", "Program", "compile", "load"]


class Program:
    """Answers with one fixed policy, as stock Casbin would. Thread-safe; nothing changes after it is built."""

    def __init__(self, plan: Plan, stock: Callable[[], Stock], *, second: bool = False) -> None:
        """Made by `compile` and `load`; ``second`` is for r2, p2 and m2."""
        self._plan, self._make_stock, self._second = plan, stock, second
        self._made: Stock | None = None
        self._known: dict[tuple[Any, ...], Entries] = {}

    @property
    def stock(self) -> Stock:
        """Stock Casbin over the same rows."""
        made = self._made
        if made is None:  # two threads may make one each, and both are good
            made = self._made = self._make_stock()
        return made

    def ask(self, *request: Any) -> Answer:
        """The answer of stock Casbin's ``enforce_ex``; raises what it raises."""
        index = self._plan.index
        if index is None or len(request) != self._plan.width:
            return self._ask_stock(request)
        try:
            entries = self._candidates(index, request)
        except Exception:
            return self._ask_stock(request)
        try:
            return _answer(self._plan.effects, entries, request)
        except Odd:
            return self._ask_stock(request)

    def settle(self, *request: Any) -> Answer | None:
        """As `ask` where no fact can change the answer, else None."""
        entries = self._open(request)
        if entries is None or any(entry.reads_facts for entry in entries):
            return None if self._plan.reads_facts else self.ask(*request)
        return self.ask(*request)

    def could_allow(self, *request: Any) -> bool:
        """Whether `ask` allows with some facts: whatever reads any is taken as open."""
        entries = self._open(request)
        if entries is None:
            return self._plan.reads_facts or self.ask(*request)[0]
        effects = self._plan.effects
        allowed = effects.by_default
        for entry in entries:
            certain = not entry.reads_facts
            if certain and entry.residual is not None and not entry.residual(request, entry.row):
                continue
            if certain and entry.effect in effects.stops:
                # A denial that is certain leaves only what may decide before it.
                return entry.effect == "allow" or (allowed and "allow" in effects.stops)
            allowed = allowed or entry.effect == "allow"
        return allowed

    def report(self) -> Report:
        """How decisions are made, why so where it is not by the index, and what one is expected to cost."""
        return self._plan.report

    def _ask_stock(self, request: Values) -> Answer:
        return self.stock.ask_second(*request) if self._second else self.stock.ask(*request)

    def _open(self, request: Values) -> Entries | None:
        """The candidates where they do not depend on facts."""
        index = self._plan.index
        if index is None or index.guarded or len(request) != self._plan.width:
            return None
        try:
            return self._candidates(index, request)
        except Exception:
            return None

    def _candidates(self, index: Index, request: Values) -> Entries:
        """The rows that can match, in policy order. Raises where stock Casbin has to be asked."""
        key = index.key(request)
        for text in key:
            if type(text) is not str:
                raise Odd
        if index.guarded:
            gates = index.gates(request)
            return self._remembered(index, request, key, gates, (gates, *key))
        found = self._known.get(key)
        if found is not None:
            return found
        return self._remembered(index, request, key, (True,) * len(index.trees), key)

    def _remembered(
        self, index: Index, request: Values, key: Values, gates: tuple[bool, ...], name: tuple[Any, ...]
    ) -> Entries:
        found = self._known.get(name)
        if found is None:
            found = index.candidates(request, gates)
            if all(len(text) <= MAX_REMEMBERED_NAME for text in key):
                if len(self._known) >= MAX_REMEMBERED:
                    self._known = {}
                self._known[name] = found
        return found


def _answer(effects: Effects, entries: Entries, request: Values) -> Answer:
    """Casbin's effectors and ``enforce_ex``: the row named is the last that matched."""
    named: Row = ()
    allowed = effects.by_default
    for entry in entries:
        residual = entry.residual
        if residual is not None:
            value = residual(request, entry.row)
            if value is False or (value is not True and not _is_match(value)):
                continue
        named = entry.row
        if entry.effect in effects.stops:
            return entry.effect == "allow", named
        allowed = allowed or entry.effect == "allow"
    return allowed, named


def _is_match(value: object) -> bool:
    if isinstance(value, float):
        return bool(value)
    raise RuntimeError("matcher result should be bool, int or float")


def compile(
    model: Model,
    rows: Sequence[Row],
    *,
    links: Mapping[str, RoleLinks],
    functions: Mapping[str, Function | Indexed | Prepared] | None = None,
    facts: frozenset[str] = frozenset(),
    suffix: str = "",
) -> Program:
    """The program of ``rows``, in the order in which Casbin uses them.

    ``functions`` are what a matcher may call beside Casbin's own, or in their place; ``facts`` are the request
    fields that stand for facts, such as ``r_args``; ``suffix`` is ``"2"`` for r2, p2 and m2.
    """
    given = functions or {}
    plan = plan_of(model, rows, links=links, functions=given, facts=facts, suffix=suffix)
    calls = {name: one.call if isinstance(one, (Indexed, Prepared)) else one for name, one in given.items()}
    stored = tuple(rows)
    return Program(
        plan,
        lambda: in_memory(model, {f"p{suffix}": stored}, links=links, functions=calls),
        second=bool(suffix),
    )


def casbin_links(model: Model) -> LinksOf:
    """Closures of the role definitions of ``model``, with the reach of Casbin's own role managers."""

    def links(key: str, rows: list[Sequence[str]]) -> RoleLinks:
        width = model.value("g", key).count("_")
        return CasbinLinks((row[:width] for row in rows), domains=width > 2)

    return links


def load(
    model: Model,
    policy: str,
    *,
    links: LinksOf | None = None,
    functions: Mapping[str, Function | Indexed] | None = None,
    facts: frozenset[str] = frozenset(),
) -> Program:
    """The program of policy text, loaded and sorted by Casbin itself. Raises what Casbin raises."""
    given = functions or {}
    calls = {name: one.call if isinstance(one, Indexed) else one for name, one in given.items()}
    stock = from_text(model, policy, links or casbin_links(model), calls)
    rows = [tuple(row) for row in stock.rows("p", "p")]
    plan = plan_of(model, rows, links=stock.links, functions=given, facts=facts)
    return Program(plan, lambda: stock)
