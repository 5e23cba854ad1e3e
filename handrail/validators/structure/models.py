"""Pydantic models as validators. Loads nothing: whoever has a model has pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings, pointer
from handrail.validators.protocol import NOWHERE, Check

_MAX_FINDINGS = 20


@dataclass(frozen=True)
class Model(Check):
    """A value that a pydantic model accepts as it stands, without conversion."""

    source: ClassVar[str] = "own: the model"
    model: type
    """The pydantic model, or any class with ``model_validate``."""

    @property
    def bounded(self) -> bool:
        """A model runs validators of its own."""
        return False

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the model finds wrong, with its own error types as codes: ``model.missing``, ``model.int_type``."""
        try:
            cast("Any", self.model).model_validate(value, strict=True)
        except ValueError as problem:
            errors: list[Mapping[str, Any]] = getattr(problem, "errors", list)()
            return tuple(map(_finding, errors[:_MAX_FINDINGS])) or (Finding("model.invalid", "The model refuses it."),)
        return ()


def _finding(error: Mapping[str, Any]) -> Finding:
    return Finding(f"model.{error['type']}", str(error["msg"]), pointer(*error["loc"]))
