"""What JSON can say of a value, for checks: nothing is left out of it, so that nothing hides from them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any, cast

from handrail.validators.context import On

MAX_PARTS = 100_000
"""Values inside a value, all levels together."""
MAX_DEPTH = 200
_LEAVES = frozenset((str, int, float, bool, type(None)))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that is too large, or too deep, to be looked at: whoever checks it says so."""

    problem: str


class _TooMuch(Exception):
    pass


def plain(value: object) -> object:
    """``value`` in strings, numbers, lists and tables; the same object where it is that already.

    Models and dataclasses are tables of their fields, bytes are text, anything else is its ``str``.
    An `Unreadable` where there is too much of it, or where it can be read only once. Never raises.
    """
    if type(value) in _LEAVES:
        return value
    try:
        return value if _is_plain(value) else _Plain().of(value, 0)
    except _TooMuch:
        return Unreadable(f"more than {MAX_PARTS} parts, or {MAX_DEPTH} levels")
    except Exception as error:  # an object of the program's own may do anything
        return Unreadable(f"a part that cannot be read ({type(error).__name__})")


def read(value: object, on: On = "result") -> object:
    """What validators look at: what JSON text says; of anything but a text, what JSON can say of it.

    A tool's result is a text even where it is a number; elsewhere only a table or a list is taken for JSON. A table in
    which a key stands twice is the list of its pairs: whoever reads the text sees both. What begins like a table or a
    list but has too much in it is an `Unreadable`, so that no check takes it for a text without parts. Never raises.
    """
    if not isinstance(value, str):
        return plain(value)
    bare = value.strip().lstrip("\ufeff")  # neither keeps a model from reading what follows
    grouped = bare[:1] in ("{", "[")
    if on != "result" and not grouped:
        return value
    try:
        return _DECODER.decode(bare)
    except json.JSONDecodeError:
        return value
    except (ValueError, RecursionError):
        return Unreadable(f"more than {MAX_DEPTH} levels, or a number of thousands of digits") if grouped else value


def written(before: object, now: object) -> object:
    """``now`` in the form of ``before``: what JSON text said is JSON text again."""
    return json.dumps(now, ensure_ascii=False) if isinstance(before, str) and not isinstance(now, str) else now


def joined(content: object) -> object:
    """The text of content blocks that are all text, which is what a model reads of them; other content as it is."""
    if type(content) is not list:
        return content
    blocks: list[object] = content  # pyright: ignore[reportUnknownVariableType]
    known = [text for text in map(_text_of, blocks) if text is not None]
    return "".join(known) if known and len(known) == len(blocks) else blocks


def _text_of(block: object) -> str | None:
    if isinstance(block, dict) and block.keys() <= _OF_TEXT:  # pyright: ignore[reportUnknownArgumentType]
        block = cast("dict[str, object]", block).get("text")
    return block if isinstance(block, str) else None


def _pairs(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    return found if len(found) == len(pairs) else [list(pair) for pair in pairs]


_OF_TEXT = {"type", "text", "id"}
_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)


def _is_plain(value: object) -> bool:
    """Whether nothing is to be changed: most values are JSON already, and looking is cheaper than copying."""
    level: list[Any] = [value]
    parts = 0
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for node in level:
            kind = type(node)  # pyright: ignore[reportUnknownVariableType]
            if kind is dict:
                if not all(type(key) is str for key in node):
                    return False
                inner += [one for one in node.values() if type(one) not in _LEAVES]
            elif kind is list:
                inner += [one for one in node if type(one) not in _LEAVES]
            else:
                return False
            parts += len(node)
        if not inner:
            return parts <= MAX_PARTS
        if parts > MAX_PARTS:
            return False
        level = inner
    return False


class _Plain:
    def __init__(self) -> None:
        self._room = MAX_PARTS

    def of(self, value: Any, depth: int) -> object:
        kind: Any = cast("Any", type(value))
        if kind in _LEAVES:
            return value
        if depth > MAX_DEPTH:
            raise _TooMuch
        if kind is dict:
            return self._table(value, depth)
        if kind is list:
            found = self._items(value, depth)
            return value if all(map(_same, found, value)) else found
        return self._other(value, depth)

    def _table(self, table: dict[object, object], depth: int) -> object:
        self._take(len(table))
        found = {_name(key): self.of(inner, depth + 1) for key, inner in table.items()}
        if len(found) < len(table):  # two keys of one spelling
            return [[_name(key), self.of(inner, depth + 1)] for key, inner in table.items()]
        return table if all(map(_same, found.values(), table.values())) and all(map(_same, found, table)) else found

    def _items(self, items: Iterable[object], depth: int) -> list[object]:
        kept = list(items)
        self._take(len(kept))
        return [self.of(inner, depth + 1) for inner in kept]

    def _other(self, value: Any, depth: int) -> object:
        for kinds, read in _READ:
            if isinstance(value, kinds):
                return self.of(read(value), depth + 1)
        kind: Any = cast("Any", type(value))
        dump = getattr(kind, "model_dump", None)
        if dump is not None:
            return self.of(dump(value), depth + 1)
        if dataclasses.is_dataclass(value):
            return self.of({one.name: getattr(value, one.name) for one in dataclasses.fields(value)}, depth + 1)
        if isinstance(value, (Iterator, AsyncIterator, Awaitable)):
            raise TypeError  # whoever reads it gets what was never looked at
        return str.__str__(str(value))

    def _take(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            raise _TooMuch


def _listed(value: Any) -> list[object]:
    return list[object].copy(value)


def _table_of(value: Mapping[object, object]) -> dict[object, object]:
    found = dict(islice(value.items(), MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise _TooMuch
    return found


_READ: tuple[tuple[Any, Callable[[Any], object]], ...] = (
    (Enum, lambda value: value.value),
    (str, str.__str__),
    (bool, bool),
    (int, int.__int__),
    (float, float.__float__),
    ((bytes, bytearray), lambda value: bytes(value).decode("utf-8", "replace")),
    (dict, lambda value: {**dict[object, object](dict[object, object].items(value))}),
    (Mapping, _table_of),
    (list, _listed),
    (tuple, lambda value: [*tuple[object, ...].__iter__(value)]),
    (set, lambda value: [*set[object].__iter__(value)]),
    (frozenset, lambda value: [*frozenset[object].__iter__(value)]),
)
"""Subclasses, and what has a plain form of its own: what they hold, whatever methods of their own say."""


def _same(one: object, other: object) -> bool:
    return one is other


def _name(key: object) -> str:
    if isinstance(key, Enum):
        key = key.value
    return key if type(key) is str else str.__str__(str(key))
