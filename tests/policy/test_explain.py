"""Explanations agree with the policy, name all that decided, and suggest only what turns a denial round."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy import PolicyRequest, build
from handrail.policy.explain import explain
from handrail.policy.explain.book import Book
from handrail.policy.explain.nearest import smallest_change
from handrail.policy.questions import request
from tests.policy.settings_for import delegate, rule

EUR_500 = "args.amount <= 500 && args.currency == 'EUR'"
NEW_LINK = 'a [[delegate]] with from = "user:ana", to = "agent:desk", call = "wire_1"'
BANK = Settings(
    users={"acme/ana": ("lead",), "acme/bob": ("support", "suspended"), "default/dan": ("support",)},
    roles={"lead": ("support",)},
    groups={"money": ("refund", "wires"), "wires": ("wire_*",)},
    rules=(
        rule("support-reads", "allow", "support", "read_*"),
        rule(
            "refunds", "allow", "support", "money", when="args.amount <= 500 && args.currency == 'EUR'", tenant="acme"
        ),
        rule("suspended", "deny", "suspended", "*"),
        rule("no-big-wires", "deny", "*", "wire_*", when="args.amount > 10000"),
    ),
    delegates=(delegate("support", "agent:desk", "read_*", "refund", id="desk"),),
)


def ask(principals: str, tool: str, tenant: str = "acme", **args: object) -> PolicyRequest:
    """The request of space-separated principals."""
    return request(tenant, principals.split(), tool, args=args)


def test_an_allowance_names_rule_place_role_path_group_and_facts() -> None:
    """Everything that an allowance rests on is said, for each principal and each link."""
    told = explain(build(BANK), ask("user:ana agent:desk", "refund", amount=20, currency="EUR"))
    assert (told.verdict, told.rule, told.nearest) == ("allow", "refunds", None)
    ana, desk = told.principals
    assert ana.rule is not None and desk.rule is not None
    assert (ana.rule.id, ana.rule.file, ana.rule.line) == ("refunds", "handrail.toml", 7)
    assert ana.rule.held_by == ("ana", "lead", "support")
    assert ana.rule.covered_by == ("money", "refund")
    assert ana.rule.condition is not None
    assert [(part.text, part.holds) for part in ana.rule.condition.parts] == [
        ("args.amount <= 500", True),
        ("args.currency == 'EUR'", True),
    ]
    assert [(fact.path, fact.value) for fact in ana.rule.condition.facts] == [
        ("args.amount", 20),
        ("args.currency", "EUR"),
    ]
    assert desk.rule.id == "desk" and desk.rule.line == 9
    (link,) = told.links
    assert (link.allowed, link.delegation, link.line) == (True, "desk", 9)
    assert link.delegator_by == ("ana", "lead", "support")


@pytest.mark.parametrize(
    ("asked", "nearest", "changes"),
    [
        (ask("user:ana", "refund", amount=900, currency="EUR"), "refunds", ["args.amount: 900 -> 500 (at most 500)"]),
        (
            ask("user:ana", "refund", amount=900, currency="USD"),
            "refunds",
            ["args.amount: 900 -> 500 (at most 500)", 'args.currency: "USD" -> "EUR"'],
        ),
        (ask("user:ana", "refund", currency="EUR"), "refunds", ["args.amount: missing -> 500 (at most 500)"]),
        (ask("user:eve", "read_order"), "support-reads", ["eve holds the role support in tenant acme"]),
        (ask("user:dan", "read_order"), "support-reads", ["dan holds the role support in tenant acme"]),
        (ask("user:bob", "read_order"), "suspended", ["bob does not hold suspended in tenant acme"]),
        (ask("user:ana agent:desk", "wire_1", amount=1, currency="EUR"), "desk", [NEW_LINK]),
        (ask("user:ana", "cook"), "support-reads", ["cook under `call` of support-reads"]),
        (replace(ask("user:ana", "read_order"), scopes=(("refund",),)), None, ["the delegation token covers it too"]),
    ],
)  # fmt: skip
def test_a_denial_names_the_nearest_rule_and_the_smallest_change(
    asked: PolicyRequest, nearest: str | None, changes: list[str]
) -> None:
    """For each way to be denied, the rule that came nearest and the least that would have to be otherwise."""
    told = explain(build(BANK), asked)
    assert told.verdict == "deny" and told.nearest is not None
    assert told.nearest.rule == nearest
    assert [change.text for change in told.nearest.changes] == changes


NAMES = st.sampled_from(["t", "tt", "t_x", "u", "u_x"])
CALLS = st.sampled_from(["t", "tt", "u", "t*", "*_x", "*", "g", "h"])
SUBJECTS = st.sampled_from(["r", "s", "q", "user:a", "user:b", "user:*", "agent:m", "agent:*", "*"])
TENANTS = st.sampled_from(["x", "y", "*", "x*"])
PATHS = st.sampled_from(["args.n", "args.m", "args.w", "args.l", "run.tool_calls", "session", "args.o.p"])
VALUES = st.sampled_from([0, 1, 5, 2.5, "a", "b", "ab", True, None])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """One comparison or call, of any kinds."""
    path = draw(PATHS)
    value = json.dumps(draw(VALUES))
    sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    forms = [
        f"{path} {sign} {value}",
        f"{value} {sign} {path}",
        f"{path} {sign} {draw(PATHS)}",
        f"{path} in [{value}, {json.dumps(draw(VALUES))}]",
        f"{path} not in [{value}]",
        f"startswith({path}, 'a')",
        f"contains({path}, {value})",
        f"has({path})",
        f"lower({path}) == 'ab'",
        f"within({path}, '/a')",
        f"matches({path}, 'a|b')",
        f"len({path}) {sign} 2",
    ]
    return draw(st.sampled_from(forms))


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=4,
)
RULES = st.builds(
    lambda verdict, subject, call, when, tenant: RuleSettings("", verdict, subject, tuple(call), when, tenant),
    st.sampled_from(["allow", "allow", "deny"]),
    SUBJECTS,
    st.lists(CALLS, min_size=1, max_size=2),
    st.one_of(st.just(""), CONDITIONS),
    TENANTS,
)
DELEGATES = st.builds(
    lambda from_, to, call, tenant: DelegateSettings(from_, to, tuple(call), tenant),
    SUBJECTS,
    st.sampled_from(["agent:m", "agent:n", "agent:*", "user:b"]),
    st.lists(CALLS, min_size=1, max_size=2),
    TENANTS,
)
ROLES = st.lists(st.sampled_from(["r", "s", "q"]), max_size=2, unique=True).map(tuple)


@st.composite
def policies(draw: st.DrawFn) -> Settings:
    """Few names, so that much overlaps."""
    rules = draw(st.lists(RULES, min_size=1, max_size=5))
    return Settings(
        users={user: draw(ROLES) for user in ("x/a", "x/b", "y/a")},
        roles={"r": ("s",), "s": draw(st.sampled_from([(), ("q",)]))},
        groups={"g": ("t", "h"), "h": ("u*",)},
        rules=tuple(replace(one, id=f"r{number}") for number, one in enumerate(rules)),
        delegates=tuple(draw(st.lists(DELEGATES, max_size=3))),
    )


@st.composite
def requests(draw: st.DrawFn) -> PolicyRequest:
    """A request with a chain of one to three and any arguments."""
    chain = draw(
        st.lists(st.sampled_from(["user:a", "user:b", "user:c", "agent:m", "agent:n"]), min_size=1, max_size=3)
    )
    keys = st.sampled_from(["n", "m", "w", "l", "o"])
    given_args = draw(st.dictionaries(keys, st.one_of(VALUES, st.lists(VALUES, max_size=2)), max_size=4))
    asked = request(
        draw(st.sampled_from(["x", "y", "z"])),
        chain,
        draw(NAMES),
        args=given_args,
        session=draw(st.sampled_from(["", "a"])),
    )
    scopes = draw(st.sampled_from([(), (), ((),), (("t*",),), (("t",), ("*",))]))
    return replace(asked, scopes=scopes)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), requests())
def test_it_agrees_with_the_policy(rules: Settings, asked: PolicyRequest) -> None:
    """Verdict and rule are the policy's; the trails, read on their own, come to the same; the second time is equal."""
    policy = build(rules)
    decided = policy.decide(asked)
    told = explain(policy, asked)
    assert (told.verdict, told.rule, told.reason) == (decided.verdict, decided.rule, decided.reason)
    for trail in told.principals:
        alone = policy.decide(replace(asked, principals=(trail.principal,), scopes=()))
        assert (trail.verdict, trail.rule.id if trail.rule else None) == (alone.verdict, alone.rule)
        assert trail.rule is None or trail.rule.matches
    whole = all(trail.verdict == "allow" for trail in told.principals)
    whole = whole and all(link.allowed for link in told.links) and all(scope.covers for scope in told.scopes)
    assert (told.verdict == "allow") == (whole and len(set(asked.principals)) == len(asked.principals))
    assert (told.nearest is None) or told.verdict == "deny"
    json.dumps(told.as_dict(), allow_nan=False)
    assert explain(build(rules), asked) == told


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), requests())
def test_what_is_suggested_turns_the_denial_round(rules: Settings, asked: PolicyRequest) -> None:
    """A suggestion, applied in full, makes a newly built policy allow the request; no part of it can be left out."""
    if build(rules).decide(asked).verdict == "allow":
        return
    found = smallest_change(Book(rules), asked)
    well_formed = len(set(asked.principals)) == len(asked.principals)
    assert bool(found) == well_formed, "only a malformed chain has no way out"
    if not found:
        return
    for left_out in (None, *(found if len(found) > 1 else ())):
        world = (Book(rules).settings, asked)
        for change in found:
            world = world if change is left_out else change.apply(world)
        assert build(world[0]).decide(world[1]).verdict == ("allow" if left_out is None else "deny")
