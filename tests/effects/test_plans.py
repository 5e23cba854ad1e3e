"""A plan that is another after the crash: no call is ever given another call's result, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.effects import asks
from handrail.gate.once import CARRIED_OUT
from tests.effects.clerk import Call, booked, clerk, office, resumed
from tests.effects.crashing import World, child, die, run_of

AMOUNTS = st.sampled_from([5, 5.0, 7, 7.5])
PLANS = st.lists(st.tuples(st.sampled_from("ab"), AMOUNTS), max_size=5)


def _same(plan: list[Call]) -> Counter[tuple[str, float]]:
    return Counter((what, float(amount)) for what, amount in plan)


def _dies(number: int, *, after: bool) -> dict[str, Any]:
    left = [number]

    def count(call: Call) -> None:
        left[0] -= 1
        if left[0] < 0:
            die()

    return {"after" if after else "before": count}


@settings(max_examples=25, deadline=None)
@given(PLANS, PLANS, st.integers(0, 4), st.booleans())
def test_no_call_gets_the_result_of_another(
    tmp_path_factory: pytest.TempPathFactory, first: list[Call], second: list[Call], number: int, after: bool
) -> None:
    """Whatever was planned before: each call returns what belongs to its own arguments, each effect is done once.

    What the first life did, or may have done, and the second does not ask for is named: a person is asked about it.
    """
    folder = office(tmp_path_factory.mktemp("plans"))
    child(lambda: clerk(folder, first, **_dies(number, after=after)))
    done = _same(first[: World(folder).done().total()])
    results = resumed(folder, second, run_of(folder))
    assert all(found in (booked(call), CARRIED_OUT) for call, found in zip(second, results, strict=True))
    assert World(folder).done() == _by_name(_same(second) | done)
    assert len(World(folder).keys()) == World(folder).done().total()
    named = list(asks.open_questions(folder / ".handrail"))
    assert len(named) == (_same(first[: number + 1]) - _same(second)).total()


def _by_name(calls: Counter[tuple[str, float]]) -> Counter[str]:
    return Counter(what for what, _ in calls.elements())
