"""Text from traces made safe for people's eyes and spreadsheets. HTML is escaped by the templates, not here."""

from __future__ import annotations

import unicodedata

_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
"""What starts a formula in a spreadsheet, after full-width and small forms are folded."""
_QUOTES = frozenset("\"'`\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
                    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
                    "\N{FULLWIDTH QUOTATION MARK}\N{FULLWIDTH APOSTROPHE}")  # fmt: skip
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """``text`` on one line, with every control, format, surrogate or separator character spelled out.

    Neutralises terminal escape sequences and characters that reorder or hide what is shown.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return char
    return _SHORT_ESCAPES.get(char) or f"\\u{{{ord(char):x}}}"


def defused(text: str) -> str:
    """``text`` with a leading apostrophe where a spreadsheet could take it for a formula.

    Looks past leading blanks, quotes and invisible characters, and sees full-width forms.
    """
    return f"'{text}" if _starts_formula(text) else text


def _starts_formula(text: str) -> bool:
    for char in text:
        if char in _SHORT_ESCAPES:  # some spreadsheets begin a cell anew behind these
            return True
        if not _skipped(char):
            return bool(_FORMULA & set(unicodedata.normalize("NFKC", char)))
    return False


def _skipped(char: str) -> bool:
    return char in _QUOTES or unicodedata.category(char)[0] in {"C", "Z"}
