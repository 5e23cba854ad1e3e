"""Regular expressions that take linear time (RE2), whatever pattern and text. Loads RE2 when one is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

MAX_PROGRAM = 10_000
"""Largest compiled pattern, in RE2's instructions: matching costs at most a few nanoseconds times this a byte."""


TOO_LARGE = "it is too large when its repetitions are written out"
"""What is said of a pattern that grows too large."""


class BadPattern(ValueError):
    """A pattern is no regular expression that takes linear time; the text says why, as a phrase."""

    def __init__(self, problem: str, part: str = "") -> None:
        """``part`` is the part of the pattern that is wrong, where that is known."""
        super().__init__(problem)
        self.part = part


@dataclass(frozen=True, slots=True)
class Regex:
    """One compiled pattern. Thread-safe."""

    pattern: str
    """As written."""
    size: int
    """In RE2's instructions; the work for a text is at most about its bytes times this."""
    fullmatch: Callable[[bytes], object]
    """A truthy value where the whole of a UTF-8 text matches."""
    search: Callable[[bytes], object]
    """A truthy value where any part of a UTF-8 text matches."""
    finditer: Callable[[bytes], Iterable[Any]]
    """What matches in a UTF-8 text, from left to right; ``span()`` of each is where, in bytes."""


def compiled(pattern: str, *, ignore_case: bool = False) -> Regex:
    """Compile ``pattern``; raises BadPattern. ``^`` and ``$`` are the ends of the text, ``.`` is any but a newline."""
    re2 = _untyped()
    options = re2.Options()
    options.log_errors, options.never_capture, options.case_sensitive = False, True, not ignore_case
    try:
        made = re2.compile(pattern.encode(), options)
    except UnicodeEncodeError:
        raise BadPattern("it holds half of a surrogate pair") from None
    except re2.error as error:
        raise _bad(error) from None
    if made.programsize > MAX_PROGRAM:
        raise BadPattern(TOO_LARGE)
    return Regex(pattern, made.programsize, made.fullmatch, made.search, made.finditer)


def _untyped() -> Any:
    import re2

    return cast("Any", re2)


_NO_MEMORY = "there is no look-around and no reference to a group"


def _bad(error: Exception) -> BadPattern:
    """RE2's ``kind of problem: part`` in a sentence."""
    given = error.args[0] if error.args else b""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    if text.startswith("pattern too large"):
        return BadPattern(TOO_LARGE)
    problem, _, part = text.partition(": ")
    if part.startswith("(?") or part[1:].isdecimal():
        problem += f" ({_NO_MEMORY})"
    return BadPattern(f"{problem}: {part}" if part else problem, part)
