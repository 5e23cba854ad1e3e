"""The syntax tree of a condition, and how it is written as text again. Immutable; nothing here evaluates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Sign = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]

CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
"""The words that stand for values."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_POSITION = re.compile(r"[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, string, truth value or null, as written."""

    value: int | float | str | bool | None
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[item, ...]``."""

    items: tuple[Node, ...]
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class Path:
    """``args.order.lines.0``: a fact."""

    steps: tuple[str, ...]
    """The root, then keys and positions."""
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class Call:
    """``function(argument, ...)``."""

    function: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class Not:
    """``!operand``."""

    operand: Node
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """``part && part && ...``, at least two."""

    parts: tuple[Node, ...]
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """``part || part || ...``, at least two."""

    parts: tuple[Node, ...]
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


@dataclass(frozen=True, slots=True)
class Compare:
    """``left sign right``."""

    sign: Sign
    left: Node
    right: Node
    at: int = field(default=0, compare=False)
    """First character in the text, 0-based."""


Node = Constant | ListOf | Path | Call | Not | AllOf | AnyOf | Compare


def unparse(node: Node) -> str:
    """The text of ``node``; parsing it gives an equal tree."""
    match node:
        case Constant():
            return _constant(node.value)
        case ListOf():
            return f"[{', '.join(map(_operand, node.items))}]"
        case Path():
            return path_text(node.steps)
        case Call():
            return f"{node.function}({', '.join(map(_operand, node.arguments))})"
        case Not():
            inner = unparse(node.operand)
            return f"!({inner})" if isinstance(node.operand, (AllOf, AnyOf, Compare)) else f"!{inner}"
        case AllOf():
            return " && ".join(map(_part, node.parts))
        case AnyOf():
            return " || ".join(unparse(one) if isinstance(one, AllOf) else _part(one) for one in node.parts)
        case Compare():
            return f"{_operand(node.left)} {node.sign} {_operand(node.right)}"


def path_text(steps: tuple[str, ...]) -> str:
    """A path as written: ``args.order.0``, with ``["any name"]`` where a name is no word."""
    return steps[0] + "".join(map(_step, steps[1:]))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside ``node``, as written from left to right."""
    match node:
        case ListOf():
            return node.items
        case Call():
            return node.arguments
        case Not():
            return (node.operand,)
        case AllOf() | AnyOf():
            return node.parts
        case Compare():
            return node.left, node.right
        case Constant() | Path():
            return ()


def walk(node: Node) -> Iterator[Node]:
    """``node`` and everything inside it, as written from left to right."""
    yield node
    for inner in children(node):
        yield from walk(inner)


def _step(step: str) -> str:
    return f".{step}" if _WORD.match(step) or _POSITION.match(step) else f"[{_string(step)}]"


def _operand(node: Node) -> str:
    text = unparse(node)
    return f"({text})" if isinstance(node, (Not, AllOf, AnyOf, Compare)) else text


def _part(node: Node) -> str:
    text = unparse(node)
    return f"({text})" if isinstance(node, (AllOf, AnyOf)) else text


def _constant(value: float | str | bool | None) -> str:
    for word, meaning in CONSTANTS.items():
        if value is meaning:
            return word
    return _string(value) if isinstance(value, str) else repr(value)


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t") + "'"
