"""Whether a word looks as if a machine had drawn it: what keys and tokens do, and names and hashes in prose do not."""

from __future__ import annotations

import math
import re
from collections import Counter

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_DOTTED = re.compile(r"[a-z_][a-z0-9_]{0,20}(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
"""A name of a program, such as module.Class."""
_PIECES = re.compile(r"[A-Za-z0-9+/]+")
_KIND = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^a-zA-Z0-9]+")
_EMPTY = re.compile(
    r"(?i)example|sample|placeholder|change_?me|your[_-]|redacted|dummy|xxxx|\*\*\*|\.\.\.|<|>|\$\{|\{\{|%\(|"
    r"0123456789|1234567890|abcdefgh|(.)\1{7}"
)
_PASSWORD = 8
HEX_BITS, HEX_LENGTH = 3.0, 32
"""A hexadecimal word looks drawn from 3.0 bits a character and 32 characters on (a UUID's worth)."""


def entropy(text: str) -> float:
    """Shannon's entropy in bits a character, of the characters' own frequencies."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0


def placeholder(text: str) -> bool:
    """Whether it says itself that it stands for something else: EXAMPLE, xxxx, ${KEY}, aaaaaaaa, 1234567890."""
    return _EMPTY.search(text) is not None


def drawn(text: str, *, bits: float, length: int) -> bool:
    """Whether ``text`` has a piece of ``length`` characters that looks drawn, of ``bits`` a character or more.

    Besides its entropy a drawn piece changes between small letters, capitals and digits often: into a new word (Abc,
    123, ABC) at every third character, or fourth where all letters are small or all are capitals. Names in camelCase
    or with_underscores do not.
    """
    if _UUID.fullmatch(text) or _DOTTED.fullmatch(text):
        return False
    return any(_piece(piece, bits, length) for piece in _PIECES.findall(text)) and not placeholder(text)


def _piece(text: str, bits: float, length: int) -> bool:
    if _HEX.fullmatch(text):
        return len(text) >= HEX_LENGTH and entropy(text) >= HEX_BITS
    if len(text) < length or not any("0" <= one <= "9" for one in text):
        return False
    often = 4 if text.lower() == text or text.upper() == text else 3
    return len(_KIND.findall(text)) * often >= len(text) and entropy(text) >= bits


def password(text: str) -> bool:
    """Whether ``text`` looks like a password that was chosen: 8 to 64 characters of at least three kinds."""
    if not _PASSWORD <= len(text) <= 64 or _UUID.fullmatch(text):
        return False
    kinds = {_kind(one) for one in text}
    return len(kinds) >= 3 and "digit" in kinds and not placeholder(text)


def _kind(one: str) -> str:
    if one.isdecimal():
        return "digit"
    return "other" if not one.isalpha() else "small" if one.islower() else "capital"
