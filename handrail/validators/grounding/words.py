"""Texts as bare words, so that white space, typography, punctuation and case make no difference."""

from __future__ import annotations

import re
import unicodedata

from handrail.validators.context import Source
from handrail.validators.grounding.ground import Ground, Remembered
from handrail.validators.searching import TooMuch

MAX_READ = 4_500_000
"""Characters that all searches of one check read together: about 20 ms at worst."""
_TOKEN = re.compile(r"\w+|[%‰€$£¥₹°<>=+]|-(?=\d)")
_MARKS = re.compile(r"[^\w\s!-~]{32}")
"""So many signs in a row that putting accents into order may take long."""
_SAME: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF), None),
    ord("_"): " ",
}


def words(text: str) -> str:
    """The words of ``text`` and a few signs, in lower case with one space between, before and after them."""
    if not text.isascii() and not _MARKS.search(text):
        text = unicodedata.normalize("NFC", text)
    return f" {' '.join(_TOKEN.findall(text.translate(_SAME).casefold()))} "


def _words_of(source: Source) -> str:
    return words(source.text)


_known = Remembered(_words_of)


class Words:
    """The words of everything that a run has seen."""

    def __init__(self, ground: Ground) -> None:
        self._texts = [_known.of(source) for source in ground.sources]
        self._all = "\n".join(self._texts)
        self._left = MAX_READ

    def has(self, phrase: str) -> bool:
        """Whether ``phrase``, as :func:`words` gives it, stands in one of the texts. Raises TooMuch."""
        self._left -= len(self._all)
        if self._left < 0:
            raise TooMuch
        return phrase in self._all

    def have(self, phrases: list[str]) -> bool:
        """Whether one of the texts has all ``phrases`` in this order, without overlap. Raises TooMuch."""
        if not all(self.has(phrase) for phrase in phrases):
            return False
        return len(phrases) == 1 or any(_in_order(text, phrases) for text in self._texts)


def _in_order(text: str, phrases: list[str]) -> bool:
    at = 0
    for phrase in phrases:
        found = text.find(phrase, at)
        if found < 0:
            return False
        at = found + len(phrase) - 1  # the space after a phrase is the one before the next
    return True
