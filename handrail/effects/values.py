"""Python values as canonical JSON that can be given back: equal to what was kept, type included, or refused.

JSON types stand for themselves, and dicts keep the order of their keys. Everything else is ``{"$": kind, "v": ...}`` in
the place of the value, and so is a dict of the program that has a key ``$``. No code of a value's class is run to
write or to read it (see `handrail.effects.classes`), and reading never loads a module: a class must be there already.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from math import isfinite
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, TypeAlias
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

import msgspec

from handrail.effects import classes
from handrail.errors import NotReplayable

MAX_DEPTH = 100
"""Lists, dicts and objects inside each other; a value that contains itself has no end of them."""
MAX_BYTES = 16 << 20
"""Largest encoded value, in bytes: it is written at once, in whatever thread or event loop the call is in."""
MAX_TAGGED = 200_000
"""Parts of one value that JSON lacks: each takes microseconds and hundreds of bytes while it is written."""
TAG, CONTENT = "$", "v"

_To: TypeAlias = Callable[[Any], object]
_Back: TypeAlias = Callable[[Any], Any]

_ENDLESS = f"it is nested deeper than {MAX_DEPTH} levels, or contains itself"
_TOO_LARGE = f"A value cannot be kept for replay: it takes more than {MAX_BYTES:,} bytes."
_MARK = b'"$"'
_WORD = 1 << 63
_NESTING = frozenset({dict, list})
_STRINGS = frozenset({str})
_NAME = re.compile(r"[a-z]\w*\.\w+")
_type: Callable[[Any], Any] = type
_write = msgspec.json.Encoder().encode
_read: Callable[[bytes], Any] = msgspec.json.Decoder().decode


def encode(value: object) -> bytes:
    """One line of canonical JSON from which `decode` makes an equal value of the same type.

    Raises NotReplayable for what cannot be given back exactly: objects of unknown classes, subclasses of the plain
    types, classes that are not found where they say they are, and what is too deep or too large. Quotes nothing.
    """
    try:
        body = _encoded(value)
    except NotReplayable:
        raise
    except Exception as error:  # an object of the program's own, or a container that another thread changes just now
        raise _refused(value, f"it raised {type(error).__name__}") from None
    if len(body) > MAX_BYTES:
        raise NotReplayable(_TOO_LARGE)
    return body


def decode(body: bytes) -> Any:
    """The value that `encode` made ``body`` of. Raises NotReplayable when its class is not loaded, or has changed."""
    try:
        found = _read(body)
        return _back(found) if _MARK in body else found
    except NotReplayable:
        raise
    except Exception as error:
        raise NotReplayable(
            f"A kept value cannot be given back ({type(error).__name__}): its class may have changed since."
        ) from None


def register(kind: type, name: str, to: _To, back: _Back) -> None:
    """Have objects of exactly the class ``kind`` kept as ``name``, such as ``langgraph.Send``.

    ``to`` returns what an object consists of, made of values that can be encoded; ``back`` makes an equal object of
    that. Twice changes nothing but the functions. Raises ValueError for a name without a dot or one that another class
    has.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a kind of values: say it as framework.Class.")
    if _NAMED_BY.get(name, kind) is not kind or _KINDS.get(kind, (name,))[0] != name:
        raise ValueError(f"The kind of values {name!r}, or its class, is registered already in another way.")
    _NAMED_BY[name] = kind
    _BACK[name] = back
    _KINDS[kind] = (name, to)


def _encoded(value: object) -> bytes:
    try:
        return _write(_Tagger(quick=True).fresh(value, 0))
    except ValueError:  # a lone surrogate
        return _write(_Tagger(quick=False).fresh(value, 0))


class _Tagger:
    """Makes JSON types of one value, tagged where they are something else, within the room that it may take.

    A part takes some bytes, and a text as many as it has characters: what is held many times counts each time.
    With ``quick`` texts are not looked into, which a lone surrogate lets the writer fail upon.
    """

    def __init__(self, *, quick: bool) -> None:
        self._quick = quick
        self._room = MAX_BYTES
        self._tags = 0

    def fresh(self, value: Any, depth: int) -> Any:
        """As `tagged`, for what nobody has looked at yet: the value itself where all of it is JSON."""
        room = self._room
        if self._quick and type(value) in _NESTING and self._is_json(value, depth):
            return value
        self._room = room
        return self.tagged(value, depth)

    def _is_json(self, value: Any, depth: int) -> bool:
        """Whether JSON has this value as it is. Level by level, so that no text and no number costs a call."""
        level: list[Any] = [value]
        for _ in range(depth, MAX_DEPTH):
            deeper: list[Any] = []
            for container in level:
                if not (self._keys_are_json(container) and self._holds_json(container, deeper)):
                    return False
            if not deeper:
                return True
            level = deeper
        raise _refused(value, _ENDLESS)

    def _keys_are_json(self, container: Any) -> bool:
        if _type(container) is dict:
            if TAG in container or not _STRINGS.issuperset(map(_type, container)):
                return False
            self._room -= sum(map(len, container))
        return True

    def _holds_json(self, container: Any, deeper: list[Any]) -> bool:
        room = self._room - 4 * len(container)
        for item in container.values() if _type(container) is dict else container:
            kind = _type(item)
            if kind is str:
                room -= len(item)
            elif kind is int:
                if not -_WORD <= item < _WORD:
                    return False
            elif kind is dict or kind is list:
                deeper.append(item)
            elif kind is float:
                if not isfinite(item):
                    return False
            elif kind is not bool and item is not None:
                return False
        self._spend(self._room - room)
        return True

    def _spend(self, amount: int) -> None:
        self._room -= amount
        if self._room < 0:
            raise NotReplayable(_TOO_LARGE)

    def tagged(self, value: Any, depth: int) -> Any:
        """JSON types for a value, within each other ``depth`` deep already."""
        kind = _type(value)
        self._spend(8)  # what it takes while it is copied, a place in a list
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._text(value)
        if kind is int:
            return value if -_WORD <= value < _WORD else self._tag("int", self._text(hex(value)))
        if kind is float:
            return value if isfinite(value) else self._tag("float", repr(value))
        if depth >= MAX_DEPTH:
            raise _refused(value, _ENDLESS)
        return self._container(value, kind, depth)

    def _tag(self, name: str, content: object) -> dict[str, object]:
        self._tags += 1
        if self._tags > MAX_TAGGED:
            raise NotReplayable(_TOO_LARGE)
        return {TAG: name, CONTENT: content}

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        if kind is list:
            return [self.tagged(item, depth + 1) for item in value]
        if kind is dict:
            return self._dict(value, depth + 1)
        if kind is set or kind is frozenset:
            # in an order of their own: that of a set is another in each process
            return self._tag(kind.__name__, sorted((self.tagged(item, depth + 1) for item in value), key=_write))
        name, content = _taken_apart(value, kind)
        return self._tag(name, self.fresh(content, depth))

    def _text(self, text: str) -> Any:
        self._spend(len(text))
        if _is_plain(text):
            return text
        return self._tag("str", b64encode(text.encode("utf-8", "surrogatepass")).decode())

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        if TAG not in value and all(type(key) is str and _is_plain(key) for key in value):
            self._spend(sum(map(len, value)))
            return {key: self.tagged(item, depth) for key, item in value.items()}
        pairs = [[self.tagged(key, depth), self.tagged(item, depth)] for key, item in value.items()]
        return self._tag("dict", pairs)


def _is_plain(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _taken_apart(value: Any, kind: type) -> tuple[str, object]:
    found = _KINDS.get(kind)
    if found is not None:
        name, to = found
        return name, to(value)
    found_class = classes.taken_apart(value, kind)
    if found_class is None:
        raise _refused(value, "it is no JSON, no dataclass, model, named tuple or enum member")
    return found_class


def _refused(value: object, why: str) -> NotReplayable:
    kind = classes.shown(type(value))
    return NotReplayable(f"A value of type {kind} cannot be kept for replay: {why}.")


def _back(node: Any) -> Any:
    if _type(node) is list:
        return [_back(item) for item in node]
    if _type(node) is not dict:
        return node
    if TAG not in node:
        return {key: _back(item) for key, item in node.items()}
    name = node[TAG]
    back = _BACK.get(name)
    if back is None:
        raise NotReplayable(f"A kept value is of the kind {name!r}, which is not known here: import its framework.")
    return back(_back(node[CONTENT]))


def _zone(value: timezone) -> object:
    named = value.tzname(None)
    offset = value.utcoffset(None)
    return [offset] if timezone(offset).tzname(None) == named else [offset, named]


def _zone_key(value: ZoneInfo) -> str:
    key: str | None = getattr(value, "key", None)
    if key is None or ZoneInfo(key) is not value:  # made of a file, or apart from the others
        raise _refused(value, "it is not the time zone that its key names")
    return key


def _moment(value: Any) -> list[object]:
    """A datetime or a time: as ISO 8601 has it without a zone, which of the two in a repeated hour, and the zone."""
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, value.tzinfo]


def _moment_back(kind: type[datetime] | type[time]) -> _Back:
    return lambda parts: kind.fromisoformat(parts[0]).replace(fold=parts[1], tzinfo=parts[2])


_TABLE: tuple[tuple[type, str, _To, _Back], ...] = (
    (tuple, "tuple", list, tuple),
    (bytes, "bytes", lambda value: b64encode(value).decode(), b64decode),
    (bytearray, "bytearray", lambda value: b64encode(value).decode(), lambda text: bytearray(b64decode(text))),
    (OrderedDict, "OrderedDict", lambda value: [[key, item] for key, item in value.items()], OrderedDict),
    (datetime, "datetime", _moment, _moment_back(datetime)),
    (time, "time", _moment, _moment_back(time)),
    (date, "date", date.isoformat, date.fromisoformat),
    (timedelta, "timedelta", lambda v: [v.days, v.seconds, v.microseconds], lambda parts: timedelta(*parts)),
    (timezone, "timezone", _zone, lambda parts: timezone(*parts)),
    (ZoneInfo, "ZoneInfo", _zone_key, ZoneInfo),
    (Decimal, "Decimal", str, Decimal),
    (complex, "complex", lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    (UUID, "UUID", lambda v: [v.hex, v.is_safe.value], lambda parts: UUID(parts[0], is_safe=SafeUUID(parts[1]))),
    *((kind, kind.__name__, str, kind) for kind in (PosixPath, WindowsPath, PurePosixPath, PureWindowsPath)),
)
"""Classes with a form of their own: the name in a tag, what an object consists of, and an object made of that."""


def _int_back(text: str) -> int:
    return int(text, 16)


_BUILT_IN: dict[str, _Back] = {
    "int": _int_back,
    "float": float,
    "str": lambda text: b64decode(text).decode("utf-8", "surrogatepass"),
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    **classes.BACK,
}
_KINDS: dict[type, tuple[str, _To]] = {kind: (name, to) for kind, name, to, _ in _TABLE}
_BACK: dict[str, _Back] = {**_BUILT_IN, **{name: back for _, name, _, back in _TABLE}}
_NAMED_BY: dict[str, type] = {}
