"""Steps in tree order, also those of a damaged journal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handrail.audit.tree import in_tree_order

IDS = st.sampled_from("abcdefgh")


def test_children_follow_their_parent_in_the_order_in_which_they_began() -> None:
    """A sub-agent's steps stand below it although others began in between."""
    steps = [("root", None), ("a", "root"), ("b", "root"), ("a1", "a"), ("b1", "b"), ("a2", "a")]
    placed = [(place.step, place.depth) for place in in_tree_order(steps)]
    assert placed == [("root", 0), ("a", 1), ("a1", 2), ("a2", 2), ("b", 1), ("b1", 2)]


def test_a_root_below_a_callers_span_is_an_outermost_step() -> None:
    """The parent of a run's first step may be a span of the caller, which is no step of the run."""
    assert [place.depth for place in in_tree_order([("root", "callers-span"), ("a", "root")])] == [0, 1]


@given(st.lists(st.tuples(IDS, st.none() | IDS)))
def test_every_step_is_there_once(steps: list[tuple[str, str | None]]) -> None:
    """Unknown parents, a step that is its own parent, and circles lose no step and repeat none."""
    placed = [place.step for place in in_tree_order(steps)]
    assert sorted(placed) == sorted({step for step, _ in steps})


def test_very_deep_nesting_is_no_problem() -> None:
    """10,000 agents inside each other do not exhaust the stack."""
    steps = [(str(number), str(number - 1)) for number in range(10_000)]
    assert in_tree_order(steps)[-1].depth == 9_999
