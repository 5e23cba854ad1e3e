"""Anything that can check, as a :class:`Check`: functions, JSON Schemas, pydantic models, other people's validators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, Fix, Severity
from handrail.validators.protocol import NOWHERE, Check, Checkable, Validator

_MAX_CODE, _MAX_TEXT = 200, 1_000


def as_check(thing: Checkable) -> Check:
    """``thing`` as a check.

    A function is called with the value, and with the context where it takes two arguments; it says that something is
    wrong by False, by a text, by findings, or by raising ValueError or AssertionError; None, True and nothing found
    are fine. A mapping is a JSON Schema, a class with ``model_validate`` a pydantic model.
    Raises ConfigError where nothing of this fits.
    """
    if isinstance(thing, Check):
        return thing
    if isinstance(thing, Mapping):
        from handrail.validators.schema import SchemaValidator

        return SchemaValidator(cast("Mapping[str, object]", thing), id="schema")
    if isinstance(thing, type) and hasattr(thing, "model_validate"):
        from handrail.validators.structure.models import Model

        return Model(thing)
    if isinstance(thing, Validator) and not isinstance(thing, type):
        return Foreign(thing)
    if callable(thing):
        return Function(thing, _takes_context(thing))
    hint = "Give a validator, a function, a JSON Schema or a pydantic model."
    raise ConfigError(f"{thing!r:.100} is no validator.", hint=hint)


@dataclass(frozen=True)
class Foreign(Check):
    """A validator that somebody else wrote. What it raises, whoever runs it makes a finding of."""

    inner: Validator

    @property
    def needs_run(self) -> bool:
        """It may look at the run unless it says ``needs_run = False``."""
        return bool(getattr(self.inner, "needs_run", True))

    @property
    def bounded(self) -> bool:
        """Its time is measured."""
        return False

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What it says, as findings."""
        return findings(self.inner.check(value, context), type(self.inner).__name__)


@dataclass(frozen=True)
class Function(Check):
    """A plain function as a validator."""

    function: Callable[..., object]
    takes_context: bool = False

    @property
    def needs_run(self) -> bool:
        """It may look at the run where it takes a context."""
        return self.takes_context

    @property
    def bounded(self) -> bool:
        """Its time is measured."""
        return False

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What it says, as findings."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        try:
            said = self.function(value, context) if self.takes_context else self.function(value)
        except (ValueError, AssertionError) as error:
            said = str(error) or False
        return findings(said, name)


def findings(said: object, name: str) -> Findings:
    """What a function or foreign validator answers, as findings. Raises TypeError for what says nothing clear."""
    if said is None or said is True:
        return ()
    if said is False:
        return (Finding(name, f"The value does not pass {name}."),)
    if isinstance(said, str):
        return (Finding(name, said),) if said else ()
    if isinstance(said, Finding):
        return (_sound(said, name),)
    if isinstance(said, Iterable):
        found = (one for part in cast("Iterable[object]", said) for one in findings(part, name))
        return tuple(islice(found, MAX_FINDINGS))  # it may have no end
    raise TypeError(f"{name} answered {type(said).__name__}, which is neither a finding nor a text nor yes or no")


def _sound(finding: Finding, name: str) -> Finding:
    """A finding of somebody else's, every field of which is what it must be: what is no warning is an error."""
    said: Any = finding
    severity: Severity = "warning" if said.severity == "warning" else "error"
    code, path = _text(said.code) or name, _text(said.path)
    fix = said.fix if isinstance(said.fix, Fix) else None
    return Finding(
        code[:_MAX_CODE], _text(said.message)[:_MAX_TEXT], path, severity, _text(said.validator),
        _text(said.hint)[:_MAX_TEXT], said.span if _is_span(said.span) else None, _text(said.excerpt)[:_MAX_CODE], fix,
    )  # fmt: skip


def _text(value: object) -> str:
    return str.__str__(value) if isinstance(value, str) else ""


def _is_span(span: Any) -> bool:
    if not isinstance(span, tuple):
        return False
    parts: tuple[Any, ...] = span  # pyright: ignore[reportUnknownVariableType]
    return list(map(type, parts)) == [int, int] and 0 <= parts[0] <= parts[1]


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return len([one for one in places if one.default is one.empty]) > 1
