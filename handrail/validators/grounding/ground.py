"""What an answer may rest on, and the one way in which every claim of an answer is held against it.

What was made of a source is remembered as long as the source lives, so that a run that grows is not read again.
"""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

from handrail.errors import ConfigError
from handrail.validators.context import Call, Context, Run, Source
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.protocol import NOWHERE
from handrail.validators.runs import MAX_SOURCE_CHARS, MAX_SOURCES, RunCheck, unknown
from handrail.validators.searching import TooMuch
from handrail.validators.texts import TooLarge, texts

MAX_TEXTS = 2_000
"""Texts of one value that are read for claims, keys of objects among them."""
MAX_CLAIMS = 1_000
"""Numbers, quotations and so on that are looked at in one value."""
Kind = Literal["document", "result", "input"]
KINDS: tuple[Kind, ...] = ("document", "result", "input")

Claim = TypeVar("Claim")
Made = TypeVar("Made")
Span = tuple[int, int]
Judge = Callable[[Claim], str]
"""What is wrong with a claim, as ``CODE message``; empty where nothing is. May raise TooMuch."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The part of a run that an answer is held against."""

    sources: tuple[Source, ...]
    """Oldest first."""
    calls: tuple[Call, ...]
    complete: bool
    """Whether the run saw nothing else."""


def ground_of(run: Run, kinds: tuple[str, ...]) -> Ground:
    """The newest sources of these kinds, as many as are read, and the calls of the run."""
    chosen: list[Source] = []
    room, complete = MAX_SOURCE_CHARS, run.complete
    for source in reversed(run.sources):
        if source.kind not in kinds:
            continue
        room -= len(source.text)
        if room < 0 or len(chosen) == MAX_SOURCES:
            complete = False
            break
        chosen.append(source)
    return Ground(tuple(reversed(chosen)), tuple(run.calls), complete)


class Remembered(Generic[Made]):
    """What a function makes of a source or a call, made once for each while it lives. Thread-safe."""

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self._made: dict[int, tuple[weakref.ref[Any], Made]] = {}

    def of(self, thing: Source | Call) -> Made:
        """What is made of ``thing``."""
        key = id(thing)
        held = self._made.get(key)
        if held is not None and held[0]() is thing:
            return held[1]
        made = self._make(thing)
        forget = self._made.pop
        self._made[key] = weakref.ref(thing, lambda _: forget(key, None)), made
        return made


@dataclass(frozen=True)
class Grounded(RunCheck, Generic[Claim]):
    """A check of everything of one kind that the texts of a value claim."""

    name: ClassVar[str] = ""
    """Its name, which its findings' codes begin with."""
    asks: ClassVar[str] = ""
    """What cannot be said of a run that is known in part."""
    kinds: tuple[Kind, ...] = KINDS
    """What an answer may rest on: documents that were retrieved, results of tools, what the run was given."""

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            hint = "Write some of document, result, input."
            raise ConfigError(f"`kinds` is {self.kinds!r:.100}.", hint=hint)

    @abstractmethod
    def claims(self, text: str) -> Iterator[tuple[Span, Claim]]:
        """What ``text`` claims, and where."""

    @abstractmethod
    def judge(self, ground: Ground, context: Context) -> Judge[Claim]:
        """Holds claims against what the run has seen."""

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which claims of the texts in ``value`` have no ground."""
        try:
            claims = list(self._claims(value))
            if not claims:
                return ()
            ground = ground_of(context.run, self.kinds)
            found = tuple(self._findings(claims, self.judge(ground, context)))
        except (TooLarge, TooMuch):
            return (Finding("unchecked.size", "There is too much in this, or in what the run has seen, to check it."),)
        return found if ground.complete or not found else (unknown(self.asks),)

    def _claims(self, value: object) -> Iterator[tuple[str, str, Span, Claim]]:
        count = 0
        for number, (place, text) in enumerate(texts(value)):
            if number == MAX_TEXTS:
                raise TooMuch
            for span, claim in self.claims(text):
                count += 1
                if count > MAX_CLAIMS:
                    raise TooMuch
                yield place, text, span, claim

    def _findings(self, claims: list[tuple[str, str, Span, Claim]], judge: Judge[Claim]) -> Iterator[Finding]:
        said: dict[Claim, str] = {}
        count = 0
        for place, text, span, claim in claims:
            if claim not in said:
                said[claim] = judge(claim)
            if said[claim]:
                count += 1
                problem, _, message = said[claim].partition(" ")
                found = Finding(f"{self.name}.{problem}", message, path=place, span=span)
                yield replace(found, excerpt=text[span[0] : span[1]][:200])
            if count == MAX_FINDINGS:
                return
