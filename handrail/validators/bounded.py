"""jsonschema with a bound on work, so that no schema and no value can hold the process. Imports jsonschema."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import jsonschema.validators
from jsonschema import ValidationError

from handrail.config import ecma
from handrail.config.schemas import validator_class

MAX_KEYWORDS = 100_000
"""Keywords that one check may evaluate: far above honest values, and about half a second of work."""

_WORK_PER_KEYWORD = 11
"""Bits: about so much work of a pattern takes as long as one keyword."""
_SHOWN = 200

_Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class BudgetSpent(Exception):
    """One check evaluated more keywords than it may. Caught by the validator, never seen outside."""


class _Budget(threading.local):
    """Keywords that the check running in this thread may still evaluate."""

    left = 0


_budget = _Budget()


def begin() -> None:
    """Start the budget of a check in this thread. A check never awaits, so a thread has one at a time."""
    _budget.left = MAX_KEYWORDS


def bounded_class(schema: Mapping[str, Any]) -> Any:
    """The validator class for the schema's dialect, counting every keyword that it evaluates."""
    return _bounded(validator_class(schema))


@cache
def _bounded(cls: Any) -> Any:
    keywords = {name: _counted(keyword) for name, keyword in cls.VALIDATORS.items()}
    extend: Any = getattr(jsonschema.validators, "extend")  # noqa: B009
    ours: dict[str, _Keyword] = {
        "uniqueItems": _unique_items,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
    }
    if "additionalProperties" in cls.VALIDATORS:
        ours["additionalProperties"] = _additional_properties(cls.VALIDATORS["additionalProperties"])
    return extend(cls, {**keywords, **{name: _counted(keyword) for name, keyword in ours.items()}})


def _counted(keyword: _Keyword) -> _Keyword:
    def count(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        _budget.left -= 1
        if _budget.left < 0:
            raise BudgetSpent
        return keyword(validator, value, instance, schema)

    return count


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """``uniqueItems`` in linear time; jsonschema's own compares every pair of objects."""
    if wanted and validator.is_type(instance, "array"):
        keys = [json.dumps(_same_if_equal(item), sort_keys=True) for item in instance]
        if len(set(keys)) < len(keys):
            yield ValidationError("The items are not unique")


def _found(pattern: str, text: str) -> bool:
    """Whether ``pattern`` matches somewhere in ``text``, in linear time; jsonschema's own may take for ever."""
    known = ecma.pattern(pattern)
    _budget.left -= known.work(text) >> _WORK_PER_KEYWORD
    if _budget.left < 0:
        raise BudgetSpent
    return known.found_in(text)


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance[:_SHOWN]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, inner in wanted.items():
            for name, value in instance.items():
                if _found(pattern, name):
                    yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(stock: _Keyword) -> _Keyword:
    """jsonschema's own, which matches names with ``patternProperties`` by itself, where there are none of these."""

    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        patterns = schema.get("patternProperties")
        return (
            stock(validator, wanted, instance, schema) if not patterns else others(validator, wanted, instance, schema)
        )

    def others(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not validator.is_type(instance, "object"):
            return
        patterns, known = schema["patternProperties"], schema.get("properties", {})
        extra = [name for name in instance if name not in known and not any(_found(one, name) for one in patterns)]
        if validator.is_type(wanted, "object"):
            for name in extra:
                yield from validator.descend(instance[name], wanted, path=name)
        elif not wanted and extra:
            yield ValidationError(f"{', '.join(map(repr, extra))[:_SHOWN]}: no such property, and no pattern for it")

    return check


def _same_if_equal(value: object) -> object:
    """``value`` with 1.0 as 1, because JSON Schema takes the two for equal; true stays apart from 1."""
    if isinstance(value, dict):
        return {key: _same_if_equal(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_same_if_equal(inner) for inner in cast("list[object]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def ordered(schema: object) -> object:
    """A copy of ``schema`` in which ``unevaluated*`` come last.

    They walk references on their own, uncounted; after the counted keywords a bomb has spent its budget already.
    """
    if isinstance(schema, Mapping):
        known = cast("Mapping[str, object]", schema)
        keys = sorted(known, key=lambda key: key.startswith("unevaluated"))
        return {key: ordered(known[key]) for key in keys}
    return [ordered(inner) for inner in cast("list[object]", schema)] if isinstance(schema, list) else schema
