"""How a matcher narrows the rows down: what pins a policy field, what concerns the request alone, what remains.

Whatever is asked here before the rows are narrowed down cannot raise for requests whose named fields are texts;
a conjunct that may raise stops everything to its right from narrowing, since stock Casbin might have raised there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from handrail.policy.casbin.matcher import Compiler, Residual, calls_in, conjuncts, names_in
from handrail.policy.casbin.model import Function, Values
from handrail.policy.casbin.tables import Indexed, tried
from handrail.policy.links import RoleLinks

Keys = Callable[[Values], Collection[str]]
"""A request -> the values of one policy field with which a row can match, each once."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A conjunct that only certain values of one policy field satisfy."""

    field: int
    """Position in the row."""
    how: str
    """In a word, for reports: ``==``, ``in``, ``g``, ``keyMatch``."""
    keys: Callable[[Iterable[str]], Keys]
    """The field's distinct values -> the keys of a request. Raises NotCompilable."""


@dataclass(frozen=True, slots=True)
class Hoisted:
    """A conjunct about the request alone."""

    asks: Residual
    last: bool
    """Whether it is the last conjunct, whose value is the matcher's."""


@dataclass(slots=True)
class Term:
    """One way in which a row can match: the conjuncts of one side of the outermost ``||``."""

    pins: list[Pin] = field(default_factory=list[Pin])
    hoisted: list[Hoisted] = field(default_factory=list[Hoisted])
    residual: list[ast.expr] = field(default_factory=list[ast.expr])
    guards: list[Hoisted] = field(default_factory=list[Hoisted])
    """Asked at every request: what they read is not among `texts`."""
    texts: set[str] = field(default_factory=set[str])
    """Request fields that have to be texts for the above to be true."""


class Analyst:
    """Takes matchers apart."""

    def __init__(
        self,
        request: Sequence[str],
        policy: Sequence[str],
        functions: Mapping[str, Function],
        indexed: Mapping[str, Indexed],
        links: Mapping[str, RoleLinks],
    ) -> None:
        """``request`` and ``policy`` are field names as matchers write them; ``functions`` has all, ``links`` too."""
        self._request, self._policy = list(request), list(policy)
        self._indexed, self._links = indexed, links
        self._compiler = Compiler(request, policy, functions)
        self._pure = frozenset(indexed) | frozenset(links)

    def term(self, tree: ast.expr) -> Term:
        """What one side of the outermost ``||`` says; raises NotCompilable."""
        term, parts = Term(), conjuncts(tree)
        for place, part in enumerate(parts):
            if self._sort(term, part, last=place == len(parts) - 1):
                term.residual += parts[place + 1 :]
                break
        term.pins = self._together(term.pins)
        return term

    def _sort(self, term: Term, part: ast.expr, *, last: bool) -> bool:
        """Put ``part`` where it belongs; whether nothing to its right may narrow."""
        names = names_in(part)
        asked, fields = names & set(self._request), names & set(self._policy)
        if not fields and (hoisted := self._hoisted(part, last=last)):
            if self._is_plain(part):
                term.hoisted.append(hoisted)
                term.texts |= asked
                return False
            if not term.pins:
                term.guards.append(hoisted)
                return False
        if len(fields) == 1 and (pin := self._pin(part, min(fields))):
            term.pins.append(pin)
            term.texts |= asked
            return False
        term.residual.append(part)
        if self._never_raises(part):
            term.texts |= asked
            return False
        return True

    def _hoisted(self, part: ast.expr, *, last: bool) -> Hoisted | None:
        if any(name not in self._pure and not name.startswith(".") for name in calls_in(part)):
            return None
        return Hoisted(self._compiler.compile(part), last)

    def _is_plain(self, part: ast.expr) -> bool:
        """Whether it looks at names and constants only, never into a value."""
        return all(isinstance(node, _PLAIN) for node in ast.walk(part))

    def _never_raises(self, part: ast.expr) -> bool:
        """Whether it cannot raise when every request field in it is a text."""
        match part:
            case ast.Compare(left=left, ops=signs, comparators=rights):
                simple = all(isinstance(one, (ast.Name, ast.Constant)) for one in (left, *rights))
                return simple and all(isinstance(sign, (ast.Eq, ast.NotEq)) for sign in signs)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in self._links:
                return len(arguments) in (2, 3) and all(_is_text(one) for one in arguments)
            case ast.BoolOp(values=values):
                return all(self._never_raises(value) for value in values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._never_raises(operand)
            case _:
                return False

    def _pin(self, part: ast.expr, name: str) -> Pin | None:
        """How ``part``, in which ``name`` is the only policy field, pins it; None when it does not."""
        match part:
            case ast.BoolOp(op=ast.Or(), values=values):
                pins = [self._pin(value, name) if name in names_in(value) else None for value in values]
                pinned = [pin for pin in pins if pin is not None]
                return self._either(pinned) if len(pinned) == len(values) else self._by_trial(part, name)
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return self._equal(left, right, name) or self._equal(right, left, name) or self._by_trial(part, name)
            case ast.Compare(left=ast.Name(id=left), ops=[ast.In()], comparators=[ast.Tuple() | ast.List() as given]):
                texts = _texts(given.elts) if left == name else None
                return self._by_trial(part, name) if texts is None else self._fixed("in", name, texts)
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return self._by_call(function, arguments, name) or self._by_trial(part, name)
            case _:
                return self._by_trial(part, name)

    def _equal(self, side: ast.expr, other: ast.expr, name: str) -> Pin | None:
        if not (isinstance(side, ast.Name) and side.id == name):
            return None
        if isinstance(other, ast.Constant) and isinstance(other.value, str):
            return self._fixed("==", name, (other.value,))
        asked = self._asked(other)
        if asked is None:
            return None
        return Pin(self._policy.index(name), "==", lambda values: lambda request: (asked(request),))

    def _fixed(self, how: str, name: str, texts: tuple[str, ...]) -> Pin:
        every = tuple(dict.fromkeys(texts))
        return Pin(self._policy.index(name), how, lambda values: lambda request: every)

    def _by_call(self, function: str, arguments: list[ast.expr], name: str) -> Pin | None:
        if function in self._links:
            return self._by_roles(function, arguments, name)
        indexed = self._indexed.get(function)
        if indexed is None or len(arguments) != 2:
            return None
        policy, asked = arguments[indexed.policy_at], self._asked(arguments[1 - indexed.policy_at])
        if asked is None or not (isinstance(policy, ast.Name) and policy.id == name):
            return None

        def keys(values: Iterable[str]) -> Keys:
            find = indexed.table(values)
            return lambda request: find(asked(request))

        return Pin(self._policy.index(name), function, keys)

    def _by_roles(self, function: str, arguments: list[ast.expr], name: str) -> Pin | None:
        if len(arguments) not in (2, 3) or not (isinstance(arguments[1], ast.Name) and arguments[1].id == name):
            return None
        who, where = self._asked(arguments[0]), [self._asked(one) for one in arguments[2:]]
        domains = [one for one in where if one is not None]
        if who is None or len(domains) != len(where):
            return None
        names = self._links[function].names
        if domains:
            (domain,) = domains
            return Pin(self._policy.index(name), function, lambda values: lambda r: names(who(r), domain(r)))
        return Pin(self._policy.index(name), function, lambda values: lambda r: names(who(r)))

    def _by_trial(self, part: ast.expr, name: str) -> Pin | None:
        """Any pure predicate of true and false: tried once for each value of the field."""
        if not (self._is_plain(part) and calls_in(part) <= self._pure and _is_predicate(part, self._pure)):
            return None
        index, width = self._policy.index(name), len(self._policy)
        accepts = self._compiler.compile(part)
        places = sorted(self._request.index(one) for one in names_in(part) & set(self._request))

        def one_row(value: str) -> tuple[str, ...]:
            return tuple(value if place == index else "" for place in range(width))

        def keys(values: Iterable[str]) -> Keys:
            rows = [(value, one_row(value)) for value in values]
            return lambda request: tuple(value for value, row in rows if accepts(request, row))

        if len(places) == 1:
            (place,) = places

            def asked(name: str, value: str) -> object:
                return accepts(tuple(name if at == place else "" for at in range(len(self._request))), one_row(value))

            table = tried(asked)

            def remembered_keys(values: Iterable[str]) -> Keys:
                find = table(values)
                return lambda request: find(request[place])

            return Pin(index, "tried", remembered_keys)
        return Pin(index, "tried", keys)

    def _either(self, pins: Sequence[Pin]) -> Pin:
        def keys(values: Iterable[str]) -> Keys:
            every = list(values)
            each = [pin.keys(every) for pin in pins]
            return lambda request: dict.fromkeys(key for one in each for key in one(request))

        return Pin(pins[0].field, " or ".join(dict.fromkeys(pin.how for pin in pins)), keys)

    @staticmethod
    def _together(pins: list[Pin]) -> list[Pin]:
        """One pin for each field: a row has to have a key of every conjunct about it."""
        return [
            _both([pin for pin in pins if pin.field == field]) for field in dict.fromkeys(one.field for one in pins)
        ]

    def _asked(self, node: ast.expr) -> Callable[[Values], str] | None:
        """What reads a request field or a constant text; None for anything else."""
        if isinstance(node, ast.Name) and node.id in self._request:
            place = self._request.index(node.id)
            return lambda request: request[place]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            return lambda request: text
        return None


_PLAIN = (
    ast.Name, ast.Constant, ast.Load, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Call,
    ast.Tuple, ast.List, ast.cmpop,
)  # fmt: skip


def alternatives(tree: ast.expr) -> list[ast.expr]:
    """The sides of the outermost ``||``."""
    return tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.Or) else [tree]


def analyse(analyst: Analyst, tree: ast.expr) -> list[Term]:
    """Every side of the outermost ``||``. With several, the whole matcher remains to be asked on candidates."""
    terms = [analyst.term(side) for side in alternatives(tree)]
    if len(terms) > 1:
        for term in terms:
            term.residual = [tree]
    return terms


def _both(pins: list[Pin]) -> Pin:
    if len(pins) == 1:
        return pins[0]

    def keys(values: Iterable[str]) -> Keys:
        every = list(values)
        each = [pin.keys(every) for pin in pins]

        def common(request: Values) -> Collection[str]:
            first, *others = [one(request) for one in each]
            return tuple(key for key in first if all(key in other for other in others))

        return common

    return Pin(pins[0].field, " and ".join(dict.fromkeys(pin.how for pin in pins)), keys)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _texts(nodes: Sequence[ast.expr]) -> tuple[str, ...] | None:
    texts = tuple(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return texts if len(texts) == len(nodes) else None


def _is_predicate(part: ast.expr, functions: frozenset[str]) -> bool:
    """Whether its value is always true or false."""
    match part:
        case ast.BoolOp(values=values):
            return all(_is_predicate(value, functions) for value in values)
        case ast.UnaryOp(op=ast.Not()) | ast.Compare():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in functions
        case _:
            return False
