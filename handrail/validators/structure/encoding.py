"""Text as it should be encoded: normalised, without halves, controls and the traces of a wrong decoding."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import ClassVar

from handrail.config.regex import BadPattern, Regex, compiled
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, Fix, pointer
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.texts import TooLarge, excerpt, texts

MAX_MARKS = 30
"""Combining marks in a row: the Stream-Safe Text Format of UAX #15; sorting more of them takes long."""

# Each alternative is one class of characters, or a fixed number of these: linear in the text.
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ENDS = "".join(chr((plane << 16) + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
_NO_CHARACTER = re.compile(f"[\ufdd0-\ufdef\ufffe\uffff{_ENDS}]")
_LOST = re.compile("\ufffd+")


def _rest() -> dict[str, int]:
    """Character -> byte, for the bytes 0x80 to 0xBF as Windows-1252 (where that has none, Latin-1) shows them."""
    found: dict[str, int] = {}
    for byte in range(0x80, 0xC0):
        try:
            found[bytes([byte]).decode("cp1252")] = byte
        except UnicodeDecodeError:
            found[chr(byte)] = byte
    return found


_REST = _rest()
_CONT = "[" + "".join(map(re.escape, _REST)) + "]"
# What UTF-8 looks like in Windows-1252. Characters that also stand side by side in honest text (Ä before a closing
# quotation mark) count only where it happens twice in a row.
_MOJIBAKE = re.compile(
    f"(?:[ÂÃ][\u00a0-\u00bf]|â[€‚„]{_CONT}|ðŸ{_CONT}{{2}}|(?:[ÃÄÅ]{_CONT}){{2}}|(?:[ÎÏ]{_CONT}){{2}}|(?:[ÐÑ]{_CONT}){{2}})"
)


@dataclass(frozen=True)
class Encoding(Check):
    """Texts that are encoded as they should be, wherever they stand in a value.

    Codes: ``encoding.surrogate`` (half of a pair), ``encoding.control`` (a control character other than tab and line
    ends), ``encoding.noncharacter``, ``encoding.replacement`` (U+FFFD: bytes were lost), ``encoding.mojibake`` (UTF-8
    read as Windows-1252), ``encoding.marks`` (more than 30 combining marks in a row), ``encoding.nfc``,
    ``encoding.script``, ``unchecked.size``.
    """

    source: ClassVar[str] = "The Unicode Standard, UAX #15 (normalization forms) and UAX #24 (scripts)"
    scripts: tuple[str, ...] = ()
    """Scripts that letters may be of, such as ``("Latin", "Greek")``; none for any. Digits and signs are of all."""
    nfc: bool = True
    """Whether each text must be in Normalization Form C."""
    mojibake: bool = True
    """Whether to look for UTF-8 that was read as Windows-1252."""
    _others: Regex | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigError for a script that Unicode does not have."""
        object.__setattr__(self, "_others", _outside(self.scripts))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the texts in ``value``, at most 20 findings."""
        try:
            found = list(texts(value))
        except TooLarge as problem:
            return (Finding("unchecked.size", f"The value has {problem}, which is too much to check."),)
        return tuple(islice(self._look(found), MAX_FINDINGS))

    def _look(self, found: list[tuple[str, str]]) -> Iterator[Finding]:
        """All texts at once: nothing that is looked for goes across a line end."""
        whole = _Joined.of(found)
        yield from whole.each(_HALF, "surrogate", "This is half of a surrogate pair, which no text may hold.")
        yield from whole.each(_CONTROL, "control", "Control characters have no place in a text.", "")
        if whole.text.isascii():
            return
        yield from whole.each(_NO_CHARACTER, "noncharacter", "This code point is no character.", "")
        lost = "The replacement character stands where something could not be decoded; write what belongs here."
        yield from whole.each(_LOST, "replacement", lost)
        if self.mojibake:
            yield from _mojibake(whole)
        yield from self._scripts(whole)
        yield from self._normal(whole)

    def _scripts(self, whole: _Joined) -> Iterator[Finding]:
        if self._others is not None:
            data = whole.text.encode("utf-8", "replace")
            allowed = f"Only letters of {', '.join(self.scripts)} are allowed here."
            for one in self._others.finditer(data):
                start, end = (len(data[:at].decode()) for at in one.span())
                yield whole.finding(start, end, "script", allowed)

    def _normal(self, whole: _Joined) -> Iterator[Finding]:
        if not self.nfc:
            return
        marks = bytes(map(bool, map(unicodedata.combining, whole.text)))
        at = marks.find(b"\x01" * (MAX_MARKS + 1))
        if at >= 0:
            yield whole.finding(at, at + MAX_MARKS + 1, "marks", f"More than {MAX_MARKS} marks are on one letter.")
        elif not unicodedata.is_normalized("NFC", whole.text):
            for place, text in whole.found:
                if not unicodedata.is_normalized("NFC", text):
                    fix = _repair(place, text, unicodedata.normalize("NFC", text))
                    said = "The text must be in Unicode Normalization Form C."
                    yield Finding("encoding.nfc", said, place, excerpt=excerpt(text), fix=fix)


def _mojibake(whole: _Joined) -> Iterator[Finding]:
    for one in _MOJIBAKE.finditer(whole.text):
        try:
            right = bytes(_REST.get(character, ord(character) & 0xFF) for character in one[0]).decode()
        except UnicodeDecodeError:
            continue
        said = f"This is UTF-8 that was read as Windows-1252; {right!r} was meant."
        yield whole.finding(*one.span(), "mojibake", said, right)


def _repair(place: str, text: str, right: str) -> Fix | None:
    """None for the key of an object: its place is that of its value, and the value is not to be changed."""
    return None if text and place.endswith(pointer(text)) else Fix(right)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Several texts in one, to look through them together."""

    found: list[tuple[str, str]]
    text: str
    starts: list[int]

    @classmethod
    def of(cls, found: list[tuple[str, str]]) -> _Joined:
        starts = list(accumulate((len(text) + 1 for _, text in found), initial=0))
        return cls(found, "\n".join(text for _, text in found), starts)

    def each(self, pattern: re.Pattern[str], code: str, message: str, right: str | None = None) -> Iterator[Finding]:
        for one in pattern.finditer(self.text):
            yield self.finding(*one.span(), code, message, right)

    def finding(self, start: int, end: int, code: str, message: str, right: str | None = None) -> Finding:
        which = bisect_right(self.starts, start) - 1
        (place, text), first = self.found[which], self.starts[which]
        span = (start - first, end - first)
        fix = None if right is None else _repair(place, text, right)
        return Finding(f"encoding.{code}", message, place, span=span, excerpt=excerpt(text, span), fix=fix)


def _outside(scripts: tuple[str, ...]) -> Regex | None:
    """What is of none of ``scripts``; raises ConfigError for one that there is not."""
    if isinstance(scripts, str):
        raise ConfigError("encoding(scripts=...) is a list.", hint=f"Write scripts=[{scripts!r}].")
    for name in scripts:
        try:
            if not str(name).replace("_", "").isalpha():
                raise BadPattern("no name")
            compiled(rf"\p{{{name}}}")
        except BadPattern:
            hint = 'Write Unicode\'s names, such as "Latin", "Greek", "Cyrillic", "Han", "Arabic".'
            raise ConfigError(f"encoding(scripts=...): no script is called {name!r}.", hint=hint) from None
    allowed = "".join(rf"\p{{{name}}}" for name in scripts)
    return compiled(rf"[^{allowed}\p{{Common}}\p{{Inherited}}]+") if scripts else None
