"""Is it right: deterministic checks of arguments, results and answers. They return findings and record nothing.

The protocol is in protocol.py, what a finding is in findings.py, how checks are put together in combining.py. The
validators themselves are in rooms of their own: structure, code, grounding, data, safety, conduct.
"""

from __future__ import annotations

from handrail.validators.combining import at, both, each, either, when
from handrail.validators.configured import Validators, build
from handrail.validators.context import Call, Context, Run, Source
from handrail.validators.expression import parse
from handrail.validators.findings import Finding, Findings, Fix, Severity
from handrail.validators.functions import as_check
from handrail.validators.protocol import Check, Validator
from handrail.validators.running import Named
from handrail.validators.schema import SchemaValidator

__all__ = [
    "Call", "Check", "Context", "Finding", "Findings", "Fix", "Named", "Run", "SchemaValidator", "Severity", "Source",
    "Validator", "Validators", "as_check", "at", "both", "build", "each", "either", "parse", "when",
]  # fmt: skip
