"""Actions, scopes, the limits of a chain; what a policy calls settled and what visible."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.config.settings import Settings
from handrail.errors import PolicyError
from handrail.policy import Policy, PolicyRequest, build
from handrail.policy.decision import MAX_CHAIN, Action
from tests.policy.settings_for import ask, casbin_policy, delegate, rule

LIBRARY = Settings(
    users={"acme/ana": ("clerk",)},
    groups={"shelves": ("public", "team-*")},
    rules=(
        rule("calls", "allow", "clerk", "find", "pay", when="args.n <= 5"),
        rule("reads", "allow", "clerk", read=("shelves",)),
        rule("writes", "allow", "clerk", write=("team-notes",)),
        rule("no-secrets", "deny", "*", "*secret*", read=("team-secret",)),
        rule("look", "allow", "clerk", "look*"),
        rule("not-now", "deny", "clerk", "look_late", when="env.now > 5"),
    ),
    delegates=(delegate("clerk", "agent:a", "find", "look", read=("team-*",), id="desk"),),
)


@pytest.fixture(scope="module")
def library() -> Policy:
    """One policy with all three actions."""
    return build(LIBRARY)


@pytest.mark.parametrize(
    ("chain", "action", "name", "rule_id"),
    [
        ("user:ana", "call", "find", "calls"),
        ("user:ana", "read", "find", None),
        ("user:ana", "read", "public", "reads"),
        ("user:ana", "call", "public", None),
        ("user:ana", "write", "public", None),
        ("user:ana", "write", "team-notes", "writes"),
        ("user:ana", "read", "team-secret", "no-secrets"),
        ("user:ana agent:a", "read", "team-x", "reads"),
        ("user:ana agent:a", "write", "team-notes", None),
        ("user:ana agent:a", "call", "team-x", None),
    ],
)
def test_actions_are_kept_apart(library: Policy, chain: str, action: Action, name: str, rule_id: str | None) -> None:
    """A rule holds for the action under which the name was written, and for no other; so does a delegation."""
    request = PolicyRequest("acme", tuple(chain.split()), name, action, {"args": {"n": 1}})
    decision = library.decide(request)
    assert decision.rule == rule_id
    assert (decision.verdict == "allow") is (rule_id not in (None, "no-secrets"))


def test_a_rule_about_nothing_is_refused() -> None:
    """Settings made in code are checked as the file is: a rule needs something that it covers."""
    with pytest.raises(PolicyError, match="covers nothing"):
        build(Settings(rules=(rule("r", "allow", "*"),)))


def test_scopes_narrow(library: Policy) -> None:
    """Every scope must cover the object; a scope without a pattern covers nothing, and none grants anything."""

    def verdict(*scopes: tuple[str, ...], tool: str = "find") -> str:
        return library.decide(
            PolicyRequest("acme", ("user:ana",), tool, facts={"args": {"n": 1}}, scopes=scopes)
        ).verdict

    assert verdict() == verdict(("find",)) == verdict(("x", "f*d"), ("*",)) == "allow"
    assert verdict(("x",)) == verdict(("find",), ()) == verdict(("*",), ("find_",)) == verdict(("f",)) == "deny"
    assert verdict(("*",), tool="other") == "deny"


def test_a_chain_has_an_end(library: Policy) -> None:
    """A principal that stands twice, or one too many, is a denial that says so, though every link is allowed."""
    open_ = build(Settings(rules=(rule("r", "allow", "*", "t"),), delegates=(delegate("*", "agent:*", "t"),)))
    agents = [f"agent:a{number}" for number in range(MAX_CHAIN)]
    assert ask(open_, " ".join(agents), "t").verdict == "allow"
    assert "most" in ask(open_, " ".join([*agents, "agent:z"]), "t").reason
    twice = ask(open_, "user:ana agent:a agent:b agent:a", "t")
    assert (twice.verdict, twice.principal, twice.reason) == ("deny", "agent:a", "agent:a stands twice in the chain.")


@pytest.mark.parametrize("chain", [("user:ana",), ("user:ana", "agent:a"), ("user:eve",), ("nobody",), ()])
@pytest.mark.parametrize("tool", ["find", "pay", "look", "look_late", "a_secret", "nothing", ""])
def test_settled_equals_every_decision(library: Policy, chain: tuple[str, ...], tool: str) -> None:
    """What is settled is what is decided for all facts; where facts change the decision, nothing is settled."""
    decided = {
        library.decide(PolicyRequest("acme", chain, tool, facts={"args": {"n": n}, "env": {"now": n}}))
        for n in (1, 6, "six")
    }
    settled = library.settled("acme", chain, tool)
    if settled is None:
        assert len(decided) > 1
    else:
        assert decided == {settled}
    assert library.visible("acme", chain, tool) is any(one.verdict == "allow" for one in decided)


def test_scopes_and_bad_requests_are_settled(library: Policy) -> None:
    """A token that does not cover the tool hides it; a request that names nobody is denied, not an error."""
    scoped = library.settled("acme", ("user:ana",), "look", scopes=(("find",),))
    assert scoped is not None
    assert scoped.verdict == "deny"
    assert library.visible("acme", ("user:ana",), "look", scopes=(("l*",),))
    assert not library.visible("acme", ("user:ana",), "look", scopes=(("find",),))
    assert not library.visible("acme", None, "look")  # type: ignore[arg-type]
    assert library.rules.rules[0].covers[0][0] == "call"


def test_casbin_files_are_settled_too(tmp_path: Path) -> None:
    """A team's own matcher without facts is settled; one that reads them leaves the tool visible and unsettled."""
    model = (
        "[request_definition]\nr = sub, obj{0}\n[policy_definition]\np = sub, obj\n[policy_effect]\n"
        "e = some(where (p.eft == allow))\n[matchers]\nm = r.sub == p.sub && r.obj == p.obj{1}\n"
    )
    plain = casbin_policy(tmp_path, model.format("", ""), "p, ana, t\n")
    settled = plain.settled("acme", ("user:ana",), "t")
    assert settled is not None
    assert settled.verdict == "allow"
    assert plain.visible("acme", ("user:ana",), "t")
    assert not plain.visible("acme", ("user:bob",), "t")
    facts = casbin_policy(tmp_path, model.format(", args", " && r.args.n < 5"), "p, ana, t\n")
    assert facts.settled("acme", ("user:ana",), "t") is None
    assert facts.visible("acme", ("user:ana",), "t")
