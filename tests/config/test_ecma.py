"""Patterns of JSON Schema on RE2: what they mean, which are refused, and that none takes more than linear work."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.config import ecma
from handrail.config.regex import MAX_PROGRAM, BadPattern, compiled
from handrail.config.schemas import schema_problem

DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
"""What pydantic writes for a Decimal."""
PASSWORD = r"^(?=.*\d)(?=.*[a-z]).{8,64}$"


@pytest.mark.parametrize(
    ("pattern", "found", "absent"),
    [
        (DECIMAL, ("1.5", "-0", "1.", ".5"), ("+", "", ".", "12a", "12\n")),
        (PASSWORD, ("abcdefg1",), ("abcdefgh", "12345678", "a1")),
        (r"^\u00e9+$", ("éé",), ("e", "é\n")),
        (r"\/a\/", ("x/a/b",), ("a",)),
        (r"^a\Z", ("a",), ("a\n", "ab")),
        (r"^[\w+=,.@-]{1,2048}$", ("a" * 2048, "x@y"), ("a" * 2049, "", "a b", "a\n")),
        (r"^.{1,65536}$", ("a" * 65_536,), ("a" * 65_537, "", "a\n")),
        (r"^x[ab]{2,1500}y$", ("xaby", "x" + "b" * 1500 + "y"), ("xay", "x" + "b" * 1501 + "y")),
        (r"^[ab]{2,4}$", ("ab", "abba"), ("a", "ababa", "", "ac", "ab\n")),
        (r"^.{2}$", ("é日",), ("é", "日日日", "a\n")),
        (r"^[a]{1001}$", ("a" * 1001,), ("a" * 1000, "a" * 1002)),
        (r"a{1200,}b", ("a" * 1200 + "b",), ("a" * 1199 + "b",)),
        (r"^(?!a|b)\w", ("c",), ("a", "b")),
        (r"^(?!.*[(\])])x", ("x",), ("x(", "x]")),
        (r"^\\u0041$", (r"\u0041",), ("A",)),
        (r"\d", ("1",), ("٣",)),
    ],
)
def test_meaning(pattern: str, found: tuple[str, ...], absent: tuple[str, ...]) -> None:
    """A pattern is found where ECMAScript finds it."""
    known = ecma.pattern(pattern)
    assert [text for text in found if not known.found_in(text)] == []
    assert [text for text in absent if known.found_in(text)] == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", "there is no look-around and no reference to a group"),
        (r"(?<=a)b", "there is no look-around"),
        (r"a(?!b)", "there is no look-around"),
        (r"^(?!a)b|c", "there is no look-around"),
        (r"(a", "missing )"),
        (r"^(?!a", "missing )"),
        (r"((a{100}){100}){100}", "repetition"),
        (r"x[ab]{1,99999}", "too large when its repetitions are written out"),
        (r"(\pL{1,99}){9}", "too large"),
        (r"^a{5,2}$", "ends before it begins"),
        (r"xa{5,2}", "ends before it begins"),
        ("\ud800", "surrogate"),
    ],
)
def test_refused(pattern: str, why: str) -> None:
    """What cannot run in linear time is refused, and so is a schema that holds it, however deep."""
    with pytest.raises(BadPattern, match=re.escape(why)):
        ecma.pattern(pattern)
    deep = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string", "pattern": pattern}]}}}
    assert schema_problem(deep) is not None
    assert schema_problem({"patternProperties": {pattern: True}}) is not None


def test_a_schema_with_too_many_patterns_is_refused() -> None:
    """Patterns are counted, and their sizes added up: compiling them takes time, too."""
    assert schema_problem({"allOf": [{"pattern": f"^a{n}"} for n in range(300)]}) is None
    assert schema_problem({"allOf": [{"pattern": f"^a{n}"} for n in range(302)]}) is not None
    assert schema_problem({"allOf": [{"pattern": f"a{n}.{{900}}"} for n in range(250)]}) is not None


@pytest.mark.parametrize("written", [r"^.{1,1000}$", r"^[^<>]{0,5000}$", r"^\w{20,}$"])
def test_the_length_of_one_kind_of_character_costs_nothing(written: str) -> None:
    """What people write for "at most so long" costs as much as without the bound, and nothing for a longer text."""
    plain = ecma.pattern("^(?:[^<>])*$")
    assert ecma.pattern(written).work("a" * 900) <= plain.work("a" * 900)
    assert ecma.pattern("^.{1,1000}$").work("a" * 1001) == 0


@given(st.text(max_size=20), st.text("ab01 .-", max_size=12))
@settings(deadline=None)
def test_any_pattern(written: str, text: str) -> None:
    """Any text is a pattern that answers, or is refused; nothing else is raised."""
    try:
        known = ecma.pattern(written)
    except BadPattern:
        return
    assert known.found_in(text) in (True, False)
    assert known.work(text) <= 4 * len(text) * MAX_PROGRAM * (len(known.wanted) + len(known.unwanted))


_PIECES = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", "(?:a|b)", "(ab)", ".", "0", "[0-9]", "(?:a{2,3})", "(?:(?:ab){1,2})"]
)
_SIGNS = st.sampled_from(["", "", "*", "+", "?"])


@given(st.lists(st.tuples(_PIECES, _SIGNS), max_size=5), st.booleans(), st.booleans(), st.text("ab0", max_size=8))
@settings(deadline=None)
def test_agrees_with_python(parts: list[tuple[str, str]], begin: bool, end: bool, text: str) -> None:
    """On plain patterns RE2 and Python's own engine find the same."""
    written = "^" * begin + "".join(piece + sign for piece, sign in parts) + "$" * end
    assert ecma.pattern(written).found_in(text) is (re.search(written, text) is not None)
    assert bool(compiled(written).fullmatch(text.encode())) is (re.fullmatch(written, text) is not None)
