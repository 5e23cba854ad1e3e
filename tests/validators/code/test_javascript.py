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


def test_a_finding_says_where() -> None:
    """Line and column count characters from one."""
    (found,) = parse("javascript()").check("let a = 1;\nlet é = @;")
    assert found.message.startswith("Line 2, column ")
    assert found.span is not None and found.span[0] >= 11
