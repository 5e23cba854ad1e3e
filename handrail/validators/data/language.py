"""The language of conditions over several fields: arithmetic, comparison and logic, read by recursive descent.

condition  = either ["implies" condition]
either     = both ("or" both)*              both   = negation ("and" negation)*
negation   = "not" negation | comparison
comparison = sum (("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") sum)*      a < b < c is a < b and b < c
sum        = product (("+" | "-") product)*        product = sign (("*" | "/") sign)*        sign = "-" sign | value
value      = number | 'text' | true | false | null | today | [value, ...] | FUNCTION(...) | field | (condition)
field      = name (.name | [position] | ["any name"] | [*])*, with or without "$." in front
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from handrail.errors import ConfigError
from handrail.validators.paths import Path

MAX_SOURCE = 1_000
"""Characters of one condition."""
MAX_DEPTH = 20
"""Parentheses, negations and calls inside each other."""

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)|(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?)|(?P<word>\$|[^\W\d]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/<>()\[\],.!])"
)
_SPELLED = {"&&": "and", "||": "or", "!": "not"}
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_RESERVED = {"and", "or", "not", "in", "implies"}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")

FUNCTIONS: Mapping[str, tuple[int, int]] = {
    "sum": (1, 1), "count": (1, 1), "min": (1, 20), "max": (1, 20), "abs": (1, 1), "round": (1, 2), "has": (1, 1),
    "len": (1, 1),
}  # fmt: skip
"""Function -> fewest and most arguments."""
_OF_MANY = ("sum", "count", "min", "max", "has")


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as written."""

    value: Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class Today:
    """The day of the check."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the value."""

    path: Path

    @property
    def many(self) -> bool:
        """Whether it may lead to several places."""
        return None in self.path.steps


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[item, ...]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """``function(argument, ...)``."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    """``-operand``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Not:
    """``not operand``."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Chain:
    """Values with signs between them: sums, products, comparisons."""

    first: Node
    rest: tuple[tuple[str, Node], ...]

    @property
    def compares(self) -> bool:
        """Whether the signs compare."""
        return self.rest[0][0] not in "+-*/"


@dataclass(frozen=True, slots=True)
class Join:
    """Parts joined by ``and``, ``or`` or (two of them) ``implies``."""

    word: str
    parts: tuple[Node, ...]


Node = Constant | Today | Field | ListOf | Call | Negative | Not | Chain | Join


def parse(source: str) -> Node:
    """The tree of a condition. Raises ConfigError with the place where it cannot be read."""
    if len(source) > MAX_SOURCE:
        raise ConfigError(f"The condition is longer than {MAX_SOURCE} characters.", hint="Make it several checks.")
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source, self._depth, self._at = source, 0, 0
        self._tokens = self._tokenize()

    def whole(self) -> Node:
        node = self._condition()
        if self._kind != "end":
            raise self._odd("this is not expected here")
        if not _is_truth(node):
            raise self._odd("a comparison is expected, such as total == net + tax")
        return node

    def _tokenize(self) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        at = 0
        while at < len(self._source):
            one = _TOKEN.match(self._source, at)
            if one is None:
                raise _fault(self._source, at, "this character has no meaning")
            if one.lastgroup != "blank":
                text = _SPELLED.get(one[0], one[0])
                found.append((one.lastgroup or "", text, at))
            at = one.end()
        return [*found, ("end", "", at)]

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _odd(self, problem: str) -> ConfigError:
        return _fault(self._source, self._tokens[self._at][2], problem)

    def _takes(self, *texts: str) -> str:
        """The next sign or word where it is one of ``texts``, which is then behind us; else an empty text."""
        if self._kind in ("sign", "word") and self._text in texts:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._odd(f"{text!r} is expected here")

    def _inside(self, part: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._odd(f"it is nested deeper than {MAX_DEPTH}")
        node = part()
        self._depth -= 1
        return node

    def _condition(self) -> Node:
        left = self._joined("or", lambda: self._joined("and", self._negation))
        if not self._takes("implies"):
            return left
        return Join("implies", (self._truth(left), self._truth(self._inside(self._condition))))

    def _joined(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Join(word, tuple(map(self._truth, parts)))

    def _truth(self, node: Node) -> Node:
        if not _is_truth(node):
            raise self._odd(f"a comparison is expected before this, not {type(node).__name__.lower()} alone")
        return node

    def _negation(self) -> Node:
        if self._takes("not"):
            return Not(self._truth(self._inside(self._negation)))
        return self._chained(self._sum, self._comparing)

    def _comparing(self) -> str:
        if self._takes("not"):
            self._expect("in")
            return "not in"
        return self._takes(*_COMPARISONS)

    def _sum(self) -> Node:
        return self._chained(self._product, lambda: self._takes("+", "-"))

    def _product(self) -> Node:
        return self._chained(self._signed, lambda: self._takes("*", "/"))

    def _chained(self, part: Callable[[], Node], sign: Callable[[], str]) -> Node:
        first, rest = part(), list[tuple[str, Node]]()
        while found := sign():
            rest.append((found, part()))
        for found, node in (("", first), *rest) if rest else ():
            if isinstance(node, Field) and node.many and found not in ("in", "not in"):
                raise self._odd(f"{node.path.written} before this is a list; write sum({node.path.written})")
        return Chain(first, tuple(rest)) if rest else first

    def _signed(self) -> Node:
        if self._takes("-"):
            return Negative(self._inside(self._signed))
        return self._value()

    def _value(self) -> Node:
        kind, text, _ = self._tokens[self._at]
        if kind == "end" or text in _RESERVED:
            raise self._odd("a value is expected here")
        self._at += 1
        if kind == "number":
            return Constant(Decimal(text))
        if kind == "text":
            return Constant(text[1:-1])
        if text == "(":
            return self._closed(self._inside(self._condition))
        if text == "[":
            return ListOf(self._items("]"))
        self._at -= 1
        if kind != "word":
            raise self._odd("a value is expected here")
        return self._named()

    def _closed(self, node: Node) -> Node:
        self._expect(")")
        return node

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._takes(closing):
            if items:
                self._expect(",")
            items.append(self._inside(self._sum))
        return tuple(items)

    def _named(self) -> Node:
        start, word = self._tokens[self._at][2], self._text
        self._at += 1
        if self._kind == "sign" and self._text == "(":
            return self._call(word)
        if word in _WORDS:
            return Constant(_WORDS[word])
        if word == "today":
            return Today()
        steps: list[str | int | None] = [] if word == "$" else [word]
        while self._kind == "sign" and self._text in (".", "["):
            steps.append(self._step())
        end = self._tokens[self._at - 1]
        return Field(Path(self._source[start : end[2] + len(end[1])], tuple(steps)))

    def _step(self) -> str | int | None:
        dotted = bool(self._takes("."))
        if not dotted:
            self._at += 1
        kind, text, _ = self._tokens[self._at]
        if kind == "end" or (dotted != (kind == "word") and text != "*"):
            raise self._odd("a name is expected after a dot, a position, a text or * in brackets")
        self._at += 1
        if not dotted:
            self._expect("]")
        if text == "*":
            return None
        if kind == "number" and text.isdecimal() and len(text) < 10:
            return int(text)
        if kind not in ("word", "text"):
            raise self._odd("a whole number or a name in quotes is expected before this")
        return text if kind == "word" else text[1:-1]

    def _call(self, name: str) -> Node:
        if name not in FUNCTIONS:
            raise self._odd(f"{name!r} is no function, there are {', '.join(FUNCTIONS)}")
        self._expect("(")
        given, (least, most) = self._items(")"), FUNCTIONS[name]
        if not least <= len(given) <= most:
            raise self._odd(f"{name} takes {least if least == most else f'{least} to {most}'} values, not {len(given)}")
        if name in ("sum", "count", "has") and not isinstance(given[0], Field):
            raise self._odd(f"{name} takes a field, such as {name}(lines[*].amount)")
        for one in given:
            if isinstance(one, Field) and one.many and name not in _OF_MANY:
                raise self._odd(f"{name} takes one value, and {one.path.written} is a list")
        return Call(name, given)


def _is_truth(node: Node) -> bool:
    """Whether a node may be true or false. A field may: it is one, or the check says that it is none."""
    match node:
        case Constant(value=value):
            return isinstance(value, bool)
        case Chain():
            return node.compares
        case Call(function=function):
            return function == "has"
        case Field():
            return not node.many
        case Join() | Not():
            return True
        case _:
            return False


def _fault(source: str, at: int, problem: str) -> ConfigError:
    what = f"at {source[at : at + 20]!r}" if at < len(source) else "at its end"
    return ConfigError(f"The condition {source!r:.200} cannot be read {what}: {problem}.")
