"""Conditions over several fields of an object, and which fields go together."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.evaluating import Missing, Reading, Unusable, holds
from handrail.validators.data.language import Chain, Field, Join, Node, Not, parse
from handrail.validators.data.values import TooLarge, plain, shown, tolerance, words
from handrail.validators.findings import Finding, Findings
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

_TOLD = 6
"""Fields whose values a message tells."""
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts, or numbers too long, to check the condition.")


@dataclass(frozen=True)
class Fields(Check):
    """A condition over the fields of a value, with exact arithmetic: ``fields("total == net + tax")``.

    It has + - * /, == != < <= > >= in, and, or, not, implies, sum, count, min, max, abs, round, has, len and today.
    Texts that are ISO 8601 dates compare as dates; the difference of two is a number of days. Values of different
    kinds are not equal; what has no order, or cannot be calculated with, is a finding, as is a division by zero.
    A field that is called like a word of the language is written ``$.today``.
    Findings: ``fields.condition`` (it does not hold), ``fields.missing``, ``fields.type``.
    """

    source: ClassVar[str] = "own: the condition; dates as in ISO 8601"
    condition: str
    """What must hold, at most 1,000 characters: ``check_out > check_in``, ``country == 'DE' implies vat != null``."""
    tolerance: int | float | str = 0
    """How far apart numbers may be that ==, != , <= and >= take for equal."""
    missing: Literal["find", "skip"] = "find"
    """What a missing (or null) field means. ``find``: to ==, != and in it is null, which equals only null; where it is
    calculated with or ordered, it is a finding. ``skip``: nothing is checked, but has() and what is beside null are."""
    text: bool = False
    """Whether a decimal text such as "12.50" is a number."""
    message: str = ""
    """What to say instead of naming the condition."""
    _tree: Node = field(init=False, repr=False, compare=False)
    _tolerance: Fraction = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for a condition that cannot be read."""
        if self.missing not in ("find", "skip"):
            raise ConfigError(f"fields: missing is {self.missing!r:.50}.", hint='It is "find" or "skip".')
        object.__setattr__(self, "_tree", parse(self.condition))
        object.__setattr__(self, "_tolerance", Fraction(tolerance(self.tolerance)))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the condition holds of ``value``."""
        reading = Reading(value, context.today, self._tolerance, self.text, strict=self.missing == "skip")
        try:
            if holds(self._tree, reading):
                return ()
        except Missing as problem:
            return () if self.missing == "skip" else (self._found("missing", f"{problem} is missing", reading),)
        except Unusable as problem:
            return (self._found("type", str(problem), reading),)
        except (TooLarge, TooManyPlaces):
            return (_TOO_LARGE,)
        return (self._found("condition", "", reading),)

    def _found(self, problem: str, why: str, reading: Reading) -> Finding:
        said = self.message or f"{self.condition[:300]} {'cannot be checked' if why else 'does not hold'}"
        told = ", ".join(f"{name} is {_told(value)}" for name, value in list(reading.seen.items())[:_TOLD])
        text = f"{said.rstrip('.')}: {why or told}." if why or told else f"{said.rstrip('.')}."
        return Finding(f"fields.{problem}", text, "" if why else _pointer(_blamed(self._tree), reading))


def _told(value: object) -> str:
    return "missing" if value is None else plain(value) if isinstance(value, Decimal) else shown(value)


def _blamed(node: Node) -> Path | None:
    """The field that a finding points to: the first of what had to hold."""
    match node:
        case Field():
            return None if node.many else node.path
        case Chain():
            return _blamed(node.first)
        case Join(word="implies"):
            return _blamed(node.parts[1])
        case Not():
            return _blamed(node.operand)
        case _:
            return None


def _pointer(path: Path | None, reading: Reading) -> str:
    """Where it is; empty, which is the whole value, where it is missing."""
    if path is None or reading.seen.get(path.written) is None:
        return ""
    return "".join(place for place, _ in path.places(reading.value))


@dataclass(frozen=True)
class RequiredWith(Check):
    """Where one field is there, the others are too; null counts as missing.

    Findings: ``required_with.missing``.
    """

    source: ClassVar[str] = "JSON Schema 2020-12, validation, 6.5.4 (dependentRequired)"
    given: str
    """The field, as a path; as soon as one of its places is there, the others are required."""
    requires: tuple[str, ...]
    """The fields that it needs, as paths."""
    _given: Path = field(init=False, repr=False, compare=False)
    _requires: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for paths that cannot be read."""
        object.__setattr__(self, "_given", compiled(self.given))
        object.__setattr__(self, "_requires", tuple(map(compiled, words("required_with: requires", self.requires))))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which of the others are missing."""
        budget = Budget()
        try:
            if not there(self._given, value, budget):
                return ()
            lacking = [path.written for path in self._requires if not there(path, value, budget)]
        except TooManyPlaces:
            return (_TOO_LARGE,)
        text = f"{self.given} needs {', '.join(lacking)[:300]}, which is missing."
        return (Finding("required_with.missing", text),) if lacking else ()


@dataclass(frozen=True)
class ExclusiveFields(Check):
    """At most one of some fields is there; null counts as missing.

    Findings: ``exclusive_fields.several``, ``exclusive_fields.none``.
    """

    source: ClassVar[str] = "own: fields that contradict each other"
    fields: tuple[str, ...]
    """The fields, as paths, at least two."""
    required: bool = False
    """Whether exactly one of them must be there."""
    _paths: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for paths that cannot be read, or too few."""
        if len(words("exclusive_fields: fields", self.fields)) < 2:
            raise ConfigError("exclusive_fields needs at least two fields.", hint='Write it like (["email", "phone"]).')
        object.__setattr__(self, "_paths", tuple(map(compiled, self.fields)))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether too many of them, or none, are there."""
        budget = Budget()
        try:
            found = [path.written for path in self._paths if there(path, value, budget)]
        except TooManyPlaces:
            return (_TOO_LARGE,)
        listed = ", ".join(self.fields)[:300]
        if len(found) > 1:
            text = f"Only one of {listed} may be there, and these are: {', '.join(found)[:300]}."
            return (Finding("exclusive_fields.several", text),)
        if self.required and not found:
            return (Finding("exclusive_fields.none", f"One of {listed} is needed, and none is there."),)
        return ()


def there(path: Path, value: object, budget: Budget) -> bool:
    """Whether something other than null stands at a path. Raises TooManyPlaces."""
    return any(found is not None for _, found in path.places(value, budget))
