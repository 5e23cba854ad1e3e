"""The language of ``when``: small, read-only, typed. Text is checked and compiled once, when the policy is built.

    or:       and (("||" | "or") and)*
    and:      not (("&&" | "and") not)*
    not:      ("!" | "not") not | comparison
    compare:  value [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") value]
    value:    number | string | true | false | null | list | path | function "(" value, ... ")" | "(" or ")"

A condition that cannot be evaluated (missing argument, mixed types, NaN) raises `Unevaluable`; what that means
for a rule is decided by the caller. Facts are never changed, and Python attributes are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from handrail.config.settings import Place
from handrail.errors import PolicyError
from handrail.policy.tokens import Token, explain, tokenize

MAX_SOURCE = 2_000
"""Longest condition, in characters."""

MAX_DEPTH = 50
"""Deepest nesting of parentheses, negations, lists and calls."""

ROOTS = ("args", "principal", "tenant", "session", "channel", "run", "env")
"""The facts that a path may start with."""

Facts = Mapping[str, object]
Evaluate = Callable[[Facts], object]
Kind = Literal["bool", "other", "any"]


class Unevaluable(PolicyError):
    """A condition has no answer for these facts. Stays inside ``handrail.policy``."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled condition. Immutable and safe to share between threads."""

    source: str
    """The text as written."""
    paths: tuple[tuple[str, ...], ...]
    """Every path that it reads, such as ``("args", "amount")``, in order of appearance."""
    evaluate: Evaluate
    """The compiled form; use `holds`."""

    def holds(self, facts: Facts) -> bool:
        """Whether the condition is true of ``facts``; raises `Unevaluable` and nothing else."""
        try:
            return _truth(self.evaluate(facts))
        except Unevaluable:
            raise
        except Exception as error:
            raise Unevaluable(f"a fact could not be read ({type(error).__name__})") from error


def parse(source: str, *, place: Place | None = None, of: str = "condition") -> Condition:
    """Compile ``source``; raises PolicyError with the file and line of ``place`` and a caret under the fault."""
    where = place or Place()
    try:
        if len(source) > MAX_SOURCE:
            raise _Fault(f"it is longer than {MAX_SOURCE:,} characters", MAX_SOURCE)
        parser = _Parser(tokenize(source, fault=_Fault))
        return Condition(source, *parser.condition())
    except _Fault as fault:
        problem = f"The {of} is not understood: {fault.problem}.\n{explain(source, fault.position)}\n"
        raise PolicyError(problem, file=where.file, line=where.line, hint="Correct the text above the caret.") from None


class _Fault(Exception):
    """What is wrong with the text, and at which character (0-based)."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.problem, self.position = problem, position


@dataclass(frozen=True, slots=True)
class _Term:
    """A compiled part of a condition."""

    evaluate: Evaluate
    kind: Kind
    at: int
    """First character, 0-based."""


class _Parser:
    """Recursive descent over the tokens; ``_depth`` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0
        self._paths: list[tuple[str, ...]] = []

    def condition(self) -> tuple[tuple[tuple[str, ...], ...], Evaluate]:
        term = self._truth(self._or())
        if self._peek.kind != "end":
            raise _Fault(f"{self._peek.text!r} is not expected here", self._peek.at)
        return tuple(self._paths), term.evaluate

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _takes(self, *texts: str) -> bool:
        if self._peek.kind in ("sign", "word") and self._peek.text in texts:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise _Fault(f"{text!r} is expected here", self._peek.at)

    def _truth(self, term: _Term) -> _Term:
        if term.kind == "other":
            raise _Fault("a comparison is expected here, this value is neither true nor false", term.at)
        return term

    def _or(self) -> _Term:
        return self._joined(("||", "or"), self._and, _any_of)

    def _and(self) -> _Term:
        return self._joined(("&&", "and"), self._not, _all_of)

    def _joined(
        self, signs: tuple[str, str], part: Callable[[], _Term], join: Callable[[list[Evaluate]], Evaluate]
    ) -> _Term:
        terms = [part()]
        while self._takes(*signs):
            terms.append(part())
        if len(terms) == 1:
            return terms[0]
        return _Term(join([self._truth(term).evaluate for term in terms]), "bool", terms[0].at)

    def _not(self) -> _Term:
        at = self._peek.at
        if not self._takes("!", "not"):
            return self._comparison()
        self._deeper(at)
        inner = self._truth(self._not()).evaluate
        self._depth -= 1
        return _Term(lambda facts: not _truth(inner(facts)), "bool", at)

    def _comparison(self) -> _Term:
        left = self._value()
        sign = self._comparison_sign()
        if sign is None:
            return left
        compare, right = _COMPARISONS[sign], self._value().evaluate
        if (again := self._peek.at) and self._comparison_sign() is not None:
            raise _Fault("comparisons cannot be chained, join two with &&", again)
        first = left.evaluate
        return _Term(lambda facts: compare(first(facts), right(facts)), "bool", left.at)

    def _comparison_sign(self) -> str | None:
        token = self._peek
        if self._takes("not"):
            self._expect("in")
            return "not in"
        return token.text if self._takes(*_COMPARISONS) else None

    def _value(self) -> _Term:
        token = self._take()
        if token.kind in ("number", "string"):
            return _constant(token.value, token.at)
        if token.kind == "word":
            return self._named(token)
        if token.text in ("(", "["):
            self._deeper(token.at)
            term = self._list(token.at) if token.text == "[" else self._parenthesis(token.at)
            self._depth -= 1
            return term
        what = "the end" if token.kind == "end" else repr(token.text)
        raise _Fault(f"a value is expected here, not {what}", token.at)

    def _parenthesis(self, at: int) -> _Term:
        term = self._or()
        self._expect(")")
        return _Term(term.evaluate, term.kind, at)

    def _deeper(self, at: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Fault(f"it is nested deeper than {MAX_DEPTH}", at)

    def _list(self, at: int) -> _Term:
        items = self._items("]")
        return _Term(lambda facts: [item(facts) for item in items], "other", at)

    def _items(self, closing: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        while not self._takes(closing):
            if items:
                self._expect(",")
            items.append(self._value().evaluate)
        return items

    def _named(self, token: Token) -> _Term:
        if token.text in _CONSTANTS:
            return _constant(_CONSTANTS[token.text], token.at)
        if self._takes("("):
            return self._call(token)
        if token.text not in ROOTS:
            raise _Fault(f"{token.text!r} is no fact, facts are {', '.join(ROOTS)}", token.at)
        path = [token.text]
        while self._takes("."):
            path.append(self._step())
        self._paths.append(tuple(path))
        steps = tuple(path)
        return _Term(lambda facts: _read(facts, steps), "any", token.at)

    def _step(self) -> str:
        token = self._take()
        if token.kind == "word" or (token.kind == "number" and token.text.isdigit()):
            return token.text
        raise _Fault("a name or a position is expected after the dot", token.at)

    def _call(self, token: Token) -> _Term:
        if token.text not in _FUNCTIONS:
            raise _Fault(f"{token.text!r} is no function, there are {', '.join(_FUNCTIONS)}", token.at)
        arity, kind, function = _FUNCTIONS[token.text]
        self._deeper(token.at)
        given = self._items(")")
        self._depth -= 1
        if len(given) != arity:
            raise _Fault(f"{token.text} takes {arity} value{'s' * (arity > 1)}, not {len(given)}", token.at)
        return _Term(lambda facts: function(*(value(facts) for value in given)), kind, token.at)


def _constant(value: object, at: int) -> _Term:
    return _Term(lambda _: value, "bool" if isinstance(value, bool) else "other", at)


def _any_of(parts: list[Evaluate]) -> Evaluate:
    """Left to right, stops at the first that is true."""
    return lambda facts: any(_truth(part(facts)) for part in parts)


def _all_of(parts: list[Evaluate]) -> Evaluate:
    """Left to right, stops at the first that is false."""
    return lambda facts: all(_truth(part(facts)) for part in parts)


def _truth(value: object) -> bool:
    if value is True or value is False:
        return value
    raise Unevaluable(f"{_kind(value)} is neither true nor false")


_MISSING = object()


def _read(facts: Facts, steps: tuple[str, ...]) -> object:
    value: object = facts
    for position, step in enumerate(steps):
        value = _member(value, step)
        if value is _MISSING:
            raise Unevaluable(f"{'.'.join(steps[: position + 1])} is missing")
    return value


def _member(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(step, _MISSING)
    if isinstance(value, (list, tuple)) and step.isdigit() and len(step) < 10:
        items, position = cast("list[object] | tuple[object, ...]", value), int(step)
        return items[position] if position < len(items) else _MISSING
    return _MISSING


def _kind(value: object) -> str:
    """The language's name for the type of a value. Exact types: subclasses may lie about equality."""
    if type(value) is int or type(value) is float:
        return "a NaN" if value != value else "a number"
    return _KINDS.get(type(value), "an object")


def _same_kind(left: object, right: object) -> str:
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        raise Unevaluable(f"{kinds[0]} cannot be compared with {kinds[1]}")
    return kinds[0]


def _equal(left: object, right: object) -> bool:
    if left is None or right is None:
        return left is right
    if _same_kind(left, right) not in ("a truth value", "a string", "a number"):
        raise Unevaluable(f"{_kind(left)} cannot be compared")
    return left == right


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[object, object], bool]:
    def order(left: object, right: object) -> bool:
        if _same_kind(left, right) not in ("a string", "a number"):
            raise Unevaluable(f"{_kind(left)} has no order")
        return compare(cast("float", left), cast("float", right))

    return order


def _in(item: object, container: object) -> bool:
    """Found anywhere is true; otherwise one member of another type leaves the question open."""
    if _kind(container) != "a list":
        raise Unevaluable(f"`in` needs a list, not {_kind(container)}")
    doubt: Unevaluable | None = None
    for member in cast("list[object]", container):
        try:
            if _equal(item, member):
                return True
        except Unevaluable as error:
            doubt = error
    if doubt:
        raise doubt
    return False


def _strings(compare: Callable[[str, str], bool]) -> Callable[..., object]:
    def test(text: object, part: object) -> bool:
        if _same_kind(text, part) != "a string":
            raise Unevaluable(f"{_kind(text)} is no string")
        return compare(cast("str", text), cast("str", part))

    return test


def _contains(container: object, part: object) -> object:
    return _in(part, container) if _kind(container) == "a list" else _CONTAINS_TEXT(container, part)


def _length(value: object) -> object:
    if type(value) in (str, list, tuple, dict):
        return len(cast("str", value))
    raise Unevaluable(f"{_kind(value)} has no length")


_KINDS: dict[type[object], str] = {
    bool: "a truth value",
    str: "a string",
    type(None): "null",
    list: "a list",
    tuple: "a list",
}
_CONTAINS_TEXT = _strings(lambda text, part: part in text)
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}
_COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _in,
    "not in": lambda item, container: not _in(item, container),
}
_FUNCTIONS: dict[str, tuple[int, Kind, Callable[..., object]]] = {
    "startswith": (2, "bool", _strings(str.startswith)),
    "endswith": (2, "bool", _strings(str.endswith)),
    "contains": (2, "bool", _contains),
    "len": (1, "other", _length),
}
