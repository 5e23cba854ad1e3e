"""Names of hosts: RFC 1123, and internationalised ones by RFC 5890 to 5892 (IDNA 2008)."""

from __future__ import annotations

import re
import unicodedata

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_LETTERS = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})
_ALLOWED = frozenset("-\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_FORBIDDEN = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")
_IN_CONTEXT = frozenset("\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d")
_VIRAMA = 9
MAX_NAME, _MAX_LABEL = 253, 63
"""Characters of a name, and of a part of it."""


def is_hostname(text: str) -> bool:
    """RFC 1123: letters, digits and hyphens in parts of 1 to 63 characters; a part ``xn--...`` must be decodable."""
    return 0 < len(text) <= MAX_NAME and all(map(_is_label, text.split(".")))


def _is_label(label: str) -> bool:
    if _LABEL.fullmatch(label) is None:
        return False
    return label[2:4] != "--" or (label[:2].lower() == "xn" and _is_encoded(label))


def is_idn_hostname(text: str) -> bool:
    """RFC 5890: each part is one of RFC 1123's, or a U-label."""
    if not 0 < len(text) <= MAX_NAME:
        return False
    return all(_is_label(one) if one.isascii() else _is_u_label(one) for one in _DOTS.split(text))


def _is_encoded(label: str) -> bool:
    try:
        decoded = label[4:].lower().encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return False
    return not decoded.isascii() and _is_u_label(decoded)


def _is_u_label(label: str) -> bool:
    if not 0 < len(label) <= _MAX_LABEL or label.startswith("-") or label.endswith("-") or label[2:4] == "--":
        return False
    try:
        encoded = len("xn--") + len(label.encode("punycode"))
    except UnicodeError:
        return False
    if encoded > _MAX_LABEL or not unicodedata.is_normalized("NFC", label):
        return False
    return not unicodedata.category(label[0]).startswith("M") and _digits(label) and all(
        _fits(label, at) if one in _IN_CONTEXT else _is_valid(one) for at, one in enumerate(label)
    )  # fmt: skip


def _is_valid(one: str) -> bool:
    """RFC 5892's PVALID, from the properties that it is derived from."""
    if one in _FORBIDDEN or one in _ALLOWED:
        return one in _ALLOWED
    stable = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", one).casefold()) == one
    return unicodedata.category(one) in _LETTERS and stable


def _digits(label: str) -> bool:
    """Arabic-Indic and extended Arabic-Indic digits do not stand together."""
    return not (any("\u0660" <= one <= "\u0669" for one in label) and any("\u06f0" <= one <= "\u06f9" for one in label))


def _fits(label: str, at: int) -> bool:
    """RFC 5892, appendix A: characters that are right in some places only."""
    one, before, after = label[at], label[at - 1] if at else "", label[at + 1 : at + 2]
    if one == "\u00b7":
        return before == after == "l"
    if one == "\u0375":
        return _of("GREEK", after)
    if one in "\u05f3\u05f4":
        return _of("HEBREW", before)
    if one == "\u30fb":
        return any(_of("HIRAGANA", each) or _of("KATAKANA", each) or _of("CJK", each) for each in label if each != one)
    return before != "" and unicodedata.combining(before) == _VIRAMA


def _of(script: str, one: str) -> bool:
    return one != "" and unicodedata.name(one, "").startswith(script)
