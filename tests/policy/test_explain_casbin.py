"""Explanations for a team's own Casbin files."""

# ruff: noqa: E501 - a table of denials reads best with one in a line

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.policy import Policy
from handrail.policy.explain import explain
from handrail.policy.questions import request
from tests.policy.settings_for import casbin_policy, delegate
from tests.policy.test_casbin_files import MODEL, POLICY

LEAD = "g, lea, lead, acme\ng, lead, support, acme\n"


@pytest.fixture(name="team")
def _team(tmp_path: Path) -> Policy:
    return casbin_policy(tmp_path, MODEL, POLICY + LEAD, delegate("support", "agent:helpdesk", "read_*", id="desk"))


def test_an_allowance_names_line_and_role_path(team: Policy) -> None:
    """The line as written, its number, the path through the g rows; and each link with its delegation."""
    told = explain(team, request("acme", ["user:lea", "agent:helpdesk"], "read_x"))
    assert told.verdict == "allow"
    lea, desk = told.principals
    assert lea.rule is not None and desk.rule is not None
    assert (lea.line, lea.rule.line, lea.rule.id) == ("p, support, acme, read_*, call, allow", 2, "policy.csv:2")
    assert lea.rule.held_by == ("lea", "lead", "support")
    assert desk.rule.line == 3
    assert told.links[0].delegator_by == ("lea", "lead", "support")


@pytest.mark.parametrize(
    ("chain", "tool", "nearest", "unmet", "changes"),
    [
        (["user:eve"], "read_x", "policy.csv:2", ("sub is support, not eve",), ["the line: g, eve, support, acme"]),
        (["user:ana"], "write_x", "policy.csv:2", ("obj is read_*, not write_x",), ["the line: p, ana, acme, write_x, call, allow"]),
        (["user:tim"], "read_salaries", "policy.csv:4", ("it denies: p, trainee, acme, read_salaries, call, deny",), ["without the line 4: p, trainee, acme, read_salaries, call, deny"]),
        (["user:ana", "agent:other"], "read_x", None, ("no [[delegate]] lets agent:other act for user:ana",), []),
    ],
)  # fmt: skip
def test_a_denial_names_the_nearest_line(
    team: Policy, chain: list[str], tool: str, nearest: str | None, unmet: tuple[str, ...], changes: list[str]
) -> None:
    """The allowing line with the most fields that fit, or the one that struck; a change only where it was tried."""
    told = explain(team, request("acme", chain, tool))
    assert told.verdict == "deny" and told.nearest is not None
    assert (told.nearest.rule, told.nearest.unmet) == (nearest, unmet)
    assert [change.text for change in told.nearest.changes] == changes


def test_verdict_and_rule_are_those_of_the_policy(team: Policy) -> None:
    """For every user, tool and tenant that the files name, and some that they do not."""
    for name in ("user:ana", "user:tim", "user:lea", "user:eve", "agent:helpdesk", "agent:x"):
        for tool in ("read_x", "read_salaries", "wire"):
            for tenant in ("acme", "umbrella"):
                asked = request(tenant, [name], tool)
                told, decided = explain(team, asked), team.decide(asked)
                assert (told.verdict, told.rule) == (decided.verdict, decided.rule)
                assert told.principals[0].verdict == decided.verdict
