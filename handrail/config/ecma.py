"""The patterns of JSON Schema, which are ECMAScript's, run by RE2 and rewritten where the two differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from handrail.config.regex import MAX_PROGRAM, TOO_LARGE, BadPattern, Regex, compiled

_MAX_REPEAT = 1_000
"""RE2's own bound on one repetition."""
_REMEMBERED = 512

_TOKEN = re.compile(r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|c([A-Za-z])|.)|[^\\]|\\", re.DOTALL)
_SPACES = r"\s\p{Z}\x{b}\x{feff}"
"""ECMA-262's WhiteSpace and LineTerminator; RE2's own ``\\s`` knows those of ASCII only."""
_ONE = (
    r"(?P<atom>\[\^?\]?(?:\\.|[^\]\\])*\]|\\x\{\w+\}|\\[pP]\{\w+\}|\\[^bBAzpPx]|[^\\()\[\]{}*+?|^$])"
    r"\{(?P<least>\d{1,6})(?P<comma>,)?(?P<most>\d{1,6})?\}"
)
_REPEATED = re.compile(_ONE)
"""One character, and how often it is repeated."""
_WHOLE = re.compile(rf"\^{_ONE}\$")
_AHEAD = re.compile(r"\(\?[=!]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a text must match, and what it must not: a pattern, and the look-aheads at its beginning."""

    wanted: tuple[Regex, ...]
    """Each must be found."""
    unwanted: tuple[Regex, ...] = ()
    """None may be found."""
    length: tuple[int, int | None] = (0, None)
    """Least and most characters that the text may have."""

    def work(self, text: str) -> int:
        """Upper bound of the work to `found_in` this text; a million is a few milliseconds."""
        if not self._fits(text):
            return 0
        return 4 * len(text) * sum(one.size for one in (*self.wanted, *self.unwanted))

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches somewhere in ``text``, as JSON Schema wants it."""
        if not self._fits(text):
            return False
        data = text.encode("utf-8", "surrogatepass")
        return all(one.search(data) for one in self.wanted) and not any(one.search(data) for one in self.unwanted)

    def _fits(self, text: str) -> bool:
        least, most = self.length
        return least <= len(text) and (most is None or len(text) <= most)


@lru_cache(_REMEMBERED)
def pattern(written: str) -> Pattern:
    """Compile the pattern of a JSON Schema; raises BadPattern where it cannot run in linear time."""
    text = _translated(written)
    if whole := _WHOLE.fullmatch(text):  # written out, RE2's program would grow with the length
        return Pattern((compiled(f"^(?:{whole['atom']})*$"),), length=_bounds(whole))
    wanted, unwanted, rest = list[Regex](), list[Regex](), _REPEATED.sub(_long_repeat, text)
    while rest.startswith("^") and (found := _AHEAD.match(rest, 1)):
        end = _closing(rest, 1)
        if _top_level_or(rest[end + 1 :]):
            break  # the look-ahead belongs to the first of several alternatives only
        (wanted if found[0] == "(?=" else unwanted).append(compiled(f"^(?:{rest[found.end() : end]})"))
        rest = "^" + rest[end + 1 :]
    return Pattern((*wanted, compiled(rest)), tuple(unwanted))


def _translated(written: str) -> str:
    """``written`` with the escapes that RE2 has not, or understands in another way."""
    parts: list[str] = []
    inside = False
    for found in _TOKEN.finditer(written):
        one = found[0]
        parts.append(_escape(found, inside) if one[0] == "\\" else one)
        inside = one == "[" or (inside and one != "]")
    return "".join(parts)


def _escape(found: re.Match[str], inside: bool) -> str:
    code = found[1] or found[2]
    if code or found[3]:
        return f"\\x{{{code or format(ord(found[3]) % 32, 'x')}}}"
    if found[0] == r"\s":
        return _SPACES if inside else f"[{_SPACES}]"
    if found[0] == r"\S" and not inside:
        return f"[^{_SPACES}]"
    return r"\z" if found[0] == r"\Z" else found[0]


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    least = int(found["least"])
    most = int(found["most"]) if found["most"] else (None if found["comma"] else least)
    if most is not None and most < least:
        raise BadPattern(f"a repetition ends before it begins: {found[0]}", found[0])
    return least, most


def _most(found: re.Match[str]) -> int:
    least, most = _bounds(found)
    return max(least, most or 0)


def _long_repeat(found: re.Match[str]) -> str:
    """Repetitions beyond RE2's bound as several in a row."""
    if _most(found) <= _MAX_REPEAT:
        return found[0]
    if _most(found) > MAX_PROGRAM:
        raise BadPattern(TOO_LARGE, found[0])
    atom, (least, most) = found["atom"], _bounds(found)
    end = f"{atom}*" if most is None else _in_row(most - least, lambda count: f"{atom}{{0,{count}}}")
    return _in_row(least, lambda count: f"{atom}{{{count}}}") + end


def _in_row(count: int, part: Callable[[int], str]) -> str:
    whole, rest = divmod(max(count, 0), _MAX_REPEAT)
    return part(_MAX_REPEAT) * whole + (part(rest) if rest else "")


def _closing(text: str, start: int) -> int:
    """Position of the parenthesis that closes the one at ``start``; raises BadPattern."""
    depth = 0
    for at, character in _outside_classes(text, start):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return at
    raise BadPattern("missing )", text[start:])


def _top_level_or(text: str) -> bool:
    depth = 0
    for _, character in _outside_classes(text, 0):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            return True
    return False


def _outside_classes(text: str, start: int) -> list[tuple[int, str]]:
    """(position, character) of everything that is neither escaped nor in a character class."""
    found: list[tuple[int, str]] = []
    at, inside = start, False
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if not inside:
            found.append((at, text[at]))
        inside = text[at] == "[" or (inside and text[at] != "]")
        at += 1
    return found
