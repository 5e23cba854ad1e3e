"""The JSON Schema validator: one schema, built once, checked against many values. Loads jsonschema when built."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from handrail.config.schemas import MAX_DEPTH, children, offline_registry, schema_problem
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings, pointer
from handrail.validators.plain_schema import acceptor
from handrail.validators.protocol import NOWHERE, Check

if TYPE_CHECKING:
    from jsonschema import ValidationError

MAX_FINDINGS = 20
"""Findings that one check reports at most; the first ones that the schema meets."""
MAX_NODES = 200_000
"""Values inside a value, all levels together, that are still checked."""
_MAX_MESSAGE = 500

_log = logging.getLogger(__name__)


class SchemaValidator(Check):
    """Checks values against one JSON Schema (2020-12 unless its ``$schema`` says otherwise). Thread-safe."""

    def __init__(self, schema: Mapping[str, object], *, id: str) -> None:
        """``id`` goes into every finding. Raises ConfigError when ``schema`` is not a usable JSON Schema.

        ``schema`` is copied. A ``$ref`` that leads out of it is refused: nothing is ever fetched.
        """
        if problem := schema_problem(schema):
            raise ConfigError(f'The schema of validator "{id}" is not a usable JSON Schema: {problem}.')
        from handrail.validators.bounded import bounded_class, ordered

        self.id = id
        self._accepts = acceptor(schema)
        self._validator: Any = bounded_class(schema)(ordered(schema), registry=offline_registry())

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with ``value``, a JSON value; empty when nothing is. At most 20 findings. Never raises.

        A value nested deeper than 100 levels gives one finding ``schema.depth``; one that is too large, or takes too
        much work, one finding ``schema.size``; one that breaks the checker, one finding ``schema.error``.
        """
        if self._accepts is not None and self._accepts(value):
            return ()
        from handrail.validators.bounded import BudgetSpent, begin

        try:
            if finding := self._oversized(value):
                return (finding,)
            begin()
            errors: Iterator[ValidationError] = self._validator.iter_errors(value)
            return tuple(map(self._finding, islice(errors, MAX_FINDINGS)))
        except RecursionError:
            text = "The value, or the schema's references on it, nest too deeply to check."
            return (Finding("schema.depth", text, validator=self.id),)
        except BudgetSpent:
            return (Finding("schema.size", "The value takes too much work to check.", validator=self.id),)
        except Exception as problem:
            # Fail closed: what cannot be checked is not right.
            _log.warning("validator %s could not check a value: %s", self.id, type(problem).__name__)
            text = f"The value could not be checked ({type(problem).__name__})."
            return (Finding("schema.error", text, validator=self.id),)

    def _oversized(self, value: object) -> Finding | None:
        level, nodes = [value], 1
        for _ in range(MAX_DEPTH + 1):
            level = list(islice(chain.from_iterable(map(children, level)), MAX_NODES + 1))
            nodes += len(level)
            if not level:
                return None
            if nodes > MAX_NODES:
                return Finding("schema.size", f"The value has more than {MAX_NODES} parts.", validator=self.id)
        return Finding("schema.depth", f"The value nests deeper than {MAX_DEPTH} levels.", validator=self.id)

    def _finding(self, error: ValidationError) -> Finding:
        return Finding(
            code=f"schema.{error.validator or 'false'}",
            message=error.message[:_MAX_MESSAGE],
            path=pointer(*error.absolute_path),
            validator=self.id,
        )
