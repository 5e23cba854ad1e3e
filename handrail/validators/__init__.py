"""Is it right: deterministic checks of arguments, results and answers. They return findings and record nothing.

The protocol is in protocol.py, what a finding is in findings.py, how checks are put together in combining.py. The
validators themselves are in rooms of their own: structure, code, grounding, data, safety, conduct.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.validators.combining import at, both, each, either, when
    from handrail.validators.configured import Validators, build
    from handrail.validators.context import Call, Context, Run, Source
    from handrail.validators.expression import parse
    from handrail.validators.findings import Finding, Findings, Fix, Severity
    from handrail.validators.functions import as_check
    from handrail.validators.protocol import Check, Validator
    from handrail.validators.running import Named
    from handrail.validators.schema import SchemaValidator

_HOMES = {
    "Call": "context",
    "Check": "protocol",
    "Context": "context",
    "Finding": "findings",
    "Findings": "findings",
    "Fix": "findings",
    "Named": "running",
    "Run": "context",
    "SchemaValidator": "schema",
    "Severity": "findings",
    "Source": "context",
    "Validator": "protocol",
    "Validators": "configured",
    "as_check": "functions",
    "at": "combining",
    "both": "combining",
    "build": "configured",
    "each": "combining",
    "either": "combining",
    "parse": "expression",
    "when": "combining",
}
"""Name -> module of this package, loaded when the name is first used: whoever records findings needs no check."""

__all__ = [
    "Call", "Check", "Context", "Finding", "Findings", "Fix", "Named", "Run", "SchemaValidator", "Severity", "Source",
    "Validator", "Validators", "as_check", "at", "both", "build", "each", "either", "parse", "when",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
