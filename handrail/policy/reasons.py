"""The sentences that explain a decision to people. Names from requests cannot break out of them."""

from __future__ import annotations

from handrail.policy.decision import PolicyRequest
from handrail.policy.facts import RequestFacts

_DOING = {"call": "the call", "read": "reading", "write": "writing to"}


def unlinked(request: PolicyRequest, before: str, principal: str) -> str:
    """Why ``principal`` may not act for ``before``."""
    reason = f"{shown(principal)} may not act for {shown(before)}: no [[delegate]] covers {shown(request.tool)}"
    return f"{reason} in tenant {shown(request.tenant)}."


def refusal(request: PolicyRequest, principal: str, rule: str | None, facts: RequestFacts) -> str:
    """Why ``principal`` is denied, by ``rule`` or by default."""
    doubts = "; ".join(f"`{when}` could not be evaluated: {why}" for when, why in facts.doubts.items())
    after = f" ({doubts})" if doubts else ""
    doing, name = _DOING.get(request.action, shown(request.action)), shown(request.tool)
    if rule:
        return f"Rule {rule} denies {shown(principal)} {doing} {name}{after}."
    return (
        f"No rule allows {shown(principal)} to {shown(request.action)} {name} in tenant "
        f"{shown(request.tenant)}: default deny{after}."
    )


def permission(request: PolicyRequest, rule: str | None, links: list[str]) -> str:
    """Which rule and which delegations allow the request."""
    by = f"Rule {rule} allows" if rule else "The policy allows"
    acting = f"; {'; '.join(links)}" if links else ""
    return f"{by} {shown(request.principals[0])} to {shown(request.action)} {shown(request.tool)}{acting}."


def shown(name: str) -> str:
    """A name from a request, as it may stand in a sentence."""
    return name if len(name) <= 80 and name.isprintable() else ascii(name[:80]) + "..." * (len(name) > 80)
