"""JSON Schema under a name: ``schema({...})``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.schema import Formats, SchemaValidator


@dataclass(frozen=True)
class Schema(Check):
    """A value that fits a JSON Schema, of draft 3 to 2020-12: ``schema({"type": "array", "maxItems": 5})``.

    Codes: ``schema.KEYWORD`` for the keyword that it does not fit, ``schema.false``, ``schema.depth``,
    ``schema.size``, ``schema.error``.
    """

    source: ClassVar[str] = "JSON Schema, https://json-schema.org/specification; its formats by their RFCs"
    schema: Mapping[str, object]
    """The schema: 2020-12 unless its ``$schema`` says otherwise. Nothing is ever fetched."""
    formats: Formats = "checked"
    """``checked``: a format that JSON Schema does not have is an error; ``known``: it says nothing; or ``ignored``."""
    _inner: SchemaValidator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build it once. Raises ConfigError where the schema is none."""
        if not isinstance(self.schema, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError("schema(...) takes a table.", hint='Write schema({"type": "string"}).')
        made = cast("Mapping[str, object]", _lists(self.schema))
        object.__setattr__(self, "_inner", SchemaValidator(made, id="schema", formats=self.formats))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with ``value``, at most 20 findings."""
        return self._inner.check(value, context)


def _lists(node: object) -> object:
    """Options come with tuples for lists; a JSON Schema has lists."""
    if isinstance(node, Mapping):
        return {key: _lists(inner) for key, inner in cast("Mapping[object, object]", node).items()}
    return [_lists(inner) for inner in cast("list[object]", node)] if isinstance(node, (list, tuple)) else node
