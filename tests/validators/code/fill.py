"""Makers of long texts, for what takes a check longest."""

from __future__ import annotations

from collections.abc import Callable


def fill(unit: str, length: int, *, before: str = "", after: str = "") -> Callable[[], str]:
    """A maker of ``before``, then ``unit`` as often as fits into ``length`` characters, then ``after``."""
    return lambda: before + unit * ((length - len(before) - len(after)) // len(unit)) + after


def counted(unit: str, length: int, *, before: str = "", after: str = "") -> Callable[[], str]:
    """As :func:`fill`, with ``#`` in ``unit`` replaced by another number each time."""

    def make() -> str:
        parts, left, number = [before], length - len(before) - len(after), 0
        while (part := unit.replace("#", str(number))) and len(part) <= left:
            parts.append(part)
            left -= len(part)
            number += 1
        return "".join([*parts, after])

    return make
