"""Cells of a spreadsheet: what a program would compute instead of show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety.screened import Screened, TooMuch
from handrail.validators.texts import excerpt

_STARTS = "=+@\uff1d\uff0b\uff20\uff0d\u2212-"
# What a spreadsheet, or a person who splits or trims the file, drops before it looks at the first character.
_DROPPED = "\\x00-\\x20\u00a0\u00ad\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\u3000\"'"
_FORMULA = re.compile(f"[{_DROPPED}]*[{_STARTS}]")
_SCREEN = f"[\\t\\r{_STARTS}]"
_NUMBER = re.compile(r"[ ]*[+-]?[ ]?(?:[0-9]{1,30}(?:[.,' ()/%-]{1,2}[0-9]{1,30}){0,20}[.,]?)?[ ]?%?[ ]*")
_PHONE = re.compile(r"\+[0-9][0-9 ()./-]{4,30}")
_MAX_CELLS = 8_000
"""Cells of one text that are looked at because they do not begin with a letter or digit."""
_SPLIT = "[,;|\\t\\n\\r]"


@dataclass(frozen=True)
class SpreadsheetFormula(Screened):
    """No text that a spreadsheet takes for a formula when it opens a file of it (CSV injection).

    Every text in the value is a cell; with ``separators`` a text is a file, and each of its cells is looked at. A
    cell is refused where its first character, after blanks, quotes and invisible characters, is ``=``, ``+``, ``-``,
    ``@``, one of their full-width forms, or where the cell begins with a tab or carriage return. Plain numbers and
    telephone numbers with a sign pass.

    There is no repair: a ``'`` before the cell is shown by some programs and stored by others, and changes the value
    for every other reader. Write such cells with a library that types them as text, or refuse them.

    Does not see: what a program does with ``%``, ``|`` or ``!`` alone, macros, links in cells (``outside_links``), CSV
    whose separator is another one, formulas in formats that mark them otherwise (SYLK, XLSX parts).

    Codes: ``spreadsheet_formula.start``, ``.control`` (begins with a tab or carriage return), ``.dde`` (a call of
    another program).
    """

    separators: bool = False
    """Whether a text is a file of cells (comma, semicolon, bar, tab, line end) rather than one cell."""

    name: ClassVar[str] = "spreadsheet_formula"
    source: ClassVar[str] = "OWASP: CSV Injection; CWE-1236"

    def __post_init__(self) -> None:
        if not isinstance(self.separators, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError("spreadsheet_formula(separators=...) is true or false.")

    @property
    def screen(self) -> str:
        """Anything that a formula begins with."""
        return _SCREEN

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Formulas in one text."""
        if not self.separators:
            yield from _cell(text, 0)
            return
        begin = looked = 0
        for mark in re.finditer(_SPLIT, text):
            if begin < mark.start() and not text[begin].isalnum():
                looked += 1
                if looked > _MAX_CELLS:
                    raise TooMuch
                yield from _cell(text[begin : mark.start()], begin)
            begin = mark.end()
        yield from _cell(text[begin:], begin)


def _cell(cell: str, begin: int) -> Iterator[Finding]:
    problem = _problem(cell)
    if problem:
        code, message = problem
        shown = excerpt(cell)
        yield Finding(f"spreadsheet_formula.{code}", message, span=(begin, begin + len(cell)), excerpt=shown,
                      hint="Write it as a text cell, or without the first character.")  # fmt: skip


def _problem(cell: str) -> tuple[str, str] | None:
    if cell[:1] in ("\t", "\r") and cell.strip():
        return "control", "The cell begins with a tab or a carriage return, after which a spreadsheet may compute."
    if _FORMULA.match(cell) is None or _NUMBER.fullmatch(cell) or _PHONE.fullmatch(cell.strip()):
        return None
    head = cell[:200].lower()
    if ("|" in head and "!" in head) or "dde(" in head:
        return "dde", "The cell asks a spreadsheet to call another program."
    return "start", "The cell begins like a formula, which a spreadsheet would compute."
