"""Handrail: governance and observability for the AI agents you already have.

The whole surface is here; each name is loaded when it is first used, so that ``import handrail`` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handrail.version import __version__

if TYPE_CHECKING:
    from handrail.effects.declared import NotDone
    from handrail.errors import (
        AnswerRejected,
        ConfigError,
        DelegationRefused,
        HandrailError,
        InDoubt,
        NotAvailable,
        NotResumable,
        RunHeld,
        ValidationFailed,
    )
    from handrail.frameworks.api import govern, instrument, uninstrument
    from handrail.frameworks.delegation import accept, delegate
    from handrail.frameworks.plain import run, tool, visible
    from handrail.frameworks.resuming import idempotency_key, resuming
    from handrail.frameworks.thinking import plan, reflect
    from handrail.frameworks.validation import validate
    from handrail.tracing.acting import acting_for
    from handrail.tracing.identity import Principal

_HOMES = {
    "AnswerRejected": "handrail.errors",
    "ConfigError": "handrail.errors",
    "DelegationRefused": "handrail.errors",
    "HandrailError": "handrail.errors",
    "InDoubt": "handrail.errors",
    "NotAvailable": "handrail.errors",
    "NotDone": "handrail.effects.declared",
    "NotResumable": "handrail.errors",
    "Principal": "handrail.tracing.identity",
    "RunHeld": "handrail.errors",
    "ValidationFailed": "handrail.errors",
    "accept": "handrail.frameworks.delegation",
    "acting_for": "handrail.tracing.acting",
    "delegate": "handrail.frameworks.delegation",
    "govern": "handrail.frameworks.api",
    "idempotency_key": "handrail.frameworks.resuming",
    "instrument": "handrail.frameworks.api",
    "plan": "handrail.frameworks.thinking",
    "reflect": "handrail.frameworks.thinking",
    "resuming": "handrail.frameworks.resuming",
    "run": "handrail.frameworks.plain",
    "tool": "handrail.frameworks.plain",
    "uninstrument": "handrail.frameworks.api",
    "validate": "handrail.frameworks.validation",
    "visible": "handrail.frameworks.plain",
}

__all__ = [
    "AnswerRejected",
    "ConfigError",
    "DelegationRefused",
    "HandrailError",
    "InDoubt",
    "NotAvailable",
    "NotDone",
    "NotResumable",
    "Principal",
    "RunHeld",
    "ValidationFailed",
    "__version__",
    "accept",
    "acting_for",
    "delegate",
    "govern",
    "idempotency_key",
    "instrument",
    "plan",
    "reflect",
    "resuming",
    "run",
    "tool",
    "uninstrument",
    "validate",
    "visible",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'handrail' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
