"""A quick yes for the schemas that most tools have: an object whose properties are plain strings, numbers, booleans.

It says yes only where the full validator says yes. Anything else, a doubt included, is left to the full validator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
"""JSON type -> exact Python types that are of it beyond doubt: True is no number, and 1.0 is left to the full one."""
_SAYS_NOTHING = {"title", "description", "default", "examples"}
_ABOUT_OBJECTS = _SAYS_NOTHING | {"type", "properties", "required", "additionalProperties"}
MAX_PROPERTIES = 100
"""Schemas with more are left to the full validator."""


def acceptor(schema: Mapping[str, object]) -> Callable[[object], bool] | None:
    """A function that says yes to some of the values that fit ``schema``, and to no other; None for other schemas."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type") != "object" or not schema.keys() <= _ABOUT_OBJECTS or not isinstance(properties, dict):
        return None
    if not isinstance(schema.get("additionalProperties", True), bool) or not isinstance(required, list):
        return None
    kinds = {str(name): _kinds(described) for name, described in cast("dict[str, object]", properties).items()}
    if len(kinds) > MAX_PROPERTIES or not all(kinds.values()):
        return None
    return _accepting(cast("dict[str, tuple[type, ...]]", kinds), frozenset(map(str, cast("list[object]", required))))


def _kinds(described: object) -> tuple[type, ...] | None:
    if not isinstance(described, dict):
        return None
    said = cast("dict[str, object]", described)
    either = said.get("anyOf")
    if isinstance(either, list) and said.keys() <= _SAYS_NOTHING | {"anyOf"}:
        kinds = [_kinds(one) for one in cast("list[object]", either)]
        return tuple(kind for some in kinds if some for kind in some) if all(kinds) else None
    kind = said.get("type")
    return _KINDS.get(kind) if isinstance(kind, str) and said.keys() <= _SAYS_NOTHING | {"type"} else None


def _accepting(kinds: Mapping[str, tuple[type, ...]], required: frozenset[str]) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        if type(value) is not dict or not value.keys() >= required:  # pyright: ignore[reportUnknownMemberType]
            return False
        for name, item in cast("dict[object, object]", value).items():
            allowed = kinds.get(name) if type(name) is str else None
            if allowed is None or type(item) not in allowed:
                return False
        return True

    return accepts
