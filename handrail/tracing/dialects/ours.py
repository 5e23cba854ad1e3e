"""Handrail's own spans, sent by another process (docs/reference/spans.md)."""

from __future__ import annotations

from handrail.tracing.dialects.dialect import Dialect
from handrail.tracing.dialects.otel_genai import step

DIALECT = Dialect(name="handrail", step=step, scopes=("handrail",), marks=("handrail.decision.verdict",))
