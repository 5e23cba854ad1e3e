"""Random policies from the grammar of handrail.toml against an oracle that reads the rules one after the other."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy import PolicyRequest, build

ROLES = ["r1", "r2", "r3"]
USERS = ["ana", "bob", "r1", "*"]
TENANTS = ["acme", "umbrella", "default"]
TOOLS = ["read_a", "read_b", "pay", "a.b", "*", "g1"]
AGENTS = ["x", "y"]

_subjects = st.sampled_from(["*", *ROLES, "user:ana", "user:bob", "agent:x", "agent:y", "agent:*", "user:*"])
_calls = st.lists(
    st.sampled_from(["read_a", "read_*", "*a", "pay", "a.b", "*", "g1", "g2", "p*y"]), min_size=1, max_size=2
)
_tenants = st.sampled_from(["*", "*", "acme", "umbrella", "a*"])
_whens = st.sampled_from(["", "", "args.n <= 5", "args.n == 'five'", "args.m == 1 || args.n > 5"])
_rules = st.lists(
    st.tuples(st.sampled_from(["allow", "allow", "deny"]), _subjects, _calls, _whens, _tenants), max_size=6
)
_delegates = st.lists(
    st.tuples(_subjects, st.sampled_from(["agent:x", "agent:y", "agent:*", "user:bob"]), _calls, _tenants), max_size=4
)
_users = st.dictionaries(
    st.tuples(st.sampled_from(TENANTS), st.sampled_from(USERS[:3])), st.lists(st.sampled_from(ROLES), max_size=2)
)
_includes = st.dictionaries(st.sampled_from(ROLES[:2]), st.just(["r3"]))
_groups = st.just({"g1": ("pay", "g2"), "g2": ("read_b",)})


@st.composite
def policies(draw: st.DrawFn) -> Settings:
    """Settings as the loader would make them."""
    rules = [
        RuleSettings(f"rule-{n}", "allow" if verdict == "allow" else "deny", subject, tuple(call), when, tenant)
        for n, (verdict, subject, call, when, tenant) in enumerate(draw(_rules))
    ]
    delegates = [
        DelegateSettings(from_, to, tuple(call), tenant, f"delegate-{n}")
        for n, (from_, to, call, tenant) in enumerate(draw(_delegates))
    ]
    return Settings(
        users={f"{tenant}/{user}": tuple(roles) for (tenant, user), roles in draw(_users).items()},
        roles={role: tuple(included) for role, included in draw(_includes).items()},
        groups=draw(_groups),
        rules=tuple(rules),
        delegates=tuple(delegates),
    )


_principals = st.lists(
    st.sampled_from([*(f"user:{user}" for user in USERS), *(f"agent:{agent}" for agent in AGENTS)]),
    min_size=1,
    max_size=3,
)
_args = st.dictionaries(st.sampled_from(["n", "m"]), st.sampled_from([1, 5, 6, "five"]))


def _request(tenant: str, chain: list[str], tool: str, args: dict[str, object]) -> PolicyRequest:
    return PolicyRequest(tenant, tuple(chain), tool, facts={"args": args})


_requests = st.builds(
    _request,
    st.sampled_from([*TENANTS, "*", "a"]), _principals, st.sampled_from(TOOLS), _args,
)  # fmt: skip


def _like(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _covers(policy: Settings, calls: tuple[str, ...], tool: str) -> bool:
    return any(
        _covers(policy, policy.groups[call], tool) if call in policy.groups else _like(call, tool) for call in calls
    )


def _is(policy: Settings, principal: str, subject: str, tenant: str) -> bool:
    if ":" in subject:
        return principal == subject or (subject.endswith(":*") and principal.split(":")[0] == subject.split(":")[0])
    if subject == "*":
        return True
    user = principal.removeprefix("user:") if principal.startswith("user:") else None
    held = set(policy.users.get(f"{tenant}/{user}", ())) if user else set()
    for _ in policy.roles:
        held |= {included for role in held for included in policy.roles.get(role, ())}
    return subject in held


def _holds(when: str, args: dict[str, object]) -> bool | None:
    """Python's own reading of the few conditions used here; None where there is no answer."""
    n, m = args.get("n"), args.get("m")
    if when == "":
        return True
    if when == "args.n <= 5":
        return n <= 5 if isinstance(n, int) else None
    if when == "args.n == 'five'":
        return n == "five" if isinstance(n, str) else None
    if not isinstance(m, int):
        return None
    return True if m == 1 else (n > 5 if isinstance(n, int) else None)


def _one(policy: Settings, principal: str, request: PolicyRequest) -> bool:
    args = request.facts["args"]
    assert isinstance(args, dict)
    allowed = any(
        _is(policy, principal, one.to, request.tenant)
        and _like(one.tenant, request.tenant)
        and _covers(policy, one.call, request.tool)
        for one in policy.delegates
    )
    for rule in policy.rules:
        applies = (
            _is(policy, principal, rule.subject, request.tenant)
            and _like(rule.tenant, request.tenant)
            and _covers(policy, rule.call, request.tool)
        )
        if applies and rule.verdict == "deny" and _holds(rule.when, args) is not False:
            return False
        allowed = allowed or (applies and rule.verdict == "allow" and _holds(rule.when, args) is True)
    return allowed


def _linked(policy: Settings, before: str, after: str, request: PolicyRequest) -> bool:
    return any(
        _is(policy, before, one.from_, request.tenant)
        and _is(policy, after, one.to, request.tenant)
        and _like(one.tenant, request.tenant)
        and _covers(policy, one.call, request.tool)
        for one in policy.delegates
    )


@settings(deadline=None)
@given(policies(), st.lists(_requests, min_size=1, max_size=12))
def test_agrees_with_the_oracle(policy: Settings, requests: list[PolicyRequest]) -> None:
    """Every decision equals the oracle's, the first time and from memory, and an allow names an allowing entry."""
    ours = build(policy)
    allowing = {rule.id for rule in policy.rules if rule.verdict == "allow"} | {one.id for one in policy.delegates}
    for request in [*requests, *requests]:
        chain = request.principals
        expected = (
            len(set(chain)) == len(chain)
            and all(_one(policy, principal, request) for principal in chain)
            and all(_linked(policy, before, after, request) for before, after in pairwise(chain))
        )
        decision = ours.decide(request)
        assert (decision.verdict == "allow") is expected, (request, decision)
        assert decision.rule in allowing if expected else decision.rule not in allowing
        assert (decision.principal is None) is expected
