"""Explanations agree with the policy, name all that decided, and suggest only what turns a denial round."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from handrail.config.settings import Settings
from handrail.policy import PolicyRequest, build
from handrail.policy.explain import explain
from handrail.policy.explain.book import Book
from handrail.policy.explain.nearest import smallest_change
from handrail.policy.questions import request
from tests.policy.generated import policies, requests
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
