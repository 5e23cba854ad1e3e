"""Tenants: what is remembered for one, and what is said to one, is nothing to another."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Literal

import pytest

import handrail
from handrail.config.live import Actor, LiveChange
from handrail.config.overlay import lay_over
from handrail.config.settings import Settings
from handrail.errors import ConfigError
from handrail.gate import NEUTRAL
from handrail.policy import Policy, PolicyRequest, build
from tests.frameworks.recorded import write_policy
from tests.policy.settings_for import delegate, rule

BOTH = Settings(
    users={"acme/ana": ("clerk",), "umbrella/ana": ("lead",), "acme/bob": ("clerk",)},
    roles={"lead": ("clerk",)},
    rules=(
        rule("acme-pays", "allow", "clerk", "pay", when="args.amount <= 5", tenant="acme"),
        rule("umbrella-pays", "allow", "lead", "pay", when="args.amount <= 500", tenant="umbrella"),
        rule("umbrella-stops", "deny", "user:bob", "*", tenant="umbrella"),
    ),
    delegates=(delegate("clerk", "agent:x", "pay", tenant="umbrella", id="umbrella-x"),),
)
TENANTS = ["acme", "umbrella", "nobody", "acme/ana", "umbrella/", "*", "a*", "ACME", "acme "]
CHAINS = [("user:ana",), ("user:bob",), ("user:ana", "agent:x")]


def _question(tenant: str, chain: tuple[str, ...], amount: int) -> PolicyRequest:
    return PolicyRequest(tenant, chain, "pay", facts={"args": {"amount": amount}})


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("amount", [1, 100])
def test_no_answer_is_remembered_for_another_tenant(chain: tuple[str, ...], amount: int) -> None:
    """The same question by each tenant, in each order, twice: every answer is that of a policy never asked before."""
    fresh = {tenant: build(BOTH).decide(_question(tenant, chain, amount)) for tenant in TENANTS}
    seen = {tenant: build(BOTH).visible(tenant, chain, "pay") for tenant in TENANTS}
    for order in permutations(TENANTS[:3]):
        policy = build(BOTH)
        for tenant in (*order, *TENANTS, *order):
            assert policy.decide(_question(tenant, chain, amount)) == fresh[tenant]
            assert policy.visible(tenant, chain, "pay") is seen[tenant]


def test_who_has_a_role_has_it_in_one_tenant() -> None:
    """A name that holds a slash or a pattern is a name: no tenant and user are read as those of another."""
    policy: Policy = build(BOTH)
    allowed = {
        (tenant, chain, amount)
        for tenant in TENANTS
        for chain in (*CHAINS, ("user:acme/ana",), ("user:/ana",), ("user:*",))
        for amount in (1, 100)
        if policy.decide(_question(tenant, chain, amount)).verdict == "allow"
    }
    assert allowed == {
        ("acme", ("user:ana",), 1), ("acme", ("user:bob",), 1),
        ("umbrella", ("user:ana",), 1), ("umbrella", ("user:ana",), 100),
        ("umbrella", ("user:ana", "agent:x"), 1), ("umbrella", ("user:ana", "agent:x"), 100),
    }  # fmt: skip


@pytest.mark.parametrize("what", ["grant", "revoke"])
def test_a_grant_is_for_one_tenant(what: Literal["grant", "revoke"]) -> None:
    """A tenant with a slash, whose user would be read as one of another tenant, gets no grant at all."""
    change = LiveChange("g-1", what, Actor(0, "root"), "why", 0.0, "acme/ana", "c", "clerk")
    with pytest.raises(ConfigError, match=r'g-1 is for the tenant "acme/ana"'):
        lay_over(BOTH, (change,))


def test_a_reason_names_nothing_of_another_tenant() -> None:
    """Not even the audit's sentence about one tenant's call holds a rule, a role or a delegation of another's."""
    policy = build(BOTH)
    for chain in CHAINS:
        for amount in (1, 100):
            assert "umbrella" not in str(policy.decide(_question("acme", chain, amount)))
            assert "acme" not in str(policy.decide(_question("umbrella", chain, amount)))


@handrail.tool
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def test_all_refusals_read_the_same(tmp_path: Path) -> None:
    """Denied by a rule, by a condition or by default, in one's tenant, another's or one that there is not: one text."""
    text = """
version = 1
mode = "enforce"
[users]
"acme/ana" = ["clerk"]
"umbrella/eve" = ["clerk"]
[[rule]]
id = "pays"
allow = "clerk"
call = "pay"
when = "args.amount <= 5"
[[rule]]
id = "stops"
deny = "user:bob"
call = "*"
[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
    config = write_policy(tmp_path, text)
    said = {}
    for tenant in ("acme", "umbrella", "nobody"):
        for user in ("ana", "eve", "bob", "stranger"):
            with handrail.run("desk", config=config, tenant=tenant, user=user):
                said[tenant, user] = (pay(1), pay(100))
    assert said.pop(("acme", "ana")) == said.pop(("umbrella", "eve")) == ("paid 1", NEUTRAL)
    assert set(said.values()) == {(NEUTRAL, NEUTRAL)}
