"""Other spellings of the same text. A test of text that another spelling would answer differently has no answer:
what reads the text afterwards may not care for case, invisible characters or blanks at the ends."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from handrail.conditions.faults import Unevaluable
from handrail.conditions.reading import Reading

_LONG = 64
"""Characters from which on the plain form of a text is remembered for the rest of the decision."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Form = Literal["NFKC", "NFKD"]


class _Table(dict[int, int | str]):
    """Character -> what stands for it, made when first asked for."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form: Form = form

    def __missing__(self, code: int) -> int | str:
        if 0x20000 <= code < 0x2F800:
            return code  # rare ideographs, too many to remember, none of them with another form
        character = chr(code)
        plain = "" if _invisible(character) else unicodedata.normalize(self._form, character)
        self[code] = code if plain == character else plain
        return self[code]


def _invisible(character: str) -> bool:
    category = unicodedata.category(character)
    return category == "Cf" or (category == "Cc" and character not in "\t\n\r")


_COMPOSED, _DECOMPOSED = _Table("NFKC"), _Table("NFKD")


def is_sound(text: str, reading: Reading) -> bool:
    """Whether ``text`` holds no half of a surrogate pair, which everybody reads differently."""
    if text.isascii():
        return True
    reading.spend(len(text) >> 9)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_sound(*texts: str, reading: Reading) -> None:
    """Raise Unevaluable unless every text `is_sound`."""
    for text in texts:
        if not is_sound(text, reading):
            raise Unevaluable("a string holds half of a surrogate pair")


def tidy(text: str, reading: Reading) -> str:
    """``text`` without invisible characters and blanks at its ends, compatibility characters replaced."""
    return _translated(text, _COMPOSED, reading).strip()


def plain(text: str, reading: Reading, *, ends: bool = True) -> str:
    """`tidy` and without case and composition; equal for texts that are spellings of each other.

    Blanks at the ends stay where ``ends`` is false: those of a part, such as ``'rm '``, are meant.
    """
    folded = reading.folded.get(text) if len(text) > _LONG else None
    if folded is None:
        folded = _translated(text, _DECOMPOSED, reading).casefold()
        if len(text) > _LONG:
            reading.folded[text] = folded
    return folded.strip() if ends else folded


def same_text(left: str, right: str, reading: Reading) -> bool | None:
    """Whether two texts are equal; None where they are only spellings of each other, or not sound."""
    reading.spend(min(len(left), len(right)) >> 10)
    if left == right:
        return True if is_sound(left, reading) else None
    reading.spend(2)
    if not (is_sound(left, reading) and is_sound(right, reading)):
        return None
    return None if plain(left, reading) == plain(right, reading) else False


def _translated(text: str, table: _Table, reading: Reading) -> str:
    # Character by character: normalising the whole takes quadratic time on long runs of accents.
    if not text.isascii():
        reading.spend(1 + (len(text) >> 1))
        return text.translate(table)
    reading.spend(len(text) >> 6)
    if text.isprintable() or not _CONTROL.search(text):
        return text
    reading.spend(len(text) >> 2)
    return _CONTROL.sub("", text)


def doubtful() -> Unevaluable:
    """What is raised where only the spelling makes the difference."""
    return Unevaluable(
        "a string differs from what it is compared with only in its spelling "
        "(case, look of the characters, invisible ones, or blanks at an end)"
    )
