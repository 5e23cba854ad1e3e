"""Decisions of the built-in model: roles, tenants, groups, patterns, denials, delegation, refusals at build."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from handrail.config.settings import Place, Settings
from handrail.errors import PolicyError
from handrail.policy import Decision, Policy, PolicyRequest, build
from handrail.policy.casbin.model import refuse_two_distributions
from tests.policy.settings_for import allows, ask, delegate, rule

BANK = Settings(
    users={
        "acme/ana": ("support",),
        "acme/lea": ("lead",),
        "umbrella/ana": (),
        "default/dan": ("support",),
        "acme/bob": ("lead", "suspended"),
    },
    roles={"lead": ("support",), "director": ("lead",)},
    groups={"money": ("refund", "wire_*", "cash"), "cash": ("pay_out",)},
    rules=(
        rule("support-reads", "allow", "support", "read_*", "orders.list"),
        rule("refunds", "allow", "support", "refund", when="args.amount <= 500 && args.currency == 'EUR'"),
        rule("lead-money", "allow", "lead", "money", tenant="acme"),
        rule("nobody-exports", "deny", "*", "export_*"),
        rule("suspended", "deny", "suspended", "*"),
        rule("no-big-wires", "deny", "*", "wire_*", when="args.amount > 10000"),
        rule("bot", "allow", "agent:reporter", "export_table"),
        rule("pat", "allow", "user:pat", "*"),
    ),
    delegates=(
        delegate("support", "agent:helpdesk", "read_*", "money", id="desk"),
        delegate("agent:helpdesk", "agent:researcher", "read_*", tenant="acme"),
        delegate("user:pat", "agent:*", "export_table"),
    ),
)


@pytest.fixture(scope="module")
def bank() -> Policy:
    """One policy for the whole table."""
    return build(BANK)


@pytest.mark.parametrize(
    ("principals", "tool", "tenant", "args", "verdict", "rule_id"),
    [
        ("user:ana", "read_order", "acme", {}, "allow", "support-reads"),
        ("user:ana", "orders.list", "acme", {}, "allow", "support-reads"),
        ("user:dan", "read_order", "default", {}, "allow", "support-reads"),
        ("user:lea", "read_order", "acme", {}, "allow", "support-reads"),
        ("user:ana", "read_order", "umbrella", {}, "deny", None),
        ("user:ana", "read_order", "*", {}, "deny", None),
        ("user:eve", "read_order", "acme", {}, "deny", None),
        ("user:anonymous", "read_order", "acme", {}, "deny", None),
        ("user:support", "read_order", "acme", {}, "deny", None),
        ("user:role:support", "read_order", "acme", {}, "deny", None),
        ("user:*", "read_order", "acme", {}, "deny", None),
        ("user:ana", "Read_order", "acme", {}, "deny", None),
        ("user:ana", "xread_order", "acme", {}, "deny", None),
        ("user:ana", "nonsense", "acme", {}, "deny", None),
        ("user:ana", "*", "acme", {}, "deny", None),
        ("user:ana", "refund", "acme", {"amount": 500, "currency": "EUR"}, "allow", "refunds"),
        ("user:ana", "refund", "acme", {"amount": 501, "currency": "EUR"}, "deny", None),
        ("user:ana", "refund", "acme", {"amount": "1", "currency": "EUR"}, "deny", None),
        ("user:ana", "refund", "acme", {"currency": "EUR"}, "deny", None),
        ("user:lea", "pay_out", "acme", {}, "allow", "lead-money"),
        ("user:lea", "wire_money", "acme", {"amount": 10}, "allow", "lead-money"),
        ("user:lea", "wire_money", "acme", {"amount": 10_001}, "deny", "no-big-wires"),
        ("user:lea", "wire_money", "acme", {"amount": "10"}, "deny", "no-big-wires"),
        ("user:lea", "wire_money", "acme", {}, "deny", "no-big-wires"),
        ("user:lea", "wiremoney", "acme", {"amount": 10}, "deny", None),
        ("user:bob", "read_order", "acme", {}, "deny", "suspended"),
        ("user:lea", "export_table", "acme", {}, "deny", "nobody-exports"),
        ("agent:reporter", "export_table", "acme", {}, "deny", "nobody-exports"),
        ("user:ana agent:helpdesk", "read_order", "acme", {}, "allow", "support-reads"),
        ("user:ana agent:other", "read_order", "acme", {}, "deny", None),
        ("user:ana agent:anonymous", "read_order", "acme", {}, "deny", None),
        ("user:eve agent:helpdesk", "read_order", "acme", {}, "deny", None),
        ("user:ana agent:helpdesk", "orders.list", "acme", {}, "deny", None),
        ("user:ana agent:helpdesk agent:researcher", "read_order", "acme", {}, "allow", "support-reads"),
        ("user:dan agent:helpdesk agent:researcher", "read_order", "default", {}, "deny", None),
        ("user:ana agent:researcher", "read_order", "acme", {}, "deny", None),
        ("user:lea agent:helpdesk agent:researcher", "pay_out", "acme", {}, "deny", None),
        ("user:bob agent:helpdesk", "read_order", "acme", {}, "deny", "suspended"),
        ("user:pat agent:anything", "cook", "acme", {}, "deny", None),
        ("user:pat", "cook", "acme", {}, "allow", "pat"),
    ],
)
def test_table(
    bank: Policy, principals: str, tool: str, tenant: str, args: dict[str, object], verdict: str, rule_id: str | None
) -> None:
    """Each line of the table is decided as written, and the rule that decided is named."""
    decision = ask(bank, principals, tool, tenant=tenant, **args)
    assert (decision.verdict, decision.rule) == (verdict, rule_id)
    assert ask(bank, principals, tool, tenant=tenant, **args) == decision, "the second time, from memory"


def test_reasons(bank: Policy) -> None:
    """A denial says in one sentence on which principal or link it failed, and why."""
    unlinked = ask(bank, "user:ana agent:other", "refund", amount=1, currency="EUR")
    assert unlinked.reason == "agent:other may not act for user:ana: no [[delegate]] covers refund in tenant acme."
    assert unlinked.principal == "agent:other"
    default = ask(bank, "user:eve", "read_order")
    assert default.reason == "No rule allows user:eve to call read_order in tenant acme: default deny."
    assert default.principal == "user:eve"
    doubt = ask(bank, "user:lea", "wire_money")
    assert doubt.reason == (
        "Rule no-big-wires denies user:lea the call wire_money "
        "(`args.amount > 10000` could not be evaluated: args.amount is missing)."
    )
    allowed = ask(bank, "user:ana agent:helpdesk", "read_order")
    assert (
        allowed.reason
        == "Rule support-reads allows user:ana to call read_order; agent:helpdesk acts for user:ana by desk."
    )
    assert allowed.principal is None


def test_a_link_is_checked_apart_from_the_agents_own_rights() -> None:
    """An agent that may itself make a call still may not make it for somebody, in another tenant or for another."""
    policy = build(
        Settings(
            rules=(rule("all", "allow", "*", "*"),),
            delegates=(delegate("user:ana", "agent:a", "t*", tenant="acme"),),
        )
    )
    assert allows(policy, "user:ana agent:a", "t1")
    assert "may not act for user:ana" in ask(policy, "user:ana agent:a", "t1", tenant="umbrella").reason
    assert "may not act for user:ana" in ask(policy, "user:ana agent:a", "x").reason
    assert "may not act for user:bob" in ask(policy, "user:bob agent:a", "t1").reason
    assert "may not act for user:ana" in ask(policy, "user:ana agent:b", "t1").reason


def test_reason_with_a_hostile_name(bank: Policy) -> None:
    """Names from a request cannot break out of the sentence that quotes them, nor make it long."""
    reason = ask(bank, "user:eve", "x\nRule pat allows everything " + "y" * 5_000).reason
    assert "\n" not in reason
    assert len(reason) < 300


@pytest.mark.parametrize(
    "request_",
    [
        PolicyRequest("acme", (), "read_order"),
        PolicyRequest("acme", ("",), "read_order"),
        PolicyRequest("acme", ("user:",), "read_order"),
        PolicyRequest("acme", ("ana",), "read_order"),
        PolicyRequest("acme", ("role:support",), "read_order"),
        PolicyRequest("acme", ("*",), "read_order"),
        PolicyRequest("", ("user:pat",), "read_order"),
        PolicyRequest("acme", ("user:pat",), ""),
        PolicyRequest("acme", ("user:pat",), "read_order", action="delete"),  # type: ignore[arg-type]
        PolicyRequest("acme", ("user:pat", None), "read_order"),  # type: ignore[arg-type]
        PolicyRequest(None, ("user:pat",), "read_order"),  # type: ignore[arg-type]
        PolicyRequest("acme", ("user:pat",), ["read_order"]),  # type: ignore[arg-type]
        PolicyRequest("acme", None, "read_order"),  # type: ignore[arg-type]
        PolicyRequest("acme", ("user:pat",), "read_order", facts=None),  # type: ignore[arg-type]
        None,
    ],
)
def test_malformed_requests_are_denied(bank: Policy, request_: PolicyRequest) -> None:
    """Whatever is passed in, the answer is a decision, and for anything malformed it is a denial."""
    decision = bank.decide(request_)
    assert decision.verdict == "deny"
    assert decision.reason


def test_facts_that_raise_are_a_denial() -> None:
    """An exception while a condition reads its facts denies, under an allow rule and under a deny rule alike."""

    class Trap(dict[str, object]):
        def get(self, *_: object) -> object:
            raise RuntimeError("boom")

    policy = build(
        Settings(
            rules=(
                rule("free", "allow", "*", "b"),
                rule("careful", "allow", "*", "a", when="args.x == 1"),
                rule("not-b", "deny", "*", "b", when="args.x == 1"),
            )
        )
    )
    for tool in ("a", "b"):
        assert policy.decide(PolicyRequest("t", ("user:u",), tool, facts={"args": Trap()})).verdict == "deny"


def test_conditions_see_the_tenant_of_the_request() -> None:
    """`tenant` in a condition is the tenant that the rules are looked up for, whatever the facts claim."""
    policy = build(Settings(rules=(rule("r", "allow", "*", "t", when="tenant == 'acme'"),)))
    lying = PolicyRequest("evil", ("user:u",), "t", facts={"tenant": "acme"})
    assert policy.decide(lying).verdict == "deny"
    assert allows(policy, "user:u", "t", tenant="acme")


def test_arguments_are_not_changed(bank: Policy) -> None:
    """Deciding leaves the arguments as they were."""
    args: dict[str, object] = {"amount": 5, "currency": "EUR", "items": [1, {"a": 2}]}
    bank.decide(PolicyRequest("acme", ("user:ana",), "refund", facts={"args": args}))
    assert args == {"amount": 5, "currency": "EUR", "items": [1, {"a": 2}]}


@pytest.mark.parametrize(
    "name", ["a/b", "a,b", "a\nb", "*", "acme*", "a#b", "p, user:x", "[x]", "'", "é\u0000", "role:"]
)
def test_odd_names_are_only_names(name: str) -> None:
    """Tenants, users and tools with any characters get exactly the rights of that very name."""
    policy = build(
        Settings(
            users={f"plain/{name}": ("r",)},
            rules=(
                rule("own", "allow", "r", "t"),
                rule("other", "allow", "user:zoe", "t", tenant="acme"),
                rule("third", "allow", "user:zoe", "tool"),
            ),
        )
    )
    assert policy.decide(PolicyRequest("plain", (f"user:{name}",), "t")).verdict == "allow"
    assert policy.decide(PolicyRequest(name, (f"user:{name}",), "t")).verdict == "deny"
    assert policy.decide(PolicyRequest(name, ("user:zoe",), "t")).verdict == "deny"
    assert policy.decide(PolicyRequest("acme", ("user:zoe",), name)).verdict == "deny"


def test_slashes_do_not_move_between_tenant_and_user() -> None:
    """Tenant `a` with user `b/c` is not tenant `a/b` with user `c`."""
    policy = build(Settings(users={"a/b/c": ("r",)}, rules=(rule("x", "allow", "r", "t"),)))
    assert allows(policy, "user:b/c", "t", tenant="a")
    assert not allows(policy, "user:c", "t", tenant="a/b")


def test_groups_and_patterns() -> None:
    """Groups nest, a pattern is anchored at both ends, `*` stands for any characters, and nothing else is special."""
    policy = build(
        Settings(
            groups={"a": ("b", "x?"), "b": ("c",), "c": ("read_*_now", "*.[ab]")},
            rules=(rule("r", "allow", "*", "a"),),
        )
    )
    for tool in ("x?", "read__now", "read_a_b_now", "q.[ab]", ".[ab]"):
        assert allows(policy, "user:u", tool), tool
    for tool in ("xy", "read_now", "read_a_now_", "aread__now", "q.a", "a", "b", "c", "*"):
        assert not allows(policy, "user:u", tool), tool


def test_a_pattern_cannot_be_made_slow(bank: Policy) -> None:
    """A pattern of many stars against a name made to almost match needs no backtracking."""
    policy = build(Settings(rules=(rule("r", "allow", "*", "*a" * 40 + "b"),)))
    assert not allows(policy, "user:u", "a" * 50_000)
    assert allows(policy, "user:u", "a" * 50_000 + "b")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            Settings(rules=(rule("r", "allow", "*", "t", when="args.x >"),)),
            "handrail.toml:7: The condition of rule r is not",
        ),
        (
            Settings(rules=(rule("r", "allow", "group:x", "t"),)),
            "handrail.toml:7: The subject 'group:x' begins with 'group:'",
        ),
        (Settings(rules=(rule("r", "allow", "user:", "t"),)), "handrail.toml:7: The subject 'user:' names nobody"),
        (Settings(rules=(rule("r", "deny", "user:a*", "t"),)), "handrail.toml:7: The subject 'user:a*' names nobody"),
        (Settings(rules=(rule("r", "deny", "supp*", "t"),)), "handrail.toml:7: The subject 'supp*' names nobody"),
        (Settings(rules=(rule("r", "allow", "", "t"),)), "handrail.toml:7: The subject '' names nobody"),
        (Settings(rules=(rule("r", "allow", "*"),)), "handrail.toml:7: A rule or delegation covers nothing"),
        (
            Settings(rules=(rule("r", "allow", "*", "t", tenant=""),)),
            "handrail.toml:7: A rule or delegation names an empty",
        ),
        (Settings(rules=(rule("r", "allow", "*", "t"), rule("r", "deny", "*", "t"))), "handrail.toml:7: Two rules"),
        (
            Settings(delegates=(delegate("*", "support", "t"),)),
            "handrail.toml:9: The delegation delegate-1 goes to 'support'",
        ),
        (Settings(delegates=(delegate("*", "*", "t"),)), "handrail.toml:9: The delegation delegate-1 goes to '*'"),
    ],
)
def test_refused_at_build(settings: Settings, message: str) -> None:
    """A rule that can mean nothing is refused with file and line, never silently inert."""
    with pytest.raises(PolicyError) as caught:
        build(settings)
    assert str(caught.value).startswith(message)


def test_digest_is_the_content() -> None:
    """The digest changes with anything that decisions depend on, and with nothing else."""
    digest = build(BANK).digest
    assert len(digest) == 64
    moved = tuple(replace(one, place=Place(Path("elsewhere.toml"), 1)) for one in BANK.rules)
    assert build(replace(BANK, rules=moved, mode="enforce", agent="x")).digest == digest
    changed = [
        replace(BANK, rules=BANK.rules[1:]),
        replace(BANK, rules=(replace(BANK.rules[0], tenant="acme"), *BANK.rules[1:])),
        replace(BANK, delegates=BANK.delegates[1:]),
        replace(BANK, users={**BANK.users, "acme/eve": ("support",)}),
        replace(BANK, roles={}),
        replace(BANK, groups={"money": ("refund",)}),
    ]
    digests = {build(settings).digest for settings in changed}
    assert len(digests) == len(changed)
    assert digest not in digests


def test_no_policy_denies() -> None:
    """Settings without a rule give a policy that denies everything."""
    assert not allows(build(Settings()), "user:ana", "t")


def test_threads_agree_with_one_thread(bank: Policy) -> None:
    """8 threads x 500 decisions on a fresh policy, with and without conditions, equal the sequential answers."""
    requests = [
        PolicyRequest(tenant, chain, tool, facts={"args": {"amount": amount, "currency": "EUR"}})
        for tenant in ("acme", "default")
        for chain in (("user:ana",), ("user:lea", "agent:helpdesk"), ("user:bob",), ("user:eve",), ("user:dan",))
        for tool in ("read_order", "refund", "wire_money", "export_table", "unknown")
        for amount in (1, 501, 20_000, "x")
    ]
    expected = [bank.decide(request) for request in requests]
    assert {decision.verdict for decision in expected} == {"allow", "deny"}
    fresh = build(BANK)

    def work(thread: int) -> list[tuple[int, Decision]]:
        numbers = [(thread * 37 + step * 7) % len(requests) for step in range(500)]
        return [(number, fresh.decide(requests[number])) for number in numbers]

    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(work, range(8)):
            assert all(decision == expected[number] for number, decision in answers)


@pytest.mark.parametrize(
    ("installed", "refused"),
    [(("pycasbin",), False), (("casbin",), False), ((), False), (("casbin", "pycasbin"), True)],
)
def test_two_distributions(installed: tuple[str, ...], refused: bool) -> None:
    """casbin and pycasbin side by side are refused, and the message says which to uninstall."""

    def version(name: str) -> str:
        if name in installed:
            return "1.0"
        raise PackageNotFoundError(name)

    check: Callable[[], None] = lambda: refuse_two_distributions(version)  # noqa: E731
    if not refused:
        check()
        return
    with pytest.raises(PolicyError, match="pip uninstall casbin"):
        check()


def test_two_distributions_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check looks at what is really installed."""
    info = tmp_path / "casbin-1.43.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: casbin\nVersion: 1.43.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PolicyError, match=r"casbin 1\.43\.0 and pycasbin"):
        build(Settings())


def test_import_is_light_and_quiet() -> None:
    """`import handrail.policy` loads no Casbin; building does, without a warning or a log line."""
    code = """
import logging, sys
logging.basicConfig(level=0)
import handrail.policy as policy
assert "casbin" not in sys.modules
from handrail.config.settings import RuleSettings, Settings
built = policy.build(Settings(rules=(RuleSettings("r", "allow", "*", ("t",), "args.secret == 'hunter2'"),)))
request = policy.PolicyRequest("acme", ("user:ana",), "t", facts={"args": {"secret": "hunter3"}})
assert built.decide(request).verdict == "deny"
assert policy.Policy is type(built)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
