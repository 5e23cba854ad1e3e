"""Effective rights equal what the policy answers to every question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.config.settings import Settings
from handrail.policy import PolicyRequest, build
from handrail.policy.questions import request
from handrail.policy.rights import OTHERS, Rights, Standing
from tests.policy.generated import policies, requests
from tests.policy.settings_for import casbin_policy
from tests.policy.test_casbin_files import MODEL, POLICY
from tests.policy.test_explain import BANK


def table(found: list[Standing]) -> list[tuple[str, ...]]:
    """The standings, short."""
    return [(one.tenant, one.subject, one.object, one.right, " ".join(one.agents)) for one in found]


def test_who_can() -> None:
    """Each user of each tenant, everybody else, and agents on their own account."""
    found = Rights(build(BANK)).who_can("refund")
    assert table(found) == [
        ("acme", "ana", "refund", "depends", "agent:desk"),
        ("acme", "bob", "refund", "never", ""),
        ("acme", OTHERS, "refund", "never", ""),
        ("acme", "agent:desk", "refund", "always", ""),
        ("default", "dan", "refund", "never", ""),
        ("default", OTHERS, "refund", "never", ""),
        ("default", "agent:desk", "refund", "always", ""),
    ]
    (via,) = found[0].via
    assert (via.rule, via.held_by, via.line) == ("refunds", ("ana", "lead", "support"), 7)
    assert found[1].reason == "Rule suspended denies user:bob the call refund."


def test_what_can() -> None:
    """Each name and each pattern, alone and through an agent."""
    rights = Rights(build(BANK))
    assert [(one.object, one.right) for one in rights.what_can("user:ana", "acme")] == [
        ("refund", "depends"),
        ("*", "never"),
        ("read_*", "always"),
        ("wire_*", "depends"),
    ]
    assert [one.right for one in rights.what_can("user:ana", "acme", ("agent:desk",))] == [
        "depends", "never", "always", "never"
    ]  # fmt: skip


def test_casbin_files(tmp_path: Path) -> None:
    """Users of a team's own files are those of its rows."""
    rights = Rights(casbin_policy(tmp_path, MODEL, POLICY))
    assert [(one.subject, one.right) for one in rights.who_can("read_salaries") if one.subject != OTHERS] == [
        ("agent:helpdesk", "never"), ("ana", "always"), ("tim", "never"), ("agent:helpdesk", "always"),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies(), st.lists(requests(), min_size=1, max_size=20))
def test_it_equals_deciding_each_request(rules: Settings, asked: list[PolicyRequest]) -> None:
    """For every user, tool and arguments: always is allowed, never is denied, and of a pattern too."""
    policy = build(rules)
    rights = Rights(policy)
    rows = {one: rights.who_can(one) for one in ("t", "tt", "t_x", "u", "u_x")}
    for each in asked:
        for tool, found in rows.items():
            for row in found:
                subject = row.subject if row.subject.startswith("agent:") else f"user:{row.subject}"
                again = replace(request(row.tenant, [subject], tool), facts=each.facts)
                verdict = policy.decide(again).verdict
                assert row.right == "depends" or verdict == ("allow" if row.right == "always" else "deny")
                assert (row.right != "never") == policy.visible(row.tenant, (subject,), tool)
                for agent in ("agent:m", "agent:n"):
                    through = policy.visible(row.tenant, (subject, agent), tool)
                    assert subject.startswith("agent:") or not _named(agent, rules) or (agent in row.agents) == through
        chain = each.principals
        if len(set(chain)) == len(chain):
            for row in rights.what_can(chain[0], each.tenant, chain[1:]):
                verdict = policy.decide(replace(each, tool=row.object, scopes=())).verdict
                assert "*" in row.object or row.right == "depends" or (verdict == "allow") == (row.right == "always")


def _named(agent: str, rules: Settings) -> bool:
    return agent in {rule.subject for rule in rules.rules} | {n for d in rules.delegates for n in (d.from_, d.to)}
