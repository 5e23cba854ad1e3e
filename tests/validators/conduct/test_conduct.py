"""Checks of what a run did, against plain definitions of what they mean."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Call, Context, Run, parse
from handrail.validators.conduct.agree import Agree
from handrail.validators.conduct.ordered import Counts, Order
from handrail.validators.conduct.reasons import ReasonCodes
from handrail.validators.conduct.required import After, RequiredSteps
from handrail.validators.conduct.success import FollowsFromSuccess

TOOLS = st.sampled_from(["a", "b", "c", "d"])
CALLS = st.lists(
    st.builds(
        Call,
        TOOLS,
        st.fixed_dictionaries({"id": st.integers(0, 2)}),
        st.sampled_from(["ok", "error", "rejected"]),
        st.fixed_dictionaries({"x": st.integers(0, 2)}),
        st.just(""),
        st.sampled_from(["1", "2", "3"]),
    ),
    max_size=12,
)


def seen(calls: list[Call]) -> Context:
    """After these calls."""
    return Context("answer", run=Run((), tuple(calls)))


@given(CALLS)
@settings(max_examples=80)
def test_an_order_is_kept_exactly_where_nothing_ran_before_what_it_waits_for(calls: list[Call]) -> None:
    """`order` finds something exactly where a call ran before an earlier tool of the list had succeeded."""
    tools = ("a", "b", "c")

    def early(place: int, call: Call) -> bool:
        if call.tool not in tools or call.outcome == "rejected":
            return False
        done = {one.tool for one in calls[:place] if one.outcome == "ok"}
        return not set(tools[: tools.index(call.tool)]) <= done

    wrong = any(early(place, call) for place, call in enumerate(calls))
    assert bool(Order(tools).check("x", seen(calls))) == wrong


@given(CALLS, st.integers(0, 2))
@settings(max_examples=80)
def test_after_asks_for_one_successful_call_with_the_same_argument(calls: list[Call], id_: int) -> None:
    """`after` is content exactly where an earlier call of the tool was ok, said so, and was about the same."""
    check = After("a", same=("id",), result={"$.x": 1})
    held = any(c.tool == "a" and c.outcome == "ok" and c.args["id"] == id_ and c.result == {"x": 1} for c in calls)
    assert bool(check.check({"id": id_}, seen(calls))) != held


@given(CALLS)
@settings(max_examples=80)
def test_branches_agree_exactly_where_no_two_last_words_differ(calls: list[Call]) -> None:
    """`agree` finds a contradiction exactly where two branches' last results about the same differ."""
    last = {(c.branch, c.args["id"]): c.result for c in calls if c.outcome == "ok" and c.tool == "a"}
    differ = any(one[0][1] == two[0][1] and one[1] != two[1] for one, two in combinations(last.items(), 2))
    check = Agree("$.x", tool="a", key=("id",))
    assert bool(check.check(None, seen(calls))) == differ


@given(CALLS, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=50)
def test_counts_are_those_of_the_calls(calls: list[Call], least: int, more: int) -> None:
    """`counts` and `required_steps` say what counting says."""
    count = sum(1 for call in calls if call.tool == "b" and call.outcome == "ok")
    fine = least <= count <= least + more
    assert bool(Counts("b", min=least, max=least + more).check(None, seen(calls))) != fine
    assert bool(RequiredSteps(("b",)).check(None, seen(calls))) == (count == 0)


@given(CALLS)
@settings(max_examples=50)
def test_an_answer_follows_from_the_last_call(calls: list[Call]) -> None:
    """`follows_from_success` is content exactly where the last call was ok, or with last=false any."""
    assert bool(FollowsFromSuccess().check("x", seen(calls))) != (bool(calls) and calls[-1].outcome == "ok")
    some = any(call.outcome == "ok" for call in calls)
    assert bool(FollowsFromSuccess(last=False).check("x", seen(calls))) != some


@given(st.lists(st.sampled_from(["R1", "R2", "R3", "R9", "r1"]), max_size=5))
@settings(max_examples=50)
def test_reasons_are_codes_of_the_list(codes: list[str]) -> None:
    """`reason_codes` is content exactly with one to two different codes, all from the list."""
    fine = set(codes) <= {"R1", "R2", "R3"} and 1 <= len(set(codes)) <= 2
    assert bool(ReasonCodes(("R1", "R2", "R3"), max=2).check({"reasons": codes})) != fine


@given(CALLS)
@settings(max_examples=50)
def test_nothing_is_missing_from_a_run_that_is_not_known(calls: list[Call]) -> None:
    """Where a part of the run is forgotten, no check says that a step is missing, only that this is not known."""
    part = Context("answer", run=Run((), tuple(calls), complete=False))
    checks = (
        RequiredSteps(("a", "b")), After("a"), Order(("a", "b")), Counts("a", min=2), FollowsFromSuccess(last=False),
    )  # fmt: skip
    for check in checks:
        assert all(one.unchecked for one in check.check({}, part))


def test_a_contradiction_says_who_said_what() -> None:
    """The message of `agree` names the agents, what they said, and what it was about."""
    calls = [
        Call("score", {"id": 7}, result={"score": 610}, agent="agent:north", branch="1"),
        Call("score", {"id": 7}, result={"score": 720}, agent="agent:south", branch="2"),
    ]
    (found,) = Agree("$.score", key=("id",)).check(None, seen(calls))
    assert "agent:north said 610; agent:south said 720" in found.message
    assert "id 7" in found.message


def test_infinities_agree_with_themselves_only() -> None:
    """Two infinities are equal; an infinity and a number are not, whatever the tolerance."""
    inf = float("inf")

    def found(*values: object) -> bool:
        calls = [Call("t", result=value, branch=str(n)) for n, value in enumerate(values)]
        return bool(Agree(tolerance=1.0).check(None, seen(calls)))

    assert not found(inf, inf)
    assert found(inf, 1)
    assert found(10**400, 1.0)
    assert not found(10**400, 10**400)


@pytest.mark.parametrize(
    "text",
    [
        "required_steps()", "required_steps([])", 'required_steps("a")', 'after("")', 'after("a", same="id")',
        'after("a", result={"$.a[*]": 1})', 'after("a", result=["x"])', 'order(["a"])', 'counts("a")',
        'counts("a", min=3, max=2)', 'counts("a", min=-1)', 'follows_from_success(claims="(")', "reason_codes([])",
        'reason_codes(["a"], min=3, max=2)', 'reason_codes(["a"], path="$.[")', 'agree(path="$.a[*]")',
        'agree(by="model")', "agree(tolerance=-1)", 'follows_from_success(claims="(a{1000}){9}")',
    ],
)  # fmt: skip
def test_wrong_options_are_refused(text: str) -> None:
    """Options that ask for nothing, or cannot be read, are errors at load."""
    with pytest.raises(ConfigError):
        parse(text)
