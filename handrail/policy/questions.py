"""Requests that are asked for people, by a test or a command: with the facts that the gate gives to a real call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handrail.policy.decision import Action, PolicyRequest
from handrail.tracing.identity import Principal

RUN = ("steps", "model_calls", "tool_calls")
"""What a run counts."""


def request(
    tenant: str,
    principals: Sequence[str],
    name: str,
    action: Action = "call",
    *,
    args: Mapping[str, object] | None = None,
    session: str = "",
    channel: str = "",
    run: Mapping[str, float] | None = None,
    now: float | None = None,
    facts: Mapping[str, object] | None = None,
    scopes: tuple[tuple[str, ...], ...] = (),
) -> PolicyRequest:
    """May ``principals`` do this? ``now`` is in seconds since the Unix epoch; without it ``env.now`` is missing.

    ``args`` are read as ``memory`` where no tool is called, as the gate has it.
    """
    said: dict[str, Any] = {
        "args" if action == "call" else "memory": dict(args or {}),
        "principal": principal_facts(tenant, principals),
        "tenant": tenant,
        "session": session,
        "channel": channel,
        "run": dict.fromkeys(RUN, 0) | dict(run or {}),
        "env": {} if now is None else {"now": now},
    }
    return PolicyRequest(tenant, tuple(principals), name, action, facts={**said, **(facts or {})}, scopes=scopes)


def principal_facts(tenant: str, principals: Sequence[str]) -> dict[str, object]:
    """What conditions read as ``principal``. A chain that begins with an agent acts for nobody."""
    first = principals[0] if principals else ""
    user, chain = (first[5:], principals[1:]) if first.startswith("user:") else ("", principals)
    return {"user": user, "agent": Principal(tenant, user, chain=tuple(chain)).agent, "chain": list(chain)}
