"""Strict JSON, and the repair of what models slip in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.structure.json_repair import repaired
from handrail.validators.structure.strict_json import StrictJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.sampled_from([0.5, -1e20])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab'\"“\\é", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def _fixed(text: str, **options: Any) -> object:
    """The value of the repair of ``text``."""
    (found,) = StrictJson(**options).check(text)
    assert found.fix is not None, found
    assert StrictJson().check(found.fix.value) == ()
    return json.loads(str(found.fix.value))


@settings(max_examples=80, deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_json_writes_passes(value: object, indent: int | None, ascii_only: bool) -> None:
    """Whatever Python writes as JSON is strict JSON."""
    assert StrictJson().check(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == ()


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_python_literals_are_mended(value: object) -> None:
    """What Python prints of a value is JSON after the repair, and the same value, or is not mended at all."""
    text = repaired(repr(value).replace("\\x", "\\u00"))
    if text is not None:
        assert json.loads(text) == value


@settings(max_examples=80, deadline=None)
@given(VALUES, st.booleans(), st.booleans(), st.booleans())
def test_a_repair_never_changes_a_value(value: object, comma: bool, comment: bool, fence: bool) -> None:
    """JSON with commas too many, comments around it or a code fence comes back as the value that it was."""
    text = json.dumps(value, indent=1)
    assume("```" not in text)
    if comma:
        text = re.sub(r"(?<=[^\[{,\s])(\n *[\]}])", r",\1", text)
    if comment:
        text = f"// what was asked for\n{text} /* the end */"
    if fence:
        text = f"```json\n{text}\n```"
    mended = repaired(text)
    assert mended is not None
    assert json.loads(mended) == value


@settings(max_examples=100, deadline=None)
@given(st.text("{}[],:\"'a1\\ \n“”#/T`", max_size=25), st.booleans())
def test_any_text(text: str, close: bool) -> None:
    """Any text has a verdict, right JSON is never touched, and every repair is strict JSON."""
    found = StrictJson(close=close).check(text)
    try:
        json.loads(text)
    except ValueError:
        assert found
    assert all(StrictJson().check(one.fix.value) == () for one in found if one.fix)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("```\n[1]\n```\n", [1]),
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ("{'a': 'it\\'s', 'b': \"it's\"}", {"a": "it's", "b": "it's"}),
        ('{"a": True, "b": None, "c": [False]}', {"a": True, "b": None, "c": [False]}),
        ("{a: 1, $b-c: 2}", {"a": 1, "$b-c": 2}),
        ('{"a": 1, // one\n # two\n "b": 2 /* three */}', {"a": 1, "b": 2}),
        ("{“a”: “b ' c”}", {"a": "b ' c"}),
        ("{‘a’: ‘b’}", {"a": "b"}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('\ufeff{"a": 1}', {"a": 1}),
        ('{"a": "// no comment, True", }', {"a": "// no comment, True"}),
    ],
)
def test_common_slips(text: str, value: object) -> None:
    """Each slip that models make by habit is mended, and what stands inside texts is left as it is."""
    assert _fixed(text) == value


@pytest.mark.parametrize(
    "text",
    ["{'a': 'it's'}", '{"a": b}', '{"a" 1}', '{"a": 1 "b": 2}', "[1 2]", '{"a": }', "[,]", "", "{", '{"a": NaN,}',
     "Here it is: {}", '{"a": 1}}', '{"a": 1]', "[01]", "[+1]", "[.5]", '["a", "b]', "{1: 2,}",
     "```json\n{}\n``` or ```x```",
     '{"a": 1,, }', "'a' 'b'", "True story"],
)  # fmt: skip
def test_doubt_is_left_alone(text: str) -> None:
    """Where it is not clear what was meant nothing is mended, and a value is never made up."""
    found = StrictJson().check(text)
    assert found
    assert found[0].fix is None


def test_closing_brackets_only_where_asked_for() -> None:
    """A text that breaks off is mended only with ``close``, and only between values."""
    assert StrictJson().check('{"a": [1, 2')[0].fix is None
    assert _fixed('{"a": [1, 2', close=True) == {"a": [1, 2]}
    assert _fixed('{"a": [1, {"b": 2}, ', close=True) == {"a": [1, {"b": 2}]}
    for text in ('{"a": "b', '{"a":', '{"a"', '{"a": tr', '{"a": 1]'):
        assert StrictJson(close=True).check(text)[0].fix is None, text


def test_then_checks_the_value() -> None:
    """The value behind the text is checked by another check, also where the text had to be mended."""
    check = parse("strict_json(then=schema({'required': ['a'], 'properties': {'a': {'type': 'integer'}}}))")
    assert check.check('{"a": 1}') == ()
    (found,) = check.check('{"a": "1"}')
    assert (found.code, found.path, found.message) == ("schema.type", "", "/a: '1' is not of type 'integer'")
    assert [one.code for one in check.check("{'b': 1}")] == ["strict_json.syntax", "schema.required"]
    assert not StrictJson(then=lambda value: True).bounded
    assert check.bounded


@pytest.mark.parametrize(
    "written", ["strict_json(depth=0)", "strict_json(depth=101)", "strict_json(digits=1.5)", "strict_json(then=3)"]
)
def test_options_are_checked(written: str) -> None:
    """Bounds that are none, and what is no check, are refused when the check is made."""
    with pytest.raises(ConfigError):
        parse(written)
