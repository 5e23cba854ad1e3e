"""Lookups by literal prefix find exactly what the functions accept one by one."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.policy.casbin.matcher import NotCompilable
from handrail.policy.casbin.tables import MAX_REMEMBERED_NAME, covers_table, indexed_functions, literal_prefix
from handrail.policy.patterns import Pattern

TEXTS = st.text("ab/*:{}?.^$|+()[]-\n", max_size=8)
FUNCTIONS = sorted(set(indexed_functions()) - {"ipMatch"})


def _found(keys: Collection[str], values: list[str]) -> list[str]:
    """Keys that are values of the policy; the name itself may be among the keys without being one."""
    assert len(set(keys)) == len(keys)
    return [key for key in keys if key in values]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
@given(st.lists(TEXTS, max_size=8, unique=True), st.lists(TEXTS, min_size=1, max_size=8))
def test_casbins_functions(name: str, values: list[str], names: list[str]) -> None:
    """Where a table can be made of the values, it finds those that the function accepts, each once."""
    function = indexed_functions()[name]
    try:
        find = function.table(values)
    except NotCompilable:
        return
    for asked in [*names, *values]:
        try:
            accepted = sorted(value for value in values if function.call(asked, value))
        except Exception as error:
            # Repeated groups in keyMatch4: the table raises too, and stock Casbin is asked.
            with pytest.raises(type(error)):
                find(asked)
            continue
        assert sorted(_found(find(asked), values)) == accepted


@given(
    st.lists(st.text("ab*_", max_size=7), max_size=12, unique=True), st.lists(st.text("ab_*", max_size=9), min_size=1)
)
def test_patterns_of_rules(values: list[str], names: list[str]) -> None:
    """Patterns of handrail.toml: by literal beginning, by literal end, or neither."""
    find = covers_table(values)
    for name in [*names, "x" * MAX_REMEMBERED_NAME + "ab"]:
        accepted = sorted(value for value in values if Pattern(value).covers(name))
        assert sorted(_found(find(name), values)) == accepted


def test_a_prefix_is_rather_too_short() -> None:
    """What follows a literal may take its last character away."""
    assert [literal_prefix(text) for text in ("^/a/.*", "ab*", "ab?", "ab{2}", "abc$", "a|b", "(?i)ab", "^x+")] == [
        "/a/", "a", "a", "a", "abc", "", "", "",
    ]  # fmt: skip
