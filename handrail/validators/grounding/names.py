"""Whether the names in an answer are names that the run has met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.grounding.ground import Ground, Grounded, Judge, Span
from handrail.validators.grounding.words import Words, words
from handrail.validators.runs import names as checked_names

_WORD = r"[^\W\d_](?:[\w'’.-]{0,40}[\w])?"
_RUN = re.compile(rf"(?<![\w@/.]){_WORD}(?:[ \u00a0]{_WORD}){{0,11}}")
_SPLIT = re.compile(r"[ \u00a0]")
_INSIDE = "of the and de del della der den van von da di du la le y et und bin ibn al for &"
_LITTLE = frozenset(_INSIDE.split())
"""Words in lower case that may stand inside a name."""
_BEGIN = """
a an the this that these those it he she we you they i in on at by for from to of as if when while since because and
or but so then there here our your their my his her its please dear hello hi yes no not is are was were do does did
has have had can could will would should may might must according based after before both each all also however note
see ask call regards sincerely best kind thank thanks let what which who where why how mr mrs ms dr prof monday
tuesday wednesday thursday friday saturday sunday january february march april june july august september october
november december
"""
_FIRST = frozenset(_BEGIN.split())
"""Words that begin sentences rather than names."""


@dataclass(frozen=True)
class NamesGrounded(Grounded[str]):
    """Names in an answer occur in the run's sources.

    Names are those of a given list, or else runs of capitalised words, as English writes them. The words must stand
    in one source in the same order; case, punctuation and a final 's make no difference. Languages that write every
    noun with a capital need the list.
    Finds ``names_grounded.missing``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters, 1,000 names, or 4.5 million characters that all searches read together.
    """

    name: ClassVar[str] = "names_grounded"
    asks: ClassVar[str] = "whether a name occurs in its sources"
    source: ClassVar[str] = "own: names of people, firms and places are taken from sources, not made up"
    names: tuple[str, ...] = ()
    """Names to look at; none for every run of capitalised words."""
    min_words: int = 2
    """Words that such a run has at least."""
    ignore: tuple[str, ...] = ()
    """Names that need no source, such as that of your firm."""
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _ignore: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_names("names", self.names, least=0)
        checked_names("ignore", self.ignore, least=0)
        if self.min_words < 1 or len(self.names) > 500:
            problem = f"names_grounded cannot work with {len(self.names)} names of {self.min_words} words."
            raise ConfigError(problem, hint="Write min_words from 1, and at most 500 names.")
        object.__setattr__(self, "_names", tuple(map(words, self.names)))
        object.__setattr__(self, "_ignore", tuple(map(words, self.ignore)))

    def claims(self, text: str) -> Iterator[tuple[Span, str]]:
        """Every name of the list that the text has, or every run of capitalised words."""
        if not self._names:
            yield from self._capitalised(text)
            return
        said = words(text)
        for name, written in zip(self._names, self.names, strict=True):
            if name in said:
                at = max(text.find(written), 0)
                yield (at, at + len(written) if text.startswith(written, at) else len(text)), name

    def _capitalised(self, text: str) -> Iterator[tuple[Span, str]]:
        for match in _RUN.finditer(text):
            for first, last in _names_in(match[0]):
                found = words(_bare(match[0][first:last]))
                enough = found.count(" ") - 1 >= self.min_words
                if enough and not any(found in one or one in found for one in self._ignore):
                    yield (match.start() + first, match.start() + last), found

    def judge(self, ground: Ground, context: Context) -> Judge[str]:
        """Looks for names in the words of all sources."""
        known = Words(ground)

        def look(name: str) -> str:
            return "" if known.has(name) else "missing No source has this name: take names from the sources only."

        return look


def _bare(name: str) -> str:
    return name[:-2] if name.endswith(("'s", "’s")) else name


def _names_in(run: str) -> Iterator[Span]:
    """The parts of a run of words that are names: from a word with a capital to another."""
    at = 0
    first = last = -1
    for word in _SPLIT.split(run):
        if word[:1].isupper() and not (first < 0 and word.lower() in _FIRST):
            first = at if first < 0 else first
            last = at + len(word)
        elif first >= 0 and word.lower() not in _LITTLE:
            yield first, last
            first = -1
        at += len(word) + 1
    if first >= 0:
        yield first, last
