"""Words that look Latin and are spelled with letters of other scripts as well (UTS 39, mixed-script confusables)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# From confusables.txt of UTS 39: letters that are drawn as a Latin one in most fonts.
_CYRILLIC = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u0432"
    "\u043a\u043c\u043d\u0442\u0433"
)
_CYRILLIC_CAPITALS = (
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u04ae"
    "\u050c\u051a\u051c\u04c0"
)
_GREEK = (
    "\u03bf\u03c1\u03bd\u03c5\u03b9\u03ba\u03c7\u03b1\u03b3\u0391\u0392\u0395\u0396\u0397\u0399\u039a"
    "\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03f2\u03f3"
)
_OTHERS = "\u0570\u0578\u057d\u0585\u0561\u0566\u13aa\u13ac\u13b3\u13b7\u13bb\u13c0\u13c3\u13de\u13e2"
_STYLED = "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a3\u2100-\u214f"
LOOKALIKES = _CYRILLIC + _CYRILLIC_CAPITALS + _GREEK + _OTHERS + _STYLED
"""Inside a character class: letters that look like a Latin letter and are none."""
_LIKE = re.compile(f"[{LOOKALIKES}]")
_FORMS = re.compile(f"[{_STYLED}]")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def mixed_words(text: str) -> Iterator[tuple[int, int]]:
    """The span of every word of Latin letters and look-alikes, and of letters that are Latin in a costume."""
    for word in _WORD.finditer(text):
        if not word[0].isascii() and _mixed(word[0]):
            yield word.span()


def _mixed(word: str) -> bool:
    if len(word) > 1 and len(_FORMS.findall(word)) == len(word):
        return unicodedata.normalize("NFKC", word[:100]).isascii()
    others = [letter for letter in word if not _LATIN.match(letter)]
    return 0 < len(others) < len(word) and all(map(_LIKE.match, others))
