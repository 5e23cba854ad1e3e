"""Short forms of records, schema version 2: what an earlier record of the same segment says is not said again.

A record with ``like`` is short. It leaves out every field that the record at that offset of its segment has with the
same value, and in it a number may stand for what the record at that offset says: a step's id, or a payload. Any other
record says everything itself. Here is the writing side; the reading side is in longhand.py.
"""

from __future__ import annotations

from binascii import a2b_hex, b2a_base64
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from handrail.audit.format import HEX, KEPT, LIKE, PLACE, STEPS, encode

_REMEMBERED = 2_048
"""Entries of each kind that are kept, twice; what was forgotten is said in full again."""
_SHAPES = 4
"""Records of one family, with different fields, that later ones may be like."""
_PLAIN: frozenset[type] = frozenset({str, int, bool, type(None)})

Fields = Mapping[str, Any]
_Family = tuple[str | None, str | None, str | None]
_K = TypeVar("_K")
_V = TypeVar("_V")


class Shortener:
    """Makes the short forms of one segment, whose payloads lie in the part ``part``. Not safe for threads."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._bases: _Recent[_Family, tuple[_Base, ...]] = _Recent()
        self._opened: _Recent[tuple[object, object], int] = _Recent()
        self._stated: _Recent[object, int] = _Recent()
        self._asked: tuple[Fields, _Family, _Base | None, bool] | None = None

    def short(self, record: Fields) -> Fields:
        """What to write for ``record``: itself, or its short form. Raises ValueError, and what the encoder raises."""
        if LIKE in record:
            raise ValueError(f"a field {LIKE!r} of its own")
        names = tuple(record)
        family = _family(record)
        own = _of(self._bases.get(family), names)
        base = own or _of(self._bases.get((None, family[1], family[2])), names)
        said = self._said(record, base, family[0]) if base is not None else None
        self._asked = record, family, own, said is None
        return record if said is None else said

    def written(self, offset: int) -> None:
        """Remember that what ``short`` was asked for last is at ``offset`` now."""
        if self._asked is None:
            return
        (record, family, own, whole), self._asked = self._asked, None
        if own is None:
            base = _Base(record, offset)
            self._add(family, base)
            if whole and family[0] is not None:
                self._add((None, family[1], family[2]), base)
        if "parent" in record:
            self._opened.put((family[0], _text(record.get("step"))), offset)
        output, result = record.get(KEPT[0]), record.get(KEPT[1])
        if (type(output) is dict) != (type(result) is dict):
            kept: dict[str, Any] = output if type(output) is dict else result  # type: ignore[assignment]
            if kept.get("f") == self._part and "s" not in kept:
                self._stated.put(kept["o"], offset)

    def _add(self, family: _Family, base: _Base) -> None:
        self._bases.put(family, (base, *(self._bases.get(family) or ())[: _SHAPES - 1]))

    def _said(self, record: Fields, base: _Base, run: str | None) -> Fields | None:
        """The short form of ``record``; None where a value of its own would be read as one that stands for another."""
        said = base.differing(record)
        try:
            for name, value in said.items():
                kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
                if kind is dict:
                    said[name] = self._messages(run, value) if name == "messages" else self._ref(value)
                elif name in STEPS:
                    said[name] = self._step(run, value)
                elif name == "causes" and kind is list:
                    said[name] = [self._step(run, step) for step in value]
        except _Ambiguous:
            return None
        said[LIKE] = base.offset
        return said

    def _step(self, run: object, step: object) -> object:
        if type(step) is str:
            opened = self._opened.get((run, step))
            return step if opened is None else opened
        if step is None:
            return None
        raise _Ambiguous

    def _messages(self, run: object, value: dict[str, Any]) -> dict[str, Any]:
        if value.keys() != {"prev", "keep", "add"} or type(value["add"]) is not list:
            return value
        added = [self._message(ref) for ref in cast("list[object]", value["add"])]
        return {"prev": self._step(run, value["prev"]), "keep": value["keep"], "add": added}

    def _message(self, ref: object) -> object:
        if ref is None:
            return None
        if type(ref) is not dict:
            raise _Ambiguous
        short = self._ref(cast("dict[str, Any]", ref))
        return short["at"] if short.keys() == {"at"} else short

    def _ref(self, ref: dict[str, Any]) -> dict[str, Any]:
        part = ref.get("f")
        if part is None and ("o" in ref or "at" in ref):
            raise _Ambiguous
        if part != self._part:
            return ref
        stated = self._stated.get(ref["o"])
        if stated is None:
            short = ref.copy()
            del short["f"]
            short["c"] = _short_hash(ref.get("c"))
            return short
        return {"at": stated, **{name: value for name, value in ref.items() if name not in PLACE}}


class _Ambiguous(Exception):
    """A value that a reader would take for the short form of another."""


class _Base:
    """A record that later ones may be like."""

    __slots__ = ("_fields", "names", "offset")

    def __init__(self, record: Fields, offset: int) -> None:
        # containers as bytes: they may change in place later, and inside of them 1 equals True
        self._fields = {
            name: value if type(value) in _PLAIN else encode(value) for name, value in record.items()
        }  # fmt: skip
        self.names, self.offset = tuple(record), offset

    def differing(self, record: Fields) -> dict[str, Any]:
        """The fields of ``record`` that have another value here; both have the same names."""
        fields = self._fields
        said: dict[str, Any] = {}
        for name, value in record.items():
            mine = fields[name]
            if mine is value:  # plain, since containers are not kept
                continue
            kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
            if kind in _PLAIN:
                if mine != value or type(mine) is not kind:
                    said[name] = value
            elif (kind is dict and "c" in value) or mine != encode(value):
                said[name] = value
        return said


def _of(bases: tuple[_Base, ...] | None, names: tuple[str, ...]) -> _Base | None:
    if bases is not None:
        for base in bases:
            if base.names == names:
                return base
    return None


def _family(record: Fields) -> _Family:
    """Which records may be like each other: of a run, a kind, and a tool or model."""
    run, kind = record.get("run"), record.get("k")
    label = record.get("tool") or record.get("model") or record.get("type")
    if type(run) is str and type(kind) is str and (label is None or type(label) is str):
        return run, kind, label
    return _text(run), _text(kind), _text(label)


def _short_hash(digits: object) -> str:
    """32 bytes in base64 without its padding; they have 64 hex digits otherwise."""
    try:
        found = a2b_hex(digits) if type(digits) is str else b""
    except ValueError as error:
        raise _Ambiguous from error
    if len(found) != HEX // 2 or found.hex() != digits:
        raise _Ambiguous
    return b2a_base64(found, newline=False).decode("ascii")[:-1]


def _text(value: object) -> str | None:
    return value if type(value) is str else None


class _Recent(Generic[_K, _V]):
    """A dict that forgets what was neither put nor asked for in a while; both cost the same at any size."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._new: dict[_K, _V] = {}
        self._old: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        """The value, or None."""
        found = self._new.get(key)
        if found is None and self._old:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: _K, value: _V) -> None:
        """Remember ``value`` in the place of what was known of ``key``."""
        if len(self._new) >= _REMEMBERED:
            self._old, self._new = self._new, {}
        self._new[key] = value
