"""The line of a part of a JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.cli.validate.places import line_of, offset_of
from handrail.validators.findings import pointer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text('ab"\\[]{}:,/~\n', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\/~:,', max_size=3), inner, max_size=3),
    max_leaves=12,
)


def _parts(value: Any, at: str = "") -> list[tuple[str, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(at, value), *(found for key, one in inner for found in _parts(one, at + pointer(key)))]


@settings(max_examples=100, deadline=None)
@given(JSON, st.sampled_from([None, 1, 2]))
def test_what_stands_at_the_offset_is_the_part(value: Any, indent: int | None) -> None:
    """For every part of every value, reading JSON from the offset of its pointer gives that part again."""
    text = json.dumps(value, indent=indent)
    for path, part in _parts(value):
        assert json.JSONDecoder().raw_decode(text, offset_of(text, path))[0] == part


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('{\n"a": 1,\n"b": [\n1,\n{"c": 2}]}', "/b/1/c", 5),
        ('\n\n{"a": 1}', "", 3),
        ('{\n"a": 1}', "/no/such", 1),
        ('{"a":\n1,\n"a":\n2}', "/a", 4),
        ("", "/a", 1),
        ("]]}},,::", "/0", 1),
    ],
)
def test_the_line_of_a_path(text: str, path: str, line: int) -> None:
    """Lines count from 1; the last of two equal keys counts; what is not there is where the value begins."""
    assert line_of(text, path) == line
