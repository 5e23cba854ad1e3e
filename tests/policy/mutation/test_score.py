"""The mutation score: what it counts, and that what it says of survivors and equivalents is true."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.config.expectations import Expectation
from handrail.config.settings import Settings
from handrail.policy import PolicyRequest, build
from handrail.policy.mutation.classes import names_for
from handrail.policy.mutation.score import score
from handrail.policy.mutation.weaken import applied
from tests.policy.generated import policies, requests
from tests.policy.settings_for import delegate, rule

SHOP = Settings(
    users={"default/ana": ("clerk",), "default/eve": ("guest",)},
    rules=(rule("refunds", "allow", "clerk", "refund", when="args.n <= 500"), rule("never", "deny", "*", "wipe")),
)


def case(
    who: str, tool: str, verdict: Literal["allow", "deny"], rule: str | None = None, **args: object
) -> Expectation:
    """One case in the tenant ``default``."""
    return Expectation("default", tuple(who.split()), "call", tool, verdict, rule, args=args)


STRONG = (
    case("user:ana", "refund", "allow", n=500),
    case("user:ana", "refund", "deny", n=501),
    case("user:eve", "refund", "deny", n=5),
    case("user:ana", "cook", "deny", n=5),
    case("user:ana", "wipe", "deny", "never"),
)


def test_strong_cases() -> None:
    """Cases on both sides of each bound notice everything."""
    found = score(SHOP, STRONG)
    assert (found.killed, found.total, found.percent) == (5, 5, 100.0)
    assert (found.removed_killed, found.removed_total, found.survivors, found.equivalent) == (1, 1, (), ())


def test_weak_cases() -> None:
    """Without the case at the bound, the copies that move it survive, with the request that tells them apart."""
    found = score(SHOP, [one for one in STRONG if one.args.get("n") != 501])
    assert [one.mutant.what for one in found.survivors] == ["condition dropped", "`args.n <= 500` with 501"]
    differences = [one.difference for one in found.survivors]
    assert [one.request.facts["args"] for one in differences if one] == [{"n": 501}, {"n": 501}]
    assert [one.expected.verdict for one in differences if one] == ["deny", "deny"]
    assert (found.killed, found.total) == (3, 5)


def test_without_cases_everything_survives() -> None:
    """Nothing is noticed where nothing is asked."""
    found = score(SHOP, ())
    assert (found.killed, found.total, found.removed_killed, len(found.survivors)) == (0, 5, 0, 6)


def test_a_proven_equivalent_is_not_counted() -> None:
    """A bound that another part makes inert cannot be noticed, and a shadowed rule cannot either."""
    inert = rule("a", "allow", "*", "t", when="args.n < 5 && args.n <= 3")
    assert "`args.n < 5` with <=" in {one.what for one in score(Settings(rules=(inert,)), ()).equivalent}
    shadowed = Settings(rules=(rule("no", "deny", "*", "*"), rule("a", "allow", "user:x", "t", when="args.n < 5")))
    found = score(shadowed, (case("user:x", "t", "deny", "no"),))
    assert {one.id for one in found.equivalent} == {"a"} and found.total == found.killed == 1


def test_nothing_is_proven_of_what_cannot_be_tried_out() -> None:
    """A condition that compares two arguments has no table: its copies survive, without a claim."""
    rules = (rule("a", "allow", "*", "t", when="args.n < args.m && args.n <= args.m"),)
    assert "`args.n <= args.m` dropped" not in {one.what for one in score(Settings(rules=rules), ()).equivalent}


def test_delegations() -> None:
    """A delegation that is widened is noticed by a chain that may not act."""
    desk = replace(SHOP, delegates=(delegate("clerk", "agent:desk", "refund"),))
    found = score(desk, (*STRONG, case("user:ana agent:desk", "refund", "allow", n=5)))
    assert {one.mutant.what for one in found.survivors} == {
        'to = "agent:desk" widened to "agent:*"',
        'call widened to "*"',
    }
    assert [one.what for one in found.equivalent] == ['from = "clerk" widened to "*"'], "nobody else may call it"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(policies(), st.lists(requests(), min_size=1, max_size=20))
def test_what_is_said_of_survivors_and_equivalents_is_true(rules: Settings, asked: list[PolicyRequest]) -> None:
    """A survivor's request is decided otherwise by the whole copy; an equivalent decides every request alike."""
    found = score(rules, (), tries=100)
    policy = build(rules)
    for one in found.survivors:
        if one.difference is not None:
            copy = build(applied(rules, one.mutant)).decide(one.difference.request)
            own = policy.decide(one.difference.request)
            assert (own.verdict, own.rule) != (copy.verdict, copy.rule)
            assert own == one.difference.expected
    for mutant in found.equivalent:
        copy_policy = build(applied(rules, mutant))
        for each in asked:
            own, copy = policy.decide(each), copy_policy.decide(each)
            assert (own.verdict, own.rule) == (copy.verdict, copy.rule), mutant


def test_names_stand_for_all_names() -> None:
    """For any patterns with the star at the end, every name is covered by the same patterns as one of the few."""
    patterns = ["t", "tt", "t*", "ab*", "a*", "*"]
    few = names_for(patterns)

    def covering(name: str) -> frozenset[str]:
        return frozenset(one for one in patterns if one == name or (one[-1] == "*" and name.startswith(one[:-1])))

    table = {covering(name) for name in few.names}
    letters = ["", "a", "b", "t"]
    every = {f"{x}{y}{z}" for x in letters for y in letters for z in letters} - {""}
    assert few.whole and {covering(name) for name in every} <= table
    assert not names_for(["*x"]).whole
