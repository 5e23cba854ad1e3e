"""Whether JavaScript is told from what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.validators import parse

pytest.importorskip("tree_sitter_javascript", reason="the extra code is not installed")


@given(st.lists(st.sampled_from(["let a = 1;", "f(x);", "if (a) { b }", "x => y;"]), min_size=1, max_size=6), st.data())
def test_one_bracket_too_many_is_found(statements: list[str], data: st.DataObject) -> None:
    """Statements after one another pass; with a bracket that nothing opens they do not."""
    code = "\n".join(statements)
    assert not parse("javascript()").check(code)
    at = data.draw(st.integers(0, len(statements)))
    assert parse("javascript()").check("\n".join([*statements[:at], ")", *statements[at:]]))


@pytest.mark.parametrize(
    ("code", "line", "column", "excerpt", "problem"),
    [
        ("let x = ;", 1, 7, "= ;", "this cannot be read"),
        ("é;\nlet é = ;\nb", 2, 9, ";", "this cannot be read"),
        ("let y = 1;\n  let x = ;\n\nz", 2, 11, ";", "this cannot be read"),
        ("a;\nif (b", 2, 1, "if (b", "this cannot be read"),
        ("a\r\nlet x = ;", 2, 7, "= ;", "this cannot be read"),
        ("\n)", 2, 1, ")", "this cannot be read"),
        ("function () {", 1, 14, "", "} is missing"),
        ("if (a) {\n b\n", 2, 3, "", "} is missing"),
        ("x = '\ud800'", 1, 6, "\ud800'", "it holds half of a surrogate pair"),
    ],
)
def test_a_finding_says_where_and_what(code: str, line: int, column: int, excerpt: str, problem: str) -> None:
    """Line and column count characters from one, and the excerpt is from there to the end of the line."""
    (found,) = parse("javascript()").check(code)
    assert found.message == f"Line {line}, column {column}: this is not well-formed JavaScript: {problem}."
    assert found.span is not None
    assert code[slice(*found.span)] == excerpt


def test_code_in_a_fence_is_told_to_come_without() -> None:
    """What models put around code is named in the hint."""
    (found,) = parse("javascript()").check("```\nlet x = {")
    assert found.hint == "Give the code alone, without the ``` around it."
