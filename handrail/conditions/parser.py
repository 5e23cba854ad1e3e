"""From text to syntax tree, by recursive descent; what cannot mean anything is refused with its position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from handrail.conditions.evaluate import LITERALS
from handrail.conditions.faults import Fault
from handrail.conditions.functions import FUNCTIONS
from handrail.conditions.roots import ROOTS
from handrail.conditions.syntax import (
    CONSTANTS,
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    Sign,
    path_text,
)
from handrail.conditions.tokens import Token, tokenize
from handrail.conditions.values import COMPARISONS

MAX_SOURCE = 2_000
"""Longest condition, in characters."""

MAX_DEPTH = 50
"""Deepest nesting of parentheses, negations, lists and calls."""


def tree_of(source: str) -> Node:
    """The syntax tree of a whole condition; raises Fault."""
    if len(source) > MAX_SOURCE:
        raise Fault(f"it is longer than {MAX_SOURCE:,} characters", MAX_SOURCE)
    return _Parser(tokenize(source, fault=Fault)).condition()


def kind_of(node: Node) -> Literal["bool", "other", "any"]:
    """Whether a node is a truth value: surely, surely not, or only the facts can tell."""
    match node:
        case Path():
            return "any"
        case Constant():
            return "bool" if isinstance(node.value, bool) else "other"
        case ListOf():
            return "other"
        case Call():
            return "bool" if FUNCTIONS[node.function].gives == "bool" else "other"
        case Not() | AllOf() | AnyOf() | Compare():
            return "bool"


class _Parser:
    """``_depth`` bounds the recursion."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0

    def condition(self) -> Node:
        node = _true_or_false(self._or())
        if self._peek.kind != "end":
            raise Fault(f"{self._peek.text!r} is not expected here", self._peek.at)
        return node

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
            raise Fault(f"{text!r} is expected here", self._peek.at)

    def _deeper(self, at: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Fault(f"it is nested deeper than {MAX_DEPTH}", at)

    def _or(self) -> Node:
        parts = self._joined(("||", "or"), self._and)
        return parts[0] if len(parts) == 1 else AnyOf(tuple(map(_true_or_false, parts)), parts[0].at)

    def _and(self) -> Node:
        parts = self._joined(("&&", "and"), self._not)
        return parts[0] if len(parts) == 1 else AllOf(tuple(map(_true_or_false, parts)), parts[0].at)

    def _joined(self, signs: tuple[str, str], part: Callable[[], Node]) -> list[Node]:
        parts = [part()]
        while self._takes(*signs):
            parts.append(part())
        return parts

    def _not(self) -> Node:
        at = self._peek.at
        if not self._takes("!", "not"):
            return self._comparison()
        self._deeper(at)
        inner = _true_or_false(self._not())
        self._depth -= 1
        return Not(inner, at)

    def _comparison(self) -> Node:
        left = self._value()
        sign = self._sign()
        if sign is None:
            return left
        right = self._value()
        if (again := self._peek.at) and self._sign() is not None:
            raise Fault("comparisons cannot be chained, join two with &&", again)
        return Compare(sign, left, right, left.at)

    def _sign(self) -> Sign | None:
        token = self._peek
        if self._takes("not"):
            self._expect("in")
            return "not in"
        return cast("Sign", token.text) if self._takes(*COMPARISONS) else None

    def _value(self) -> Node:
        token = self._take()
        if token.kind in ("number", "string"):
            return Constant(cast("int | float | str", token.value), token.at)
        if token.kind == "word":
            return self._named(token)
        if token.text in ("(", "["):
            self._deeper(token.at)
            node = self._list(token.at) if token.text == "[" else self._parenthesis()
            self._depth -= 1
            return node
        what = "the end" if token.kind == "end" else repr(token.text)
        raise Fault(f"a value is expected here, not {what}", token.at)

    def _parenthesis(self) -> Node:
        node = self._or()
        self._expect(")")
        return node

    def _list(self, at: int) -> Node:
        return ListOf(self._items("]"), at)

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._takes(closing):
            if items:
                self._expect(",")
            items.append(self._value())
        return tuple(items)

    def _named(self, token: Token) -> Node:
        if token.text in CONSTANTS:
            return Constant(CONSTANTS[token.text], token.at)
        if self._takes("("):
            return self._call(token)
        if token.text not in ROOTS:
            raise Fault(f"{token.text!r} is no fact, facts are {', '.join(ROOTS)}", token.at)
        steps = [token.text]
        while self._peek.text in (".", "[") and self._peek.kind == "sign":
            steps.append(self._step() if self._takes(".") else self._bracket())
        _check_known(steps, token.at)
        return Path(tuple(steps), token.at)

    def _step(self) -> str:
        token = self._take()
        if token.kind == "word" or (token.kind == "number" and token.text.isdigit()):
            return token.text
        raise Fault("a name or a position is expected after the dot", token.at)

    def _bracket(self) -> str:
        self._expect("[")
        token = self._take()
        if token.kind != "string":
            raise Fault('a name in quotes is expected here, as in args["any name"]', token.at)
        self._expect("]")
        return cast("str", token.value)

    def _call(self, token: Token) -> Node:
        if token.text not in FUNCTIONS:
            raise Fault(f"{token.text!r} is no function, there are {', '.join(FUNCTIONS)}", token.at)
        self._deeper(token.at)
        given = self._items(")")
        self._depth -= 1
        arity = len(FUNCTIONS[token.text].takes)
        if len(given) != arity:
            raise Fault(f"{token.text} takes {arity} value{'s' * (arity > 1)}, not {len(given)}", token.at)
        for takes, argument in zip(FUNCTIONS[token.text].takes, given, strict=True):
            _check_argument(takes, argument)
        return Call(token.text, given, token.at)


def _check_argument(takes: str, node: Node) -> None:
    """What must stand in the condition itself does, and means something."""
    if takes == "path" and not isinstance(node, Path):
        raise Fault("a path is expected here, such as args.NAME", node.at)
    if takes not in LITERALS:
        return
    if not (isinstance(node, Constant) and isinstance(node.value, str)):
        raise Fault(f"a {takes} in quotes is expected here", node.at)
    try:
        LITERALS[takes](node.value)
    except ValueError as error:
        raise Fault(f"the {takes} is not good: {error}", _position(node, getattr(error, "part", ""))) from None


def _position(literal: Constant, part: str) -> int:
    """Where ``part`` stands in the text of a literal; its first character where that cannot be told."""
    written = str(literal.value)
    if not part or "\\" in written[: written.find(part)]:
        return literal.at
    return literal.at + 1 + max(written.find(part), 0)


def _check_known(steps: list[str], at: int) -> None:
    """Raise Fault for a step that no fact of this kind can have."""
    fact = ROOTS[steps[0]]
    for number, step in enumerate(steps[1:], 1):
        so_far = path_text(tuple(steps[:number]))
        if fact.type in ("string", "number"):
            raise Fault(f"{so_far} is a {fact.type} with nothing inside", at)
        if fact.type == "array" and not step.isdecimal():
            raise Fault(f"{so_far} is a list, only a position can follow", at)
        if fact.members is None:
            return
        if step not in fact.members:
            raise Fault(f"{step!r} is no fact of {so_far}, there are {', '.join(fact.members)}", at)
        fact = fact.members[step]


def _true_or_false(node: Node) -> Node:
    if kind_of(node) == "other":
        raise Fault("a comparison is expected here, this value is neither true nor false", node.at)
    return node
