"""Numbers in bounds, compared exactly; values that are one of those allowed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.data.ranges import OneOf, Range
from handrail.validators.data.values import exact

NUMBERS = st.integers(-(10**70), 10**70) | st.floats(allow_nan=False, allow_infinity=False)
MANY = settings(max_examples=100, deadline=None)


def as_written(value: int | float) -> Fraction:
    """The number that a literal stands for."""
    return Fraction(repr(value))


@MANY
@given(NUMBERS, NUMBERS, NUMBERS)
def test_bounds_are_compared_as_they_are_written(value: float, low: float, high: float) -> None:
    """A number passes exactly when, as a fraction of what is written, it lies between the bounds."""
    if abs(as_written(low)) >= 10**77 or abs(as_written(high)) >= 10**77 or as_written(low) > as_written(high):
        return
    found = {one.code for one in Range(min=low, max=high).check(value)}
    wanted = {"range.min"} if as_written(value) < as_written(low) else set[str]()
    assert found == (wanted | {"range.max"} if as_written(value) > as_written(high) else wanted)
    if as_written(low) != as_written(high):
        inside = as_written(low) < as_written(value) < as_written(high)
        assert bool(Range(above=low, below=high).check(value)) is not inside


@MANY
@given(st.integers(-(10**9), 10**9), st.sampled_from([0.1, 0.05, 0.01, 3, "0.001", 0.7]))
def test_a_multiple_is_one_whatever_the_step(times: int, step: float | str) -> None:
    """So many times a decimal step, written as a decimal, is a multiple of it; a thousandth more is not."""
    value = times * Decimal(str(step))
    assert not Range(multiple_of=step, text=True).check(f"{value:f}")
    assert Range(multiple_of=step).check(value + Decimal("0.0001"))[0].code == "range.step"


@given(st.integers(min_value=10**77, max_value=10**400))
def test_giant_numbers_are_beyond_every_bound(value: int) -> None:
    """A number too long to calculate with is still found to be above or below."""
    assert {one.code for one in Range(min=-5, max=5).check(value)} == {"range.max"}
    assert {one.code for one in Range(min=-5, max=5).check(-value)} == {"range.min"}
    assert not Range(min=0).check(value)


def test_texts_are_numbers_only_where_they_may_be() -> None:
    """A decimal text passes with ``text``; exponents, signs, blanks and digits of other scripts never do."""
    assert not Range(text=True, max=2).check("1.50")
    for text in ("1e3", " 1", "1 ", "1_000", "1,5", "٣", "３", "", ".5", "5.", "0x1", "--1", "NaN", "1\n"):
        assert Range(text=True).check(text)[0].code == "range.type", text


@pytest.mark.parametrize(
    "check",
    [
        "range(min=3, max=2)",
        "range(min=2, below=2)",
        "range(above=2, max=2)",
        "range(min='x')",
        "range(multiple_of=0)",
        "range(max=true)",
        "range(min=1e90)",
        "one_of()",
        "one_of('red')",
        "one_of(['a', []])",
        "one_of(['a'], case='upper')",
    ],
)
def test_options_that_mean_nothing_are_refused(check: str) -> None:
    """Bounds that exclude everything, steps of nothing and empty enumerations raise ConfigError."""
    with pytest.raises(ConfigError):
        parse(check)


@given(st.lists(st.text(max_size=8) | st.integers() | st.booleans() | st.none(), min_size=1, max_size=8), st.data())
def test_every_allowed_value_passes(values: list[str | int | bool | None], data: st.DataObject) -> None:
    """What is in the list passes; another value passes only where JSON takes it for an equal one."""
    made = OneOf(values=tuple(values), case="exact")
    assert all(not made.check(value) for value in values)
    other = data.draw(st.text(max_size=8) | st.integers() | st.booleans())
    known = any(type(one) is type(other) and one == other for one in values)
    assert bool(made.check(other)) is not known


@given(st.lists(st.from_regex(r"\A[a-z]{1,6}\Z"), min_size=1, max_size=6, unique=True), st.data())
def test_another_case_is_repaired(values: list[str], data: st.DataObject) -> None:
    """A value in capitals, with blanks around it, has the allowed spelling as fix."""
    value = data.draw(st.sampled_from(values))
    (found,) = OneOf(values=tuple(values)).check(f" {value.upper()} ")
    assert (found.code, found.fix and found.fix.value) == ("one_of.spelling", value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), float("nan")])
def test_what_is_no_number_is_refused_and_never_compared(value: object) -> None:
    """NaN and infinity of either type are no numbers, though a signalling NaN raises as soon as it is compared."""
    assert Range(min=0).check(value)[0].code == "range.type"
    assert OneOf(values=(1,)).check(value)[0].code == "one_of.unknown"


def test_a_spelling_that_could_be_two_values_is_not_repaired() -> None:
    """Where "a" and "A" are both allowed, " a " may be either, so nothing is put in its place."""
    (found,) = OneOf(values=("a", "A")).check(" a ")
    assert (found.code, found.fix) == ("one_of.unknown", None)


def test_a_list_that_is_private_is_not_told() -> None:
    """With ``tell=false`` no finding names an allowed value, not even as a hint."""
    (found,) = OneOf(values=("secret-1",), tell=False).check("secret-2")
    assert "secret-1" not in found.message + found.hint


@given(NUMBERS)
def test_a_number_is_what_is_written(value: float) -> None:
    """The exact number of an int or float is the one that its shortest text says."""
    found = exact(value)
    assert found is not None
    assert Fraction(found) == as_written(value)
