"""JSON Schema in all drafts: the same verdicts as jsonschema, formats checked, and nothing that takes long."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from handrail.config.schemas import offline_registry
from handrail.errors import ConfigError
from handrail.validators import SchemaValidator, parse
from handrail.validators.dialects.formats import FORMATS

DRAFTS = {
    "draft3": "http://json-schema.org/draft-03/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
NAMES = st.sampled_from(["a", "b", "ab"])
VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, -2, 1.0, 2.5, 10**20, "", "a", "ab", "2024-01-01"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["string", "object", "array", "integer", "null", "number", "boolean"])
LEAVES = st.one_of(
    st.builds(lambda kind: {"type": kind}, TYPES),
    st.builds(lambda some: {"type": some}, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
    st.builds(lambda some: {"enum": some}, st.lists(VALUES, min_size=1, max_size=3)),
    st.builds(lambda one: {"const": one}, VALUES),
    st.fixed_dictionaries(
        {},
        optional={
            "minLength": st.integers(0, 2), "maxLength": st.integers(0, 2), "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2), "minProperties": st.integers(0, 2), "maxProperties": st.integers(0, 2),
            "multipleOf": st.sampled_from([1, 2, 0.5]), "pattern": st.sampled_from(["^a", "b$"]),
            "minimum": st.integers(0, 2), "exclusiveMaximum": st.integers(0, 2), "uniqueItems": st.booleans(),
        },
    ),
)  # fmt: skip


def _applied(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES, "properties": named, "patternProperties": st.dictionaries(st.just("^a"), inner, max_size=1),
            "additionalProperties": inner | st.booleans(), "propertyNames": inner, "items": inner | st.booleans(),
            "prefixItems": some, "contains": inner, "minContains": st.integers(0, 2), "maxContains": st.integers(0, 2),
            "allOf": some, "anyOf": some, "oneOf": some, "not": inner, "if": inner, "then": inner, "else": inner,
            "required": st.lists(NAMES, unique=True, min_size=1, max_size=2), "dependentSchemas": named,
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, unique=True), max_size=2),
            "dependencies": st.dictionaries(NAMES, st.lists(NAMES, unique=True, min_size=1), max_size=2),
            "unevaluatedItems": inner | st.booleans(), "unevaluatedProperties": inner | st.booleans(),
            "$ref": st.just("#/$defs/a"),
        },
    )  # fmt: skip


SCHEMAS = st.recursive(LEAVES, _applied, max_leaves=5)


@settings(max_examples=100, deadline=None)
@given(SCHEMAS, LEAVES, VALUES, st.sampled_from(list(DRAFTS.values())))
def test_verdicts_are_those_of_jsonschema(schema: dict[str, Any], named: Any, value: object, draft: str) -> None:
    """For any schema of any draft, and any value, what passes and what does not is as with plain jsonschema."""
    whole = {**schema, "$schema": draft, "$defs": {"a": named}}
    cls: Any = validator_for(whole)
    try:
        checked = SchemaValidator(whole, id="v")
    except ConfigError:
        return
    codes = [one.code for one in checked.check(value)]
    checked._accepts = None
    checked._quick.clear()
    assert [one.code for one in checked.check(value)] == codes
    try:
        right = cls(whole, registry=offline_registry()).is_valid(value)
    except Exception:
        assert codes == ["schema.error"] or "schema.depth" in codes
        return
    assert (codes == []) == right, codes


def _suite() -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    folder = os.environ.get("HANDRAIL_JSON_SCHEMA_TEST_SUITE")
    if not folder:
        pytest.skip(
            "Set HANDRAIL_JSON_SCHEMA_TEST_SUITE to the folder `tests` of the JSON-Schema-Test-Suite to run it."
        )
    for draft, uri in DRAFTS.items():
        for file in sorted((Path(folder) / draft).rglob("*.json")):
            for case in json.loads(file.read_text(encoding="utf-8")):
                schema = case["schema"] if isinstance(case["schema"], dict) else {"allOf": [case["schema"]]}
                name = f"{draft}/{file.stem}: {case['description']}"
                yield file.parent.name, name, {"$schema": uri, **schema}, case["tests"]


def test_the_official_suite() -> None:
    """Every case of the official suite gets the suite's verdict or jsonschema's own; the formats get the suite's."""
    different: list[str] = []
    checked = 0
    for folder, name, schema, tests in _suite():
        formats = folder == "format"
        try:
            validator = SchemaValidator(schema, id="v", formats="known" if formats else "ignored")
        except ConfigError:
            continue  # it refers to a schema elsewhere, or has a pattern that is not linear
        for test in tests:
            checked += 1
            codes = [one.code for one in validator.check(test["data"])]
            if (codes == []) != test["valid"] and (formats or (codes == []) != _plain(schema, test["data"])):
                different.append(f"{name}: {test['description']}: {codes}")
    assert checked > 7_000
    known = ("ZERO WIDTH NON-JOINER not preceded by Virama but matches", "no support for lookbehind")
    assert [one for one in different if not any(text in one for text in known)] == []


def _plain(schema: dict[str, Any], value: object) -> bool:
    cls: Any = validator_for(schema, default=Draft202012Validator)
    try:
        return bool(cls(schema, registry=offline_registry()).is_valid(value))
    except Exception:
        return False


FORMAT_EXAMPLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "date": (("2024-02-29", "0000-02-29"), ("2023-02-29", "2024-1-1", "２０２４-01-01", "2024-01-01\n")),
    "date-time": (
        ("2024-01-01T00:00:00Z", "1998-12-31T15:59:60.5-08:00", "2024-01-01t00:00:00z"),
        ("2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "1998-12-31T22:59:60Z", "2024-01-01T24:00:00Z"),
    ),
    "time": (("08:30:06Z", "23:59:60+00:00"), ("08:30:06", "8:30:06Z", "08:30:06+24:00")),
    "duration": (("P4DT12H30M5S", "P2W", "PT0S"), ("P", "PT", "P1Y2W", "P1D2H", "1D")),
    "email": (("a@b.c", '"a b"@b.c', "a@[127.0.0.1]", "a@[IPv6:::1]"), ("a", "@b", ".a@b", "a@b c", "a@[300.0.0.1]")),
    "idn-email": (("실례@실례.테스트",), ("실례", "a@")),
    "hostname": (("a.b", "xn--nxasmq6b", "1.2"), ("", "-a", "a..b", "a_b", "a" * 64, ".".join(["a" * 63] * 4))),
    "idn-hostname": (("실례.테스트", "l·l", "ß.de"), ("a·l", "-실", "\u302ea", "실" * 64)),
    "ipv4": (("1.2.3.4",), ("1.2.3", "01.2.3.4", "1.2.3.4\n", "1.2.3.4" + " " * 30, "１.2.3.4")),
    "ipv6": (("::1", "::ffff:1.2.3.4"), ("::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "::1" + " " * 70)),
    "uri": (("http://a.b/c?d#e", "urn:a:b", "http://[::1]:80/"), ("a", "//a", "http://a b", "http://[::z]/", "é:é")),
    "uri-reference": (("a", "//a/b", "#x", "", "./a:b"), ("\\a", "1a:b", "a b", "a<b")),
    "iri": (("http://ƒøø.ßår/",), ("http://2001:0db8::7334", "a")),
    "iri-reference": (("/é",), ("\\é",)),
    "uuid": (("2eb8aa08-aa98-11ea-b4aa-73b441d16380",), ("2eb8aa08aa9811eab4aa73b441d16380", "{2eb8aa08}")),
    "uri-template": (("http://a/{b:1}/{+c*}",), ("http://a/{b", "{}")),
    "json-pointer": (("", "/a~0b/~1"), ("a", "/~2", "/~")),
    "relative-json-pointer": (("1/a", "0#", "0"), ("/a", "01/a", "-1/a", "0##")),
    "regex": (("^(a|[^b])*?$", "a{2,3}", "\\d\\u0041", "(?<=a)b"), ("(", "a**", "[a", "a{3,2}", "\\Z", "]", "a)")),
    "color": (("red", "#FfF", "#a0b1c2"), ("reddish", "#ff")),
    "ip-address": (("1.2.3.4",), ("x",)),
    "host-name": (("a.b",), ("a_b",)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_formats(name: str) -> None:
    """Each format of JSON Schema has texts that are of it and texts that are not, and says which is which."""
    right, wrong = FORMAT_EXAMPLES[name]
    validator = SchemaValidator({"type": "string", "format": name}, id="v", formats="checked")
    assert [text for text in right if validator.check(text)] == []
    assert [text for text in wrong if [one.code for one in validator.check(text)] != ["schema.format"]] == []


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.text("aP1:/-.@[]{}%T0\\ é٣", max_size=12) | st.text(max_size=8))
def test_any_text_has_a_verdict_in_any_format(name: str, text: str) -> None:
    """No text makes a format's check raise, and the quick verdict is the full one."""
    validator = SchemaValidator({"format": name}, id="v")
    quickly = validator.check(text)
    validator._accepts = None
    validator._quick.clear()
    assert quickly == validator.check(text)
    assert "schema.error" not in [one.code for one in quickly]


def test_format_that_nobody_defines() -> None:
    """A misspelled format is refused where formats are to be checked, and says nothing in a tool's own schema."""
    with pytest.raises(ConfigError, match="date-time"):
        parse("schema({'format': 'datetime'})")
    assert SchemaValidator({"format": "path"}, id="v").check("x") == ()
    assert SchemaValidator({"format": "date"}, id="v", formats="ignored").check("x") == ()


WIDE = list(range(10_000))
OBJECTS = [{"a": n % 7, "b": [n]} for n in range(3_000)]
ESCAPED = {"$schema": DRAFTS["draft7"], "uniqueItems": True, "items": {"pattern": "^(a+)+$"}}


@pytest.mark.parametrize(
    ("schema", "value", "code"),
    [
        ({"anyOf": [{"items": {"type": "string"}}] * 500}, WIDE, "schema.size"),
        ({"anyOf": [{"items": False}] * 500}, WIDE, "schema.anyOf"),
        ({"oneOf": [{"type": "string"}] * 1_000}, WIDE, "schema.size"),
        ({"items": {"not": {"required": [f"n{n}" for n in range(500)]}}}, [{}] * 10_000, "schema.size"),
        ({"allOf": [{"uniqueItems": True}] * 200}, OBJECTS, "schema.size"),
        ({"properties": {"a": ESCAPED}}, {"a": OBJECTS}, "schema.size"),
        ({"items": {"multipleOf": 2**7_000 + 1}}, [2**14_000 + 1] * 500, "schema.multipleOf"),
        ({"type": "array", "contains": {"type": "string"}}, [10**5_000], "schema.size"),
        ({"unevaluatedItems": False, "contains": {"type": "string"}}, WIDE, "schema.size"),
        ({"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}}, [[[]] * 90] * 90, "schema.size"),
        ({"items": {"format": "regex", "minLength": 1}}, ["(" * 1_000] * 1_000, "schema.size"),
        ({"additionalProperties": {"minProperties": 0}}, {f"k{n}": n for n in range(9_000)}, "schema.size"),
        ({"anyOf": [{"additionalProperties": False}] * 300}, {"k" * 90_000: 1}, "schema.anyOf"),
        ({"$ref": DRAFTS["draft2020-12"]}, {"allOf": [{"properties": {"a": {}}}] * 2_000}, "schema.size"),
        ({"items": {"format": "uri"}}, [f"http://{'a' * 1_000}"] * 9_000, "schema.size"),
        ({"type": "array", "items": {"format": "idn-hostname"}}, ["실례.테스트"] * 9_000, "schema.size"),
    ],
)
def test_costly_schemas_end(schema: dict[str, Any], value: object, code: str) -> None:
    """Schemas and values made to take long end in a finding, whatever keyword, dialect or message they take it by."""
    found = SchemaValidator(schema, id="v").check(value)
    assert found[0].code == code
    assert max(len(one.message) for one in found) <= 500


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": list(range(30_000))},
        {"allOf": [{"const": "x" * 100_000}] * 300},
        {"properties": {str(n): {} for n in range(21_000)}},
    ],
)
def test_schema_that_is_too_large(schema: dict[str, Any]) -> None:
    """A schema that would take seconds to read is refused when it is built."""
    with pytest.raises(ConfigError):
        SchemaValidator(schema, id="v")


def test_shared_parts_of_a_schema_are_counted() -> None:
    """A schema that is small in memory and endless when walked is refused."""
    schema: dict[str, Any] = {}
    for _ in range(60):
        schema = {"if": schema, "then": schema}
    with pytest.raises(ConfigError, match="parts"):
        SchemaValidator(schema, id="v")


def test_one_wrong_row_of_many_is_named() -> None:
    """In a long list of plain rows, whatever stands around it, the finding is the wrong row and not its size."""
    row = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}, "required": ["id"]}
    schema = {"oneOf": [{"properties": {"rows": {"type": "array", "items": row}}, "required": ["rows"]}]}
    value = {"rows": [{"id": n, "name": "x"} for n in range(900)] + [{"id": "900"}]}
    (found,) = SchemaValidator(schema, id="v").check(value)
    assert found.code == "schema.oneOf"
    assert found.hint.startswith("/rows/900/id")


def test_option_lists_are_lists() -> None:
    """A schema written into a check is read as JSON: its lists are lists."""
    check = parse("schema({'type': 'object', 'required': ['a'], 'properties': {'a': {'enum': ['x', 'y']}}})")
    assert check.check({"a": "x"}) == ()
    assert [one.code for one in check.check({"a": "z"})] == ["schema.enum"]
    with pytest.raises(ConfigError):
        parse("schema('x')")
