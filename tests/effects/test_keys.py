"""Which effect a call is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.effects import keys

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARGS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


def _as_floats(value: Any) -> Any:
    """The same numbers, written with a point where they can be."""
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    return {name: _as_floats(item) for name, item in value.items()} if isinstance(value, dict) else value


@given(ARGS)
def test_equal_numbers_are_one_number(args: dict[str, Any]) -> None:
    """A call with 5 and one with 5.0 are the same call, however deep the number lies."""
    assert keys.identity("pay", args) == keys.identity("pay", _as_floats(args)) is not None


@given(ARGS, ARGS)
def test_other_arguments_are_another_call(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Calls are the same exactly where their arguments are equal JSON: true is not 1, and no order counts."""
    same = _shape(one) == _shape(other)
    assert (keys.identity("pay", one) == keys.identity("pay", other)) == same


def _shape(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, (int, float)):
        return ("number", value)
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return {name: _shape(item) for name, item in value.items()}


def test_numbers_in_sets_and_tuples_count_by_their_value() -> None:
    """However the arguments hold a number, 5 and 5.0 are one."""
    for one, other in (({5, 7}, {5.0, 7.0}), ((5,), (5.0,)), (frozenset({5}), frozenset({5.0}))):
        assert keys.identity("pay", {"amounts": one}) == keys.identity("pay", {"amounts": other}) is not None


def test_the_tool_the_run_and_the_occurrence_count() -> None:
    """Another tool, run or occurrence is another effect."""
    what = keys.identity("pay", {"amount": 5})
    other = keys.identity("refund", {"amount": 5})
    assert what is not None and other is not None and what != other
    runs = ("a" * 32, "b" * 32)
    assert len({keys.key(run, call, n) for run in runs for call in (what, other) for n in range(3)}) == 12


def test_what_cannot_be_compared_has_no_identity() -> None:
    """An object of which nothing is known but that it is there is never taken for another; values of a kind are."""
    assert keys.identity("pay", {"to": object()}) is None
    assert keys.identity("pay", {"amount": Decimal("1.50")}) == keys.identity("pay", {"amount": Decimal("1.50")})
    assert keys.identity("pay", {"amount": Decimal("1.50")}) != keys.identity("pay", {"amount": Decimal("1.51")})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, 1e308, -0.0, "\ud800"])
def test_strange_values_raise_nothing(value: object) -> None:
    """Whatever a program passes has an identity or none; nothing is raised."""
    found = keys.identity("pay", {"value": value})
    assert found is None or len(found) == keys.KEY_BYTES
