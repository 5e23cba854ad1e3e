"""Pydantic models as validators. Loads nothing by itself: whoever has a model has pydantic."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.sizes import too_large

_MAX_MESSAGE = 500
_TYPE = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True)
class Model(Check):
    """A value that a pydantic model accepts as it stands: ``model("shop.orders:Refund")``.

    Codes: ``model.TYPE`` with pydantic's own types of errors (``model.missing``, ``model.int_type``, ...),
    ``model.custom`` for one that the model made up, ``model.invalid`` where it says nothing more, ``unchecked.size``.
    """

    source: ClassVar[str] = "own: the model"
    model: type | str
    """The pydantic model, or ``module:Class`` where it is. Any type that pydantic knows will do there."""
    strict: bool = True
    """Whether "5" is no number; texts still stand for dates, as they must in JSON."""
    _validate: Callable[[object], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the model. Raises ConfigError where there is none."""
        found = _imported(self.model) if isinstance(self.model, str) else self.model
        if not isinstance(found, type):
            raise ConfigError(f"model({self.model!r:.200}) is no class.", hint='Write "module:Class".')
        object.__setattr__(self, "_validate", _validating(found, self.strict))

    @property
    def bounded(self) -> bool:
        """A model runs validators of its own, so its time is measured."""
        return False

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the model finds wrong. What its validators raise, other than ValueError, is the caller's to catch."""
        if too_large(value):
            return (Finding("unchecked.size", "The value has more in it than is given to the model."),)
        try:
            self._validate(value)
        except (ValueError, AssertionError) as problem:
            return _findings(problem, value) or (Finding("model.invalid", "The model refuses the value."),)
        return ()


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        problem = f"model({path!r:.200}) cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigError(problem, hint='Write "module:Class", as it would be imported.') from error
    return found


def _validating(model: Any, strict: bool) -> Callable[[object], object]:
    own, from_json = getattr(model, "model_validate", None), getattr(model, "model_validate_json", None)
    if own is None:
        adapter = _adapter(model)
        own, from_json = adapter.validate_python, adapter.validate_json

    def validate(value: object) -> object:
        """As JSON: in its strict mode pydantic takes no text for a date that comes as a Python value."""
        try:
            text = json.dumps(value, allow_nan=False) if from_json is not None and strict else None
        except (TypeError, ValueError, RecursionError):
            text = None
        return own(value, strict=strict) if text is None or from_json is None else from_json(text, strict=strict)

    return validate


def _adapter(model: Any) -> Any:
    try:
        from pydantic import TypeAdapter
    except ImportError:
        raise ConfigError("model(...) needs pydantic.", hint="pip install pydantic") from None
    try:
        return TypeAdapter(model)
    except Exception as error:
        raise ConfigError(
            f"model({model!r:.200}) is nothing that pydantic can check: {type(error).__name__}."
        ) from None


def _findings(problem: Exception, value: object) -> Findings:
    listed = getattr(problem, "errors", None)
    if listed is None:
        return ()
    try:
        errors: list[Mapping[str, Any]] = listed(include_url=False, include_context=False, include_input=False)
    except TypeError:  # another library's error, with a method of the same name
        errors = listed()
    return tuple(_finding(error, value) for error in errors[:MAX_FINDINGS])


def _finding(error: Mapping[str, Any], value: object) -> Finding:
    kind, place = str(error["type"]), _place(error["loc"], value)
    code = kind if _TYPE.fullmatch(kind) else "custom"
    name = f"{error['loc'][-1]}: " if kind == "missing" else ""
    return Finding(f"model.{code}", f"{name}{error['msg']}"[:_MAX_MESSAGE], place)


def _place(parts: tuple[str | int, ...], value: object) -> str:
    """The pointer to what stands in the value: pydantic also names the alternatives of a union, and what is missing."""
    found: list[str | int] = []
    for part in parts:
        try:
            value = cast("Any", value)[part]
        except (KeyError, IndexError, TypeError):
            continue
        found.append(part)
    return pointer(*found)
