"""Model, rows and functions -> the plan of a program: an index, or the reason why stock Casbin has to decide."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from handrail.policy.casbin.effects import EFFECTS, Effects, effect_of
from handrail.policy.casbin.index import Entry, Index, Tree, plant, texts_of
from handrail.policy.casbin.levels import Analyst, Term, analyse
from handrail.policy.casbin.matcher import Compiler, NotCompilable, Odd, Residual, joined, names_in
from handrail.policy.casbin.model import (
    Function,
    Model,
    Row,
    Values,
    casbin_functions,
    eval_fields,
    eval_text,
    parse_condition,
    parse_matcher,
)
from handrail.policy.casbin.report import Mode, Report, expected
from handrail.policy.casbin.tables import Indexed, indexed_functions
from handrail.policy.links import RoleLinks

_NO_EFFECTS = Effects(frozenset(), by_default=False)
_UNPARSABLE = (SyntaxError, ValueError, RecursionError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function that may stand last in a matcher and is made ready for each row when the program is built."""

    call: Function
    """As stock Casbin calls it."""
    bind: Callable[[Row], Residual | None]
    """The row -> what remains to be asked, None where it always holds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program decides by."""

    index: Index | None
    """None: stock Casbin decides."""
    effects: Effects
    width: int
    """Fields of a request."""
    reads_facts: bool
    """Whether the request has a field that stands for facts."""
    report: Report


def plan_of(
    model: Model,
    rows: Sequence[Row],
    *,
    links: Mapping[str, RoleLinks],
    functions: Mapping[str, Function | Indexed | Prepared],
    facts: frozenset[str],
    suffix: str = "",
) -> Plan:
    """The plan for ``rows``; never raises for what stock Casbin can be asked."""
    builder = _Builder(model, rows, links, functions, facts, suffix)
    request = model.names("r", f"r{suffix}")
    reads_facts = bool(facts & {*request})
    try:
        index = builder.index()
    except NotCompilable as problem:
        cost = expected("stock", len(rows), builder.tree, with_eval=builder.has_eval)
        return Plan(
            None, _NO_EFFECTS, len(request), reads_facts, Report("stock", (str(problem),), cost, size=len(rows))
        )
    return Plan(index, builder.effects, len(request), reads_facts, builder.report(index))


class _Builder:
    """Builds one index."""

    def __init__(
        self,
        model: Model,
        rows: Sequence[Row],
        links: Mapping[str, RoleLinks],
        functions: Mapping[str, Function | Indexed | Prepared],
        facts: frozenset[str],
        suffix: str,
    ) -> None:
        self._rows, self._links, self._facts = rows, links, facts
        self._request, self._policy = model.names("r", f"r{suffix}"), model.names("p", f"p{suffix}")
        self._matcher = model.value("m", f"m{suffix}")
        self._effect = model.value("e", "e")
        self._eft = f"p{suffix}_eft"
        self._indexed = {name: one for name, one in _tables().items() if name not in functions}
        self._indexed |= {name: one for name, one in functions.items() if isinstance(one, Indexed)}
        self._prepared = {name: one for name, one in functions.items() if isinstance(one, Prepared)}
        self._functions = casbin_functions() | {name: _call(one) for name, one in functions.items()}
        self._functions |= {name: _role_function(one) for name, one in links.items()}
        self._compiler = Compiler(self._request, self._policy, self._functions)
        self._strangers: list[tuple[Row, str]] = []
        self.has_eval = bool(eval_fields(self._matcher))
        self.tree: ast.expr | None = None

    @property
    def effects(self) -> Effects:
        """Casbin's effect; raises NotCompilable for one that is not known here."""
        if self._effect not in EFFECTS:
            raise NotCompilable(f"the effect {self._effect!r} is not one of Casbin's own")
        return EFFECTS[self._effect]

    def index(self) -> Index:
        """The index of all rows; raises NotCompilable."""
        effects = self.effects
        tree = self.tree = self._parsed()
        self._check_rows()
        self._check_evals(tree)
        functions = {**self._functions, "eval": _never} if self.has_eval else self._functions
        analyst = Analyst(self._request, self._policy, functions, self._indexed, self._links)
        terms = analyse(analyst, tree)
        trees = tuple(plant(term, self._entries(term)) for term in terms)
        places = {name: place for place, name in enumerate(self._request)}
        return Index(trees, texts_of(terms, places), any(term.guards for term in terms), effects.stops)

    def report(self, index: Index) -> Report:
        """What the built index says of itself."""
        mode: Mode = "indexed" if all(_narrows(tree) for tree in index.trees) else "scan"
        why = () if mode == "indexed" else (_NO_PIN,)
        levels = tuple(
            f"{self._policy[field].split('_', 1)[1]} by {how}" for one in index.trees for field, how in one.says
        )
        cost = expected(mode, len(self._rows), self.tree, with_eval=self.has_eval)
        return Report(mode, why, cost, levels, tuple(self._strangers), len(self._rows))

    def _parsed(self) -> ast.expr:
        try:
            return parse_matcher(self._matcher)
        except _UNPARSABLE as error:
            raise NotCompilable(f"the matcher is no expression ({error})") from error

    def _check_rows(self) -> None:
        if not self._rows:
            raise NotCompilable("the policy has no rows")
        for row in self._rows:
            if len(row) != len(self._policy) or not all(type(value) is str for value in row):
                raise NotCompilable(f"the row {', '.join(map(str, row))} does not fit the policy definition")

    def _check_evals(self, tree: ast.expr) -> None:
        """Casbin puts conditions into the matcher as text: only a plain ``eval(p.field)`` is that one expression."""
        fields = [_evaluated(node) for node in ast.walk(tree) if _is_eval(node)]
        if sorted(fields) != sorted(eval_fields(self._matcher)) or not {*fields} <= {*self._policy}:
            raise NotCompilable("eval() is given something else than a policy field")

    def _entries(self, term: Term) -> list[Entry]:
        residual_of = self._residuals(term.residual)
        eft = self._policy.index(self._eft) if self._eft in self._policy else None
        entries: list[Entry] = []
        for place, row in enumerate(self._rows):
            effect = "allow" if eft is None else effect_of(row[eft])
            residual, reads_facts = residual_of(row)
            entries.append(Entry(place, row, effect, residual, reads_facts))
        return entries

    def _residuals(self, parts: list[ast.expr]) -> Callable[[Row], tuple[Residual | None, bool]]:
        """What makes the residual of a row, and says whether it reads facts."""
        if not parts:
            return lambda row: (None, False)
        if len(parts) == 1 and (prepared := self._prepared_call(parts[0])):
            return lambda row: _with_facts(prepared.bind(row))
        fields = dict.fromkeys(_evaluated(node) for part in parts for node in ast.walk(part) if _is_eval(node))
        if not fields:
            shared = self._compiler.compile(joined(parts)), self._reads_facts(parts)
            return lambda row: shared
        return self._conditional(parts, list(fields))

    def _prepared_call(self, part: ast.expr) -> Prepared | None:
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            return self._prepared.get(part.func.id)
        return None

    def _reads_facts(self, parts: Sequence[ast.expr]) -> bool:
        return any(names_in(part) & self._facts for part in parts)

    def _conditional(self, parts: list[ast.expr], fields: list[str]) -> Callable[[Row], tuple[Residual | None, bool]]:
        """Residuals with the row's own conditions in the place of ``eval(...)``; each combination is compiled once."""
        places = [self._policy.index(field) for field in fields]
        made: dict[tuple[str, ...], tuple[Residual, bool]] = {}

        def residual_of(row: Row) -> tuple[Residual | None, bool]:
            texts = tuple(row[place] for place in places)
            if texts not in made:
                made[texts] = self._condition(parts, dict(zip(fields, texts, strict=True)), row)
            return made[texts]

        return residual_of

    def _condition(self, parts: list[ast.expr], texts: Mapping[str, str], row: Row) -> tuple[Residual, bool]:
        try:
            trees = {field: parse_condition(eval_text(text)) for field, text in texts.items()}
        except _UNPARSABLE as error:
            raise NotCompilable(f"the condition of the row {', '.join(row)} is no expression of its own") from error
        whole = [_Substitution(trees).visit(deepcopy(part)) for part in parts]
        try:
            return self._compiler.compile(joined(whole)), self._reads_facts(whole)
        except NotCompilable as problem:
            self._strangers.append((row, str(problem)))
            return _ask_stock, True


class _Substitution(ast.NodeTransformer):
    """Puts trees in the place of ``eval(p_field)``."""

    def __init__(self, trees: Mapping[str, ast.expr]) -> None:
        self._trees = trees

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The condition for an ``eval``, anything else as it is."""
        if _is_eval(node):
            return self._trees[_evaluated(node)]
        return self.generic_visit(node)


_NO_PIN = "no conjunct before one that may raise pins a policy field: every row is evaluated"


def _is_eval(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "eval"


def _evaluated(node: ast.AST) -> str:
    """The field in ``eval(p_field)``; empty for anything else."""
    match node:
        case ast.Call(args=[ast.Name(id=name)], keywords=[]):
            return name
        case _:
            return ""


def _narrows(tree: Tree) -> bool:
    return bool(tree.levels or tree.hoisted or tree.guards)


def _with_facts(residual: Residual | None) -> tuple[Residual | None, bool]:
    return residual, residual is not None


def _call(given: Function | Indexed | Prepared) -> Function:
    return given.call if isinstance(given, (Indexed, Prepared)) else given


def _role_function(links: RoleLinks) -> Function:
    def function(*names: str) -> bool:
        return links.has_link(names[0], names[1], *(str(domain) for domain in names[2:3]))

    return function


def _never(*_: object) -> bool:
    raise Odd


def _ask_stock(request: Values, row: Row) -> bool:
    raise Odd


_TABLES: dict[str, Indexed] = {}


def _tables() -> dict[str, Indexed]:
    if not _TABLES:
        _TABLES.update(indexed_functions())
    return _TABLES
