"""Conditions over fields: what they mean, that they are exact, and that nothing breaks them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Context
from handrail.validators.data.fields import Fields

MANY = settings(max_examples=80, deadline=None)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(-(10**6), 10**6, places=3).map(float)


def codes(condition: str, value: object, **options: object) -> list[str]:
    """What a condition finds."""
    return [one.code for one in Fields(condition, **options).check(value)]  # type: ignore[arg-type]


@MANY
@given(NUMBERS, NUMBERS, NUMBERS)
def test_arithmetic_is_exact(a: float, b: float, c: float) -> None:
    """What the language calculates is what fractions of the written numbers give, nothing rounded."""
    x, y, z = (Fraction(repr(one)) for one in (a, b, c))
    value = {"a": a, "b": b, "c": c}
    assert codes("a + b == b + a and a - b == -(b - a)", value) == []
    assert (codes("a * (b + c) <= a * b + a * c", value), codes("a < b", value) == []) == ([], x < y)
    assert (codes("a + b * c > 3 / 7", value) == []) is (x + y * z > Fraction(3, 7))
    if z:
        assert (codes("a / c == b / c", value) == []) is (x == y)


@MANY
@given(NUMBERS, NUMBERS, st.integers(0, 1_000))
def test_the_tolerance_is_the_greatest_difference(a: float, b: float, thousandths: int) -> None:
    """Two numbers are equal exactly when they are no further apart than the tolerance."""
    apart = abs(Fraction(repr(a)) - Fraction(repr(b)))
    near = apart <= Fraction(thousandths, 1_000)
    assert (codes("a == b", {"a": a, "b": b}, tolerance=thousandths / 1_000) == []) is near
    assert (codes("a != b", {"a": a, "b": b}, tolerance=thousandths / 1_000) == []) is not near


@MANY
@given(st.dates(), st.integers(-2_000, 2_000))
def test_days_are_counted_as_the_calendar_has_them(day: datetime, count: int) -> None:
    """The difference of two dates is the days between them, and a date and days make that date."""
    try:
        later = day + timedelta(days=count)
    except OverflowError:
        return
    value = {"a": day.isoformat(), "b": later.isoformat(), "n": count}
    assert codes("b - a == n and a + n == b and (b > a or n <= 0)", value) == []


LOGIC = [
    ("a and b", lambda a, b: a and b),
    ("a or b", lambda a, b: a or b),
    ("a implies b", lambda a, b: not a or b),
    ("not a and not b", lambda a, b: not a and not b),
    ("not (a implies b) or a == b", lambda a, b: (a and not b) or a == b),
    ("a && !b || b && !a", lambda a, b: a != b),
]


@pytest.mark.parametrize(("condition", "meaning"), LOGIC)
@pytest.mark.parametrize("a", [True, False])
@pytest.mark.parametrize("b", [True, False])
def test_logic(condition: str, meaning: object, a: bool, b: bool) -> None:
    """Every connective has its truth table."""
    assert callable(meaning)
    assert (codes(condition, {"a": a, "b": b}) == []) is meaning(a, b)


@pytest.mark.parametrize(
    ("condition", "value", "found"),
    [
        ("a == 1", {}, ["fields.condition"]),
        ("a != 1", {}, []),
        ("a == null", {}, []),
        ("a == null", {"a": None}, []),
        ("a + 1 == 2", {}, ["fields.missing"]),
        ("a < 2", {"a": None}, ["fields.missing"]),
        ("has(a) implies a < 2", {}, []),
        ("a in [1, 2]", {}, ["fields.condition"]),
        ("a in b", {"a": 1}, ["fields.missing"]),
        ("min(lines[*].x) > 0", {"lines": []}, ["fields.missing"]),
        ("sum(lines[*].x) == 0 and count(lines[*]) == 0", {}, []),
    ],
)
def test_a_missing_field_is_null_to_equality_and_a_finding_to_arithmetic(
    condition: str, value: object, found: list[str]
) -> None:
    """By default a missing field equals only null, and cannot be calculated with."""
    assert codes(condition, value) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("a == 1", []),
        ("a < 1", []),
        ("a + b == 3", []),
        ("a == null", []),
        ("a != null", ["fields.condition"]),
        ("has(a)", ["fields.condition"]),
        ("b == 2", ["fields.condition"]),
    ],
)
def test_a_missing_field_may_switch_the_check_off(condition: str, found: list[str]) -> None:
    """With missing="skip" nothing is checked that needs it; has() and what stands beside null still are."""
    assert codes(condition, {"b": 1}, missing="skip") == found


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("a < b", {"a": "x", "b": "y"}),
        ("a < b", {"a": 1, "b": "2"}),
        ("a < b", {"a": "2024-01-01", "b": "2024-01-02T00:00:00Z"}),
        ("a < b", {"a": "2024-01-01T00:00:00", "b": "2024-01-02T00:00:00Z"}),
        ("a < b", {"a": "2024-02-30", "b": "2024-03-02"}),
        ("a + b == 1", {"a": "2024-01-01", "b": "2024-01-02"}),
        ("a * b == 1", {"a": "2024-01-01", "b": 2}),
        ("a + b == a", {"a": "9999-12-31", "b": 1}),
        ("a / b == 1", {"a": 1, "b": 0}),
        ("a and b == 1", {"a": 1, "b": 1}),
        ("a == b", {"a": [1], "b": [1]}),
        ("a == 1", {"a": float("inf")}),
        ("round(a, b) == 1", {"a": 1, "b": 1.5}),
        ("len(a) == 1", {"a": 5}),
    ],
)
def test_what_has_no_answer_is_a_finding(condition: str, value: object) -> None:
    """Order of texts, division by zero, mixed kinds of dates: said, never guessed and never raised."""
    assert codes(condition, value) == ["fields.type"]


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "a",
        "a = b",
        "a ==",
        "a == b c",
        "lines[*].x > 3",
        "sum(3) > 1",
        "sum(a, b) > 1",
        "evil(a) > 1",
        "abs(a, b) > 1",
        "len(a, b) > 1",
        "has(a, b)",
        "round(a, 1, 2) > 1",
        "min() > 1",
        "a and 3",
        "a + b",
        "(a == 1",
        "a[b] == 1",
        "a[1.5] == 1",
        "a.1 == 1",
        "'x == a",
        "a == \u0663",
        "__import__('os').system('id') == 0",
        "(" * 30 + "a == 1" + ")" * 30,
        "not " * 30 + "a == 1",
        "a == 1 or " * 200 + "a == 2",
    ],
)
def test_what_cannot_be_read_is_refused_at_once(condition: str) -> None:
    """A condition with a slip raises ConfigError that quotes it; ``a`` alone is one, being true or false."""
    if condition == "a":
        assert codes(condition, {"a": True}) == []
        return
    with pytest.raises(ConfigError, match="condition"):
        Fields(condition)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab1.$[]()*+-/<>=!&|,'\" nothadimples", max_size=40))
def test_no_condition_breaks_the_parser(condition: str) -> None:
    """Any text is either a condition, which then says something about any value, or a ConfigError."""
    try:
        made = Fields(condition)
    except ConfigError:
        return
    for value in ({}, {"a": 1, "b": "x"}, {"a": {"b": [1]}}, None):
        assert all(one.code.startswith(("fields.", "unchecked.")) for one in made.check(value))


def test_a_finding_tells_the_values_and_the_place() -> None:
    """The model is told what does not hold and what the fields are; the path leads to the field that had to fit."""
    (found,) = Fields("country == 'DE' implies net + tax == total").check(
        {"country": "DE", "net": 1, "tax": 2, "total": 4}
    )
    assert found.message.endswith("does not hold: country is 'DE', net is 1, tax is 2, total is 4.")
    (found,) = Fields("order.total <= limit", message="The order is above the limit").check(
        {"order": {"total": 9}, "limit": 3}
    )
    assert (found.message, found.path) == (
        "The order is above the limit: order.total is 9, limit is 3.",
        "/order/total",
    )


@pytest.mark.parametrize(
    ("condition", "value", "said"),
    [
        ("a and b", {"a": 1, "b": True}, "a number is neither true nor false"),
        ("a < 3", {"a": "x"}, "a is a text, where a number is needed"),
        ("a < 3", {"a": "2024-01-01"}, "a is a date, where a number is needed"),
        ("a + 1 == 2", {"a": [1]}, "a is a list, where a number is needed"),
        ("a in b", {"a": 1, "b": 3}, "b is a number, no list"),
    ],
)
def test_a_finding_says_what_does_not_fit(condition: str, value: object, said: str) -> None:
    """What cannot be answered is told in the words of JSON."""
    (found,) = Fields(condition).check(value)
    assert found.message == f"{condition} cannot be checked: {said}."


def test_today_is_the_day_of_the_value() -> None:
    """``today`` comes from the context, so that a recorded value is checked as of its own time."""
    made, value = Fields("due <= today + 1"), {"due": "2020-03-01"}
    assert not made.check(value, Context(now=datetime(2020, 2, 29, tzinfo=UTC)))
    assert made.check(value, Context(now=datetime(2020, 2, 28, tzinfo=UTC)))


def test_fields_called_like_words_of_the_language_are_reached() -> None:
    """``$.today`` and ``$["in"]`` are fields."""
    assert codes("$.today == 3 and $['in'] == 4 and $.sum == 5", {"today": 3, "in": 4, "sum": 5}) == []
