"""Numbers, dates, names and links of an answer, against plain definitions of what they mean."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Call, Check, Source, parse
from handrail.validators.grounding.dates import DatesGrounded
from handrail.validators.grounding.links import LinksGrounded, host_of
from handrail.validators.grounding.names import NamesGrounded
from handrail.validators.grounding.numbers import NumbersGrounded
from tests.validators.grounding.kit import seen

FORMATS = st.sampled_from(
    [(",", "."), (".", ","), (" ", ","), ("\u202f", ","), ("'", "."), ("’", "."), ("", "."), ("", ",")]
)
CENTS = st.integers(100_000, 10**9).filter(lambda cents: cents % 10)
STRICT = NumbersGrounded(derive=(), rounding=False)


def written(cents: int, style: tuple[str, str]) -> str:
    """An amount with two decimals, as a country writes it."""
    group, point = style
    return f"{Decimal(cents) / 100:,.2f}".replace(",", "_").replace(".", point).replace("_", group)


def codes(check: Check, answer: object, *sources: str, calls: tuple[Call, ...] = ()) -> set[str]:
    """What is found of an answer from these sources."""
    known = seen(*(Source(str(number), text) for number, text in enumerate(sources)), calls=calls)
    return {one.code for one in check.check(answer, known)}


@given(CENTS, FORMATS, FORMATS)
@settings(max_examples=80)
def test_a_number_is_itself_in_every_country(cents: int, here: tuple[str, str], there: tuple[str, str]) -> None:
    """However an amount is written, an answer that writes it otherwise has it from there."""
    assert codes(STRICT, f"It is {written(cents, here)} EUR.", f"Costs: {written(cents, there)} EUR") == set()


@given(CENTS, st.integers(1, 9), FORMATS)
@settings(max_examples=80)
def test_a_changed_number_is_found(cents: int, by: int, style: tuple[str, str]) -> None:
    """A digit that differs is another number."""
    other = written(cents + by, style)
    assert codes(STRICT, f"It is {other} EUR.", f"Costs {written(cents, style)} EUR") == {"numbers_grounded.missing"}


@given(st.integers(1_000, 10**6), st.integers(1_000, 10**6))
@settings(max_examples=80)
def test_what_is_computed_from_two_numbers_is_grounded(a: int, b: int) -> None:
    """Sum, difference, product, ratio and percent of two known numbers pass where they are asked for, else not."""
    assume(a != b)
    made = {
        "sum": a + b,
        "difference": abs(a - b),
        "product": a * b,
        "ratio": round(a / b, 6),
        "percent": round(100 * a / b, 4),
    }
    for way, value in made.items():
        check = NumbersGrounded(derive=(way,), tolerance=1e-3)  # type: ignore[arg-type]
        assert codes(check, f"{value:.6f}", f"{a} and {b}") == set(), way
    strict = NumbersGrounded(derive=(), rounding=False)
    assert codes(strict, f"{a + b}", f"{a} and {b}") == {"numbers_grounded.missing"}


def test_a_number_is_not_computed_from_itself() -> None:
    """Twice a number, or a number less itself, is nothing that two numbers say."""
    assert codes(NumbersGrounded(derive=("sum", "difference")), "246", "123") == {"numbers_grounded.missing"}
    assert codes(NumbersGrounded(derive=("ratio",)), "1.0", "123") == {"numbers_grounded.missing"}


def test_totals_and_counts_are_those_of_lists_in_results() -> None:
    """The sum under one key of a list, and the number of its items, are known; those of two lists together are not."""
    call = Call("cart", {}, result={"a": [{"p": 1.25}, {"p": 2.5}, {"p": 5.5}], "b": [7.75, 0.5]})
    check = NumbersGrounded(derive=("sum", "count"))
    assert codes(check, "9.25 for 3 items, 8.25 for 2", calls=(call,)) == set()
    assert codes(NumbersGrounded(derive=("count",)), "9.25", calls=(call,)) == {"numbers_grounded.missing"}
    assert codes(check, "17.51", calls=(call,)) == {"numbers_grounded.missing"}


@given(st.lists(st.lists(st.integers(1_000, 9_999), max_size=4), max_size=4), st.integers(1_000, 9_999))
@settings(max_examples=60)
def test_a_run_that_grows_is_read_on(texts: list[list[int]], asked: int) -> None:
    """One check that is asked again and again while sources come in says each time what a new one would."""
    check = NumbersGrounded(derive=())
    sources: list[Source] = []
    for number, text in enumerate([[], *texts]):
        sources.append(Source(str(number), " ".join(map(str, text))))
        known = {one for source in sources for one in source.text.split()}
        assert bool(check.check(str(asked), seen(*sources))) == (str(asked) not in known)


def test_sources_that_are_gone_say_nothing() -> None:
    """What was remembered of a source dies with it: another one in its place is read anew."""
    check = NumbersGrounded(derive=())
    for number in range(1_000, 1_200):
        source = Source("s", str(number))
        assert check.check(str(number), seen(source)) == ()
        assert check.check(str(number + 1), seen(source))
        del source


DATES = st.dates(date(1970, 1, 2), date(2068, 12, 30))
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
MONATE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()  # noqa: SIM905
STYLES = st.sampled_from([
    lambda d: d.isoformat(), lambda d: f"{d:%Y/%m/%d}", lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d:%d.%m.%y}",
    lambda d: f"{d:%m/%d/%Y}", lambda d: f"{d:%d/%m/%Y}", lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}", lambda d: f"{MONTHS[d.month - 1][:3]}. {d.day} {d.year}",
    lambda d: f"{d.day}. {MONATE[d.month - 1]} {d.year}", lambda d: f"{d:%Y-%m-%d}T10:30:00Z",
    lambda d: f"the {d.day}th of {MONTHS[d.month - 1]}, {d.year}",
])  # fmt: skip


@given(DATES, STYLES, STYLES)
@settings(max_examples=100)
def test_a_day_is_itself_in_every_format(day: date, here: object, there: object) -> None:
    """However a day is written, an answer that writes it otherwise has it from there; the day after is another."""
    assert callable(here)
    assert callable(there)
    check = DatesGrounded(today=False)
    assert codes(check, f"On {here(day)}.", f"Since {there(day)} it is so.") == set()
    after = (day + timedelta(1)).isoformat()
    swapped = (day.month, day.day) == ((day + timedelta(1)).day, (day + timedelta(1)).month)
    assert swapped or codes(check, f"On {after}.", f"Since {day.isoformat()} it is so.") == {"dates_grounded.missing"}


NAME = st.lists(st.sampled_from(["Ana", "Bo", "Carl", "Dora", "Eva"]), min_size=2, max_size=3).map(" ".join)


@given(NAME, st.lists(NAME, max_size=3))
@settings(max_examples=60)
def test_a_name_must_stand_in_a_source(name: str, known: list[str]) -> None:
    """A name is grounded exactly where a source has its words in this order."""
    held = any(f" {name} " in f" {one} " for one in known)
    assert bool(codes(NamesGrounded(), f"we met {name} there", *known)) != held


@given(
    st.sampled_from(["http://", "HTTPS://", "//", "https:\\\\", "ws:/"]),
    st.sampled_from(["", "user@", "a.example@", "user:pass@"]),
    st.sampled_from(["a.example", "A.Example.", "a。example"]),
    st.sampled_from(["", ":443"]),
    st.sampled_from(["", "/", "/p@q", "?x=@b.example", "#@c", "\\@d.example"]),
)
@settings(max_examples=80)
def test_a_host_is_read_as_browsers_do(scheme: str, user: str, host: str, port: str, rest: str) -> None:
    """Whatever stands around it, the host of an address is the host that is gone to."""
    url = scheme + user + host + port + rest
    assert host_of(url) == "a.example"
    assert codes(LinksGrounded(allow=("a.example",)), f"[x]({url})") == set()
    assert codes(LinksGrounded(allow=("b.example",)), f"[x]({url})") == {"links_grounded.unknown"}


@pytest.mark.parametrize(
    "text",
    [
        "numbers_grounded(derive=['magic'])", "numbers_grounded(tolerance=1)", "numbers_grounded(decimal=';')",
        "numbers_grounded(kinds=[])", "numbers_grounded(kinds=['web'])", "dates_grounded(order='ymd')",
        "names_grounded(min_words=0)", "names_grounded(names='Ana')", "links_grounded(allow=['https://a.example'])",
        "links_grounded(allow=['*'])", "quotes_occur(min_words=0)", "has_citations(per='word')", "has_citations(min=0)",
        "citations_resolve(pattern='(')",
    ],
)  # fmt: skip
def test_wrong_options_are_refused(text: str) -> None:
    """Options that mean nothing are errors at load."""
    with pytest.raises(ConfigError):
        parse(text)
