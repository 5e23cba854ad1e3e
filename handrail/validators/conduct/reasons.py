"""Whether a decision gives its reasons by the codes that are agreed on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.paths import Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.runs import at, names, plain_path
from handrail.validators.searching import Searched, TooMuch
from handrail.validators.texts import MAX_CHARS, excerpt

_SIZE = "There is too much here to look for reason codes in it."
_WORD = re.compile(r"\w+(?:[-.:]\w+)*")
_Given = list[tuple[str, object, tuple[int, int] | None]]
"""(JSON pointer, code, where in the text) of each."""


@dataclass(frozen=True)
class ReasonCodes(Check):
    """A decision has reason codes, all from a list.

    In an object the codes stand at ``path``, one text or several; in a text they are what ``pattern`` matches, or else
    the words that are in the list. Finds ``reason_codes.missing``, ``reason_codes.unknown``, ``reason_codes.many``,
    ``reason_codes.type``; ``unchecked.size`` over 50,000 characters, or over 200 matches of the pattern.
    """

    source: ClassVar[str] = (
        "12 CFR 1002.9(b)(2) and its official commentary (Regulation B: specific reasons, no more than four)"
    )
    codes: tuple[str, ...]
    """Every code that there is."""
    path: str = "$.reasons"
    """Where the codes stand in an object, such as ``$.reasons[*].code``."""
    pattern: str = ""
    r"""What a code looks like in a text (RE2), such as ``\bR[0-9]{2}\b``: only with it are unknown ones found."""
    min: int = 1
    """Least number of different codes."""
    max: int = 4
    """Greatest number of different codes."""
    decision: str = ""
    """Where an object says what was decided; empty where the reasons are always needed."""
    declines: tuple[str, ...] = ("declined", "denied", "rejected")
    """Decisions that need reasons, without regard to case: any other needs none."""
    _path: Path = field(init=False, repr=False, compare=False)
    _decision: Path | None = field(init=False, repr=False, compare=False)
    _pattern: Searched | None = field(init=False, repr=False, compare=False)
    _codes: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names("codes", self.codes)
        names("declines", self.declines)
        if not 0 <= self.min <= self.max:
            raise ConfigError(f"min={self.min} and max={self.max} leave no number.", hint="Write 0 <= min <= max.")
        object.__setattr__(self, "_path", compiled(self.path))
        object.__setattr__(self, "_decision", plain_path(self.decision) if self.decision else None)
        found = Searched.of("pattern", self.pattern, ignore_case=False) if self.pattern else None
        object.__setattr__(self, "_pattern", found)
        object.__setattr__(self, "_codes", frozenset(self.codes))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the codes of ``value``."""
        if not self._needed(value):
            return ()
        try:
            given = list(self._in_text(value)) if isinstance(value, str) else self._in_object(value)
        except (TooMuch, TooManyPlaces):
            return (Finding("unchecked.size", _SIZE),)
        return tuple(self._judged(given))[:20]

    def _needed(self, value: object) -> bool:
        if self._decision is None or isinstance(value, str):
            return True
        said = at(self._decision, value)
        if not said or not isinstance(said[0], str):
            return True  # nobody knows what was decided: then the reasons are needed
        return said[0].strip().lower()[:100] in {one.lower() for one in self.declines}

    def _in_text(self, text: str) -> Iterator[tuple[str, object, tuple[int, int] | None]]:
        if len(text) > MAX_CHARS:
            raise TooMuch
        if self._pattern is not None:
            for span in self._pattern.spans(text):
                yield "", text[span[0] : span[1]], span
        else:
            for word in _WORD.finditer(text):
                if word[0] in self._codes:
                    yield "", word[0], word.span()

    def _in_object(self, value: object) -> _Given:
        found: _Given = []
        for place, inner in self._path.places(value):
            if isinstance(inner, (list, tuple)):
                items = cast("list[object]", inner)
                found += ((f"{place}/{index}", one, None) for index, one in enumerate(items[:1_000]))
            elif inner is not None:
                found.append((place, inner, None))
        return found

    def _judged(self, given: _Given) -> Iterator[Finding]:
        codes: dict[str, None] = {}
        for place, code, span in given:
            if not isinstance(code, str):
                yield Finding("reason_codes.type", "A reason code is a text.", path=place)
            elif code not in self._codes:
                yield self._unknown(code, place, span)
            else:
                codes[code] = None
        if len(codes) < self.min:
            text = f"Give at least {self.min} of the reason codes {self._listed()}; there are {len(codes)}."
            yield Finding("reason_codes.missing", text, path=self._place(given))
        if len(codes) > self.max:
            text = f"Give at most {self.max} reason codes, the principal ones; there are {len(codes)}."
            yield Finding("reason_codes.many", text, path=self._place(given))

    def _unknown(self, code: str, place: str, span: tuple[int, int] | None) -> Finding:
        text = f"This is no reason code. The codes are {self._listed()}."
        return Finding("reason_codes.unknown", text, path=place, span=span, excerpt=excerpt(code))

    def _listed(self) -> str:
        shown = ", ".join(self.codes[:30])
        return f"{shown}, ..." if len(self.codes) > 30 else shown

    def _place(self, given: _Given) -> str:
        return given[0][0].rpartition("/")[0] if len(given) > 1 else ""
