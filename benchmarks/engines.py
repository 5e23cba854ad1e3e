"""The engines that `decisions.py` compares, each configured as suits it best; some may be absent."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from benchmarks.world import Asked, World

Ask = Callable[[Asked], bool]
"""One decision, from the request's parts to the verdict."""


def ours(world: World) -> Ask:
    """Handrail: the whole `Policy.decide`, with the reason in words, from settings as handrail.toml gives them."""
    from handrail.config.settings import RuleSettings, Settings
    from handrail.policy import PolicyRequest, build

    rules = tuple(
        RuleSettings(
            f"r{number}", "allow", rule.role, (rule.tool,),
            f"args.amount <= {rule.limit}" if rule.limit else "", rule.tenant or "*",
        )
        for number, rule in enumerate(world.rules())
    )  # fmt: skip
    users = {f"{tenant}/{user}": (role,) for tenant, user, role in world.users()}
    policy = build(Settings(users=users, rules=rules))

    def ask(asked: Asked) -> bool:
        facts = {"args": {"amount": asked.amount}}
        request = PolicyRequest(asked.tenant, (f"user:{asked.user}",), asked.tool, facts=facts)
        return policy.decide(request).verdict == "allow"

    return ask


_MODEL = """
[request_definition]
r = sub, dom, obj, args
[policy_definition]
p = sub, dom, obj, cond
[role_definition]
g = {links}
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = {matcher}
"""
_MATCHERS = {
    "rbac": "r.obj == p.obj && g(r.sub, p.sub)",
    "tenants": "r.dom == p.dom && r.obj == p.obj && g(r.sub, p.sub, r.dom)",
    "patterns": "keyMatch(r.obj, p.obj) && g(r.sub, p.sub)",
    "conditions": "r.obj == p.obj && g(r.sub, p.sub) && eval(p.cond)",
}


def stock(world: World) -> Ask:
    """Stock pycasbin: cheap comparisons first, and the effect that stops at the first allowance."""
    import casbin

    casbin.util.log.disabled_logging()
    domains = world.scenario == "tenants"
    model = casbin.Model()
    text = _MODEL.format(links="_, _, _" if domains else "_, _", matcher=_MATCHERS[world.scenario])
    model.load_model_from_text(text)
    model["p"]["p"].policy = [
        [rule.role, rule.tenant, rule.tool, f"r.args.amount <= {rule.limit}"] for rule in world.rules()
    ]
    model["g"]["g"].policy = [[user, role, tenant][: 3 if domains else 2] for tenant, user, role in world.users()]
    enforcer: Any = casbin.Enforcer(model)
    enforcer.build_role_links()
    return lambda asked: bool(enforcer.enforce(asked.user, asked.tenant, asked.tool, {"amount": asked.amount}))


def cedar(world: World) -> Ask:
    """Cedar by cedarpy: policies and entities parsed once into handles; tenants are part of the names."""
    cedarpy: Any = importlib.import_module("cedarpy")
    policies = cedarpy.PolicySet.from_str("\n".join(_permit(rule, world) for rule in world.rules()))
    entities = [
        {"uid": {"type": "User", "id": f"{tenant}/{user}"}, "attrs": {},
         "parents": [{"type": "Role", "id": f"{tenant}/{role}"}]}
        for tenant, user, role in world.users()
    ]  # fmt: skip
    handle = cedarpy.Entities.from_json_str(json.dumps(entities))

    def ask(asked: Asked) -> bool:
        request = {
            "principal": {"type": "User", "id": f"{asked.tenant}/{asked.user}"},
            "action": {"type": "Action", "id": "call"},
            "resource": {"type": "Tool", "id": f"{asked.tenant}/{asked.tool}"},
            "context": {"amount": asked.amount, "tool": asked.tool},
        }
        return bool(cedarpy.is_authorized(request, policies, handle).allowed)

    return ask


def _permit(rule: Any, world: World) -> str:
    tenant = rule.tenant or "t0"
    where, when = f'resource == Tool::"{tenant}/{rule.tool}"', ""
    if world.scenario == "patterns":
        where, when = "resource", f' when {{ context.tool like "{rule.tool}" }}'
    if rule.limit:
        when = f" when {{ context.amount <= {rule.limit} }}"
    return f'permit(principal in Role::"{tenant}/{rule.role}", action == Action::"call", {where}){when};'


_REGO = """
package policy
import rego.v1
default allow := false
allow if {
    some role in data.users[input.tenant][input.user]
    MATCH
}
"""


def regorus(world: World) -> Ask:
    """Rego by regorus: rules laid out by hand as nested maps, role to tool to limit; prefixes are tried one by one."""
    engine: Any = importlib.import_module("lakera_regorus").Engine()
    patterns = world.scenario == "patterns"
    match = "data.rules[role][input.tool] >= input.amount"
    if patterns:
        match = "some prefix, limit in data.rules[role]\n    startswith(input.tool, prefix)\n    limit >= input.amount"
    engine.add_policy("policy.rego", _REGO.replace("MATCH", match))
    users: dict[str, dict[str, list[str]]] = {}
    rules: dict[str, dict[str, int]] = {}
    for tenant, user, role in world.users():
        users.setdefault(tenant, {})[user] = [role]
    for rule in world.rules():
        rules.setdefault(rule.role, {})[rule.tool.removesuffix("*")] = rule.limit or 10**9
    engine.add_data({"users": users, "rules": rules})

    def ask(asked: Asked) -> bool:
        engine.set_input(asked._asdict())
        return bool(engine.eval_query("data.policy.allow")["result"][0]["expressions"][0]["value"])

    return ask


ENGINES: dict[str, Callable[[World], Ask]] = {"ours": ours, "pycasbin": stock, "cedarpy": cedar, "regorus": regorus}
