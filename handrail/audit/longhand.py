"""Records in full again: the reading side of the short forms that shorthand.py writes. Needs the segment's bytes."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, cast

import msgspec

from handrail.audit.format import HEX, KEPT, LIKE, PLACE, STEPS

MAX_DEPTH = 4
"""A record may be like one that is itself short, and so on, this often. Two is what is written."""
_REMEMBERED = 1_024
"""Records that are kept decoded, since others may be like them."""
_FIRST = 2
"""The version of records that leave their version out: the first in which they may."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode

Fields = dict[str, Any]


class Unreadable(ValueError):
    """A short record refers to something that its segment does not have there."""


class Longhand:
    """Gives the records of one segment in full.

    ``line_at`` reads the line at an offset (bytes) of that segment, without its newline; ``writer`` is its writer,
    ``part`` the name of its side segment.
    """

    def __init__(self, line_at: Callable[[int], bytes], writer: str, part: str) -> None:
        self._line_at, self._writer, self._part = line_at, writer, part
        self._known: dict[int, Fields] = {}

    def full(self, offset: int, body: bytes) -> Fields:
        """Everything that the record at ``offset`` says, envelope included. Share its values, but change none.

        Raises Unreadable.
        """
        return self._full(offset, _decode(body), 0)

    def _full(self, offset: int, said: Fields, depth: int) -> Fields:
        like = said.pop(LIKE, None)
        if like is None:
            found = {"v": _FIRST, "w": self._writer, **said}
        else:
            self._write_out(said, offset, depth)
            found = {**self._at(like, offset, depth), **said}
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[offset] = found
        return found

    def _at(self, offset: object, before: int, depth: int) -> Fields:
        """The record at ``offset``, which lies ``before`` the one that names it."""
        if type(offset) is not int or not 0 <= offset < before or depth >= MAX_DEPTH:
            raise Unreadable("it refers to a record that cannot be before it.")
        known = self._known.get(offset)
        if known is not None:
            return known
        return self._full(offset, self._line(offset), depth + 1)

    def _line(self, offset: int) -> Fields:
        try:
            return _decode(self._line_at(offset)[HEX + 1 :])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(f"it refers to offset {offset}, where no record begins.") from error

    def _write_out(self, said: Fields, offset: int, depth: int) -> None:
        """Put what they stand for in the place of numbers and short references."""
        for name, value in said.items():
            if type(value) is dict:
                write_out = self._messages if name == "messages" else self._ref
                said[name] = write_out(cast("Fields", value), offset, depth)
            elif name in STEPS:
                said[name] = self._step(value, offset)
            elif name == "causes" and type(value) is list:
                said[name] = [self._step(step, offset) for step in cast("list[object]", value)]

    def _named(self, offset: object, before: int) -> Fields:
        """What the record at ``offset`` says itself, which is all that others name of it: its step, its payload.

        Not written out, so that it does not matter how far what it refers to lies back.
        """
        if type(offset) is not int or not 0 <= offset < before:
            raise Unreadable("it names a record that cannot be before it.")
        known = self._known.get(offset)
        return known if known is not None else self._line(offset)

    def _step(self, value: object, offset: int) -> object:
        if type(value) is not int:
            return value
        opened = self._named(value, offset)
        if type(opened.get("step")) is not str:
            raise Unreadable(f"it names the step of offset {value}, where none begins.")
        return opened["step"]

    def _messages(self, value: Fields, offset: int, depth: int) -> Fields:
        if value.keys() != {"prev", "keep", "add"} or type(value["add"]) is not list:
            return value
        added = [self._message(ref, offset, depth) for ref in cast("list[object]", value["add"])]
        return {"prev": self._step(value["prev"], offset), "keep": value["keep"], "add": added}

    def _message(self, ref: object, offset: int, depth: int) -> object:
        if type(ref) is int:
            return self._ref({"at": ref}, offset, depth)
        return self._ref(cast("Fields", ref), offset, depth) if type(ref) is dict else ref

    def _ref(self, ref: Fields, offset: int, depth: int) -> Fields:
        if "f" in ref or ("o" not in ref and "at" not in ref):
            return ref
        if "o" in ref:
            return {**ref, "c": _long_hash(ref.get("c")), "f": self._part}
        at, stated = ref["at"], self._named(ref["at"], offset)
        own_ref: Fields | None = next((stated[name] for name in KEPT if type(stated.get(name)) is dict), None)
        if own_ref is None or depth >= MAX_DEPTH:
            raise Unreadable(f"it names the payload of offset {at}, which has none.")
        kept = self._ref(own_ref, at, depth + 1)
        own = {name: value for name, value in ref.items() if name != "at"}
        return {**{name: kept[name] for name in PLACE if name in kept}, **own}


def _long_hash(short: object) -> str:
    """Hex digits of a commitment that stands in base64."""
    try:
        return a2b_base64(f"{short}=".encode("ascii"), strict_mode=True).hex()
    except ValueError as error:
        raise Unreadable("it has a commitment that is none.") from error
