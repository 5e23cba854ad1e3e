"""What a validator says: a finding. Its message may quote content, so it goes where payloads go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a validator has to say about a value."""

    code: str
    """Stable short name of the problem, such as ``schema.type`` or ``schema.required``."""
    message: str
    """One sentence for people. It may quote the value: never put it into a record or a span."""
    path: str = ""
    """Where in the value, as a JSON pointer (RFC 6901); empty for the whole value."""
    severity: Severity = "error"
    """``error`` rejects in enforce mode, ``warning`` is only recorded."""
    validator: str = ""
    """Id of the validator that spoke, as in handrail.toml, or ``arguments`` for the tool's own schema."""
