"""``unevaluatedItems`` and ``unevaluatedProperties``, as jsonschema evaluates them, counted and without its squares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from jsonschema import ValidationError

if TYPE_CHECKING:
    from handrail.validators.dialects.walker import Walker

_Seen = Callable[["Walker", Any, Any], set[Any]]
_Errors = Iterator[ValidationError]
_SHOWN = 200


def items(walker: Walker, wanted: Any, instance: Any, schema: Any) -> _Errors:
    """``unevaluatedItems``."""
    if walker.is_type(instance, "array"):
        seen = _items(walker, instance, schema)
        if rest := list(islice((item for index, item in enumerate(instance) if index not in seen), 4)):
            yield ValidationError(f"Unevaluated items are not allowed: {', '.join(map(repr, rest))[:_SHOWN]}")


def properties(walker: Walker, wanted: Any, instance: Any, schema: Any) -> _Errors:
    """``unevaluatedProperties``."""
    if not walker.is_type(instance, "object"):
        return
    seen = _properties(walker, instance, schema)
    rest = [
        name for name in instance if name not in seen and next(walker.descend(instance[name], wanted), None) is not None
    ]
    if rest:
        yield ValidationError(f"Unevaluated properties are not allowed: {', '.join(map(repr, rest[:4]))[:_SHOWN]}")


def _items(walker: Walker, instance: Any, schema: Any) -> set[Any]:
    """Indexes of the items that ``schema`` says something about."""
    walker.work.spend(2)
    if isinstance(schema, bool):
        return set()
    seen = _through_references(walker, instance, schema, _items)
    walker.work.spend(len(instance) // 16)
    if "items" in schema:
        if not _is_2019(walker) or "additionalItems" in schema or isinstance(schema["items"], dict):
            return set(range(len(instance)))
        seen.update(range(len(schema["items"])))
    if not _is_2019(walker) and "prefixItems" in schema:
        seen.update(range(len(schema["prefixItems"])))
    seen |= _condition(walker, instance, schema, _items)
    for keyword in ("contains", "unevaluatedItems"):
        if keyword in schema:
            inner = walker.evolve(schema=schema[keyword])
            seen.update(index for index, item in enumerate(instance) if inner.is_valid(item))
    return seen | _alternatives(walker, instance, schema, _items)


def _properties(walker: Walker, instance: Any, schema: Any) -> set[Any]:
    """Names of the properties that ``schema`` says something about."""
    walker.work.spend(2)
    if isinstance(schema, bool):
        return set()
    seen = _through_references(walker, instance, schema, _properties)
    seen |= _named_2019(walker, instance, schema) if _is_2019(walker) else _named(walker, instance, schema)
    seen |= _matched(walker, instance, schema)
    for name, inner in schema.get("dependentSchemas", {}).items():
        if name in instance:
            seen |= _properties(walker, instance, inner)
    return (
        seen | _alternatives(walker, instance, schema, _properties) | _condition(walker, instance, schema, _properties)
    )


def _named(walker: Walker, instance: Any, schema: Any) -> set[Any]:
    known: Any = schema.get("properties")
    seen: set[Any] = set()
    if walker.is_type(known, "object"):
        walker.work.spend((len(known) + len(instance)) // 16)
        seen.update(known.keys() & instance.keys())
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if (inner := schema.get(keyword)) is not None:
            seen.update(key for key, value in instance.items() if next(walker.descend(value, inner), None) is None)
    return seen


def _named_2019(walker: Walker, instance: Any, schema: Any) -> set[Any]:
    """jsonschema takes the keywords of a schema for names here; what it passes, passes."""
    seen: set[Any] = set()
    for keyword in ("properties", "additionalProperties", "unevaluatedProperties"):
        known = schema.get(keyword)
        walker.work.spend(len(instance) // 16)
        if known is True:
            seen.update(instance)
        elif isinstance(known, dict):
            seen.update(name for name in instance if name in known)
    return seen


def _matched(walker: Walker, instance: Any, schema: Any) -> set[Any]:
    from handrail.validators.dialects.keywords import found

    patterns = schema.get("patternProperties", ())
    return {name for name in instance for pattern in patterns if found(walker, pattern, name)}


def _through_references(walker: Walker, instance: Any, schema: Any, see: _Seen) -> set[Any]:
    seen: set[Any] = set()
    for keyword in ("$ref",) if _is_2019(walker) else ("$ref", "$dynamicRef"):
        reference = schema.get(keyword)
        if reference is not None:
            there = walker.found(reference)
            seen |= see(walker.evolve(schema=there.contents, _resolver=there.resolver), instance, there.contents)
    if _is_2019(walker) and "$recursiveRef" in schema:
        there = walker.recursed()
        seen |= see(walker.evolve(schema=there.contents, _resolver=there.resolver), instance, there.contents)
    return seen


def _condition(walker: Walker, instance: Any, schema: Any, see: _Seen) -> set[Any]:
    if "if" not in schema:
        return set()
    if not walker.evolve(schema=schema["if"]).is_valid(instance):
        return see(walker, instance, schema["else"]) if "else" in schema else set()
    seen = see(walker, instance, schema["if"])
    return seen | see(walker, instance, schema["then"]) if "then" in schema else seen


def _alternatives(walker: Walker, instance: Any, schema: Any, see: _Seen) -> set[Any]:
    seen: set[Any] = set()
    for keyword in ("allOf", "oneOf", "anyOf"):
        for inner in schema.get(keyword, ()):
            if next(walker.descend(instance, inner), None) is None:
                seen |= see(walker, instance, inner)
    return seen


def _is_2019(walker: Walker) -> bool:
    return "2019-09" in walker.dialect.id
