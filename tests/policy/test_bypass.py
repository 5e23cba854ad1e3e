"""More than five hundred ways around a policy: none gets through, while the control of each family does."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeGuard, cast

import pytest

import handrail
from handrail.config.settings import Settings
from handrail.policy import Policy, PolicyRequest, build
from tests.kept import outcomes
from tests.policy.bypass import FAMILIES, Family
from tests.policy.lies import Anything, LyingFloat, LyingText, lookalikes, twins
from tests.policy.settings_for import casbin_policy, rule

PRINCIPAL = {"user": "ana", "agent": "bob", "chain": []}


def _policy(family: Family) -> Policy:
    rules = enumerate(family.rules)
    made = [rule(f"r{number}", cast("Any", verdict), "*", "act", when=when) for number, (verdict, when) in rules]
    return build(Settings(rules=tuple(made)))


def _allowed(policy: Policy, args: object, *, tool: str = "act", user: str = "user:ana", tenant: str = "acme") -> bool:
    facts = {"args": args, "principal": PRINCIPAL, "env": {"now": 0}}
    return policy.decide(PolicyRequest(tenant, (user,), tool, facts=facts)).verdict == "allow"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_way_around(family: Family) -> None:
    """Every attack is denied, and every control is allowed: the denials are not those of a policy that denies all."""
    policy = _policy(family)
    assert [args for args in family.allowed if not _allowed(policy, args)] == []
    through = [number for number, make in enumerate(family.attacks) if _allowed(policy, make())]
    assert through == [], f"{family.why}; but attack {through[0]} was allowed"


def test_there_are_many() -> None:
    """The promise is five hundred cases; each family has a reason and a control."""
    assert sum(len(family.attacks) for family in FAMILIES) >= 500
    assert all(family.why and family.allowed for family in FAMILIES)


NAMED = Settings(
    users={"acme/ana": ("staff",)},
    roles={"admin": ("staff",)},
    rules=(
        rule("staff", "allow", "staff", "read_file", tenant="acme"),
        rule("admin", "allow", "admin", "drop_table"),
        rule("user", "allow", "user:eva", "read_file", tenant="acme"),
    ),
)


def test_names_have_one_spelling() -> None:
    """Tools, users, tenants and roles are their exact names: no twin, look-alike, prefix or lie is taken for one."""
    policy = build(NAMED)
    assert _allowed(policy, {}, tool="read_file") and _allowed(policy, {}, tool="read_file", user="user:eva")
    tools = [
        *twins("read_file"),
        *lookalikes("read_file"),
        "read_file" + "x" * 10_000,
        "read_fil",
        LyingText("drop_table"),
    ]
    users = [
        *twins("ana"),
        *lookalikes("ana"),
        "role:staff",
        "staff",
        "role:admin",
        "acme/ana",
        "../ana",
        LyingText("eve"),
    ]
    tenants = [*twins("acme"), *lookalikes("acme"), "acme/ana", "acme/", "../acme", "acme.evil", LyingText("evil")]
    whole = [
        "role:staff",
        "role:admin",
        "staff",
        "*",
        "agent:ana",
        "agent:*",
        "ana",
        "user:",
        "USER:ana",
        "user: ana",
        "User:ana",
    ]
    through = [tool for tool in tools if _allowed(policy, {}, tool=tool)]
    through += [user for user in users if _allowed(policy, {}, tool="read_file", user=f"user:{user}")]
    through += [user for user in whole if _allowed(policy, {}, tool="read_file", user=user)]
    through += [tenant for tenant in tenants if _allowed(policy, {}, tool="read_file", tenant=tenant)]
    assert through == []


NOT_WORKING: list[object] = ["monday", "0", math.nan, math.inf, -math.inf, 10**30, 1e300, True, None, [0], {"now": 0}]


@pytest.mark.parametrize("now", [*NOT_WORKING, Anything(), LyingFloat(0), 3 * 86_400])
def test_times(now: object) -> None:
    """What is no time of a calendar is no working day, and Sunday is none."""
    policy = build(
        Settings(rules=(rule("r", "allow", "*", "act", when="weekday(env.now) <= 5 && hour(env.now) < 24"),))
    )
    one, working = (PolicyRequest("acme", ("user:ana",), "act", facts={"env": {"now": at}}) for at in (now, 86_400))
    assert policy.decide(one).verdict == "deny"
    assert policy.decide(working).verdict == "allow"


@pytest.mark.parametrize(
    "facts", [None, [], "args", 1, {"args": 1}, {1: 2}, Anything(), {LyingText("args"): {"do": "read"}}]
)
def test_facts_that_are_none(facts: Any) -> None:
    """Whoever asks with something else than facts is denied, and no exception leaves the policy."""
    policy = build(
        Settings(rules=(rule("all", "allow", "*", "act"), rule("no", "deny", "*", "act", when="args.do == 'drop'")))
    )
    assert policy.decide(PolicyRequest("acme", ("user:ana",), "act", facts=facts)).verdict == "deny"
    assert _allowed(policy, {"do": "read"})


POLICY = """
version = 1
mode = "enforce"
agent = "bob"

[[delegate]]
from = "*"
to = "agent:*"
call = "act"
"""
RULE = """
[[rule]]
id = "rNUMBER"
VERDICT = "*"
call = "act"
when = '''WHEN'''
"""


def _file(folder: Path, family: Family) -> Path:
    text = POLICY
    for number, (verdict, when) in enumerate(family.rules):
        text += RULE.replace("NUMBER", str(number)).replace("VERDICT", verdict).replace("WHEN", when or "true")
    path = folder / "handrail.toml"
    path.write_text(text, "utf-8")
    return path


def _in_json(args: object) -> TypeGuard[dict[str, object]]:
    """Whether a model could send these arguments."""
    try:
        return type(args) is dict and json.loads(json.dumps(args)) is not None
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_through_the_gate(family: Family, tmp_path: Path) -> None:
    """A sample of each family as the tool calls of a model, through an agent, seam and gate: only the control runs."""
    pytest.importorskip("langchain", reason="The seam of LangChain needs its extra.")
    from langchain.agents import create_agent
    from langchain_core.tools import StructuredTool

    from handrail.testing import ToolCall, Turn
    from tests.frameworks.langchain.kit import Scripted

    ran: list[object] = []

    def act(**given: Any) -> str:
        ran.append(given)
        return "done"

    schema = {"title": "act", "description": "Act.", "type": "object", "properties": {}, "additionalProperties": True}
    tool = StructuredTool.from_function(act, name="act", description="Act.", args_schema=schema)
    attacks = [args for make in family.attacks[::7] if _in_json(args := make())]
    calls = [ToolCall("act", args) for args in [*attacks, family.allowed[0]]]
    agent: Any = create_agent(Scripted(turns=[Turn(tool_calls=(call,)) for call in calls] + [Turn("end")]), [tool])
    governed = handrail.govern(agent, config=_file(tmp_path, family), principal={"user": "ana"})
    governed.invoke({"messages": [("user", "hi")]}, {"recursion_limit": 500})
    assert ran == [family.allowed[0]]
    assert len(outcomes(tmp_path, "act")) == len(calls)


MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && MATCH && r.act == p.act
"""


@pytest.mark.parametrize(
    ("match", "row", "tool", "allowed"),
    [
        ("keyMatch(r.obj, p.obj)", "/public/*", "/public/a", True),
        ("keyMatch(r.obj, p.obj)", "/public/*", "/public/../secret", True),
        ("keyMatch(r.obj, p.obj)", "/public/*", "/public/%2e%2e/secret", True),
        ("keyMatch2(r.obj, p.obj)", "/public/:file", "/public/..", True),
        ("keyMatch2(r.obj, p.obj)", "/data1", "/data1\n", True),
        ("regexMatch(r.obj, p.obj)", "admin", "admin_evil", True),
        ("regexMatch(r.obj, p.obj)", "^/data1$", "/data1\n", True),
        ("r.obj == p.obj", "/public/a", "/public/a", True),
        ("r.obj == p.obj", "/public/a", "/public/./a", False),
    ],
)
def test_casbin_s_own_matching_is_kept(match: str, row: str, tool: str, allowed: bool, tmp_path: Path) -> None:
    """In a team's own files Casbin's functions mean what they mean in Casbin, dots, newlines and all: whoever matches
    paths with them lets `/public/../secret` through. Conditions of handrail.toml have `within` instead."""
    policy = casbin_policy(tmp_path, MODEL.replace("MATCH", match), f"p, ana, {row}, call\n")
    assert (policy.decide(PolicyRequest("acme", ("user:ana",), tool)).verdict == "allow") is allowed
    assert not _allowed(policy, {}, tool=tool, user="user:eve")
