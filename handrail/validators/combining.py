"""Checks made of checks: both, either, of a part, of each part, under a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import thread_time
from typing import cast

from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.functions import as_check
from handrail.validators.paths import MAX_PLACES, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check, Checkable, Condition, Validator

MAX_SECONDS = 0.02
"""Time (of this thread's processor) after which no further place is looked at: each is bounded, their number is not."""


def both(*checks: Checkable) -> Check:
    """All of ``checks`` must be content. Says what each finds, in their order."""
    return AllOf(_flat(AllOf, checks))


def either(*checks: Checkable) -> Check:
    """One of ``checks`` must be content, warnings aside. Otherwise says what each finds."""
    return AnyOf(_flat(AnyOf, checks))


def at(path: str, check: Checkable) -> Check:
    """``check`` of what stands at ``path``; where nothing does, nothing is wrong."""
    return At(compiled(path), as_check(check))


def each(check: Checkable) -> Check:
    """``check`` of every element of a list, and of every value of an object; of anything else nothing."""
    return At(Path("$[*]", (None,)), as_check(check))


def when(condition: Condition, check: Checkable) -> Check:
    """``check`` only where ``condition`` holds: a function of value and context, or a check that is content."""
    return When(condition, as_check(check))


@dataclass(frozen=True)
class AllOf(Check):
    """Several checks that must all be content."""

    checks: tuple[Check, ...]

    @property
    def needs_run(self) -> bool:
        """Whether one of them looks at the run."""
        return any(check.needs_run for check in self.checks)

    @property
    def bounded(self) -> bool:
        """Whether each of them is bounded by itself."""
        return all(check.bounded for check in self.checks)

    @property
    def raw(self) -> bool:
        """Whether each of them looks at texts as they stand."""
        return all(check.raw for check in self.checks)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What any of them finds."""
        return tuple(finding for check in self.checks for finding in check.check(value, context))[:MAX_FINDINGS]


@dataclass(frozen=True)
class AnyOf(AllOf):
    """Several checks of which one must be content."""

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What all of them find, where none is content."""
        said: list[Finding] = []
        for check in self.checks:
            found = check.check(value, context)
            if not any(finding.severity == "error" for finding in found):
                return found
            said.extend(found)
        return tuple(said[:MAX_FINDINGS])


@dataclass(frozen=True)
class At(Check):
    """A check of a part of a value."""

    path: Path
    inner: Check

    @property
    def needs_run(self) -> bool:
        """Whether the check looks at the run."""
        return self.inner.needs_run

    @property
    def bounded(self) -> bool:
        """Whether the check is bounded, and is of one place only."""
        return self.inner.bounded

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong at the places, with their paths; at most 20 findings."""
        said: list[Finding] = []
        begun = thread_time()
        try:
            for place, found in self.path.places(value):
                if thread_time() - begun > MAX_SECONDS:
                    text = f"What stands at {self.path.written} takes too much work to check."
                    return (*said[: MAX_FINDINGS - 1], Finding("unchecked.time", text))
                inner = self.inner.check(found, context)
                said.extend(replace(one, path=place + one.path) for one in inner)
                if len(said) >= MAX_FINDINGS:
                    break
        except TooManyPlaces:
            text = f"{self.path.written} leads to more than {MAX_PLACES} places, which is too many to check."
            return (Finding("unchecked.size", text),)
        return tuple(said[:MAX_FINDINGS])


@dataclass(frozen=True)
class When(Check):
    """A check under a condition."""

    condition: Condition
    inner: Check

    @property
    def needs_run(self) -> bool:
        """Whether the check, or the condition, looks at the run."""
        return self.inner.needs_run or (isinstance(self.condition, Check) and self.condition.needs_run)

    @property
    def bounded(self) -> bool:
        """Whether check and condition are bounded by themselves."""
        return self.inner.bounded and isinstance(self.condition, Check) and self.condition.bounded

    @property
    def raw(self) -> bool:
        """Whether the check looks at texts as they stand."""
        return self.inner.raw

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong, where the condition holds. A condition that raises is the caller's to catch."""
        return self.inner.check(value, context) if self._holds(value, context) else ()

    def _holds(self, value: object, context: Context) -> bool:
        if isinstance(self.condition, Validator):
            return not any(one.severity == "error" for one in self.condition.check(value, context))
        return bool(self.condition(value, context))


def _flat(kind: type[AllOf], checks: tuple[Checkable, ...]) -> tuple[Check, ...]:
    found: list[Check] = []
    for check in map(as_check, checks):
        found.extend(check.checks if type(check) is kind else (check,))
    return tuple(found)


def children(value: object) -> list[tuple[str, object]]:
    """(JSON pointer, value) of everything directly inside ``value``."""
    if isinstance(value, (dict, Mapping)):  # a plain one first, because to ask for a Mapping takes long
        return [(pointer(str(key)), inner) for key, inner in cast("Mapping[object, object]", value).items()]
    if isinstance(value, (list, tuple)):
        return [(pointer(index), inner) for index, inner in enumerate(cast("list[object]", value))]
    return []
