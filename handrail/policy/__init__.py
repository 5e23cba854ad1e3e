"""May it happen: Casbin decisions about tool calls. Framework-free; nothing here records or runs anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.policy.decision import Decision, PolicyRequest

if TYPE_CHECKING:
    from handrail.config.settings import Settings
    from handrail.policy.policy import Policy

__all__ = ["Decision", "Policy", "PolicyRequest", "build"]


def build(settings: Settings) -> Policy:
    """The policy of ``settings``, checked and compiled; raises PolicyError with file and line."""
    from handrail.policy.policy import Policy

    return Policy(settings)


def __getattr__(name: str) -> object:
    # Loads Casbin only for those who ask for the class itself.
    if name == "Policy":
        from handrail.policy.policy import Policy

        return Policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
