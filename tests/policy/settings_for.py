"""Short ways to write settings and requests in the tests of policy/."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from handrail.config.settings import CasbinSettings, DelegateSettings, Place, RuleSettings, Settings
from handrail.policy import Decision, Policy, PolicyRequest, build


def rule(
    id: str,
    verdict: Literal["allow", "deny"],
    subject: str,
    *call: str,
    when: str = "",
    tenant: str = "*",
    read: tuple[str, ...] = (),
    write: tuple[str, ...] = (),
) -> RuleSettings:
    """One ``[[rule]]`` that stands in line 7 of a handrail.toml."""
    return RuleSettings(id, verdict, subject, call, when, tenant, Place(Path("handrail.toml"), 7), read, write)


def delegate(
    from_: str, to: str, *call: str, tenant: str = "*", id: str = "", read: tuple[str, ...] = ()
) -> DelegateSettings:
    """One ``[[delegate]]`` that stands in line 9."""
    return DelegateSettings(from_, to, call, tenant, id, Place(Path("handrail.toml"), 9), read)


def ask(policy: Policy, principals: str, tool: str, *, tenant: str = "acme", **args: object) -> Decision:
    """Decide for space-separated principals."""
    return policy.decide(PolicyRequest(tenant, tuple(principals.split()), tool, facts={"args": args}))


def allows(policy: Policy, principals: str, tool: str, *, tenant: str = "acme", **args: object) -> bool:
    """Whether `ask` is answered with allow."""
    return ask(policy, principals, tool, tenant=tenant, **args).verdict == "allow"


def casbin_policy(folder: Path, model: str, policy: str, *delegates: DelegateSettings) -> Policy:
    """A policy from the texts of a model.conf and a policy.csv."""
    (folder / "model.conf").write_text(model)
    (folder / "policy.csv").write_text(policy)
    files = CasbinSettings(folder / "model.conf", folder / "policy.csv", Place(Path("handrail.toml"), 3))
    return build(Settings(casbin=files, delegates=delegates))
