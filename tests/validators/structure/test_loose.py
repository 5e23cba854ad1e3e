"""Tool descriptions that are nearly JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import SchemaValidator
from handrail.validators.structure.loose import _NAMES, strict


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"type": "dict"}, {"type": "object"}),
        ({"type": "Float"}, {"type": "number"}),
        ({"type": "any", "description": "x"}, {"description": "x"}),
        ({"type": "list[str]"}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "List[Dict[str, int]]"},
         {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer"}}}),
        ({"type": "Optional[int]"}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ({"type": "int | null"}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ({"type": ["str", "None"]}, {"type": ["string", "null"]}),
        ({"type": "str", "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "tuple", "items": [{"type": "float"}, {"type": "str"}]},
         {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "items": False, "minItems": 2}),
        ({"type": "dict",
          "properties": {"type": {"type": "str", "required": True}, "b": {"type": "int", "optional": True}}},
         {"type": "object", "properties": {"type": {"type": "string"}, "b": {"type": "integer"}}, "required": ["type"],
          "additionalProperties": False}),
        ({"type": "dict", "properties": {"a": {"type": "int"}}, "additionalProperties": True},
         {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True}),
        ({"anyOf": [{"type": "int"}, {"type": "dict"}]}, {"anyOf": [{"type": "integer"}, {"type": "object"}]}),
    ],
)  # fmt: skip
def test_what_is_converted(written: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Names of other languages, generic types, and what stands in the wrong place become JSON Schema."""
    assert strict(written) == wanted


@pytest.mark.parametrize(
    ("written", "place", "hint"),
    [
        ({"type": "dict", "properties": {"a": {"type": "datetime"}}}, "/properties/a/type", "date-time"),
        ({"type": "strng"}, "/type", "string"),
        ({"type": "string", "max_length": 3}, "/max_length", "maxLength"),
        ({"type": "dict[int, str]"}, "/type", "dict"),
        ({"type": "frozenset"}, "/type", "Types are"),
        ({"type": "set"}, "/type", "uniqueItems"),
        ({"type": 5}, "/type", "string"),
        ({"type": "array", "items": "string"}, "/items", "type"),
        ({"properties": ["a"]}, "/properties", "name"),
        ({"anyOf": {"type": "string"}}, "/anyOf", "type"),
        ({"properties": {"a": {"type": "str", "optional": True}}, "required": ["a"]}, "/properties/a/optional", "one"),
        ({"type": "list[int]", "items": {"type": "str"}}, "/type", "once"),
        ({"properties": {"a": 5}}, "/properties/a", "type"),
    ],
)
def test_what_is_refused(written: dict[str, Any], place: str, hint: str) -> None:
    """What has no one meaning is refused, with its place and with what to write instead."""
    with pytest.raises(ConfigError) as refused:
        strict(written)
    assert f" {place} " in refused.value.problem
    assert hint in str(refused.value.hint)


def test_what_is_no_schema_is_refused() -> None:
    """What would not be a JSON Schema after the conversion is refused as well, and so is what nests without end."""
    for written in ({"type": "str", "minLength": "3"}, {"$ref": "https://example.org/x"}, {"required": [1]}):
        with pytest.raises(ConfigError):
            strict(written)
    deep: dict[str, Any] = {}
    for _ in range(80):
        deep = {"items": deep}
    with pytest.raises(ConfigError, match="deeper"):
        strict(deep)


NAMES = st.sampled_from([*sorted(_NAMES), "List[int]", "Dict[str, float]"])
RAW = st.recursive(
    st.builds(lambda name: {"type": name}, NAMES)
    | st.builds(lambda some: {"enum": some}, st.lists(st.integers(0, 3), min_size=1)),
    lambda inner: st.builds(lambda one: {"type": "list", "items": one}, inner)
    | st.builds(
        lambda named, some: {"type": "dict", "properties": named, "required": [one for one in some if one in named]},
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3), st.lists(st.sampled_from("abc"), unique=True),
    ),
    max_leaves=6,
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([None, True, 1, 1.5, "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=6,
)
_PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def _fits(raw: dict[str, Any], value: Any) -> bool:
    """What the words of a description mean, said once more in Python."""
    if "enum" in raw:
        return not isinstance(value, bool) and value in raw["enum"]
    if raw["type"] == "List[int]":
        return isinstance(value, list) and all(_fits({"type": "int"}, one) for one in value)
    if raw["type"] == "Dict[str, float]":
        return isinstance(value, dict) and all(_fits({"type": "float"}, one) for one in value.values())
    kind = _NAMES[raw["type"]]
    if kind == "any":
        return True
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if kind == "array" and "items" in raw:
        return all(_fits(raw["items"], one) for one in value)
    if kind == "object" and "properties" in raw:
        known = raw["properties"]
        return set(raw["required"]) <= value.keys() <= known.keys() and all(
            _fits(known[key], value[key]) for key in value
        )
    return True


@settings(max_examples=100, deadline=None)
@given(RAW, VALUES)
def test_it_says_what_was_written(raw: dict[str, Any], value: object) -> None:
    """The converted schema accepts exactly the values that the description's words mean."""
    assert (SchemaValidator(strict(raw), id="v").check(value) == ()) == _fits(raw, value)
