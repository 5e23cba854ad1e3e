"""Whether JSON, TOML, XML and YAML are told from what is none, and where it is said to be wrong."""

from __future__ import annotations

import json
import tomllib
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.code.markup import Json, Toml, Xml
from handrail.validators.code.source_text import Lines
from handrail.validators.code.well_formed import WellFormed

_TEXT = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_is_written_is_read(value: object) -> None:
    """JSON that json writes is well-formed, and a duplicate of any name in it is found."""
    text = json.dumps(value)
    assert not Json().check(text)
    if isinstance(value, dict) and value:
        name = json.dumps(next(iter(value)))
        assert [one.code for one in Json().check(f"{text[:-1]}, {name}: 0}}")] == ["json.duplicate"]


@given(VALUES.filter(lambda value: isinstance(value, dict)))
def test_json_is_yaml_as_well(value: object) -> None:
    """What json writes with ASCII escapes has no YAML syntax fault of its own."""
    pytest.importorskip("yaml")
    text = json.dumps(value)
    codes = {one.code for one in parse("yaml()").check(text)}
    assert codes <= {"yaml.duplicate"}  # "\x85" and such are one key for YAML, two for JSON
    assert "yaml.syntax" in {one.code for one in parse("yaml()").check(text[:-1])}


@given(st.text(st.sampled_from('ab.=[]{}"\n1, #'), max_size=60))
def test_toml_says_the_same_as_tomllib(text: str) -> None:
    """What tomllib reads passes, and what it refuses does not."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert [one.code for one in Toml().check(text)] == ["toml.syntax"]
    else:
        assert not Toml().check(text)


_PRINTED = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Cc"]), max_size=9)


@given(st.dictionaries(st.sampled_from("abc"), _PRINTED))
def test_escaped_text_is_xml_and_a_missing_end_is_found(values: dict[str, str]) -> None:
    """Text with its special characters escaped is well-formed XML; the same without its end is not."""
    text = "<r>" + "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items()) + "</r>"
    assert not Xml().check(text)
    assert [one.code for one in Xml().check(text[:-1])] == ["xml.syntax"]


@pytest.mark.parametrize(
    ("check", "text", "begins", "excerpt"),
    [
        ("toml()", "a = 1\r\nb = ?", "Line 2, column 5: ", "?"),
        ("xml()", "<a>\n\u00e9</b>", "Line 2, column 4: ", "b>"),
        ("yaml()", "a: 1\n\u00e9: ]", "Line 2, column 4: ", "]"),
        ("yaml()", "\u00e9: 1\n\u00e9: 2", "Line 2: ", "\u00e9"),
        ("well_formed('json')", '{"a": 1,\n "\u00e9" 2}', "Line 2, column 6: ", "2}"),
    ],
)
def test_a_finding_says_where(check: str, text: str, begins: str, excerpt: str) -> None:
    """Line and column count characters from one, and the excerpt is what stands there."""
    (found,) = parse(check).check(text)
    assert found.message.startswith(begins)
    assert found.excerpt == excerpt


@given(st.text(st.sampled_from("a\u00e9\U0001f600\r\n"), max_size=30), st.data())
def test_every_character_is_found_by_its_line_and_bytes(text: str, data: st.DataObject) -> None:
    """Counting lines and then bytes in the line leads to the same character."""
    at = data.draw(st.integers(0, len(text)))
    lines = Lines(text)
    line = max(number for number, start in enumerate(lines.starts, 1) if start <= at)
    start = lines.starts[line - 1]
    assert lines.at_byte(line, len(text[start:at].encode())) == at
    assert lines.at(line, at - start + 1) == at


def test_a_language_that_is_not_read_is_an_error() -> None:
    """The config is told which languages there are."""
    with pytest.raises(ConfigError, match="cobol"):
        WellFormed("cobol")  # type: ignore[arg-type]


def test_markup_around_code_is_told() -> None:
    """Code between fences is no code, and the hint says what is to be left out."""
    for check in ("python()", "toml()", "xml()"):
        (found,) = parse(check).check("```x\nx = 1\n```")
        assert "without the ```" in found.hint
