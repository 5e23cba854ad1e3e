"""Other spellings of the same text. A test of text that another spelling would answer differently has no answer:
what reads the text afterwards may not care for case, invisible characters or blanks at the ends."""

from __future__ import annotations

import unicodedata

from handrail.policy.conditions.faults import Unevaluable
from handrail.policy.conditions.reading import Reading

_MAX_REMEMBERED = 4_096


class _Table(dict[int, str]):
    """Character -> what stands for it, made when first asked for."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = "" if _invisible(character) else unicodedata.normalize(self._form, character)  # type: ignore[arg-type]
        if len(self) < _MAX_REMEMBERED:
            self[code] = plain
        return plain


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
    folded = _translated(text, _DECOMPOSED, reading).casefold()
    return folded.strip() if ends else folded


def same_text(left: str, right: str, reading: Reading) -> bool | None:
    """Whether two texts are equal; None where they are only spellings of each other, or not sound."""
    reading.spend(min(len(left), len(right)) >> 10)
    if left == right:
        return True if is_sound(left, reading) else None
    if not (is_sound(left, reading) and is_sound(right, reading)):
        return None
    return None if plain(left, reading) == plain(right, reading) else False


def _translated(text: str, table: _Table, reading: Reading) -> str:
    # Character by character: normalising the whole takes quadratic time on long runs of accents.
    if text.isascii():
        reading.spend(len(text) >> 8)
        return text if text.isprintable() else text.translate(table)
    reading.spend(len(text) >> 2)
    return text.translate(table)


def doubtful() -> Unevaluable:
    """What is raised where only the spelling makes the difference."""
    return Unevaluable(
        "a string differs from what it is compared with only in its spelling "
        "(case, look of the characters, invisible ones, or blanks at an end)"
    )
