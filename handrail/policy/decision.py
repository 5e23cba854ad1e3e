"""The question put to the policy and its answer. Framework-free, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from handrail.tracing.identity import MAX_CHAIN as MAX_CHAIN

Verdict = Literal["allow", "deny"]
Action = Literal["call", "read", "write"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """May this chain of principals do this, now, with these arguments?"""

    tenant: str
    """Tenant of the run; ``default`` where the installation has only one."""
    principals: tuple[str, ...]
    """Who acts, outermost first: ``user:ana``, ``agent:helpdesk``, ``agent:researcher``. Never empty."""
    tool: str
    """Name of the object: a tool as the framework knows it, a retriever, or a memory namespace."""
    action: Action = "call"
    """``call`` a tool, ``read`` what a retriever or a namespace gives out, ``write`` to a namespace."""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    """What conditions may read: ``args`` (the call's arguments), ``principal``, ``tenant``, ``session``, ``env``."""
    scopes: tuple[tuple[str, ...], ...] = ()
    """Rights of the delegation tokens on the way: each is a tuple of patterns, and each must cover the object."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on one proposed call, with its explanation. Never shown to the model."""

    verdict: Verdict
    """Allowed or denied by the policy."""
    rule: str | None
    """Id of the rule that decided; None when no rule matched (default deny)."""
    reason: str
    """One plain sentence for people: who may not do what, and because of which rule."""
    principal: str | None = None
    """The principal of the chain on which the call was denied; None when allowed."""
