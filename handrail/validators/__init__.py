"""Is it right: deterministic checks of arguments, results and answers. They return findings and record nothing."""

from __future__ import annotations

from handrail.validators.configured import Validators, build
from handrail.validators.findings import Finding, Severity
from handrail.validators.schema import SchemaValidator

__all__ = ["Finding", "SchemaValidator", "Severity", "Validators", "build"]
