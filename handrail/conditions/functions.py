"""The functions of the condition language: what they take, what they give, what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from handrail.conditions.faults import Unevaluable
from handrail.conditions.folders import Folder, oddity
from handrail.conditions.reading import MISSING, Reading
from handrail.conditions.spelling import doubtful, plain, require_sound, tidy
from handrail.conditions.values import contained, kind, mixed
from handrail.config.regex import Regex, compiled

Takes = Literal["text", "text or list", "any", "sized", "time", "path", "pattern", "folder"]
"""What an argument may be. ``any`` is any value of the language; ``sized`` a text, list or object; ``time`` seconds
since the Unix epoch. The rest stands in the condition itself: a ``path`` to a fact; in quotes a ``pattern``, which is
a regular expression, or a ``folder``, which is an absolute POSIX path."""

Gives = Literal["bool", "number", "text"]


@dataclass(frozen=True, slots=True)
class Function:
    """One function. Whoever checks types reads ``takes`` and ``gives``."""

    takes: tuple[Takes, ...]
    """Of each argument, in order."""
    gives: Gives
    """What a call is."""
    apply: Callable[..., object]
    """The reading and the values in, the value out; raises Unevaluable. For a ``path`` the value is what `Reading.find`
    gives, for a ``pattern`` a `Pattern`, for a ``folder`` `Folders`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression as written, and in the form that does not care for case."""

    exact: Regex
    """As written."""
    any_case: Regex
    """The same, ignoring case."""

    @classmethod
    def of(cls, written: str) -> Pattern:
        """The pattern of a literal; raises BadPattern."""
        return cls(compiled(written), compiled(written, ignore_case=True))


@dataclass(frozen=True, slots=True)
class Folders:
    """A folder as written, and in the form that does not care for case."""

    exact: Folder
    """As written."""
    any_case: Folder
    """Its plain spelling."""

    @classmethod
    def of(cls, written: str) -> Folders:
        """The folder of a literal; raises ValueError, whose text is a phrase."""
        if problem := oddity(written):
            raise ValueError(problem)
        bare = written.removesuffix("/")
        return cls(Folder(bare), Folder(plain(bare, Reading({}))))


def _has(_: Reading, value: object) -> bool:
    return value is not MISSING


def _texts(reading: Reading, text: object, part: object) -> tuple[str, str]:
    if type(text) is not str or type(part) is not str:
        raise mixed(text, part) if kind(text) != kind(part) else Unevaluable(f"{kind(text)} is no string")
    require_sound(text, part, reading=reading)
    return text, part


def _startswith(reading: Reading, text: object, part: object) -> bool:
    whole, first = _texts(reading, text, part)
    reading.spend(min(len(whole), len(first)) >> 10)
    if whole.startswith(first):
        return True
    part = _plain_part(first, reading)
    return _unless_spelled(part != "" and plain(whole, reading, ends=False).lstrip().startswith(part))


def _endswith(reading: Reading, text: object, part: object) -> bool:
    whole, last = _texts(reading, text, part)
    reading.spend(min(len(whole), len(last)) >> 10)
    if whole.endswith(last):
        return True
    part = _plain_part(last, reading)
    return _unless_spelled(part != "" and plain(whole, reading, ends=False).rstrip().endswith(part))


def _contains(reading: Reading, container: object, item: object) -> bool:
    if type(container) in (list, tuple):
        return contained(item, container, reading)
    whole, inner = _texts(reading, container, item)
    if _found(reading, whole, inner):
        return True
    other, part = plain(whole, reading, ends=False), _plain_part(inner, reading)
    return _unless_spelled(part != "" and (other != whole or part != inner) and _found(reading, other, part))


def _plain_part(part: str, reading: Reading) -> str:
    """Its plain form with its blanks, which are meant; empty for a part of nothing but invisible characters."""
    return plain(part, reading, ends=False)


def _found(reading: Reading, whole: str, part: str) -> bool:
    # As long as both are short, Python's search may look at every character of the part at every place.
    reading.spend(len(whole) * min(len(part), 100) >> 10)
    return part in whole


def _unless_spelled(found: bool) -> bool:
    """False, where another spelling of the text is not found either."""
    if found:
        raise doubtful()
    return False


def _matches(reading: Reading, text: object, pattern: Pattern) -> bool:
    if type(text) is not str:
        raise Unevaluable(f"{kind(text)} is no string")
    require_sound(text, reading=reading)
    answer = _whole(reading, pattern.exact, text)
    other = tidy(text, reading)
    if other != text and _whole(reading, pattern.exact, other) is not answer:
        raise doubtful()
    return answer or _unless_spelled(_whole(reading, pattern.any_case, other))


def _whole(reading: Reading, regex: Regex, text: str) -> bool:
    data = text.encode()
    reading.spend(len(data) * regex.size >> 8)
    return bool(regex.fullmatch(data))


def _within(reading: Reading, path: object, folders: Folders) -> bool:
    if type(path) is not str:
        raise Unevaluable(f"{kind(path)} is no string")
    if problem := oddity(path):
        raise Unevaluable(f"the path cannot be judged: {problem}")
    require_sound(path, reading=reading)
    if tidy(path, reading) != path:
        raise Unevaluable("the path cannot be judged: it holds characters that may be read as others")
    return folders.exact.holds(path) or _unless_spelled(folders.any_case.holds(plain(path, reading)))


def _length(_: Reading, value: object) -> int:
    if type(value) in (str, list, tuple, dict):
        return len(cast("str", value))
    raise Unevaluable(f"{kind(value)} has no length")


def _lower(reading: Reading, text: object) -> str:
    if type(text) is not str:
        raise Unevaluable(f"{kind(text)} is no string")
    require_sound(text, reading=reading)
    reading.spend(len(text) >> (8 if text.isascii() else 4))
    return text.lower()


_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999."""


def _seconds(value: object) -> int:
    if kind(value) != "a number" or not _FIRST_SECOND <= (seconds := cast("float", value)) <= _LAST_SECOND:
        raise Unevaluable(f"{kind(value)} is no time in seconds since 1970")
    return int(seconds // 1)


def _hour(_: Reading, time: object) -> int:
    return _seconds(time) // 3600 % 24


def _weekday(_: Reading, time: object) -> int:
    # 1970-01-01 was a Thursday.
    return (_seconds(time) // 86_400 + 3) % 7 + 1


FUNCTIONS: Mapping[str, Function] = {
    "has": Function(("path",), "bool", _has),
    "startswith": Function(("text", "text"), "bool", _startswith),
    "endswith": Function(("text", "text"), "bool", _endswith),
    "contains": Function(("text or list", "any"), "bool", _contains),
    "matches": Function(("text", "pattern"), "bool", _matches),
    "within": Function(("text", "folder"), "bool", _within),
    "lower": Function(("text",), "text", _lower),
    "len": Function(("sized",), "number", _length),
    "hour": Function(("time",), "number", _hour),
    "weekday": Function(("time",), "number", _weekday),
}
"""Name -> function."""
