"""Exact JSON copies of what flows through a call. What is not JSON is tagged by its type, never guessed at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, cast

MAX_DEPTH = 100
"""Deeper nesting is refused: no tool needs it, and it is a way to exhaust the stack."""
MAX_BYTES = 4 << 20
"""Largest total size of the strings and keys of one value, in characters; more is refused."""
_CONTAINER = 16
"""What a container counts besides its strings: a few of them, each in the next twice, are 2 to the depth."""
MAX_PARTS = 250_000
"""Parts of one value that a record shows; a value that contains itself has no end of them."""
MAX_REPR = 10_000
"""Characters kept of the text of a value that is not JSON."""
TYPE_TAG = "$type"
"""Key that marks a value that was not JSON; beside it lies ``text``, its shortened ``str()``."""


class NotCanonical(ValueError):
    """A value has no exact JSON form; the text says why, without quoting it."""


def copy_of(value: object) -> Any:
    """An equal value that shares no mutable JSON container with ``value``.

    Subclasses of dict and list become plain ones: what is judged must be what the tool reads, whatever their
    own methods say. Objects that are no JSON types pass through as they are. Raises NotCanonical for NaN and
    infinities, lone surrogates, keys that are not strings, and for values that are too large or nested too deeply.
    """
    return _Copier().copy(value, 0)


# the methods of the plain types, whatever a subclass says of itself
_items: Callable[[Any], Iterable[tuple[Any, Any]]] = cast("Any", dict).items
_elements: Callable[[Any], Iterable[Any]] = cast("Any", list).__iter__


class _Copier:
    def __init__(self) -> None:
        self._room = MAX_BYTES

    def copy(self, value: object, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)  # type: ignore[arg-type]
        if value is None or kind is bool or kind is int:
            return value
        if kind is float:
            return _finite(value)  # type: ignore[arg-type]
        if kind is tuple or issubclass(kind, (dict, list)):  # the real class, not what an object says it is
            if depth >= MAX_DEPTH:
                raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels")
            self._spend(_CONTAINER)
            return self._container(value, depth + 1)
        return value

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return {self._key(key): self.copy(item, depth) for key, item in _items(value)}
        if isinstance(value, list):
            return [self.copy(item, depth) for item in _elements(value)]
        return tuple(self.copy(item, depth) for item in value)

    def _key(self, key: object) -> str:
        if type(key) is not str:
            raise NotCanonical("a key that is not a string")
        return self._text(key)

    def _text(self, text: str) -> str:
        self._spend(len(text))
        if not text.isascii():
            _encodable(text)
        return text

    def _spend(self, amount: int) -> None:
        self._room -= amount
        if self._room < 0:
            raise NotCanonical(f"larger than {MAX_BYTES} characters")


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotCanonical("text with a lone surrogate") from None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise NotCanonical("a number that is not finite")
    return number


def jsonable(value: object) -> Any:
    """``value`` in JSON types for the record, whatever it is; never raises, and takes bounded work.

    Non-finite numbers, unknown objects, and what is too deep or too much become ``{"$type": ..., "text": ...}``.
    """
    return _Shower().show(value, 0)


class _Shower:
    def __init__(self) -> None:
        self._room = MAX_PARTS

    def show(self, value: object, depth: int) -> Any:
        self._room -= 1
        kind = type(value)
        if kind is str:
            return _replaced(value)  # type: ignore[arg-type]
        if value is None or kind is bool or (kind is int and -(2**63) <= value < 2**64):  # type: ignore[operator]
            return value
        if kind is float and math.isfinite(value):  # type: ignore[arg-type]
            return value
        if depth >= MAX_DEPTH or self._room < 0:
            return {TYPE_TAG: _type_name(kind), "text": ""}
        shown = self._container(value, depth + 1)
        # cut anywhere inside: an honest mark in place of a part that looks like the whole
        return shown if self._room >= 0 else {TYPE_TAG: _type_name(kind), "text": ""}

    def _container(self, value: Any, depth: int) -> Any:
        try:
            if issubclass(type(value), Mapping):
                return {_key(key): self.show(item, depth) for key, item in self._some(value.items())}
            if issubclass(type(value), (list, tuple)):
                return [self.show(item, depth) for item in self._some(value)]
        except Exception:  # a container of the program's own, or one that another thread changes just now
            return _tagged(value)
        return _tagged(value)

    def _some(self, items: Iterable[Any]) -> Iterable[Any]:
        return islice(items, max(self._room, 0) + 1)


def _replaced(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _key(key: object) -> str:
    return _replaced(key if type(key) is str else _text(key))


def _tagged(value: object) -> dict[str, str]:
    return {TYPE_TAG: _type_name(type(value)), "text": _replaced(_text(value))}


def _text(value: object) -> str:
    try:
        return str.__str__(str(value))[:MAX_REPR]
    except Exception:  # an object's own __str__ may do anything
        return ""


def _type_name(kind: type) -> str:
    return f"{type.__getattribute__(kind, '__module__')}.{type.__getattribute__(kind, '__qualname__')}"
