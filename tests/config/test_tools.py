"""Names of tools in a handrail.toml against the tools that agents really have."""

# ruff: noqa: E501 - a table of mistakes reads best with one mistake in a line

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.config import check_tools
from handrail.config.tools import matches
from handrail.errors import PolicyError
from tests.config.conftest import Load

TOOLS = ("read_order", "refund", "wire_money")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[[rule]]\nid = "r"\nallow = "*"\ncall = "refnd"', 2, 'Rule "r" names the tool "refnd", which no agent has. Did you mean "refund"?'),
        ('[[rule]]\nid = "r"\ndeny = "*"\ncall = ["refund", "Refund"]', 2, 'Did you mean "refund"?'),
        ('[[rule]]\nid = "r"\nallow = "*"\ncall = "export_*"', 2, 'pattern "export_*", which matches no tool. Known tools: read_order'),
        ('[[delegate]]\nfrom = "*"\nto = "agent:a"\ncall = "moneys"\n[groups]\nmoney = ["refund"]', 2, 'Did you mean "money"?'),
        ('[groups]\nx = ["refund"]\nmoney = ["refundd"]', 4, 'Group "money" names the tool "refundd"'),
        ('[groups]\nrefund = ["wire_money"]\n[[rule]]\nid = "r"\nallow = "*"\ncall = "refund"', 4, "both a group and a tool"),
        ('\n[tools.refound]\neffect = "read"', 3, "[tools.refound] names the tool"),
        ('[[validate]]\nid = "v"\non = "refud.result"\nschema = {}', 2, 'Validator "v" names the tool "refud"'),
        ('[groups]\nmoney = ["refund"]\n[tools.money]\neffect = "read"', 4, 'names the tool "money", which no agent has'),
    ],
)  # fmt: skip
def test_a_name_that_no_agent_has(text: str, line: int, message: str, written: Load) -> None:
    """A rule, group, tool table or validator that could never apply is refused with line and nearest name."""
    with pytest.raises(PolicyError) as caught:
        check_tools(written(text), TOOLS)
    assert caught.value.line == line
    assert message in str(caught.value)


def test_right_names_pass(written: Load) -> None:
    """Tools, patterns that match, groups, groups in groups, and the answer are accepted."""
    loaded = written(
        '[groups]\nmoney = ["refund", "wire_*"]\nall = ["money", "read_order"]\n'
        '[[rule]]\nid = "r"\nallow = "*"\ncall = ["all", "*", "read_order"]\n'
        '[[validate]]\nid = "v"\non = "answer"\nschema = {}\n[tools.refund]\neffect = "write"\n'
    )
    check_tools(loaded, TOOLS)
    with pytest.raises(PolicyError, match="No agent has any tool"):
        check_tools(loaded, [])


def test_first_by_line(written: Load) -> None:
    """Of several mistakes the topmost is reported, so that a reader works from top to bottom."""
    text = '[[validate]]\nid = "v"\non = "a.result"\nschema = {}\n[[rule]]\nid = "r"\nallow = "*"\ncall = "b"\n'
    with pytest.raises(PolicyError) as caught:
        check_tools(written(text), TOOLS)
    assert caught.value.line == 2


@settings(deadline=None)
@given(st.text("ab*.", max_size=8), st.text("ab.", max_size=8))
def test_patterns_are_globs_of_stars_only(pattern: str, name: str) -> None:
    """For patterns of stars and plain characters the answer is that of the standard library."""
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@settings(deadline=None)
@given(st.text("?[]!a", min_size=1, max_size=6))
def test_other_wildcards_mean_themselves(text: str) -> None:
    """``?`` and ``[...]`` are no wildcards: such a pattern matches itself."""
    assert matches(text, text)
    assert not matches("?", "a")
    assert not matches("[a]", "a")


def test_what_undoes_a_tool_is_one(written: Load) -> None:
    """A function that `compensate` names may be named by rules; a slip in its name is found like any other."""
    text = '[tools.refund]\ncompensate = "bank.desk:take_back"\n[[rule]]\nid = "r"\nallow = "*"\ncall = "take_back"\n'
    check_tools(written(text), TOOLS)
    with pytest.raises(PolicyError, match='Did you mean "take_back"'):
        check_tools(written(text.replace('call = "take_back"', 'call = "take_bakc"')), TOOLS)
