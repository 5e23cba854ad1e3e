"""Characters that people do not see and models and programs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Fix, Severity
from handrail.validators.safety import hidden_tables as tables
from handrail.validators.safety.confusables import LOOKALIKES, mixed_words
from handrail.validators.safety.screened import Screened, TooMuch

_LONG_RUN = 64
"""Characters from which a run has no use in any writing."""
_MAX_RUNS = 6_000
"""Places in one text that are looked at."""
_DEFAULT = ("bidi", "zero_width", "tag", "variation", "private", "invisible", "soft_hyphen")
_WHAT = {
    "bidi": "characters that turn the direction of the text",
    "zero_width": "characters of no width",
    "tag": "invisible tag characters, which can spell a hidden text",
    "variation": "variation selectors that vary nothing, which can spell a hidden text",
    "private": "characters of private use, which mean nothing to others",
    "invisible": "invisible characters",
    "soft_hyphen": "soft hyphens, which are not shown inside a line",
    "control": "control characters",
}
_RIGHT_TO_LEFT = re.compile(f"[{tables.RIGHT_TO_LEFT}]")
_JOINED = re.compile(f"[{tables.JOINED}]")
_UNSPACED = re.compile(f"[{tables.UNSPACED}]")
_PICTURE = re.compile(f"[{tables.PICTURES}#*0-9]")
_PART_OF_PICTURE = re.compile(f"[{tables.PICTURES}\ufe0f\u20e3]")
_IDEOGRAPH = re.compile(
    "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u1800-\u18aa\u1000-\u109f\u2200-\u22ff\u3000-\u303f\uff00-\uffef]"
)
_FLAGS = "|".join("".join(chr(0xE0000 + ord(letter)) for letter in flag) for flag in tables.FLAGS)
_FLAG = re.compile(f"{tables.FLAG}(?:{_FLAGS}){tables.TAG_END}")
_OPEN, _CLOSE = "\u202a\u202b\u2066\u2067\u2068", "\u202c\u2069"
_NESTED = re.compile(f"[{_OPEN}{_CLOSE}]")


@dataclass(frozen=True)
class HiddenCharacters(Screened):
    """No characters that people do not see: they carry hidden orders to a model, or make a text look like another.

    Kinds: ``bidi`` (embeddings, overrides, isolates, marks), ``zero_width``, ``tag`` (U+E0000 to U+E007F),
    ``variation`` (selectors that vary nothing), ``private`` (private use), ``invisible`` (word joiner, invisible
    operators, fillers), ``soft_hyphen`` (a warning only), and where asked for ``control`` (C0 and C1, so escapes of
    terminals too).
    Allowed is what writing needs: joiners inside words of Arabic, Persian, Indic and kindred scripts and inside emoji,
    direction marks and closed isolates on a line with right-to-left letters, U+200B in Thai, Khmer and kindred scripts,
    one byte order mark at the beginning, variation selectors after emoji and ideographs, the three flags with tags.
    The repair removes what was found.

    With ``confusables`` also words whose letters look Latin and come from several scripts, such as ``pаypal`` with a
    Cyrillic a (a warning; UTS 39 calls them mixed-script confusable).

    Does not see: words all of one other script, look-alikes inside a script (``rn`` for ``m``, 0 for O), white text on
    white, spaces of odd width, combining marks, homoglyphs among digits, hidden text in markup, orders hidden by
    isolates on a line with right-to-left letters, the choice between several allowed spellings of emoji.

    Codes: ``hidden_characters.KIND`` with the kind's name, ``hidden_characters.confusable``.
    """

    kinds: tuple[str, ...] = _DEFAULT
    """Which kinds are looked for."""
    confusables: bool = False
    """Whether words of mixed scripts that look like one are told, too."""

    name: ClassVar[str] = "hidden_characters"
    source: ClassVar[str] = "Unicode 17 (UAX 9, UAX 31, UTS 39, UTS 51); trojansource.codes; CVE-2021-42574"
    max_close: ClassVar[int] = 2_000
    _runs: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _screen: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in tables.KINDS:
                known = list(tables.KINDS)
                hint = nearest(kind, known) or f"Known are: {', '.join(known)}."
                raise ConfigError(f'hidden_characters(kinds=...): there is no kind "{kind}".', hint=hint)
        if not self.kinds and not self.confusables:
            raise ConfigError("hidden_characters(kinds=[]) looks for nothing.", hint="Name a kind, or leave it out.")
        groups = "|".join(f"(?P<{kind}>[{tables.KINDS[kind]}]+)" for kind in self.kinds)
        object.__setattr__(self, "_runs", re.compile(groups or r"(?!)"))
        wanted = "".join(tables.KINDS[kind] for kind in self.kinds) + (LOOKALIKES if self.confusables else "")
        object.__setattr__(self, "_screen", f"[{wanted}]")

    @property
    def screen(self) -> str:
        """Any of the characters; with confusables, any letter that looks Latin and is not."""
        return self._screen

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Hidden characters in one text."""
        lines = _Lines(text)
        for count, run in enumerate(self._runs.finditer(text)):
            if count >= _MAX_RUNS:
                raise TooMuch
            kind = run.lastgroup or ""
            for begin, end in _unneeded(kind, text, run.start(), run.end(), lines):
                yield _finding(kind, text, (begin, end))
        if self.confusables:
            for begin, end in mixed_words(text):
                yield _confusable(text, (begin, end))


class _Lines:
    """The line of a text that is being looked at, judged once: are there right-to-left letters, is all closed?"""

    def __init__(self, text: str) -> None:
        self._text, self._end = text, -1
        self._turns = self._closed = False

    def fine(self, index: int, character: str) -> bool:
        """Whether this bidi character has a use on its line. Asked from left to right."""
        if index >= self._end:
            begin = self._text.rfind("\n", max(self._end, 0), index) + 1 or max(self._end, 0)
            end = self._text.find("\n", index)
            self._end = len(self._text) if end < 0 else end
            line = self._text[begin : self._end]
            self._turns = _RIGHT_TO_LEFT.search(line) is not None
            self._closed = _closed(line)
        return self._turns and (character in tables.MARKS or (self._closed and character in _OPEN + _CLOSE))


def _closed(line: str) -> bool:
    """Whether every embedding and isolate is closed in order."""
    open_: list[str] = []
    for found in _NESTED.finditer(line):
        if found[0] in _OPEN:
            open_.append("\u2069" if found[0] >= "\u2066" else "\u202c")
        elif not open_ or open_.pop() != found[0]:
            return False
    return not open_


def _unneeded(kind: str, text: str, begin: int, end: int, lines: _Lines) -> Iterator[tuple[int, int]]:
    """The parts of a run that writing does not need."""
    if end - begin > _LONG_RUN:
        yield begin, end
        return
    if kind == "tag" and (flag := _FLAG.match(text, max(begin - 1, 0))):
        begin = flag.end()
    first = begin
    for index in range(begin, end):
        if _NEEDED[kind](text, index, lines):
            if first < index:
                yield first, index
            first = index + 1
    if first < end:
        yield first, end


def _never(text: str, index: int, lines: _Lines) -> bool:
    return False


def _bidi(text: str, index: int, lines: _Lines) -> bool:
    return lines.fine(index, text[index])


def _zero_width(text: str, index: int, lines: _Lines) -> bool:
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if text[index] == "\ufeff":
        return index == 0
    if text[index] == "\u200b":
        return _is(_UNSPACED, before) or _is(_UNSPACED, after)
    if text[index] == "\u180e":
        return False
    return _is(_JOINED, before) or (text[index] == "\u200d" and _is(_PART_OF_PICTURE, before) and _is(_PICTURE, after))


def _variation(text: str, index: int, lines: _Lines) -> bool:
    before = text[index - 1 : index]
    return _is(_PICTURE if text[index] in "\ufe0e\ufe0f" else _IDEOGRAPH, before)


def _invisible(text: str, index: int, lines: _Lines) -> bool:
    return text[index] == "\u034f" and _is(_JOINED, text[index - 1 : index])


def _is(kind: re.Pattern[str], character: str) -> bool:
    return kind.match(character) is not None


_NEEDED: dict[str, Callable[[str, int, _Lines], bool]] = {
    **dict.fromkeys(tables.KINDS, _never),
    "bidi": _bidi,
    "zero_width": _zero_width,
    "variation": _variation,
    "invisible": _invisible,
}


def _finding(kind: str, text: str, span: tuple[int, int]) -> Finding:
    severity: Severity = "warning" if kind == "soft_hyphen" else "error"
    message = f"The text holds {_WHAT[kind]} (such as U+{ord(text[span[0]]):04X})."
    return Finding(f"hidden_characters.{kind}", message, severity=severity, span=span, fix=Fix(""),
                   excerpt=_shown(text[span[0] : span[1]]), hint="Write the text without them.")  # fmt: skip


def _shown(run: str) -> str:
    """The characters by number, and what tags among them spell."""
    numbers = " ".join(f"U+{ord(one):04X}" for one in run[:8])
    spelled = "".join(chr(ord(one) - 0xE0000) for one in run[:100] if 0xE0020 <= ord(one) < 0xE007F)
    return numbers + (" …" if len(run) > 8 else "") + (f" spelling {spelled!r}" if spelled else "")


def _confusable(text: str, span: tuple[int, int]) -> Finding:
    message = "A word mixes letters of several scripts that look alike."
    return Finding("hidden_characters.confusable", message, severity="warning", span=span,
                   excerpt=text[span[0] : span[1]][:200], hint="Write it in letters of one script.")  # fmt: skip
