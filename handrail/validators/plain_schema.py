"""A quick yes for the schemas that most tools have: objects, lists, texts, numbers, choices, bounds, local references.

It says yes only where the full validator says yes. Anything else, a doubt included, is left to the full validator.
Every value inside a value is looked at once at most, so its time is bounded by the number of these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from handrail.config import ecma
from handrail.config.regex import BadPattern
from handrail.validators.dialects.formats import check_for, price
from handrail.validators.dialects.short import MAX_DEPTH, Array, Huge, Object, Text

MAX_VALUES = 30_000
"""Values inside a value before it leaves off, or as much work: one is about a quarter of a microsecond."""
MAX_PROPERTIES = 200
"""Schemas with more are left to the full validator."""
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str, Text),
    "integer": (int, Huge),
    "number": (int, Huge, float),
    "boolean": (bool,),
    "null": (type(None),),
}
"""JSON type -> exact Python types that are of it beyond doubt: True is no number, and 1.0 is left to the full one."""
_OBJECTS, _ARRAYS, _TEXTS, _NUMBERS = (dict, Object), (list, Array), (str, Text), (int, Huge, float)
_SAYS_NOTHING = {"title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly"}
_HOLDERS = {"$defs", "definitions", "$schema"}
_FOR_TEXTS = {"minLength", "maxLength", "pattern", "format"}
_FOR_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_FOR_SCALARS = {"type", "enum", "const"} | _FOR_TEXTS | _FOR_NUMBERS
_FOR_OBJECTS = {"type", "properties", "required", "additionalProperties"}
_FOR_ARRAYS = {"type", "items", "minItems", "maxItems"}

Left = list[int]
"""How many values may still be looked at; one number."""
Looks = Callable[[Any, Left], bool]
Test = Callable[[Any], bool]
TextTest = tuple[Test, Callable[[str], int]]
"""What a text must be, and what it costs to see, in values."""


@dataclass(frozen=True, slots=True)
class Plain:
    """What a schema accepts beyond doubt."""

    types: tuple[type, ...] = ()
    """Every value of these, exactly."""
    look: Looks | None = None
    """Others that it says yes to."""
    deep: bool = False
    """Whether it looks inside lists or objects."""


class _Doubt(Exception):
    """A schema is not one of the plain ones."""


def acceptor(schema: Mapping[str, Any], *, formats: bool = True) -> Callable[[object], bool] | None:
    """A function that says yes to some of the values that fit ``schema``, and to no other; None for other schemas."""
    found = Acceptors(schema, formats=formats).of(schema)
    return whole(found) if found is not None else None


def whole(plain: Plain) -> Callable[[object], bool]:
    """``plain`` as a function of the value alone."""
    types, look = plain.types, plain.look

    def accepts(value: object) -> bool:
        return type(value) in types or (look is not None and look(value, [MAX_VALUES]))

    return accepts


class Acceptors:
    """The plain schemas inside one schema."""

    def __init__(self, root: Mapping[str, Any], *, formats: bool = True) -> None:
        """``root`` is what local references lead into; it must not change, and live as long as this."""
        self._root, self._formats = root, formats
        self._known: dict[int, Plain | None] = {}
        self._dialect = str(root.get("$schema", ""))
        self._local = not any(isinstance(one.get(key), str) for one in objects(root) for key in ("$id", "id"))

    def of(self, schema: object) -> Plain | None:
        """What ``schema``, a part of the root, accepts beyond doubt; None where it is not plain."""
        try:
            return self._plain(schema, 0)
        except _Doubt:
            return None

    def _plain(self, schema: object, depth: int) -> Plain:
        if not isinstance(schema, dict) or depth > MAX_DEPTH // 2:
            raise _Doubt
        key = id(cast("object", schema))
        if key not in self._known:
            self._known[key] = None  # a schema that leads to itself is none of the plain ones
            self._known[key] = self._made(cast("dict[str, Any]", schema), depth + 1)
        found = self._known[key]
        if found is None:
            raise _Doubt
        return found

    def _made(self, schema: dict[str, Any], depth: int) -> Plain:
        keys = schema.keys() - _SAYS_NOTHING - (_HOLDERS if schema is self._root else set())
        if keys == {"$ref"}:
            return self._plain(self._target(schema["$ref"]), depth)
        if keys == {"anyOf"}:
            return _any([self._plain(one, depth) for one in cast("list[object]", schema["anyOf"])])
        if schema.get("type") == "object" and keys <= _FOR_OBJECTS:
            return self._object(schema, depth)
        if schema.get("type") == "array" and keys <= _FOR_ARRAYS and "items" in keys:
            return _array(self._plain(schema["items"], depth), schema.get("minItems", 0), schema.get("maxItems"))
        if keys and keys <= _FOR_SCALARS:
            return _scalar({key: schema[key] for key in keys}, self._dialect if self._formats else None)
        raise _Doubt

    def _target(self, reference: object) -> object:
        if not isinstance(reference, str) or not reference.startswith("#/") or not self._local or "%" in reference:
            raise _Doubt
        found: object = self._root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise _Doubt
            found = cast("dict[str, object]", found)[name]
        return found

    def _object(self, schema: dict[str, Any], depth: int) -> Plain:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        others = schema.get("additionalProperties", True)
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise _Doubt
        described = cast("dict[str, object]", properties)
        if len(described) > MAX_PROPERTIES:
            raise _Doubt
        known = {str(name): self._plain(one, depth) for name, one in described.items()}
        rest = None if isinstance(others, bool) else self._plain(others, depth)
        return _object(known, frozenset(map(str, cast("list[object]", required))), rest)


def objects(schema: object) -> Iterator[dict[str, Any]]:
    """Every object in a schema, itself included."""
    todo = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            yield cast("dict[str, Any]", one)
            todo.extend(cast("dict[str, object]", one).values())
        elif isinstance(one, list):
            todo.extend(cast("list[object]", one))


def _object(known: Mapping[str, Plain], required: frozenset[str], rest: Plain | None) -> Plain:
    def look(value: Any, left: Left) -> bool:
        if type(value) not in _OBJECTS or not value.keys() >= required:
            return False
        left[0] -= len(value)
        if left[0] < 0:
            return False
        for name, item in value.items():
            plain = known.get(name, rest) if type(name) in _TEXTS else None
            if plain is None:
                return False
            if type(item) not in plain.types and (plain.look is None or not plain.look(item, left)):
                return False
        return True

    return Plain(look=look, deep=True)


def _array(items: Plain, least: object, most: object) -> Plain:
    if type(least) is not int or not (most is None or type(most) is int):
        raise _Doubt
    types, inner = items.types, items.look
    highest = MAX_VALUES if most is None else most

    def look(value: Any, left: Left) -> bool:
        if type(value) not in _ARRAYS or not least <= len(value) <= highest:
            return False
        left[0] -= len(value)
        if left[0] < 0:
            return False
        return all(type(item) in types or (inner is not None and inner(item, left)) for item in value)

    return Plain(look=look, deep=True)


def _any(some: list[Plain]) -> Plain:
    """One of ``some``, of which one at most looks inside: each value is looked at once."""
    if sum(one.deep for one in some) > 1 or len(some) > 20:
        raise _Doubt
    looks = [one.look for one in some if one.look is not None]
    types = tuple(kind for one in some for kind in one.types)
    if not looks:
        return Plain(types)
    return Plain(types, lambda value, left: any(look(value, left) for look in looks), any(one.deep for one in some))


def _scalar(schema: dict[str, Any], dialect: str | None) -> Plain:
    kinds = _kinds(schema)
    numbers = [_bound(key, schema[key]) for key in sorted(_FOR_NUMBERS & schema.keys())]
    texts = [_about_text(key, schema[key], dialect) for key in sorted(_FOR_TEXTS & schema.keys())]
    choices = _choices(schema)
    free = () if choices is not None else tuple(one for one in kinds if not _tested(one, numbers, texts))
    tested = frozenset(kinds) - set(free)
    if not tested:
        return Plain(free)
    longest = (
        sys.maxsize if choices is None else max((len(one) for _, one in choices if isinstance(one, str)), default=0)
    )

    def look(value: Any, left: Left) -> bool:
        kind: Any = cast("Any", type(value))
        if kind not in tested:
            return False
        if kind in _TEXTS:
            left[0] -= len(value) >> 8
            for test, price in texts:
                left[0] -= price(value)
                if left[0] < 0 or not test(value):
                    return False
            good = left[0] >= 0 and len(value) <= longest
        else:
            good = kind not in _NUMBERS or all(test(value) for test in numbers)
        return good and (choices is None or (str if kind is Text else kind, value) in choices)

    return Plain(free, look)


def _tested(kind: type, numbers: list[Test], texts: list[TextTest]) -> bool:
    """Whether values of this type must be looked at."""
    return bool(numbers) if kind in _NUMBERS else kind in _TEXTS and bool(texts)


def _kinds(schema: dict[str, Any]) -> tuple[type, ...]:
    said = schema.get("type", list(_TYPES))
    names = cast("list[object]", [said] if isinstance(said, str) else said)
    if not all(isinstance(one, str) and one in _TYPES for one in names):
        raise _Doubt
    return tuple(kind for one in names for kind in _TYPES[str(one)])


def _choices(schema: dict[str, Any]) -> frozenset[tuple[type, object]] | None:
    """(type, value) of what ``enum`` and ``const`` leave; numbers with a point are left to the full validator."""
    if "enum" not in schema and "const" not in schema:
        return None
    values = cast("list[Any]", schema.get("enum", [schema.get("const")]))
    if "const" in schema and "enum" in schema:
        raise _Doubt
    plain = [one for one in values if type(one) in (str, Text, int, bool, type(None))]
    kinds: list[Any] = [cast("Any", type(one)) for one in plain]
    return frozenset((str if kind is Text else kind, one) for kind, one in zip(kinds, plain, strict=True))


def _bound(key: str, bound: Any) -> Test:
    if type(bound) not in (int, float):
        raise _Doubt
    tests: Mapping[str, Test] = {
        "minimum": lambda value: value >= bound,
        "maximum": lambda value: value <= bound,
        "exclusiveMinimum": lambda value: value > bound,
        "exclusiveMaximum": lambda value: value < bound,
    }
    return tests[key]


def _about_text(key: str, wanted: Any, dialect: str | None) -> TextTest:
    if key == "minLength" and type(wanted) is int:
        return (lambda value: len(value) >= wanted), _free
    if key == "maxLength" and type(wanted) is int:
        return (lambda value: len(value) <= wanted), _free
    if key == "pattern" and isinstance(wanted, str):
        return _pattern(wanted)
    if key == "format" and isinstance(wanted, str):
        known = check_for(wanted, dialect) if dialect is not None else None
        return (known, lambda value: 4 * price(wanted, value)) if known is not None else (_anything, _free)
    raise _Doubt


def _free(text: str) -> int:
    return 0


def _anything(value: object) -> bool:
    return True


def _pattern(written: str) -> TextTest:
    try:
        known = ecma.pattern(written)
    except BadPattern:
        raise _Doubt from None
    return known.found_in, lambda value: 8 + (known.work(value) >> 7)
