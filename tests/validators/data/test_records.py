"""Sums, money, measures, dates and references."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Call, Context, Run, parse
from handrail.validators.data.dates import BusinessDay, Date, DateOrder, DateTime
from handrail.validators.data.moments import bound
from handrail.validators.data.money import DECIMALS, Money
from handrail.validators.data.sums import AddsUp, LineTotals, Shares
from handrail.validators.data.tables import InTable, KnownFrom, UniqueBy, fingerprint
from handrail.validators.data.units import UNITS, Quantity, SameUnit
from handrail.validators.findings import Findings
from handrail.validators.paths import Budget

MANY = settings(max_examples=60, deadline=None)
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3).map(round).map(float) | st.text("ab", max_size=2)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=1), inner), max_leaves=6
)


def codes(found: Findings) -> set[str]:
    """The codes of findings."""
    return {one.code for one in found}


@MANY
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=30), st.integers(0, 10**40))
def test_a_total_is_right_to_the_last_digit(cents: list[int], whole: int) -> None:
    """The exact sum of amounts in cents and of a large one passes; one cent more does not."""
    amounts = [*(one / 100 for one in cents), whole]
    total = sum(cents) + 100 * whole
    made = AddsUp("$.total", "$.lines[*]", text=True)
    assert not made.check({"total": written(total), "lines": amounts})
    assert codes(made.check({"total": written(total + 1), "lines": amounts})) == {"adds_up.total"}


def written(cents: int) -> str:
    """An amount in cents as a decimal text."""
    return f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02}"


@MANY
@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 10**7)), min_size=1, max_size=10), st.integers(0, 9))
def test_a_wrong_line_is_found_where_it_stands(lines: list[tuple[int, int]], at: int) -> None:
    """Lines whose amount is quantity times price pass; the one that is a cent off is found by its place."""
    rows = [{"quantity": count, "price": cents / 100, "amount": count * cents / 100} for count, cents in lines]
    assert not LineTotals().check({"lines": rows})
    at %= len(rows)
    rows[at]["amount"] = (lines[at][0] * lines[at][1] + 1) / 100
    assert [one.path for one in LineTotals().check({"lines": rows})] == [f"/lines/{at}/amount"]


@MANY
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_shares_are_the_whole(cuts: list[int]) -> None:
    """Pieces of a hundred add up to it; without one of them they do not."""
    edges = [0, *sorted(cuts), 10_000]
    pieces = [(after - before) / 100 for before, after in pairwise(edges)]
    assert not Shares().check(pieces)
    largest = max(pieces)
    pieces.remove(largest)
    assert "shares.total" in codes(Shares().check(pieces)) or not pieces


@pytest.mark.parametrize(("code", "decimals"), sorted(DECIMALS.items(), key=str))
def test_no_amount_is_finer_than_its_currency(code: str, decimals: int | None) -> None:
    """The smallest unit of every currency passes, a tenth of it does not; what has no unit may be any."""
    unit = Decimal(1).scaleb(-(decimals or 0))
    assert not Money().check({"amount": str(unit), "currency": code})
    found = codes(Money().check({"amount": f"{unit / 10:f}", "currency": code}))
    assert found == (set() if decimals is None else {"money.decimals"})


@MANY
@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.integers(1, 10**6))
def test_measures_are_compared_across_units(unit: str, other: str, amount: int) -> None:
    """A quantity is within a bound exactly when it is once both are converted; another dimension never fits."""
    found = codes(Quantity(unit, max=amount).check({"amount": amount, "unit": other}))
    if UNITS[unit].dimension != UNITS[other].dimension:
        assert found == {"quantity.dimension"}
        assert codes(SameUnit(("$[*]",), convertible=True).check([unit, other])) == {"same_unit.differs"}
    else:
        assert bool(found) is (UNITS[other].base(Decimal(amount)) > UNITS[unit].base(Decimal(amount)))


@pytest.mark.parametrize(
    ("quantity", "unit", "value"),
    [
        ("212 °F", "degC", 100),
        ("1 lb", "g", "453.59237"),
        ("1 mi", "km", "1.609344"),
        ("1 kWh", "MJ", "3.6"),
        ("1 h", "s", 3600),
    ],
)
def test_factors_are_those_of_the_tables(quantity: str, unit: str, value: float) -> None:
    """Known conversions are exact: the quantity is neither below nor above its value."""
    assert not Quantity(unit, min=value, max=value).check(quantity)


@MANY
@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_every_day_passes_and_other_orders_do_not(day: date) -> None:
    """Every day of the calendar passes as ISO writes it; forms in the same order are repaired to it; others are not."""
    assert not Date().check(day.isoformat())
    for text in (f"{day.year:04}/{day.month}/{day.day}", f"{day.year:04}{day.month:02}{day.day:02}"):
        (found,) = Date().check(text)
        assert (found.code, found.fix and found.fix.value) == ("date.form", day.isoformat())
    (found,) = Date().check(f"{day.day:02}/{day.month:02}/{day.year:04}")
    assert (found.code, found.fix) == ("date.form", None)


@MANY
@given(st.datetimes(timezones=st.timezones()).map(lambda at: at.replace(microsecond=0)), st.integers(-60, 60))
def test_days_relative_to_today(now: datetime, days: int) -> None:
    """A day passes ``today-30d`` to ``today+30d`` exactly when it is at most 30 days from the day in UTC."""
    assume(1 < now.year < 9998)
    context = Context(now=now)
    day = context.today + timedelta(days=days)
    found = Date(min="today-30d", max="today+30d").check(day.isoformat(), context)
    assert bool(found) is (abs(days) > 30)
    assert not DateTime().check(now.astimezone(UTC).isoformat())


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("today-1m", "2024-03-31", "2024-02-29"),
        ("today+1m", "2024-01-31", "2024-02-29"),
        ("today-1y", "2024-02-29", "2023-02-28"),
        ("today+2w", "2024-02-20", "2024-03-05"),
        ("today+99999y", "2024-01-01", "9999-12-31"),
        ("today-99999d", "0005-01-01", "0001-01-01"),
    ],
)
def test_months_end_where_they_end(text: str, today: str, day: str) -> None:
    """A month from the 31st is the last day of the next, and no distance leaves the calendar."""
    made = bound("min", text)
    assert made is not None
    assert made.on(date.fromisoformat(today)).isoformat() == day


@MANY
@given(st.lists(st.dates(), min_size=1, max_size=6))
def test_dates_in_order(days: list[date]) -> None:
    """A list of days has no finding exactly when it is sorted, strictly so unless equal ones are allowed."""
    texts = [one.isoformat() for one in days]
    assert bool(DateOrder(("$[*]",), equal=True).check(texts)) is (days != sorted(days))
    assert bool(DateOrder(("$[*]",)).check(texts)) is (days != sorted(set(days)))


@MANY
@given(st.dates())
def test_business_is_done_on_weekdays(day: date) -> None:
    """A day passes exactly when it is neither a Saturday nor a Sunday nor a holiday."""
    free = day.isoweekday() > 5 or (day.month, day.day) == (1, 1)
    assert bool(BusinessDay(holidays=("01-01",)).check(day.isoformat())) is free


@MANY
@given(st.lists(VALUES, max_size=8), st.randoms(use_true_random=False))
def test_rows_are_unique_as_json_sees_it(rows: list[object], order: random.Random) -> None:
    """A list has no finding exactly when no two of its elements are equal, whatever the order of their keys."""
    pairs = [(a, b) for at, a in enumerate(rows) for b in rows[at + 1 :]]
    assert bool(UniqueBy().check(rows)) is any(_equal(a, b) for a, b in pairs)
    for row in rows:
        if isinstance(row, dict):
            keys = list(row)
            order.shuffle(keys)
            assert fingerprint(row, Budget()) == fingerprint({key: row[key] for key in keys}, Budget())


def _equal(a: object, b: object) -> bool:
    """Whether JSON takes two values for equal: True and 1 are not, 1 and 1.0 are."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a == b


@MANY
@given(
    st.lists(st.tuples(st.text("ab", max_size=2), st.integers(0, 3)), min_size=1, max_size=6),
    st.text("ab", max_size=2),
    st.integers(0, 3),
)
def test_a_composite_key_is_found_exactly_when_a_row_has_it(rows: list[tuple[str, int]], name: str, code: int) -> None:
    """Both columns of one row must fit, not one of each of two rows."""
    made = InTable(table=tuple({"name": one, "code": two} for one, two in rows), column=("name", "code"))
    assert bool(made.check({"name": name, "code": code})) is ((name, code) not in rows)


@MANY
@given(st.lists(st.integers(0, 50), max_size=10), st.integers(0, 50))
def test_an_id_is_known_exactly_when_a_result_has_it(ids: list[int], wanted: int) -> None:
    """An id passes exactly when an earlier result of the tool has it at the path."""
    run = Run(calls=[Call("find", result=[{"id": one} for one in ids]), Call("other", result=[{"id": wanted}])])
    found = codes(KnownFrom("find", "$[*].id").check(wanted, Context(run=run)))
    assert found == (set() if wanted in ids else {"known_from.unknown"})


def test_only_known_from_looks_at_the_run() -> None:
    """Where no run is remembered, the other checks need none."""
    assert parse("known_from()").needs_run
    assert not parse("in_table(['a']) & fields('a == 1') & iban()").needs_run


@pytest.mark.parametrize(
    "check",
    [
        "adds_up('$.total', [])",
        "adds_up('$.total', '$..x')",
        "adds_up('$.total', '$.x', tolerance=-1)",
        "line_totals(lines='$.[')",
        "shares(total=0)",
        "currency(allowed=['EURO'])",
        "same_currency([])",
        "unit('weight')",
        "quantity('kilo')",
        "quantity('kg', max='x')",
        "same_unit([])",
        "date(min='yesterday')",
        "date(min='2024-02-30')",
        "datetime(max='today+1q')",
        "date_order([])",
        "business_day(holidays=['25.12.'])",
        "business_day(holidays=['25.12'])",
        "business_day(weekend=['saturday'])",
        "business_day(region='$.x')",
        "business_day(holidays={'DE': []}, region='FR')",
        "in_table()",
        "in_table(['a'], table=[{'id': 1}], column='id')",
        "in_table(table=[{'id': []}], column='id')",
        "in_table(table=[{'id': 1}], column='key')",
        "in_table(table=[{'a': 1, 'b': 2}], column=['a', 'b'], fields=['x'])",
        "known_from(path='$[')",
        "unique_by(rows='$[')",
        "required_with('$.a', 'b')",
        "exclusive_fields(['$.a'])",
    ],
)
def test_options_that_mean_nothing_are_refused(check: str) -> None:
    """An option that cannot be what its user meant raises ConfigError when the check is made."""
    with pytest.raises(ConfigError):
        parse(check)
