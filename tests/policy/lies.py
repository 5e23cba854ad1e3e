"""Values that try to get around a policy: spellings of texts, odd paths, and objects that lie about themselves."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any


class LyingText(str):
    """Text that is equal to everything, holds everything, and begins and ends with it."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __contains__(self, other: object) -> bool:
        return True

    def startswith(self, *_: object) -> bool:
        """Yes."""
        return True

    endswith = startswith
    __hash__ = str.__hash__


class LyingNumber(int):
    """A number that is whatever is asked."""

    def __eq__(self, other: object) -> bool:
        return True

    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __le__
    __hash__ = int.__hash__


class LyingFloat(float):
    """The same with a fraction."""

    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __le__


class LyingList(list[Any]):
    """A list that holds everything and is empty."""

    def __contains__(self, other: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


class LyingDict(dict[str, Any]):
    """A mapping that answers otherwise than it holds."""

    def get(self, *_: object) -> Any:
        """A small number."""
        return 1

    def __getitem__(self, _: str) -> Any:
        return 1

    def __contains__(self, _: object) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())


class LyingKey(str):
    """A key that answers to any name of its hash."""

    def __init__(self, *_: str) -> None:
        self.asked = 0

    def __eq__(self, other: object) -> bool:
        self.asked += 1
        return True

    def __hash__(self) -> int:
        return hash(str(self))


class Anything:
    """An object that is equal to everything, ordered before and after it, and holds it."""

    def __eq__(self, other: object) -> bool:
        return True

    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __le__
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 0

    def __contains__(self, _: object) -> bool:
        return True

    def __getattr__(self, _: str) -> Any:
        return 1

    def __getitem__(self, _: object) -> Any:
        return 1


_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u061c\U000e0061\0\x08\x1b\x7f\x9b"
_BLANKS = (" ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\xa0", "\u2003", "\u3000", "\u2028", "\x85")
_LOOKS = str.maketrans("aeopcxyisjdhnrtu", "аеорсхуіѕјԁһոг\u03c4\u03c5")


def _shifted(text: str, first: int) -> str:
    return "".join(chr(first + ord(one) - ord("a")) if "a" <= one <= "z" else one for one in text)


def twins(text: str) -> list[str]:
    """Other spellings that many a reader takes for the same lower-case ``text``."""
    middle = len(text) // 2
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)
    found = [text.upper(), text.title(), text[0].upper() + text[1:], text[:-1] + text[-1].upper(), wide]
    found += [wide[0] + text[1:], text[:-1] + wide[-1], _shifted(text, 0x1D41A), _shifted(text, 0x24D0)]
    found += [
        spelled for mark in _INVISIBLE for spelled in (mark + text, text + mark, text[:middle] + mark + text[middle:])
    ]
    found += [spelled for blank in _BLANKS for spelled in (blank + text, text + blank)]
    return [one for one in dict.fromkeys(found) if one != text]


def lookalikes(text: str) -> list[str]:
    """Other texts that a person, or a reader that decodes once more, may take for ``text``."""
    found = [text.translate(_LOOKS), text[:1].translate(_LOOKS) + text[1:], text + "\u0301", "\u0301" + text]
    found += [
        text + "\ud800",
        "\udc00" + text,
        text[::-1],
        text + text,
        text[:-1],
        f"'{text}'",
        f'"{text}"',
        f"[{text}]",
    ]
    found += [
        "".join(f"%{ord(one):02x}" for one in text),
        f"{text}%00",
        f"&#{ord(text[0])};{text[1:]}",
        f"\\x{ord(text[0]):x}{text[1:]}",
    ]
    found += [
        f"{text}|x",
        f"{text},x",
        f"{text};x",
        f"x {text}",
        f"{text}\nx",
        f"{text}\0x",
        f"{text}' || '1'=='1",
        f"{text}*",
        "*",
        "",
    ]
    return [one for one in dict.fromkeys(found) if one != text]


def strangers(text: str) -> list[Callable[[], object]]:
    """Values that are no string of JSON, made fresh: most of them claim to be ``text``."""
    kind = enum.Enum("kind", {"member": text}, type=str)
    return [
        lambda: LyingText("eve"), lambda: Anything(), lambda: kind.member, lambda: text.encode(),
        lambda: bytearray(text, "utf-8"), lambda: [text], lambda: (text,), lambda: {text}, lambda: {text: text},
        lambda: (one for one in [text]), lambda: SimpleNamespace(value=text), lambda: LyingList([text]),
        lambda: True, lambda: False, lambda: 0, lambda: 1, lambda: math.nan, lambda: Decimal(1), lambda: str,
        lambda: [[text]],
    ]  # fmt: skip


def not_numbers() -> list[Callable[[], object]]:
    """Values that are no finite number of JSON, though they may look small."""
    texts = [
        "120",
        "1e2",
        "5,000",
        "0x10",
        "１２０",
        "٣",
        "",
        " 1",
        "1\n",
        "-1",
        "NaN",
        "Infinity",
        "null",
        "1_0",
        "1 EUR",
    ]
    return [
        *(lambda text=text: text for text in texts),
        lambda: math.nan, lambda: -math.nan, lambda: math.inf, lambda: -math.inf, lambda: True, lambda: False,
        lambda: None,
        lambda: Decimal(1), lambda: Decimal("NaN"), lambda: Fraction(1, 2), lambda: 1 + 0j, lambda: b"1", lambda: [1],
        lambda: (1,), lambda: {1}, lambda: {"amount": 1}, lambda: [[1]], lambda: iter([1]),
        lambda: LyingNumber(10**6),
        lambda: LyingFloat(1e6), lambda: Anything(), lambda: LyingText("1"), lambda: range(1), lambda: object(),
    ]  # fmt: skip


ODD_PATHS = [
    "/public/../secret", "/public/./../secret", "/public//../secret", "/public/x/../../secret", "/public/..",
    "/public/../",
    "/public/%2e%2e/secret", "/public/%2E%2E/secret", "/public/..%2fsecret", "/public/%252e%252e/secret",
    "/public/.%2e/secret",
    "/public/..%c0%afsecret", "/public%2f..%2fsecret", "/public\\..\\secret", "/public/..\\secret", "\\secret",
    "/public\\secret",
    "/public/\u2025/secret", "/public/\uff0e\uff0e/secret", "/public/\u2024\u2024/secret", "/public/．．/secret",
    "/public\uff0f..\uff0fsecret", "/public/\u2100", "//secret", "//public/a", "/public//a",
    "///public/a",
    "/public/a//", "/./secret", "/public/.", "/public/a/.", "/public/a/./b", "/.../secret", "/public/.../secret",
    "/public/.. /secret", "/public/ ../secret", "/public/ /secret", "/public/..\0/secret", "/public/a\0",
    "/public/a\0/../../secret",
    "/public\0", "/public/a\n", "/public/a\r", "/public\n/secret", "/public/\x1b[2K", "/public/a\x7f",
    "/public/\u200b../secret",
    "/public/.\u200b./secret", "/public/\ufeff", "/public/\u202etxt", "/public/a\u00ad", "/public/\u2028a",
    "/public/a\xa0",
    "/public/a ", "/public/\ud800", "public/a", "./public/a", "../public/a", "~/public/a", "~root/public", "", " ",
    " /public/a",
    "\n/public/a", "file:///public/a", "http://x/public/a", "C:/public/a", "$HOME/public", ".", "..", "%2fpublic/a",
    "／public/a",
    "/public/" + "a" * 4_096, "/public/" + "a/" * 3_000,
]  # fmt: skip
"""Paths that can be read in two ways: neither inside a folder nor surely outside of it."""

OUTSIDE = ["/", "/secret", "/secret/public", "/publicity", "/public-x/a", "/public.bak/a", "/pub", "/PUBLIC/a",
"/Public/a",
           "/ｐublic/a", "/рublic/a", "/public;/a", "/secret/public/a",
           "/public\u2044secret", "/public\u29f8secret"]  # fmt: skip
"""Plain paths that are not in ``/public``."""

MANY = (lambda: "x" * 10_000_000, lambda: "é" * 5_000_000, lambda: "a\0" * 5_000_000)
"""Text that is too large to be searched."""
