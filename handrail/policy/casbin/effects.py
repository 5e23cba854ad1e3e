"""What matching rows amount to, as Casbin's effectors have it."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.policy.casbin.index import Effect


@dataclass(frozen=True, slots=True)
class Effects:
    """One policy effect."""

    stops: frozenset[Effect]
    """The first match with one of these decides."""
    by_default: bool
    """The answer without any match."""


EFFECTS: dict[str, Effects] = {
    "some(where (p_eft == allow))": Effects(frozenset({"allow"}), by_default=False),
    "!some(where (p_eft == deny))": Effects(frozenset({"deny"}), by_default=True),
    "some(where (p_eft == allow)) && !some(where (p_eft == deny))": Effects(frozenset({"deny"}), by_default=False),
    "priority(p_eft) || deny": Effects(frozenset({"allow", "deny"}), by_default=False),
    "subjectPriority(p_eft) || deny": Effects(frozenset({"allow", "deny"}), by_default=False),
}
"""Casbin's effect expressions. Without a match that decides, a match that allows is an allowance."""


def effect_of(value: str) -> Effect:
    """What the ``eft`` of a row means; anything else than allow and deny means nothing."""
    return "allow" if value == "allow" else "deny" if value == "deny" else "indeterminate"
