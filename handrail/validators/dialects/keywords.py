"""Keywords whose time jsonschema does not bound, or whose messages it makes as long as the value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from jsonschema import ValidationError

from handrail.config import ecma
from handrail.validators.dialects import unevaluated
from handrail.validators.dialects.formats import check_for, price
from handrail.validators.dialects.short import Array, identity, size_of

if TYPE_CHECKING:
    from handrail.validators.dialects.walker import Keyword, Walker

_WORK_PER_UNIT = 9
"""Bits: about so much work of a pattern takes a microsecond."""
_SHOWN = 200
_Errors = Iterator[ValidationError]


def bounded(dialect: str, stock: Mapping[str, Keyword]) -> Mapping[str, Keyword]:
    """Ours for the keywords of ``stock`` that need one."""
    ours: dict[str, Keyword] = {
        "additionalItems": _none_more(stock.get("additionalItems"), "items"),
        "additionalProperties": _additional_properties,
        "const": _const,
        "dependencies": _counted(stock.get("dependencies")),
        "dependentRequired": _counted(stock.get("dependentRequired")),
        "enum": _enum,
        "format": _format(dialect),
        "items": _none_more(stock.get("items"), "prefixItems"),
        "multipleOf": _multiple_of(stock.get("multipleOf")),
        "divisibleBy": _multiple_of(stock.get("divisibleBy")),
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "$recursiveRef": _recursive_ref,
        "required": _required,
        "unevaluatedItems": unevaluated.items,
        "unevaluatedProperties": unevaluated.properties,
        "uniqueItems": _unique_items,
    }
    return {name: keyword for name, keyword in ours.items() if name in stock}


def found(walker: Walker, pattern: str, text: str) -> bool:
    """Whether ``pattern`` matches somewhere in ``text``, in linear time; jsonschema's own may take for ever."""
    known = walker.settings.patterns.get(pattern) or ecma.pattern(pattern)
    walker.work.spend(3 + (known.work(text) >> _WORK_PER_UNIT))
    return known.found_in(text)


def _unique_items(walker: Walker, wanted: Any, instance: Any, schema: Any) -> _Errors:
    if wanted and walker.is_type(instance, "array"):
        walker.work.spend(size_of(instance))
        if len(set(map(identity, instance))) < len(instance):
            yield ValidationError("The items are not unique")


def _enum(walker: Walker, values: Any, instance: Any, schema: Any) -> _Errors:
    walker.work.spend(1 + size_of(instance))
    known = values.keys_of if isinstance(values, Array) else None
    if identity(instance) not in (known if known is not None else frozenset(map(identity, values))):
        yield ValidationError(f"{instance!r} is not one of {_listed(values)}")


def _const(walker: Walker, value: Any, instance: Any, schema: Any) -> _Errors:
    if size_of(value) != size_of(instance) or isinstance(value, str) != isinstance(instance, str):
        yield ValidationError(f"{value!r} was expected")
        return
    walker.work.spend(1 + size_of(instance) + size_of(value))
    if identity(value) != identity(instance):
        yield ValidationError(f"{value!r} was expected")


def _required(walker: Walker, names: Any, instance: Any, schema: Any) -> _Errors:
    if walker.is_type(instance, "object") and isinstance(names, list):
        for name in cast("list[object]", names):
            if name not in instance:
                yield ValidationError(f"{name!r} is a required property")


def _counted(stock: Keyword | None) -> Keyword:
    """A keyword whose value has lists inside."""

    def check(walker: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        walker.work.spend(size_of(value) // 8)
        return stock(walker, value, instance, schema) if stock is not None else None

    return check


def _none_more(stock: Keyword | None, beside: str) -> Keyword:
    """``false``: jsonschema writes every item too many into its message. ``beside`` says what the others must be."""

    def none(walker: Any, instance: Any, known: int) -> _Errors:
        if walker.is_type(instance, "array") and len(instance) > known:
            yield ValidationError(f"At most {known} items are allowed; there are {len(instance)}")

    def check(walker: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        known = schema.get(beside, [] if beside == "prefixItems" else None)
        if value is False and isinstance(known, list):
            return none(walker, instance, len(cast("list[object]", known)))
        return stock(walker, value, instance, schema) if stock is not None else None

    return check


def _multiple_of(stock: Keyword | None) -> Keyword:
    """Division of long numbers takes the product of their lengths."""

    def check(walker: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        if isinstance(instance, int) and isinstance(value, int):
            walker.work.spend((instance.bit_length() >> 5) * (value.bit_length() >> 5) >> 8)
        elif isinstance(instance, (int, float)) and abs(instance) > 1e15:
            walker.work.spend(60)
        return stock(walker, value, instance, schema) if stock is not None else None

    return check


def _format(dialect: str) -> Keyword:
    def check(walker: Any, name: Any, instance: Any, schema: Any) -> _Errors:
        if not walker.settings.formats or not isinstance(instance, str) or not isinstance(name, str):
            return
        wanted = check_for(name, dialect)
        walker.work.spend(price(name, instance))
        if wanted is not None and not wanted(instance):
            yield ValidationError(f"{instance!r} is not a {name!r}")

    return check


def _pattern(walker: Walker, pattern: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not found(walker, pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(walker: Walker, wanted: Any, instance: Any, schema: Any) -> _Errors:
    if walker.is_type(instance, "object"):
        for pattern, inner in wanted.items():
            for name, value in instance.items():
                if found(walker, pattern, name):
                    yield from walker.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(walker: Walker, wanted: Any, instance: Any, schema: Any) -> _Errors:
    if not walker.is_type(instance, "object"):
        return
    patterns, known = schema.get("patternProperties") or (), schema.get("properties", {})
    walker.work.spend(len(instance) // 16)
    extra = (name for name in instance if name not in known and not any(found(walker, one, name) for one in patterns))
    if walker.is_type(wanted, "object"):
        for name in extra:
            yield from walker.descend(instance[name], wanted, path=name)
    elif not wanted and (some := list(islice(extra, 4))):
        names = _listed(some)
        yield ValidationError(f"{names}: no such property is known here{', nor matches a pattern' if patterns else ''}")


def _recursive_ref(walker: Walker, value: Any, instance: Any, schema: Any) -> _Errors:
    there = walker.recursed()
    yield from walker.descend(instance, there.contents, resolver=there.resolver)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(repr, islice(values, 20)))[:_SHOWN]
