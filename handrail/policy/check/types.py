"""What an argument of a tool can be, by the tool's JSON Schema. What is not understood allows anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard
from urllib.parse import unquote

from handrail.policy.check.values import (
    ABSENT,
    ANY,
    NOTHING,
    PRESENT,
    TRUTHS,
    Scalars,
    Schema,
    Shapes,
    Span,
    Values,
    constant,
    joined,
)

MAX_NESTING = 16
"""References and combinations that are followed into each other."""

_TRUTH = Values(truths=TRUTHS)
_KINDS: Mapping[str, Values] = {
    "null": Values(null=True),
    "boolean": _TRUTH,
    "integer": Values(numbers=Scalars(whole=True)),
    "number": Values(numbers=Scalars()),
    "string": Values(texts=Scalars()),
    "array": Values(lists=Shapes()),
    "object": Values(objects=Shapes()),
}


@dataclass(frozen=True, slots=True)
class Member:
    """What stands at one step into an object or a list."""

    values: Values
    declared: bool
    """Whether a schema declares it."""
    possible: bool
    """Whether it can be there at all."""
    names: tuple[str, ...] = ()
    """Names that are declared beside it."""


def values_of(schema: Schema, depth: int = 0) -> Values:
    """Every value that ``schema`` allows, and perhaps more."""
    if depth > MAX_NESTING:
        return PRESENT
    node = schema.node
    found = _own(schema)
    for part in _parts(schema):
        found = found.meet(values_of(part, depth + 1))
    for key in ("anyOf", "oneOf"):
        if branches := _schemas(schema, node.get(key)):
            found = found.meet(joined(values_of(branch, depth + 1) for branch in branches))
    return found


def member(values: Values, step: str) -> Member:
    """What ``step`` leads to from one of ``values``."""
    found = [_property(row, step) for row in (values.objects.alternatives if values.objects else ())]
    if values.lists and step.isdigit():
        found += [_item(row, int(step), values.lists.shortest) for row in values.lists.alternatives]
    other = bool(values.null or values.truths or values.numbers or values.texts)
    absent = values.missing or other or (values.lists is not None and not step.isdigit())
    merged = joined(one.values for one in found)
    names = tuple(dict.fromkeys(name for one in found for name in one.names))
    return Member(
        merged.join(ABSENT) if absent else merged,
        any(one.declared for one in found),
        any(one.possible for one in found),
        names,
    )


def _own(schema: Schema) -> Values:
    """What the keywords of this very node allow."""
    node = schema.node
    found = _typed(node)
    if found.numbers:
        found = replace(found, numbers=found.numbers.meet(Scalars(_span(node))))
    if found.texts:
        lengths = Scalars(shortest=_size(node, "minLength") or 0, longest=_size(node, "maxLength"))
        found = replace(found, texts=found.texts.meet(lengths))
    if found.lists:
        sizes = _size(node, "minItems") or 0, _size(node, "maxItems")
        found = replace(found, lists=found.lists.meet(Shapes(((schema,),), *sizes)))
    if found.objects:
        found = replace(found, objects=found.objects.meet(Shapes(((schema,),))))
    if "const" in node:
        found = found.meet(constant(node["const"]))
    if _is_list(listed := node.get("enum")):
        found = found.meet(joined(map(constant, listed)))
    return found


def _typed(node: Mapping[str, Any]) -> Values:
    written = node.get("type")
    kinds: Sequence[Any] = written if _is_list(written) else [written]
    if written is None or not all(isinstance(kind, str) and kind in _KINDS for kind in kinds):
        return PRESENT
    found = joined(_KINDS[kind] for kind in kinds)
    return found.join(_KINDS["null"]) if node.get("nullable") is True else found


def _span(node: Mapping[str, Any]) -> Span:
    span = Span(_number(node, "minimum"), _number(node, "maximum"))
    # Draft 4 has truth values here that say whether the bound itself is left out.
    span = replace(
        span, low_open=node.get("exclusiveMinimum") is True, high_open=node.get("exclusiveMaximum") is True
    )  # fmt: skip
    return span.meet(Span(_number(node, "exclusiveMinimum"), _number(node, "exclusiveMaximum"), True, True))


def _number(node: Mapping[str, Any], key: str) -> float | None:
    value = node.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


def _size(node: Mapping[str, Any], key: str) -> int | None:
    value = _number(node, key)
    return int(value) if value is not None and abs(value) < 2**53 else None


def _parts(schema: Schema) -> list[Schema]:
    """Schemas that hold besides this node's own keywords."""
    found = _schemas(schema, schema.node.get("allOf"))
    for key in ("$ref", "$dynamicRef"):
        if isinstance(ref := schema.node.get(key), str):
            found += _schemas(schema, [_target(schema.root, ref)])
    return found


def _schemas(schema: Schema, nodes: object) -> list[Schema]:
    """The schemas of a list, with ``true`` and ``false`` as objects."""
    if not _is_list(nodes):
        return []
    return [replace(schema, node=made) for node in nodes if (made := _as_object(node)) is not None]


def _as_object(node: object) -> Mapping[str, Any] | None:
    if isinstance(node, bool):
        return {} if node else {"enum": []}
    return node if _is_object(node) else None


def _target(root: Mapping[str, Any], ref: str) -> object:
    """The node that a reference inside ``root`` names; anything goes for all others."""
    if not ref.startswith("#"):
        return True
    found: object = root
    for step in [] if ref == "#" else ref.removeprefix("#/").split("/"):
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if _is_object(found):
            found = found.get(name, True)
        elif _is_list(found) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return True
    return found


def _property(row: tuple[Schema, ...], name: str) -> Member:
    """The property ``name`` of an object for which every schema of ``row`` holds."""
    known = [_properties(schema) for schema in row]
    declared = any(name in properties for properties in known)
    values = ANY
    closed = False
    for schema, properties in zip(row, known, strict=True):
        here, shut = _declared(schema, properties, name)
        values, closed = values.meet(here.join(ABSENT)), closed or shut
    names = tuple(dict.fromkeys(key for properties in known for key in properties))
    if closed and not declared:
        return Member(ABSENT, False, False, names)
    needed = any(_is_list(listed := schema.node.get("required")) and name in listed for schema in row)
    return Member(values.present() if needed else values, declared, True, names)


def _properties(schema: Schema) -> Mapping[str, Any]:
    found = schema.node.get("properties")
    return found if _is_object(found) else {}


def _declared(schema: Schema, properties: Mapping[str, Any], name: str) -> tuple[Values, bool]:
    """What one schema says of the property, and whether it forbids it."""
    if name in properties:
        return _values_at(schema, properties[name]), False
    node = schema.node
    if "patternProperties" in node:
        return ANY, False
    more = node.get("additionalProperties")
    if more is None:
        more = node.get("unevaluatedProperties")
    if _is_object(more):
        return _values_at(schema, more), False
    # Who lists the arguments of a tool means all of them, whatever JSON Schema's default is.
    return ANY, more is False or (more is None and "properties" in node and not schema.open)


def _values_at(schema: Schema, node: object) -> Values:
    made = _as_object(node)
    return PRESENT if made is None else values_of(replace(schema, node=made))


def _item(row: tuple[Schema, ...], position: int, shortest: int) -> Member:
    """The item at ``position`` of a list for which every schema of ``row`` holds."""
    values = PRESENT
    for schema in row:
        values = values.meet(_item_values(schema, position))
    return Member(values if position < shortest else values.join(ABSENT), bool(row), not values.empty)


def _item_values(schema: Schema, position: int) -> Values:
    node = schema.node
    first = node.get("prefixItems", node.get("items"))
    if _is_list(first) and position < len(first):
        return _values_at(schema, first[position])
    rest = node.get("items") if not _is_list(node.get("items")) else node.get("additionalItems")
    return PRESENT if rest is None else _values_at(schema, rest)


def items_of(lists: Shapes) -> Values:
    """Every value that an item of such a list can have."""
    found = NOTHING
    for row in lists.alternatives:
        values = PRESENT
        for schema in row:
            values = values.meet(_any_item(schema))
        found = found.join(values)
    return found


def _any_item(schema: Schema) -> Values:
    node = schema.node
    first = node.get("prefixItems", node.get("items"))
    prefix: Iterable[int] = range(len(first)) if _is_list(first) else ()
    beyond = len(first) if _is_list(first) else 0
    return joined([_item_values(schema, beyond), *(_item_values(schema, place) for place in prefix)])


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, (list, tuple))


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
