"""Copies of JSON values that count what is in them, and whose ``repr`` is short whatever they hold.

jsonschema writes the whole value into each message; of a value with 30,000 parts that alone takes milliseconds.
"""

from __future__ import annotations

from itertools import islice
from numbers import Number
from typing import Any, cast

MAX_NODES = 15_000
"""Values inside a value, all levels together, that are still checked; 1,024 characters of a long text are one more."""
MAX_DEPTH = 100
"""Levels of nesting that a value to check may have."""
MAX_BITS = 15_000
"""Size of a whole number; Python itself reads numbers of at most 4,300 digits."""
_SHOWN, _LONG, _WHOLE, _CHARS_PER_PART, _BITS_PER_PART = 4, 200, 30, 10, 12


class TooMuch(Exception):
    """A value has more in it than is checked."""


class TooDeep(Exception):
    """A value nests more deeply than is checked."""


class Array(list[Any]):
    """A list."""

    __slots__ = ("keys_of", "nodes")
    nodes: int
    keys_of: frozenset[str] | None

    def __repr__(self) -> str:
        """The first few items."""
        more = ", ..." if len(self) > _SHOWN else ""
        return "[" + ", ".join(map(repr, islice(self, _SHOWN))) + more + "]" if self.nodes < _WHOLE else "[...]"


class Object(dict[Any, Any]):
    """An object."""

    __slots__ = ("nodes",)
    nodes: int

    def __repr__(self) -> str:
        """The first few members."""
        if self.nodes >= _WHOLE:
            return "{...}"
        more = ", ..." if len(self) > _SHOWN else ""
        return "{" + ", ".join(f"{key!r}: {value!r}" for key, value in islice(self.items(), _SHOWN)) + more + "}"


class Text(str):
    """A long text."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Its beginning."""
        return repr(self[:100] + "...")


class Huge(int):
    """A number of many digits."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Not its digits: writing them takes long."""
        return "a number of many digits"

    __str__ = __repr__


class Foreign:
    """A value that is none of JSON's."""

    __slots__ = ("_kind",)

    def __init__(self, value: object) -> None:
        self._kind = type(value).__name__

    def __repr__(self) -> str:
        """What it is."""
        return f"a Python {self._kind}"


class Copier:
    """Copies one value. Not to be used twice."""

    def __init__(self, most: int = MAX_NODES) -> None:
        self._left = most

    def copy(self, value: object, depth: int = 0) -> Any:
        """A copy of ``value``. Raises TooMuch and TooDeep."""
        kind = type(value)
        if kind is str:
            return value if len(cast("str", value)) <= _LONG else self._text(cast("str", value))
        if kind is bool or value is None or kind is float:
            return value
        if kind is int:
            return self._number(cast("int", value))
        if isinstance(value, dict):
            return self._object(cast("dict[object, object]", value), depth)
        if isinstance(value, list):
            return self._array(cast("list[object]", value), depth)
        return value if isinstance(value, (str, Number)) else Foreign(value)

    def _text(self, value: str) -> Text:
        self._left -= len(value) >> _CHARS_PER_PART
        if self._left < 0:
            raise TooMuch("more text than is checked")
        return Text(value)

    def _number(self, value: int) -> int:
        bits = value.bit_length()
        if bits > MAX_BITS:
            raise TooMuch("a number of more than 4,500 digits")
        if bits <= _LONG:
            return value
        self._left -= bits >> _BITS_PER_PART
        if self._left < 0:
            raise TooMuch("more digits than are checked")
        return Huge(value)

    def _enter(self, size: int, depth: int) -> int:
        if size and depth >= MAX_DEPTH:
            raise TooDeep
        before, self._left = self._left, self._left - size
        if self._left < 0:
            raise TooMuch("more parts than are checked")
        return before

    def _object(self, value: dict[object, object], depth: int) -> Object:
        # What the table holds, whatever the methods of a class of its own say: they might never come to an end.
        before = self._enter(dict[object, object].__len__(value), depth)
        made, copy = Object(), self.copy
        for key, inner in dict[object, object].items(value):
            made[self._text(key) if type(key) is str and len(key) > _LONG else key] = copy(inner, depth + 1)
        made.nodes = before - self._left
        return made

    def _array(self, value: list[object], depth: int) -> Array:
        before = self._enter(list[object].__len__(value), depth)
        copy = self.copy
        made = Array([copy(inner, depth + 1) for inner in list[object].__iter__(value)])
        made.nodes = before - self._left
        made.keys_of = None
        return made


def size_of(value: object) -> int:
    """Values inside ``value``, counted when it was copied; a guess for what was not."""
    if isinstance(value, (Array, Object)):
        return value.nodes
    if isinstance(value, str):
        return len(value) >> _CHARS_PER_PART
    return len(cast("list[object]", value)) * 4 if isinstance(value, (list, dict)) else 0


def identity(value: object) -> str:
    """A text that is the same for two JSON values exactly where JSON Schema takes them for equal: 1 and 1.0 are.

    A text, because only the hashes of texts cannot be made to collide. A length before each part keeps parts apart.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, str):
        parts += (f"s{len(value)}:", value)
    elif isinstance(value, bool) or value is None:
        parts.append({True: "t", False: "f", None: "n"}[value])
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        parts.append(f"i{int(value):x};")
    elif isinstance(value, (list, tuple)):
        items = cast("list[object]", value)
        parts.append(f"l{len(items)}:")
        for item in items:
            _write(item, parts)
    elif isinstance(value, dict):
        members = cast("dict[object, object]", value)
        parts.append(f"o{len(members)}:")
        for key in sorted(members, key=str):
            _write(key, parts)
            _write(members[key], parts)
    else:
        parts.append(f"x{type(value).__name__}{value!r};")
