"""What every check of code has in common: one text, of bounded length, with places told by line and column."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.texts import excerpt

FENCED = "Give the code alone, without the ``` around it."
DEEP = "The code nests too deeply to be read. Write it flatter."


@dataclass(frozen=True)
class CodeCheck(Check):
    """A check of one text as code. Findings: ``NAME.type``, ``NAME.depth``, ``unchecked.size`` and its own."""

    name: ClassVar[str] = ""
    """Its name, which its findings' codes begin with."""
    language: ClassVar[str] = ""
    """What the text is said to be in messages."""
    max_chars: ClassVar[int] = 10_000
    """Characters of the longest text that is read."""

    @abstractmethod
    def look(self, text: str, context: Context) -> Iterable[Finding]:
        """What is wrong with ``text``, which is no longer than ``max_chars``. May raise RecursionError."""

    @property
    def raw(self) -> bool:
        """It looks at a text as it stands, even where that is JSON."""
        return True

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with ``value``, which should be a text; at most 20 findings."""
        if not isinstance(value, str):
            said = f"This should be {self.language} in a text, and is {type(value).__name__}."
            return (Finding(f"{self.name}.type", said),)
        text = str.__str__(value)  # of a str that answers for itself, what it holds
        if len(text) > self.max_chars:
            said = f"The text is longer than the {self.max_chars} characters of {self.language} that are read."
            return (Finding("unchecked.size", said, hint="Make it shorter, or give it in parts."),)
        try:
            return tuple(islice(self.look(text, context), MAX_FINDINGS))
        except RecursionError:
            return (Finding(f"{self.name}.depth", DEEP),)

    def found(
        self, problem: str, message: str, text: str, span: tuple[int, int] | None = None, *, hint: str = ""
    ) -> Finding:
        """A finding about a part of ``text``."""
        shown = excerpt(text, span) if span else ""
        return Finding(f"{self.name}.{problem}", message, span=span, excerpt=shown, hint=hint)

    def broken(self, text: str, problem: str, line: int, column: int) -> Finding:
        """The finding that ``text`` is not well-formed; ``line`` and ``column`` count from 1, in characters."""
        place = Lines(text)
        at = place.at(line, column)
        message = f"Line {line}, column {column}: this is not well-formed {self.language}: {problem[:200]}."
        return self.found("syntax", message, text, (at, place.end(line, at)), hint=_hint(text))


def _hint(text: str) -> str:
    return FENCED if text.lstrip().startswith("```") else ""


_LINE_END = re.compile(r"\r\n|\r|\n")


class Lines:
    """Where the lines of a text begin. A line ends with LF, CRLF or CR, as in every language that is read here."""

    def __init__(self, text: str) -> None:
        """Find them, in one pass."""
        self.text = text
        self.starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def at(self, line: int, column: int) -> int:
        """Index of the character at ``line`` and ``column``, both from 1; the nearest there is."""
        start = self.starts[min(max(line, 1), len(self.starts)) - 1]
        return min(max(start + column - 1, 0), len(self.text))

    def at_byte(self, line: int, offset: int) -> int:
        """Index of the character at ``line`` (from 1) and ``offset``, in UTF-8 bytes from its beginning."""
        start = self.starts[min(line, len(self.starts)) - 1]
        head = self.text[start : start + offset].encode(errors="replace")[:offset]
        return start + len(head.decode(errors="ignore"))

    def end(self, line: int, at: int) -> int:
        """Where ``line`` ends, not before ``at``."""
        stop = self.starts[line] if 0 < line < len(self.starts) else len(self.text)
        return max(len(self.text[:stop].rstrip("\r\n")), at)


def needed(module: str, what: str, extra: str) -> None:
    """Raise ConfigError where ``module``, which the check ``what`` needs, cannot be imported."""
    from importlib import import_module

    try:
        import_module(module)
    except ImportError as error:
        problem = f"{what} needs an extra that is not installed ({error})."
        raise ConfigError(problem, hint=f"Run: pip install 'handrail[{extra}]'") from error
