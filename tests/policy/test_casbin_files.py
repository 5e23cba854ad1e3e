"""Plain Casbin files: decided as stock Casbin decides, for every principal of the chain, and checked line by line."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import casbin
import pytest

from handrail.config.settings import CasbinSettings, Settings
from handrail.errors import PolicyError
from handrail.policy import PolicyRequest, build
from tests.policy.settings_for import allows, ask, casbin_policy, delegate

MODEL = """[request_definition]
r = sub, dom, obj, act

[policy_definition]
p = sub, dom, obj, act, eft

[role_definition]
g = _, _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && keyMatch(r.obj, p.obj) && r.act == p.act
"""
POLICY = """# who may do what
p, support, acme, read_*, call, allow
p, agent:helpdesk, acme, *, call, allow
p, trainee, acme, read_salaries, call, deny

g, ana, support, acme
g, tim, support, acme
g, tim, trainee, acme
"""
EXAMPLES = [
    ("basic_model", "basic_policy"),
    ("basic_model", "basic_inverse_policy"),
    ("basic_model", "empty_policy"),
    ("basic_model_without_spaces", "basic_policy"),
    ("basic_with_root_model", "basic_policy"),
    ("basic_with_root_model", "empty_policy"),
    ("basic_without_resources_model", "basic_without_resources_policy"),
    ("basic_without_users_model", "basic_without_users_policy"),
    ("globmatch_model", "globmatch_policy"),
    ("ipmatch_model", "ipmatch_policy"),
    ("keymatch_model", "keymatch_policy"),
    ("keymatch2_model", "keymatch2_policy"),
    ("priority_model", "priority_policy"),
    ("priority_model_explicit", "priority_policy_explicit"),
    ("rbac_model", "rbac_policy"),
    ("rbac_model", "rbac_with_hierarchy_policy"),
    ("rbac_model_matcher_using_in_op_bracket", "rbac_policy"),
    ("rbac_with_all_pattern_model", "rbac_with_all_pattern_policy"),
    ("rbac_with_deny_model", "rbac_with_deny_policy"),
    ("rbac_with_not_deny_model", "rbac_with_deny_policy"),
    ("rbac_with_domain_and_policy_pattern_model", "rbac_with_domain_and_policy_pattern_policy"),
    ("rbac_with_domain_pattern_model", "rbac_with_domain_pattern_policy"),
    ("rbac_with_domains_model", "rbac_with_domains_policy"),
    ("rbac_with_domains_model", "rbac_with_domains_policy2"),
    ("rbac_with_domains_model", "rbac_with_hierarchy_with_domains_policy"),
    ("rbac_with_domains_without_policy_matcher", "rbac_with_hierarchy_without_policy_domains"),
    ("rbac_with_multiply_matched_pattern", "rbac_with_multiply_matched_pattern"),
    ("rbac_with_pattern_model", "rbac_with_pattern_policy"),
    ("rbac_with_resource_roles_model", "rbac_with_resource_roles_policy"),
    ("subject_priority_model", "subject_priority_policy"),
    ("subject_priority_model_with_domain", "subject_priority_policy_with_domain"),
    ("abac_rule_model", "abac_rule_policy"),
]
REFUSED = [
    ("abac_multiple_rules_model", "basic_policy", r"basic_policy\.csv:1: .* 3 values where p needs 4"),
    ("keymatch_custom_model", "keymatch_policy", r"keymatch_custom_model\.conf:11: .*'keyMatchCustom' is not defined"),
    ("rbac_with_temporal_roles_model", "rbac_with_temporal_roles_policy", r"model\.conf:8: Roles with conditions"),
    ("priority_model", "priority_indeterminate_policy", r"policy\.csv:1: .* effect 'intdeterminate'"),
    (
        "rbac_with_multiple_policy_model",
        "rbac_with_multiple_policy_policy",
        r"model\.conf:2: .* 'thing' stands for nothing",
    ),
    ("basic_model", "rbac_policy", r"rbac_policy\.csv:\d+: The line begins with 'g', which the model does not define"),
]


def _values(policy: Path, extra: tuple[str, ...]) -> list[str]:
    words = {word.strip() for line in policy.read_text().splitlines() for word in line.split(",")[1:]}
    return sorted({word for word in words if word} | set(extra))


def _stock_answer(stock: object, request: tuple[str, ...]) -> bool:
    try:
        return bool(stock.enforce(*request))  # type: ignore[attr-defined]
    except Exception:
        return False  # what raises there is a denial here


@pytest.mark.parametrize(("model", "policy"), EXAMPLES)
def test_casbins_own_examples(model: str, policy: str, test_data: Callable[[str], Path]) -> None:
    """Casbin's examples are accepted as they are, and every single-principal request built from their own words is
    decided as stock Casbin decides it."""
    folder = test_data("casbin-examples")
    files = CasbinSettings(folder / f"{model}.conf", folder / f"{policy}.csv")
    ours = build(Settings(casbin=files))
    stock = casbin.Enforcer(str(files.model), str(files.policy))
    fields = [token.removeprefix("r_") for token in stock.get_model()["r"]["r"].tokens]
    words = _values(files.policy, ("root", "192.168.2.9", "/alice_data/x", "nobody"))[:16]
    acts = sorted({"read", "write", "GET", "POST"} & set(words)) or ["read"]
    tenants = [word for word in words if word.startswith("domain")] or ["default"]
    compared = 0
    for sub, dom, obj, act in itertools.product(words, tenants, words, acts):
        values = {"sub": sub, "dom": dom, "obj": obj, "act": act}
        request = PolicyRequest(dom, (f"user:{sub}",), obj, action=act)  # type: ignore[arg-type]
        expected = _stock_answer(stock, tuple(values[field] for field in fields))
        assert (ours.decide(request).verdict == "allow") is expected, values
        compared += 1
    assert compared >= 16


@pytest.mark.parametrize(("model", "policy", "message"), REFUSED)
def test_examples_that_cannot_work_here(
    model: str, policy: str, message: str, test_data: Callable[[str], Path]
) -> None:
    """Examples that need Python code, unknown fields or a misspelled effect are refused with file and line."""
    folder = test_data("casbin-examples")
    with pytest.raises(PolicyError, match=message):
        build(Settings(casbin=CasbinSettings(folder / f"{model}.conf", folder / f"{policy}.csv")))


def test_every_principal_counts(tmp_path: Path) -> None:
    """All principals of the chain must be allowed, and the reason says on which one it failed."""
    policy = casbin_policy(tmp_path, MODEL, POLICY)
    assert allows(policy, "user:ana", "read_order")
    assert allows(policy, "user:ana agent:helpdesk", "read_order")
    stranger = ask(policy, "user:ana agent:stranger", "read_order")
    assert (stranger.verdict, stranger.principal) == ("deny", "agent:stranger")
    assert "agent:stranger" in stranger.reason
    assert not allows(policy, "user:eve agent:helpdesk", "read_order")
    assert not allows(policy, "user:ana agent:helpdesk", "wire")


def test_the_deciding_line_is_named(tmp_path: Path) -> None:
    """The rule of a decision is the line of policy.csv, for an allow and for a deny."""
    policy = casbin_policy(tmp_path, MODEL, POLICY)
    assert ask(policy, "user:ana", "read_salaries").rule == "policy.csv:2"
    denied = ask(policy, "user:tim", "read_salaries")
    assert (denied.verdict, denied.rule) == ("deny", "policy.csv:4")
    assert ask(policy, "user:eve", "read_salaries").rule is None


def test_a_user_cannot_pose_as_an_agent(tmp_path: Path) -> None:
    """A user who calls himself agent:helpdesk does not get the agent's rights."""
    policy = casbin_policy(tmp_path, MODEL, POLICY)
    assert allows(policy, "agent:helpdesk", "wire")
    assert not allows(policy, "user:agent:helpdesk", "wire")


def test_delegations_beside_casbin_files(tmp_path: Path) -> None:
    """Where [[delegate]] is written too, links are checked with the roles of policy.csv, and grant nothing alone."""
    desk = delegate("support", "agent:helpdesk", "read_*", id="desk")
    policy = casbin_policy(tmp_path, MODEL, POLICY, desk, delegate("support", "agent:other", "*"))
    assert allows(policy, "user:ana agent:helpdesk", "read_order")
    assert not allows(policy, "agent:helpdesk agent:helpdesk", "wire")
    assert not allows(policy, "user:ana agent:other", "read_order")


def test_arguments_are_read_only_and_reachable(tmp_path: Path) -> None:
    """A matcher reads r.args.amount, an argument called items is the argument, and nothing can be changed."""
    model = """[request_definition]
r = user, tool, args
[policy_definition]
p = user, tool
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.user == p.user && r.tool == p.tool && r.args.items[0].id == "a" && r.args.amount <= 500 && "x" in r.args.tags
"""
    good: dict[str, object] = {"amount": 5, "items": [{"id": "a"}], "tags": ["x"]}
    changes: list[dict[str, object]] = [
        {"amount": 501},
        {"amount": "5"},
        {"items": []},
        {"items": None},
        {"tags": "y"},
        {"amount": object()},
    ]

    def refunds(matching: str, args: dict[str, object]) -> bool:
        policy = casbin_policy(tmp_path, matching, "p, ana, refund\n")
        return policy.decide(PolicyRequest("acme", ("user:ana",), "refund", facts={"args": args})).verdict == "allow"

    assert refunds(model, good)
    for change in changes:
        assert not refunds(model, {**good, **change}), change
    assert not refunds(model, {})
    with pytest.raises(PolicyError, match="the method 'clear' is not known to be cheap"):
        refunds(model.replace('r.args.items[0].id == "a"', "r.args.clear() == None"), good)
    assert good == {"amount": 5, "items": [{"id": "a"}], "tags": ["x"]}


@pytest.mark.parametrize(
    ("model", "policy", "message"),
    [
        (MODEL, POLICY + "p, ana, acme, read\n", "policy.csv:9: The line has 3 values where p needs 5."),
        (MODEL, POLICY + "p, a,b, acme, read, call, deny\n", "policy.csv:9: The line has 6 values where p needs 5."),
        (MODEL, POLICY + "q, ana\n", "policy.csv:9: The line begins with 'q', which the model does not define."),
        (MODEL, "\ufeff" + POLICY.replace("# who may do what\n", ""), "policy.csv:1: The line begins with '\\ufeffp'"),
        (MODEL, POLICY + "p, ana, acme, x], call, deny\n", "policy.csv:9: The line has brackets that do not match."),
        (MODEL, POLICY + "p, ana, acme, *, call, denied\n", "policy.csv:9: The line has the effect 'denied'."),
        (MODEL, POLICY + "g, ana, support\n", "policy.csv:9: The line has 2 values where g needs 3."),
        (
            MODEL.replace("sub, dom, obj, act\n", "sub, dom, obj, ip\n", 1),
            POLICY,
            "model.conf:2: The request field 'ip' stands",
        ),
        (MODEL.replace("r.act", "r.action"), POLICY, "model.conf:14: The matcher is not understood: 'r_action' is not"),
        (
            MODEL.replace("keyMatch", "myMatch"),
            POLICY,
            "model.conf:14: The matcher is not understood: 'myMatch' is not",
        ),
        (MODEL.replace("&& keyMatch", "&& ) keyMatch"), POLICY, "model.conf:14: The matcher is not understood"),
        (MODEL.replace("[matchers]", "[matcher]"), POLICY, "model.conf: The model has no 'm' definition."),
        (
            MODEL.replace("g = _, _, _", "g = _, _, _, _"),
            POLICY,
            "model.conf:8: A role definition has two or three fields.",
        ),
        (MODEL.replace("some(where", "any(where"), POLICY, "policy.csv: Casbin cannot load the policy with model.conf"),
        ("no model at all", POLICY, "model.conf: Casbin cannot read the model"),
    ],
)
def test_refused_with_file_and_line(tmp_path: Path, model: str, policy: str, message: str) -> None:
    """What stock Casbin would drop, misread or choke on at every request is refused when loaded."""
    with pytest.raises(PolicyError) as caught:
        casbin_policy(tmp_path, model, policy)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_missing_files(tmp_path: Path) -> None:
    """A file that is not there is named, with the line of handrail.toml that names it."""
    with pytest.raises(PolicyError, match=r"absent\.conf cannot be read: FileNotFoundError"):
        build(Settings(casbin=CasbinSettings(tmp_path / "absent.conf", tmp_path / "absent.csv")))


EVAL_MODEL = """[request_definition]
r = sub, obj, args
[policy_definition]
p = sub, obj, cond
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && eval(p.cond)
"""


def test_a_condition_cannot_escape_its_parentheses(tmp_path: Path) -> None:
    """Casbin puts eval() text into the matcher as it is: `False) or (True` would allow everybody, and is refused."""
    for escape in ("False) or (True", '"(" == "x") or (True'):
        with pytest.raises(PolicyError, match=r"policy\.csv:2: The line has (brackets|the condition)"):
            casbin_policy(tmp_path, EVAL_MODEL, f"p, ana, t, r.args.x == 1\np, eve, none, {escape}\n")
    with pytest.raises(PolicyError, match=r"policy\.csv:1: .*'r_arg' is not defined"):
        casbin_policy(tmp_path, EVAL_MODEL, "p, ana, t, r.arg.x == 1\n")


def test_conditions_in_rows(tmp_path: Path) -> None:
    """eval(p.cond) decides by the row's own condition, in threads too."""
    policy = casbin_policy(tmp_path, EVAL_MODEL, "p, ana, t, r.args.x > 1 && r.args.x < 9\np, bob, t, r.args.x == 1\n")

    def answers(_: int) -> list[bool]:
        return [allows(policy, f"user:{user}", "t", x=x) for user in ("ana", "bob", "eve") for x in (1, 5, 9)]

    with ThreadPoolExecutor(8) as pool:
        for given in pool.map(answers, range(80)):
            assert given == [False, True, False, True, False, False, False, False, False]


def test_an_empty_condition_is_named(tmp_path: Path) -> None:
    """A row without its condition is refused with its line, not with an error of ours."""
    with pytest.raises(PolicyError, match=r"policy\.csv:2: .*it is empty"):
        casbin_policy(tmp_path, EVAL_MODEL, "p, ana, pay, True\np, bob, pay, \n")


def test_digest_covers_both_files(tmp_path: Path) -> None:
    """A change in either file changes the digest."""
    digests = {
        casbin_policy(tmp_path, model, policy).digest
        for model in (MODEL, MODEL + "# x\n")
        for policy in (POLICY, POLICY + "g, eve, support, acme\n")
    }
    assert len(digests) == 4
