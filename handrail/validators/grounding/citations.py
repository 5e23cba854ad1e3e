"""Whether an answer cites, and whether what it cites is there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.context import Context, Source
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.grounding import citing
from handrail.validators.grounding.ground import Ground, Grounded, Judge, Remembered, Span
from handrail.validators.grounding.quotes import fenced
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.searching import Searched, TooMuch
from handrail.validators.texts import MAX_CHARS, excerpt

MAX_PARTS = 5_000
"""Sentences or paragraphs of one text."""
_PARAGRAPH = re.compile(r"\S(?:[^\n]+|\n(?!\s*\n))*")
_END = re.compile(r"[.!?]+[\"'”’»)]*(?=\s|\[|\(|【|$)|\n+")
_WORD = re.compile(r"\w+")
_NO_SENTENCE = re.compile(r"[ \t]*(?:#|```|~~~|\||---|\*\*[^*\n]{0,200}\*\*:?[ \t]*$)")


@dataclass(frozen=True)
class HasCitations(Check):
    """A text has citations: somewhere, in every paragraph, or in every sentence.

    Headings, tables, code blocks and sentences of fewer than ``min_words`` words need none. A citation that follows
    a sentence's full stop is that sentence's.
    Finds ``has_citations.missing``, ``has_citations.type`` (no text); ``unchecked.size`` over 50,000 characters, 5,000
    sentences or paragraphs, or 200 matches of an own pattern.
    """

    source: ClassVar[str] = "own: an answer from documents says which"
    pattern: str = ""
    r"""What a citation looks like (RE2), such as ``\[KB-[0-9]+\]``; empty for the common forms, such as ``[1]``."""
    per: Literal["answer", "paragraph", "sentence"] = "answer"
    """What needs a citation."""
    min: int = 1
    """Least number of citations of each."""
    min_words: int = 4
    """Words from which on a paragraph or sentence needs any."""
    _pattern: Searched | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.per not in ("answer", "paragraph", "sentence"):
            raise ConfigError(f"`per` is {self.per!r:.20}.", hint="Write answer, paragraph or sentence.")
        if self.min < 1 or self.min_words < 1:
            raise ConfigError("`min` and `min_words` are numbers from 1.")
        object.__setattr__(self, "_pattern", _searched(self.pattern))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Where citations are missing."""
        if not isinstance(value, str):
            hint = "Check the part that is: at('$.answer', has_citations())."
            return (Finding("has_citations.type", "This is no text that could have citations.", hint=hint),)
        if len(value) > MAX_CHARS:
            return (Finding("unchecked.size", f"More than {MAX_CHARS} characters are too many to check."),)
        try:
            cited = sorted(self._cited(value))
            if self.per == "answer":
                return () if len(cited) >= self.min else (self._finding("this answer", value, None),)
            return tuple(self._missing(value, cited))
        except TooMuch:
            return (Finding("unchecked.size", "There are too many citations, or sentences, to check."),)

    def _cited(self, text: str) -> Iterator[Span]:
        return citing.spans(text) if self._pattern is None else self._pattern.spans(text)

    def _missing(self, text: str, cited: list[Span]) -> Iterator[Finding]:
        parts = _paragraphs(text) if self.per == "paragraph" else _sentences(text, cited)
        at = count = 0
        for number, (first, last) in enumerate(parts):
            if number == MAX_PARTS:
                raise TooMuch
            while at < len(cited) and cited[at][0] < first:
                at += 1
            begin = at
            while at < len(cited) and cited[at][0] < last:
                at += 1
            if at - begin < self.min and self._needs(text[first:last]):
                yield self._finding(f"this {self.per}", text, (first, last))
                count += 1
                if count == MAX_FINDINGS:
                    return

    def _needs(self, part: str) -> bool:
        return len(_WORD.findall(part)) >= self.min_words and not _NO_SENTENCE.match(part)

    def _finding(self, what: str, text: str, span: Span | None) -> Finding:
        number = "a citation" if self.min == 1 else f"{self.min} citations"
        message = f"Give {number} in {what}, as the documents are numbered or named."
        return Finding("has_citations.missing", message, span=span, excerpt=excerpt(text, span))


def _searched(pattern: str) -> Searched | None:
    return Searched.of("pattern", pattern) if pattern else None


def _outside(text: str) -> Iterator[Span]:
    """What is no code block."""
    at = 0
    for first, last in (*fenced(text), (len(text), len(text))):
        if at < first:
            yield at, first
        at = text.find("\n", last) if last < len(text) else last
        at = len(text) if at < 0 else at


def _paragraphs(text: str) -> Iterator[Span]:
    for first, last in _outside(text):
        for match in _PARAGRAPH.finditer(text, first, last):
            yield match.span()


def _sentences(text: str, cited: list[Span]) -> Iterator[Span]:
    after = {first: last for first, last in cited}
    for first, last in _outside(text):
        begin = first
        for match in _END.finditer(text, first, last):
            if match.end() <= begin:
                continue
            end = _with_citations(text, match.end(), after)
            yield begin, end
            begin = end
        if begin < last:
            yield begin, last


def _with_citations(text: str, at: int, after: Mapping[int, int]) -> int:
    """The end of a sentence with the citations that follow it."""
    while True:
        next_ = at + 1 if text[at : at + 1] == " " else at
        if next_ not in after or after[next_] <= next_:
            return at
        at = after[next_]


@dataclass(frozen=True)
class CitationsResolve(Grounded[tuple[str, ...]]):
    """Every citation refers to a document that this run retrieved.

    A document is known by its id, by its metadata ``id``, ``source``, ``url``, ``title``, ``name``, ``path`` or
    ``file_path`` (a path or address also by its last part, with and without extension), and by its number: the first
    one that the run retrieved is ``[1]``. Case makes no difference.
    Finds ``citations_resolve.unknown``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters, 1,000 citations, or 200 matches of an own pattern.
    """

    name: ClassVar[str] = "citations_resolve"
    asks: ClassVar[str] = "whether a citation refers to a document that it retrieved"
    source: ClassVar[str] = "own: a citation leads to a document that was there"
    kinds: tuple[Literal["document", "result", "input"], ...] = ("document",)
    """What may be cited: documents, results of tools by the id of the call, what the run was given by its id."""
    pattern: str = ""
    r"""What a citation looks like (RE2), brackets included, such as ``\[KB-[0-9]+\]``; empty for the common forms."""
    numbered: bool = True
    """Whether a document may be cited by its number."""
    _pattern: Searched | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "_pattern", _searched(self.pattern))

    def claims(self, text: str) -> Iterator[tuple[Span, tuple[str, ...]]]:
        """Every citation, with the ids that it cites."""
        if self._pattern is None:
            yield from citing.citations(text)
            return
        for first, last in self._pattern.spans(text):
            cited = tuple(citing.ids(text[first:last].strip("[](){}<>【】「」 ")))
            if cited:
                yield (first, last), cited

    def judge(self, ground: Ground, context: Context) -> Judge[tuple[str, ...]]:
        """Looks for ids among those of all sources."""
        known = {name for source in ground.sources for name in _names.of(source)}
        numbers = {str(number) for number in range(1, len(ground.sources) + 1)} if self.numbered else set[str]()

        def look(cited: tuple[str, ...]) -> str:
            wrong = [one for one in cited if not _forms(one) & known and one.lstrip("0") not in numbers]
            return f"unknown {_told(wrong, ground.sources)}" if wrong else ""

        return look


def _told(wrong: list[str], sources: tuple[Source, ...]) -> str:
    there = ", ".join(f"[{number}] {one.id[:60]}" for number, one in enumerate(sources[:10], 1))
    more = f" and {len(sources) - 10} more" if len(sources) > 10 else ""
    docs = f"there are {there}{more}" if sources else "none was retrieved"
    return f"{', '.join(wrong[:5])[:200]} is no document that was retrieved: {docs}."


_NAMES = ("id", "source", "url", "title", "name", "path", "file_path", "filename", "doc_id")


def _of_source(source: Source) -> frozenset[str]:
    given = [source.id, *(source.metadata.get(name) for name in _NAMES)]
    return frozenset(form for one in given if isinstance(one, (str, int)) for form in _forms(str(one)[:1_000]))


_names = Remembered(_of_source)


def _forms(name: str) -> set[str]:
    """``name`` as it may be cited: whole, without what follows ``#``, and the last part of a path or an address."""
    whole = name.strip().rstrip("/").casefold()
    bare = whole.partition("#")[0] or whole
    last = bare.replace("\\", "/").rpartition("/")[2]
    stem = last.rpartition(".")[0] if last.rpartition(".")[2].isalpha() else ""
    return {one for one in (whole, bare, last, stem) if one}
