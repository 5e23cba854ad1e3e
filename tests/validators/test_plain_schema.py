"""The quick yes for plain schemas: never where the full validator finds something, and there for usual tools."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.validators.plain_schema import acceptor
from handrail.validators.schema import SchemaValidator

TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"]
kinds = st.sampled_from([{"type": name} for name in TYPES] + [{"type": ["string", "null"]}, {"enum": [1]}, {}])
described = st.one_of(
    kinds,
    st.builds(lambda some: {"anyOf": some, "default": None}, st.lists(kinds, min_size=1, max_size=2)),
    st.builds(lambda kind, title: {**kind, "title": title}, kinds, st.just("a title")),
    st.builds(lambda kind: {**kind, "minimum": 1, "minLength": 2}, kinds),
)
names = st.sampled_from(["a", "b", "c"])
schemas = st.fixed_dictionaries(
    {"type": st.sampled_from(["object", "object", "array"]), "properties": st.dictionaries(names, described)},
    optional={
        "required": st.lists(names, unique=True), "additionalProperties": st.booleans() | kinds,
        "minProperties": st.just(2), "title": st.just("t"),
    },
)  # fmt: skip
items = st.sampled_from([None, True, False, 0, 1, -3, 2**70, 0.0, 1.0, 1.5, "", "x", [], [1], {}, {"a": 1}])
values = st.dictionaries(names, items, max_size=3) | items


@settings(max_examples=120, deadline=None)
@given(schema=schemas, some=st.lists(values, max_size=6))
def test_it_says_yes_only_where_nothing_is_found(schema: dict[str, Any], some: list[Any]) -> None:
    """For any schema and value: a quick yes is one that the full validator gives too."""
    accepts = acceptor(schema)
    full = SchemaValidator(schema, id="arguments")
    full._accepts = None
    full._quick.clear()
    for value in some:
        if accepts is not None and accepts(value):
            assert full.check(value) == ()


@pytest.mark.parametrize(
    ("value", "quickly"),
    [({"text": "x", "number": 1}, True), ({"text": "x", "number": 1, "note": None}, True), ({"text": "x"}, False),
     ({"text": "x", "number": True}, False), ({"text": "x", "number": 1, "more": 1}, False), (None, False)],
)  # fmt: skip
def test_the_usual_schema_of_a_tool_has_one(value: object, quickly: bool) -> None:
    """Strings and numbers, one optional, as frameworks describe them: right values pass without the full validator."""
    schema = {
        "type": "object", "title": "note", "required": ["text", "number"], "description": "Keep a note.",
        "properties": {
            "text": {"title": "Text", "type": "string"}, "number": {"title": "Number", "type": "integer"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
    }  # fmt: skip
    accepts = acceptor(schema)
    assert accepts is not None and accepts(value) is quickly
