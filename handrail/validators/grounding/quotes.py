"""Whether what stands in quotation marks was really said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.grounding.ground import Ground, Grounded, Judge, Span
from handrail.validators.grounding.words import Words, words

_QUOTED = re.compile(r"[“„][^“”„]{1,5000}[”“]|«[^«»]{1,5000}»|»[^«»]{1,5000}«|\"[^\"\n]{1,5000}\"")
_BLOCK = re.compile(r"^[ ]{0,3}>[^\n]*(?:\n[ ]{0,3}>[^\n]*)*", re.MULTILINE)
_MARK = re.compile('["“„«»>]')
_FENCE = re.compile(r"^[ ]{0,3}(?:```|~~~)", re.MULTILINE)
_LEFT_OUT = re.compile(r"\[[^\[\]]{0,80}\]|\(\.\.\.\)|\(…\)|\.\.\.+|…")
_ATTRIBUTION = re.compile(r"\n\s*>?\s*(?:[—–―]|--)[^\n]*$")
_ARROWS = re.compile(r"^[ ]{0,3}(?:>[ ]?)+", re.MULTILINE)


@dataclass(frozen=True)
class QuotesOccur(Grounded[tuple[str, ...]]):
    """What is quoted occurs, word by word, in one of the run's sources.

    Quotations are what stands between ``"…"``, ``“…”``, ``„…“``, ``«…»``, and Markdown's block quotations; code blocks
    are left out. White space, punctuation, typography and case make no difference; what is left out may be marked by
    ``...``, ``[...]`` or a remark in square brackets: then the parts stand in this order in one source.
    Finds ``quotes_occur.missing``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters, 1,000 quotations, or 4.5 million characters that all searches read together.
    """

    name: ClassVar[str] = "quotes_occur"
    asks: ClassVar[str] = "whether a quotation occurs in its sources"
    source: ClassVar[str] = "own: a quotation repeats its source; block quotations as in CommonMark 0.31, section 5.1"
    min_words: int = 5
    """Shorter quotations are not looked at: they may be titles, or words that are only mentioned."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_words < 1:
            raise ConfigError(f"`min_words` is {self.min_words}.", hint="Write a number from 1.")

    def claims(self, text: str) -> Iterator[tuple[Span, tuple[str, ...]]]:
        """Every quotation that is long enough, as the words of its parts."""
        if not _MARK.search(text):
            return
        code = fenced(text)
        for match in (*_QUOTED.finditer(text), *_BLOCK.finditer(text)):
            if any(first <= match.start() < last for first, last in code):
                continue
            inner = _inner(match[0])
            parts = tuple(part for part in map(words, _LEFT_OUT.split(inner)) if part.strip())
            if sum(part.count(" ") - 1 for part in parts) >= self.min_words:
                yield match.span(), parts

    def judge(self, ground: Ground, context: Context) -> Judge[tuple[str, ...]]:
        """Looks for quotations in the words of all sources."""
        known = Words(ground)

        def look(parts: tuple[str, ...]) -> str:
            if known.have(list(parts)):
                return ""
            return "missing No source says this word for word: quote exactly what one says, or remove the quotation."

        return look


def fenced(text: str) -> list[Span]:
    """Where the fenced code blocks of a Markdown text are."""
    marks = [match.start() for match in _FENCE.finditer(text)]
    ends = [*marks[1::2], len(text)]
    return list(zip(marks[::2], ends, strict=False))


def _inner(quoted: str) -> str:
    if quoted.lstrip(" ").startswith(">"):
        return _ARROWS.sub("", _ATTRIBUTION.sub("", quoted))
    return quoted[1:-1]
