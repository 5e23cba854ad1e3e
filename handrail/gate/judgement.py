"""What the rules in force say of one call, and how a record says it. Whoever governs something asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handrail.audit.recorder import findings_of
from handrail.policy.decision import Action, PolicyRequest
from handrail.policy.facts import Circumstances
from handrail.rulebook import Snapshot
from handrail.tracing.identity import ANONYMOUS, Principal
from handrail.validators.findings import Finding


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one gate says of one call."""

    verdict: str
    """``allow``, ``deny`` or ``reject``."""
    by: str
    """Which part spoke: policy, schema, validator, identity, owner, unknown_tool, error, none."""
    reason: str
    rule: str | None = None
    findings: tuple[Finding, ...] = ()
    enforced: bool = False
    """Whether the gate that spoke is in enforce mode."""
    policy: str = ""
    """Digest of the policy that was asked."""

    @property
    def stops(self) -> bool:
        """Whether the call may not run."""
        return self.enforced and self.verdict != "allow"

    def record(self) -> dict[str, object]:
        """Fields of the ``tool.call`` record."""
        marked = self.verdict if self.enforced or self.verdict == "allow" else f"would_{self.verdict}"
        return {
            "verdict": marked,
            "by": self.by,
            "rule": self.rule,
            "reason": self.reason,
            "policy": self.policy,
            "findings": findings_of(self.findings),
            "ran": not self.stops,
        }


def ask(snapshot: Snapshot, principal: Principal, name: str, action: Action, facts: Mapping[str, object]) -> Judgement:
    """Whether ``principal`` may do ``action`` with what is called ``name``, by these rules. Never raises."""
    if snapshot.policy is None:
        return Judgement("allow", "none", "no policy is configured")
    if principal.user == ANONYMOUS:
        return Judgement("deny", "identity", "nobody is named on whose behalf the agent acts")
    request = PolicyRequest(principal.tenant, principal.links, name, action, facts, principal.scopes)
    decision = snapshot.policy.decide(request)
    return Judgement(decision.verdict, "policy", decision.reason, decision.rule)


def moment_of(principal: Principal, action: Action, circumstances: Circumstances) -> dict[str, object]:
    """What the record needs besides, so that the call can be decided again."""
    kept: dict[str, object] = {"facts": circumstances}
    if action != "call":
        kept["action"] = action
    if principal.scopes:
        kept["scopes"] = principal.scopes
    return kept
