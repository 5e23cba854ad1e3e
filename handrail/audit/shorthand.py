"""Short forms of records, schema version 2: what an earlier record of the same segment says is not said again.

A record with ``like`` is short. It leaves out every field that the record at that offset of its segment has with the
same value, and in it a number may stand for what the record at that offset says: a step's id, or a payload. Any other
record says everything itself. Here is the writing side; the reading side is in longhand.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from handrail.audit.format import KEPT, LIKE, PLACE, STEPS, encode

_REMEMBERED = 4_096
"""Entries of each kind that are kept; what was forgotten is said in full again."""
_LABELS = ("tool", "model", "type")
_PLAIN: frozenset[type] = frozenset({str, int, bool, type(None)})

Fields = Mapping[str, Any]
_K = TypeVar("_K")
_V = TypeVar("_V")


class Shortener:
    """Makes the short forms of one segment, whose payloads lie in the part ``part``. Not safe for threads."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._bases: dict[tuple[object, ...], _Base] = {}
        self._opened: dict[tuple[object, object], int] = {}
        self._stated: dict[object, int] = {}
        self._asked: tuple[Fields, tuple[object, ...], bool] | None = None

    def short(self, record: Fields) -> Fields:
        """What to write for ``record``: itself, or its short form. Raises ValueError, and what the encoder raises."""
        if LIKE in record:
            raise ValueError(f"a field {LIKE!r} of its own")
        key = _key(record)
        base = self._bases.get(key) or self._bases.get(key[1:])
        said = self._said(record, base) if base is not None else None
        self._asked = record, key, said is None
        return record if said is None else said

    def written(self, offset: int) -> None:
        """Remember that what ``short`` was asked for last is at ``offset`` now."""
        if self._asked is None:
            return
        (record, key, whole), self._asked = self._asked, None
        if key not in self._bases:
            base = _Base(record, offset)
            _remember(self._bases, key, base)
            if whole:
                _remember(self._bases, key[1:], base)
        if "parent" in record:
            _remember(self._opened, (key[0], _text(record.get("step"))), offset)
        kept = [ref for ref in map(record.get, KEPT) if type(ref) is dict]
        if len(kept) == 1 and kept[0].get("f") == self._part and "s" not in kept[0]:
            _remember(self._stated, kept[0]["o"], offset)

    def _said(self, record: Fields, base: _Base) -> Fields | None:
        """The short form of ``record``; None where a value of its own would be read as one that stands for another."""
        said, run = base.differing(record), _text(record.get("run"))
        try:
            for name, value in said.items():
                if name in STEPS:
                    said[name] = self._step(run, value)
                elif type(value) is dict:
                    said[name] = self._messages(run, value) if name == "messages" else self._ref(value)
                elif name == "causes" and type(value) is list:
                    said[name] = [self._step(run, step) for step in value]
        except _Ambiguous:
            return None
        said[LIKE] = base.offset
        return said

    def _step(self, run: object, step: object) -> object:
        if type(step) is str:
            return self._opened.get((run, step), step)
        if step is None:
            return None
        raise _Ambiguous

    def _messages(self, run: object, value: dict[str, Any]) -> dict[str, Any]:
        if value.keys() != {"prev", "keep", "add"} or type(value["add"]) is not list:
            return value
        added = [self._message(ref) for ref in value["add"]]
        return {"prev": self._step(run, value["prev"]), "keep": value["keep"], "add": added}

    def _message(self, ref: object) -> object:
        if ref is None:
            return None
        if type(ref) is not dict:
            raise _Ambiguous
        short: dict[str, Any] = self._ref(ref)
        return short["at"] if short.keys() == {"at"} else short

    def _ref(self, ref: dict[str, Any]) -> dict[str, Any]:
        part = ref.get("f")
        if part is None and ("o" in ref or "at" in ref):
            raise _Ambiguous
        if part != self._part:
            return ref
        stated = self._stated.get(ref["o"])
        if stated is None:
            return {name: value for name, value in ref.items() if name != "f"}
        return {"at": stated, **{name: value for name, value in ref.items() if name not in PLACE}}


class _Ambiguous(Exception):
    """A value that a reader would take for the short form of another."""


class _Base:
    """A record that later ones may be like."""

    __slots__ = ("_fields", "offset")

    def __init__(self, record: Fields, offset: int) -> None:
        # containers as bytes: they may change in place later, and inside of them 1 equals True
        self._fields = {
            name: value if type(value) in _PLAIN else encode(value) for name, value in record.items()
        }  # fmt: skip
        self.offset = offset

    def differing(self, record: Fields) -> dict[str, Any]:
        """The fields of ``record`` that have another value here; both have the same names."""
        fields = self._fields
        said: dict[str, Any] = {}
        for name, value in record.items():
            mine, kind = fields[name], type(value)
            if kind in _PLAIN:
                if mine != value or type(mine) is not kind:
                    said[name] = value
            elif (kind is dict and "c" in value) or mine != encode(value):
                said[name] = value
        return said


def _key(record: Fields) -> tuple[object, ...]:
    """What records have in common that may be like each other; without its first member, those of any run."""
    label = next((record[name] for name in _LABELS if name in record), None)
    return _text(record.get("run")), _text(record.get("k")), _text(label), *record


def _text(value: object) -> object:
    return value if type(value) is str else None


def _remember(known: dict[_K, _V], key: _K, value: _V) -> None:
    if len(known) >= _REMEMBERED:
        del known[next(iter(known))]
    known[key] = value
