"""The JSON Schema validator: one schema, built once, checked against many values. Loads jsonschema when built."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from handrail.config import ecma
from handrail.config.nearest import nearest
from handrail.config.schemas import MAX_PARTS, offline_registry, patterns, schema_problem, validator_class
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.dialects.short import MAX_DEPTH, MAX_NODES, Array, Copier, TooDeep, TooMuch, identity
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.plain_schema import Acceptors, Plain, objects, whole
from handrail.validators.protocol import NOWHERE, Check

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from handrail.validators.dialects.walker import Walker, Work

Formats = Literal["checked", "known", "ignored"]
"""Formats are checked and one that nobody defines is an error; or only those that are known; or none."""
_MAX_MESSAGE, _MAX_EXCERPT = 500, 200

_log = logging.getLogger(__name__)


class SchemaValidator(Check):
    """Checks values against one JSON Schema (2020-12 unless its ``$schema`` says otherwise). Thread-safe.

    Codes: ``schema.KEYWORD`` (``schema.type``, ``schema.required``, ``schema.format``, ...), ``schema.false`` (nothing
    is allowed here), ``schema.depth``, ``schema.size``, ``schema.error`` (it could not be checked).
    """

    def __init__(self, schema: Mapping[str, object], *, id: str, formats: Formats = "known") -> None:
        """``id`` goes into every finding. Raises ConfigError when ``schema`` is not a usable JSON Schema.

        ``schema`` is copied. A ``$ref`` that leads out of it is refused: nothing is ever fetched.
        """
        if formats not in get_args(Formats):
            raise ConfigError(f"formats={formats!r}: it is one of {', '.join(get_args(Formats))}.")
        if problem := schema_problem(schema) or (formats == "checked" and _unknown_format(schema)):
            raise ConfigError(f'The schema of validator "{id}" is not a usable JSON Schema: {problem}.')
        self.id = id
        try:
            self._schema = _prepared(schema)
        except TooMuch as problem:
            raise ConfigError(f'The schema of validator "{id}" has {problem}.') from None
        plain = Acceptors(self._schema, formats=formats != "ignored")
        found = plain.of(self._schema)
        self._accepts = whole(found) if found is not None else None
        self._quick = _parts(self._schema, plain)
        self._start = _starter(self._schema, self._quick, formats != "ignored")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with ``value``, a JSON value; empty when nothing is. At most 20 findings. Never raises.

        A value nested deeper than 100 levels gives one finding ``schema.depth``; one that is too large, or takes too
        much work, one finding ``schema.size``; one that breaks the checker, one finding ``schema.error``.
        """
        if self._accepts is not None and self._accepts(value):
            return ()
        from handrail.validators.dialects.walker import Spent, Work

        try:
            errors = self._start(Work()).iter_errors(Copier().copy(value))
            return tuple(map(self._finding, islice(errors, MAX_FINDINGS)))
        except TooDeep:
            return self._one("depth", f"The value nests deeper than {MAX_DEPTH} levels.")
        except RecursionError:
            return self._one("depth", "The value, or the schema's references on it, nest too deeply to check.")
        except TooMuch as problem:
            return self._one("size", f"The value has {problem} ({MAX_NODES} parts).")
        except Spent:
            return self._one("size", "The value takes too much work to check.")
        except Exception as problem:
            # Fail closed: what cannot be checked is not right.
            _log.warning("validator %s could not check a value: %s", self.id, type(problem).__name__)
            return self._one("error", f"The value could not be checked ({type(problem).__name__}).")

    def _one(self, problem: str, text: str) -> Findings:
        return (Finding(f"schema.{problem}", text, validator=self.id),)

    def _finding(self, error: ValidationError) -> Finding:
        keyword = error.validator if isinstance(error.validator, str) else "false"
        shown = error.instance if isinstance(error.instance, str) else repr(error.instance)
        return Finding(
            code=f"schema.{keyword}",
            message=error.message[:_MAX_MESSAGE],
            path=pointer(*error.absolute_path),
            validator=self.id,
            hint=_nearest_way(error),
            excerpt=shown[:_MAX_EXCERPT],
        )


def _nearest_way(error: ValidationError) -> str:
    """Of several alternatives the one that the value came furthest in: what was wrong there."""
    if not error.context:
        return ""
    one = max(error.context, key=lambda inner: len(inner.path))
    return f"{pointer(*one.absolute_path) or 'As a whole'}: {one.message}"[:_MAX_MESSAGE]


def _prepared(schema: Mapping[str, object]) -> dict[str, Any]:
    """A copy of ``schema`` that nobody else can change, with what its choices are compared by."""
    made = cast("dict[str, Any]", Copier(MAX_PARTS + 1).copy(_last(dict(schema))))
    for one in objects(made):
        values = one.get("enum")
        if isinstance(values, Array):
            values.keys_of = frozenset(map(identity, values))
    return made


def _last(schema: object) -> object:
    """``schema`` with ``unevaluated*`` after everything else: when a bomb gets there, its work is spent already."""
    if isinstance(schema, Mapping):
        known = cast("Mapping[str, object]", schema)
        return {key: _last(known[key]) for key in sorted(known, key=lambda key: str(key).startswith("unevaluated"))}
    return [_last(inner) for inner in cast("list[object]", schema)] if isinstance(schema, list) else schema


def _parts(schema: dict[str, Any], plain: Acceptors) -> dict[int, Plain]:
    """The quick yes of each plain part of a schema, by the part's identity: as long as the schema lives, it is one.

    Without the schema as a whole: that one is asked first of all, and not again.
    """
    inner = (one for one in objects(schema) if one is not schema)
    return {id(one): found for one in inner if (found := plain.of(one)) is not None}


def _starter(schema: dict[str, Any], quick: Mapping[int, Plain], formats: bool) -> Callable[[Work], Walker]:
    from referencing.jsonschema import DRAFT202012, specification_with

    from handrail.validators.dialects.walker import Settings, Walker, dialect

    how = dialect(validator_class(schema))
    resource = specification_with(how.id, default=DRAFT202012).create_resource(schema)
    base = resource.id() or ""
    registry = offline_registry().with_resource(base, resource)
    # Crawled once: a lookup in a registry that is not crawled goes through the whole schema each time. Draft 3, which
    # has types by name where others have schemas, cannot be.
    resolver = (registry if "draft-03" in how.id else registry.crawl()).resolver(base)
    settings = Settings(formats, {written: ecma.pattern(written) for written in patterns(schema)})
    return lambda work: Walker(how, schema, resolver, work, quick, settings)


def _unknown_format(schema: Mapping[str, object]) -> str | None:
    from handrail.validators.dialects.formats import FORMATS

    for one in objects(dict(schema)):
        name = one.get("format")
        if isinstance(name, str) and name not in FORMATS:
            return f'the format "{name}" is not one of JSON Schema, so nothing would check it. {_near(name, FORMATS)}'
    return None


def _near(name: str, known: Mapping[str, object]) -> str:
    return nearest(name, list(known)) or f"Known are {', '.join(sorted(known))}"
