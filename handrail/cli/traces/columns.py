"""Text in columns of a terminal: how wide it is there, cut and filled. What comes from traces is made visible."""

from __future__ import annotations

import unicodedata

from handrail.audit.safe_text import visible

_WIDE = frozenset("WF")
_STACKED = frozenset({"Mn", "Me"})


def shown(value: object, *, most: int = 200) -> str:
    """One line of at most ``most`` characters, every control character spelled out; empty for None."""
    text = "" if value is None else visible(str(value)[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def cells(text: str) -> int:
    """Columns that ``text`` takes in a terminal."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if unicodedata.category(char) in _STACKED:
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, with a mark where something was left out."""
    if cells(text) <= width:
        return text
    kept, room = "", width - 1
    for char in text:
        room -= _cells_of(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…" if width > 0 else ""


def filled(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` columns."""
    text = cut(text, width)
    blanks = " " * (width - cells(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"
