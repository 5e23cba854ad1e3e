"""The JSON Schema validator: what it finds, and that nothing makes it hang, fetch or raise."""

# ruff: noqa: E501 - schemas read best in one line

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from handrail.errors import ConfigError
from handrail.validators import Finding, SchemaValidator

REFUND: dict[str, object] = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "a/b~c": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["amount"],
    "additionalProperties": False,
}
NODE: dict[str, object] = {
    "$defs": {"node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}, "required": ["name"]}},
    "$ref": "#/$defs/node",
}


def _bomb(applicator: str, levels: int = 40) -> dict[str, object]:
    """A small schema whose references double at each of ``levels``."""

    def twice(name: str) -> object:
        inner = {"$ref": f"#/$defs/{name}"}
        return {"x": inner, "y": inner} if applicator == "dependentSchemas" else [inner, inner]

    defs: dict[str, object] = {f"a{i}": {applicator: twice(f"a{i + 1}")} for i in range(levels)}
    return {"$defs": defs | {f"a{levels}": {"type": "object"}}, "$ref": "#/$defs/a0"}


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"name": "leaf"}
    for _ in range(levels):
        value = {"name": "node", "child": value}
    return value


def _codes(schema: dict[str, object], value: object) -> list[str]:
    return [finding.code for finding in SchemaValidator(schema, id="v").check(value)]


@pytest.mark.parametrize(
    ("value", "code", "path"),
    [
        ({"currency": "EUR"}, "schema.required", ""),
        ({"amount": "5"}, "schema.type", "/amount"),
        ({"amount": 0}, "schema.exclusiveMinimum", "/amount"),
        ({"amount": 1, "currency": "eur"}, "schema.enum", "/currency"),
        ({"amount": 1, "to": "x"}, "schema.additionalProperties", ""),
        ({"amount": 1, "a/b~c": [1, "2"]}, "schema.type", "/a~1b~0c/1"),
        ([], "schema.type", ""),
    ],
)
def test_finding(value: object, code: str, path: str) -> None:
    """A finding carries the keyword that failed, a JSON pointer to the spot, a message and the validator's id."""
    (finding,) = SchemaValidator(REFUND, id="refunds").check(value)
    assert (finding.code, finding.path, finding.validator, finding.severity) == (code, path, "refunds", "error")
    assert finding.message


def test_right_value_has_no_findings() -> None:
    """What the schema allows gives nothing."""
    assert SchemaValidator(REFUND, id="v").check({"amount": 1.5, "currency": "EUR"}) == ()


def test_true_is_no_number() -> None:
    """A boolean does not pass for an integer, nor 1 for true."""
    assert _codes({"type": "integer"}, True) == ["schema.type"]
    assert _codes({"const": True}, 1) == ["schema.const"]


def test_findings_are_capped() -> None:
    """A value that is wrong in a thousand places gives twenty findings, each of bounded length."""
    findings = SchemaValidator({"items": {"maxLength": 1}}, id="v").check(["x" * 10_000] * 1000)
    assert len(findings) == 20
    assert max(len(finding.message) for finding in findings) <= 500


def test_deep_value() -> None:
    """100 levels are checked to the bottom; more give the one finding schema.depth."""
    validator = SchemaValidator(NODE, id="v")
    assert validator.check(_deep(99)) == ()
    wrong = _deep(99)
    spot = wrong
    while "child" in spot:
        spot = spot["child"]
    del spot["name"]
    (finding,) = validator.check(wrong)
    assert (finding.code, finding.path) == ("schema.required", "/child" * 99)
    for levels in (101, 50_000):
        (finding,) = validator.check(_deep(levels))
        assert finding.code == "schema.depth"


def test_value_that_shares_itself() -> None:
    """A value that is small in memory and endless when walked is refused, as is one that contains itself."""
    value: list[Any] = []
    for _ in range(90):
        value = [value, value]
    assert _codes({}, value) == ["schema.size"]
    loop: list[Any] = []
    loop.append(loop)
    assert _codes({}, loop) == ["schema.depth"]


@pytest.mark.parametrize("applicator", ["allOf", "anyOf", "oneOf", "dependentSchemas"])
def test_reference_bomb(applicator: str) -> None:
    """References that double forty times end in one finding, wherever unevaluatedProperties stands."""
    bomb = _bomb(applicator)
    value = {"x": 1, "y": 2}
    expected = [] if applicator == "anyOf" else ["schema.size"]
    assert _codes(bomb, value) == expected
    assert _codes({"unevaluatedProperties": False, **bomb}, value) == ["schema.size"]


def test_reference_bomb_over_a_deep_value() -> None:
    """References that double at each level of the value end in one finding."""
    twice = [{"$ref": "#/$defs/node"}, {"$ref": "#/$defs/node"}]
    schema: dict[str, object] = {"$defs": {"node": {"properties": {"child": {"allOf": twice}}}}, "$ref": "#/$defs/node"}
    assert _codes(schema, _deep(3)) == []
    assert _codes(schema, _deep(60)) == ["schema.size"]


def test_reference_to_itself() -> None:
    """A schema that only says "see above" finds every value wrong instead of never ending."""
    assert _codes({"$ref": "#"}, 1) == ["schema.depth"]


def test_budget_is_each_checks_own() -> None:
    """A check that ran out of work leaves nothing behind for the next one, in any thread."""
    bomb, good = SchemaValidator(_bomb("allOf"), id="b"), SchemaValidator(REFUND, id="g")

    def both(_: int) -> tuple[tuple[Finding, ...], ...]:
        return bomb.check({})[:1], good.check({"amount": 1})

    with ThreadPoolExecutor(2) as pool:
        for bombed, fine in pool.map(both, range(2)):
            assert [finding.code for finding in bombed] == ["schema.size"]
            assert fine == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"pattern": "("},
        {"properties": 3},
        {"$schema": 5},
        {"$ref": "#/$defs/missing"},
        {"properties": {"a": {"$ref": "https://example.org/schema.json"}}},
        {"items": {"$dynamicRef": "https://example.org/schema.json#a"}},
        {"$ref": "file:///etc/hostname"},
        {"$id": "https://example.org/a", "items": {"$ref": "b"}},
        {"default": float("nan")},
        {"default": {1, 2}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": {"$ref": "#/definitions/x"}},
        {"not": _deep(200)},
        [],
        True,
    ],
)
def test_broken_schema(schema: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema that is none, or leads out of itself, is refused when it is built, and no connection is tried."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConfigError, match='validator "v" is not a usable JSON Schema'):
        SchemaValidator(schema, id="v")


def test_references_that_stay_inside() -> None:
    """Definitions, anchors, ids inside the schema, and the dialect's own schema resolve."""
    assert _codes({"$defs": {"a": {"$anchor": "here", "type": "string"}}, "items": {"$ref": "#here"}}, [1]) == [
        "schema.type"
    ]
    inner = {"$id": "https://example.org/inner", "type": "string"}
    assert _codes({"$defs": {"a": inner}, "items": {"$ref": "https://example.org/inner"}}, [1]) == ["schema.type"]
    assert _codes({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": 5}) == ["schema.anyOf"]
    assert _codes({"enum": [{"$ref": "https://example.org/just-a-value"}]}, 1) == ["schema.enum"]


def test_dialect() -> None:
    """A tool's schema that names draft-07 is read as draft-07; an unknown dialect as 2020-12."""
    pair = [{"type": "string"}, {"type": "integer"}]
    assert _codes({"$schema": "http://json-schema.org/draft-07/schema#", "items": pair}, ["a", "b"]) == ["schema.type"]
    assert _codes({"$schema": "https://example.org/mine", "prefixItems": pair}, ["a", "b"]) == ["schema.type"]


def test_schema_is_copied() -> None:
    """Changing the schema afterwards does not change what is checked."""
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"type": "string"}}}
    validator = SchemaValidator(schema, id="v")
    schema["properties"] = {}
    assert [finding.code for finding in validator.check({"a": 1})] == ["schema.type"]


def test_checker_that_breaks_is_a_finding(caplog: pytest.LogCaptureFixture) -> None:
    """What the checker cannot compute is wrong, not an exception and not right; the value is not logged."""
    assert _codes({"multipleOf": 0.01}, 10**400) == ["schema.error"]
    assert "OverflowError" in caplog.text
    assert "1000000" not in caplog.text


_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 1.5]), st.text("ab", max_size=3)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text("ab", max_size=2), inner, max_size=4)),
    max_leaves=12,
)


def _subschemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
                "items": inner,
                "additionalProperties": inner,
                "unevaluatedProperties": inner,
                "required": st.lists(st.text("ab", max_size=2), unique=True, max_size=2),
                "uniqueItems": st.booleans(),
                "not": inner,
                "if": inner,
                "then": inner,
            },
        ),
        st.builds(lambda key, parts: {key: parts}, st.sampled_from(["allOf", "anyOf", "oneOf"]), st.lists(inner, min_size=1, max_size=3)),
    )  # fmt: skip


_schemas = st.recursive(
    st.one_of(
        st.builds(
            lambda kind: {"type": kind}, st.sampled_from(["string", "object", "array", "integer", "null", "number"])
        ),
        st.builds(lambda value: {"const": value}, _json),
        st.builds(lambda most: {"maxLength": most}, st.integers(0, 3)),
        st.just({}),
    ),
    _subschemas,
    max_leaves=6,
)


@settings(deadline=None)
@given(_schemas, _json)
def test_agrees_with_jsonschema(schema: dict[str, object], value: object) -> None:
    """For any schema and value the verdict, and the number of findings up to the cap, are those of plain jsonschema."""
    plain = sum(1 for _ in Draft202012Validator(schema).iter_errors(value))
    assert len(SchemaValidator(schema, id="v").check(value)) == min(plain, 20)


@settings(deadline=None)
@given(st.lists(_json, max_size=6))
def test_unique_items_agrees(value: list[Any]) -> None:
    """The linear uniqueItems gives jsonschema's own answer, 1 and 1.0 and true included."""
    assert (_codes({"uniqueItems": True}, value) == []) == Draft202012Validator({"uniqueItems": True}).is_valid(value)


@settings(deadline=None)
@given(_schemas, _json)
def test_pointer_leads_to_the_spot(schema: dict[str, object], value: object) -> None:
    """The path of every finding can be walked in the value."""
    for finding in SchemaValidator(schema, id="v").check(value):
        spot: Any = value
        for part in finding.path.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            spot = spot[int(key)] if isinstance(spot, list) else spot[key]


@settings(deadline=None)
@given(
    st.recursive(
        _json | st.binary() | st.dates() | st.sets(st.integers()),
        lambda inner: st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
        max_leaves=5,
    )
)
def test_no_value_makes_it_raise(value: object) -> None:
    """Values that are no JSON are findings or pass, never an exception."""
    assert isinstance(SchemaValidator(REFUND, id="v").check(value), tuple)
