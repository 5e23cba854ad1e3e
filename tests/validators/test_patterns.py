"""Patterns in schemas: jsonschema's answers, in linear work, on values that bring Python's own engine to a halt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from handrail.errors import ConfigError
from handrail.validators import SchemaValidator

EXPLOSIVE = ("^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*a){20}$", r"^([\w.-]+)+@x$", "(x+x+)+y")
_LONG = "a" * 2_000 + "!"


def _codes(schema: Any, value: object) -> list[str]:
    return [finding.code for finding in SchemaValidator(schema, id="v").check(value)]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_explosive_patterns_end(pattern: str) -> None:
    """Patterns that take exponential time elsewhere find long texts wrong, as values and as names."""
    assert _codes({"pattern": pattern}, _LONG) == ["schema.pattern"]
    assert _codes({"patternProperties": {pattern: False}}, {_LONG: 1}) == []
    assert _codes({"patternProperties": {pattern: True}, "additionalProperties": False}, {_LONG: 1}) == [
        "schema.additionalProperties"
    ]
    assert _codes({"propertyNames": {"pattern": pattern}}, {_LONG: 1}) == ["schema.pattern"]


def test_work_is_bounded() -> None:
    """A pattern over a text, or over names, that is too much work is a finding, and not an answer."""
    assert _codes({"pattern": "[a-z]{2,900}x"}, "ab" * 500_000) == ["schema.size"]
    assert _codes({"pattern": "[a-z]{2,900}x"}, "ab" * 250) == ["schema.pattern"]
    names = {f"{number:0100}": 1 for number in range(10_000)}
    assert _codes({"patternProperties": {"[0-9]{2,90}x": False}}, names) == ["schema.size"]


HONEST = (
    (r"^.{1,1000}$", "An order of 3 boxes. " * 45),
    (r"^[^<>\n]{0,5000}$", "Ordnung muß sein, 日本 too. " * 150),
    (r"^[\w.-]+@[\w-]+(\.[\w-]+)+$", "ana.maria-garcia@mail.example.com"),
    (r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$", "DE89370400440532013000"),
    (r"^\S(.{0,198}\S)?$", "A name of many words " * 9 + "here"),
    (r"^[A-Za-z0-9+/]*={0,2}$", "QUJD" * 5_000),
    (r"^(https?|ftp)://[^\s/?#]+[^\s]*$", "https://example.com/" + "path/" * 300),
)
"""(pattern, a text that fits), as people write them."""


@pytest.mark.parametrize(("pattern", "text"), HONEST)
def test_honest_patterns_are_not_too_much_work(pattern: str, text: str) -> None:
    """Texts as long as people send them are judged, right and wrong ones."""
    assert _codes({"pattern": pattern}, text) == []
    assert _codes({"pattern": pattern}, text + "\n") == ["schema.pattern"]


def test_lists_of_honest_texts_are_not_too_much_work() -> None:
    """Nor are a hundred of them, with a wrong one at the end."""
    item = {
        "properties": {
            "to": {"pattern": r"^[^@\s]+@[\w.-]+$"},
            "iban": {"pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"},
        }
    }
    right = {"to": "ana.maria-garcia@example.com", "iban": "DE89370400440532013000"}
    assert _codes({"items": item}, [right] * 100) == []
    assert _codes({"items": item}, [right] * 100 + [{**right, "iban": "none"}]) == ["schema.pattern"]


def test_the_end_is_the_end() -> None:
    """A newline at the end does not slip past ``$``, as it does in Python."""
    assert _codes({"pattern": "^[a-z]+$"}, "abc\n") == ["schema.pattern"]
    assert _codes({"pattern": "^[a-z]+$"}, "abc") == []


def test_a_pattern_that_cannot_be_bounded_is_refused() -> None:
    """With what is wrong, when the validator is made."""
    with pytest.raises(ConfigError, match="cannot be run in linear time: invalid escape sequence"):
        SchemaValidator({"properties": {"a": {"pattern": r"^(a)\1$"}}}, id="v")


_text = st.text("ab1", max_size=4)
_patterns = st.sampled_from(["^a", "b$", "a+b", "[0-9]", "^$", "(a|b)1", "^(?!a)", "^[ab]{2,3}$"])
_schemas: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.booleans(), st.builds(lambda pattern: {"type": "string", "pattern": pattern}, _patterns)),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(_text, inner, max_size=2),
            "patternProperties": st.dictionaries(_patterns, inner, max_size=2),
            "additionalProperties": inner,
        },
    ),
    max_leaves=6,
)
_values = st.recursive(_text | st.integers(0, 2), lambda inner: st.dictionaries(_text, inner, max_size=3), max_leaves=6)


@pytest.mark.parametrize("plain", [Draft202012Validator, Draft7Validator])
@settings(deadline=None)
@given(_schemas.filter(lambda schema: isinstance(schema, dict)), _values)
def test_agrees_with_jsonschema(plain: Any, schema: dict[str, Any], value: object) -> None:
    """Where jsonschema comes to an end, the findings are as many as its own."""
    written = {"$schema": plain.META_SCHEMA["$schema"], **schema}
    assert len(SchemaValidator(written, id="v").check(value)) == min(
        20, sum(1 for _ in plain(written).iter_errors(value))
    )
