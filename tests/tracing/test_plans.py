"""Plans: what counts as an item, which revision changed what, and that a change can be applied again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.tracing.plans import Item, Plan, apply, diff, items_of, revise, stated_as, todos

ITEMS = st.lists(
    st.builds(Item, st.sampled_from(["a", "look up order", "look up orders", "Look up the order", "mail", ""]),
              st.sampled_from(["", "pending", "completed"])), max_size=9,
)  # fmt: skip


def _plan(*contents: str, status: str = "pending") -> list[Item]:
    return [Item(content, status) for content in contents]


@given(ITEMS, ITEMS)
def test_a_change_applied_to_the_old_plan_gives_the_new_one(old: list[Item], new: list[Item]) -> None:
    """Whatever two plans are, their difference carries the one into the other; nothing of it is lost in aligning."""
    assert apply(old, diff(old, new)) == new


@given(st.lists(st.builds(Item, st.text(max_size=12), st.text(max_size=3)), max_size=7), st.randoms())
def test_an_order_alone_is_moves_alone(items: list[Item], random: Any) -> None:
    """The same items in another order are neither added, removed nor changed, and moving the stated ones suffices."""
    shuffled = random.sample(items, len(items))
    change = diff(items, shuffled)
    assert not change["added"] and not change["removed"] and not change["changed"]
    assert apply(items, change) == shuffled


def test_a_moved_item_is_one_move() -> None:
    """One item that goes to the end is one move, and the others are not touched."""
    change = diff(_plan("a", "b", "c", "d"), _plan("b", "c", "d", "a"))
    assert change == {"removed": [], "added": [], "changed": [], "moved": [{"was": 0, "at": 3, "content": "a"}]}


def test_a_reworded_item_is_the_same_item() -> None:
    """An item with other words is changed, and what it said before is kept; another item is removed and added."""
    change = diff(_plan("Delete the record", "Mail Ana"), _plan("Archive the record", "Book a hotel"))
    (changed,) = change["changed"]
    assert (changed["content"], changed["before"]) == ("Archive the record", {"content": "Delete the record"})
    assert [each["content"] for each in change["removed"]] == ["Mail Ana"]
    assert [each["content"] for each in change["added"]] == ["Book a hotel"]


def test_a_finished_item_is_changed_and_done() -> None:
    """A status alone is a change, and what is done is counted."""
    first = revise(None, _plan("a", "b"))
    assert first is not None
    second = revise(first, [Item("a", "completed"), Item("b", "pending")])
    assert second is not None
    assert second.facts() == {
        "revision": 2, "items": 2, "added": 0, "removed": 0, "changed": 1, "moved": 0, "done": 1,
    }  # fmt: skip
    assert second.diff["changed"][0]["before"] == {"status": "pending"}


def test_the_same_list_is_no_revision() -> None:
    """Writing a plan again without a change makes no revision, and neither does an empty one where there was none."""
    first = revise(None, _plan("a"))
    assert first is not None and first.revision == 1
    assert revise(first, _plan("a")) is None
    assert revise(None, []) is None


def test_a_plan_that_is_emptied_is_a_revision() -> None:
    """A plan whose items are all gone says so."""
    first = revise(None, _plan("a", "b"))
    gone = revise(first, [])
    assert gone is not None and gone.facts()["removed"] == 2 and gone.items == ()


@pytest.mark.parametrize(
    "change",
    [
        {"removed": [], "added": [{"at": 5, "content": "x", "status": ""}], "changed": [], "moved": []},
        {"removed": [], "added": [], "changed": [], "moved": [{"was": 7, "at": 0, "content": "x"}]},
        {"removed": [{"was": 0}], "added": [{"content": "x"}], "changed": [], "moved": []},
        {"removed": None, "added": [], "changed": [], "moved": []},
        {},
    ],
)
def test_a_change_that_does_not_fit_is_refused(change: Any) -> None:
    """A change that was made from another plan, or that is damaged, is refused with one kind of error."""
    with pytest.raises(ValueError, match="another plan"):
        apply(_plan("a"), change)


def test_a_hundred_thousand_items_are_one_small_change() -> None:
    """The size of a change is that of what changed, not of the plan."""
    old = _plan(*(f"step {number}" for number in range(100_000)))
    new = [*old[:-1], Item("step 99999", "completed")]
    change = diff(old, new)
    assert len(change["changed"]) == 1 and not change["moved"] and apply(old, change) == new


def _failing() -> Iterator[object]:
    yield "one"
    raise RuntimeError("no more")


_CYCLE: list[object] = []
_CYCLE.append(_CYCLE)


@pytest.mark.parametrize(
    ("stated", "contents"),
    [
        (["a", {"content": "b", "status": "done"}], ["a", "b"]),
        ("first\n\n second ", ["first", "second"]),
        ({"task": "only"}, ["only"]),
        ([1, None, 2.5, True, b"x"], ["1", "null", "2.5", "true", '"bytes"']),
        ([{"content": {"deep": [1]}}], ['{"deep": [1]}']),
        ([float("nan")], ["NaN"]),
        ([_CYCLE], ["list"]),
        (None, ["null"]),
        (_failing(), ["generator"]),
        ({"unknown": 1}, ['{"unknown": 1}']),
        (["\ud800"], ["\ud800"]),
    ],
)
def test_anything_can_be_stated_as_a_plan(stated: object, contents: list[str]) -> None:
    """Whatever a program states as a plan has items, and nothing is raised."""
    assert [item.content for item in items_of(stated)] == contents


def test_a_todo_list_is_known_by_its_shape() -> None:
    """Only a list of contents with LangChain's three statuses is an agent's todo list."""
    assert todos([{"content": "a", "status": "pending"}]) == (Item("a", "pending"),)
    assert todos([]) == ()
    for other in (None, "a", [1], [{"content": "a"}], [{"content": 1, "status": "pending"}],
                  [{"content": "buy milk", "status": "urgent"}], {"content": "a", "status": "pending"}):  # fmt: skip
        assert todos(other) is None


def test_a_structured_output_is_a_plan_when_its_schema_says_so() -> None:
    """A schema called Plan with a list of steps is a plan; no other structured output is."""
    assert stated_as("Plan", {"steps": ["a", "b"]}) == (Item("a"), Item("b"))
    assert stated_as("TravelPlan", {"steps": [{"description": "fly"}]}) == (Item("fly"),)
    assert stated_as("Recipe", {"steps": ["stir"]}) is None
    assert stated_as("Plan", {"steps": "a"}) is None
    assert stated_as("Plan", {"steps": [1, 2]}) is None
    assert stated_as("Plan", {"price": 3}) is None
    assert stated_as("Plan", {"steps": []}) is None
    assert stated_as("Plan", None) is None


def test_the_first_revision_adds_everything() -> None:
    """The first revision of a plan is what is added to none."""
    assert revise(None, _plan("a")) == Plan(
        1, (Item("a", "pending"),),
        {"removed": [], "added": [{"at": 0, "content": "a", "status": "pending"}], "changed": [], "moved": []},
    )  # fmt: skip
