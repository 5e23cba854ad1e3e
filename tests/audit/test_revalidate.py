"""History under validators of today."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit.history import Recorded, Said
from handrail.audit.revalidate import revalidate
from handrail.validators import Context, Finding, Findings, Named, as_check
from handrail.validators.context import On
from tests.audit.test_history import Writer, opened

NOON = Context().now


def _small(value: object) -> Findings:
    amount = value["amount"] if isinstance(value, dict) else 0
    return (Finding("small.large", "Too much.", "/amount", excerpt=str(amount)),) if amount > 3 else ()


SMALL = Named("small", as_check(_small))


def small(on: On, name: str) -> Sequence[Named]:
    """Amounts of refunds are at most 3."""
    return (SMALL,) if (on, name) == ("arguments", "refund") else ()


def value(amount: int, *said: Said, missing: str = "") -> Recorded:
    """Recorded arguments."""
    args = {"amount": amount}
    return Recorded("r", "s", "arguments", "refund", NOON, Context(), args, missing=missing, said=said)


TOLD = Said("small", "small.large", "/amount", "error")


def test_what_would_have_been_caught_is_told_from_what_was(tmp_path: Path) -> None:
    """Over a real journal: counts, rate, runs and an example that names run and step."""
    run = Writer(tmp_path)
    run.call({"amount": 1}, gives="x")
    caught = run.call({"amount": 4}, gives="y")
    run.note(caught, "arguments", "recorded", ("small", "small.large", "/amount"))
    missed = run.call({"amount": 5}, gives="z")
    run.close()
    with opened(tmp_path) as history:
        found = revalidate(history, small)
    (tally,) = found.tallies.values()
    assert (tally.checked, tally.found, tally.new, len(tally.runs)) == (3, 2, 1, 1)
    assert abs(tally.rate - 2 / 3) < 1e-9
    assert found.values == {"arguments": 3} and found.new == 1 and not found.passed
    (example,) = tally.examples
    assert (example.recorded.run, example.recorded.step, example.code) == (run.run, missed, "small.large")
    assert "message" not in example.as_dict() and example.as_dict(content=True)["message"] == "Too much."


def test_what_was_caught_and_would_pass_now() -> None:
    """It is counted by the validator of the time; what is found at the place still does not count."""
    old = Said("old", "old.x", "", "error")
    found = revalidate([value(1, TOLD, old), value(4, TOLD)], small)
    assert found.passed == {("small", "small.large"): 1, ("old", "old.x"): 1}
    assert [one.code for one in found.passed_examples] == ["small.large"]


def test_checks_beside_those_of_the_time_say_nothing_of_them() -> None:
    """Where one more check is tried, what the others had said does not pass because nobody asked them."""
    found = revalidate([value(1, Said("old", "old.x", "", "error"))], small, replaces=False)
    assert not found.passed and found.values == {"arguments": 1}


def test_what_cannot_be_asked_again_is_no_pass() -> None:
    """A tool's own schema is not in the record, and a mended value is no more what it was: both are counted apart."""
    own = Said("arguments", "schema.type", "/amount", "error")
    mended = Said("small", "small.large", "/amount", "error", mended=True)
    warning = Said("small", "small.odd", "/amount", "warning")
    found = revalidate([value(1, own), value(2, mended), value(3, warning)], small)
    assert not found.passed and (found.own_schemas, found.mended) == (1, 1)


def test_what_could_not_be_read_is_counted_by_its_reason() -> None:
    """Values without a payload are in no rate."""
    found = revalidate([value(9, missing="erased"), value(9, missing="erased"), value(1)], small)
    assert found.skipped == {("arguments", "erased"): 2} and found.tallies["small"].checked == 1


def test_what_could_not_be_checked_is_no_fault_of_the_value() -> None:
    """A check that breaks is counted by itself, with its code."""
    broken = Named("broken", as_check(lambda value: 1 / 0))
    found = revalidate([value(1)], lambda on, name: (broken,))
    tally = found.tallies["broken"]
    assert tally.unchecked == {"unchecked.error": 1} and (tally.found, tally.new) == (0, 0)


def test_warnings_are_told_apart() -> None:
    """What is a fact rather than a fault is counted, and is nothing that would have been caught."""
    odd = Named("odd", as_check(lambda value: Finding("odd.x", "Odd.", severity="warning")))
    tally = revalidate([value(1)], lambda on, name: (odd,)).tallies["odd"]
    assert (tally.warned, tally.found, tally.codes) == (1, 0, {"odd.x": 1})


def test_what_is_not_asked_about_is_left_out() -> None:
    """Where nothing is wanted of a kind of value, what was said of it at the time is not counted either."""
    found = revalidate([value(1, TOLD)], lambda on, name: None)
    assert not found.values and not found.passed and not found.runs


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=20))
def test_the_counts_add_up(past: list[tuple[int, bool, bool]]) -> None:
    """Found is new and known together; what was said then is found again or passes; what is gone is in neither."""
    values = [value(a, *([TOLD] if told else []), missing="erased" if gone else "") for a, told, gone in past]
    found = revalidate(values, small)
    left = [(amount, told) for amount, told, gone in past if not gone]
    tally = found.tallies.get("small")
    assert (tally.checked if tally else 0) == len(left)
    assert (tally.found if tally else 0) == sum(amount > 3 for amount, _ in left)
    assert found.new == sum(amount > 3 and not told for amount, told in left)
    assert found.passed.total() == sum(amount <= 3 and told for amount, told in left)
