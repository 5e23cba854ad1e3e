"""What a validator says: findings. Messages and excerpts may quote content, so they go where payloads go."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
MAX_FINDINGS = 20
"""Findings that one check reports at most; the first ones that it meets."""
UNCHECKED = "unchecked."
"""What the code of a finding begins with that says: this could not be checked."""


HIDDEN = "…"
"""Stands in a path for a key that may be content."""
_NAME = re.compile(r"[A-Za-z_$][\w$.~-]{0,39}", re.ASCII)
_MANY_DIGITS, _MOST_DIGITS, _LONG, _MOST_LEVELS = 9, 4, 16, 20


@dataclass(frozen=True, slots=True)
class Fix:
    """A deterministic repair: what stands in place of what was found."""

    value: object
    """A JSON value; a string where the finding has a span."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a validator has to say about a value."""

    code: str
    """Stable short name of the problem, ``VALIDATOR.PROBLEM``, such as ``schema.type`` or ``iban.digits``."""
    message: str
    """One sentence for people and for the model. It may quote the value: never put it into a record or a span."""
    path: str = ""
    """Where in the value, as a JSON pointer (RFC 6901); empty for the whole value."""
    severity: Severity = "error"
    """``error`` is acted upon in enforce mode, ``warning`` is only recorded."""
    validator: str = ""
    """Id of the validator that spoke, as in handrail.toml, or ``arguments`` for the tool's own schema."""
    hint: str = ""
    """What to do about it, in one sentence; empty where the message says it."""
    span: tuple[int, int] | None = None
    """Which characters of the text at ``path`` (first, and one after the last); None for the whole value there."""
    excerpt: str = ""
    """The offending part, at most 200 characters; content, and redacted like content."""
    fix: Fix | None = None
    """What would make it right, where that is beyond doubt."""

    @property
    def unchecked(self) -> bool:
        """Whether this says that the value could not be checked, rather than that something is wrong with it."""
        return self.code.startswith(UNCHECKED)


Findings = tuple[Finding, ...]
"""What a check found, in the order in which it looked; empty when nothing is wrong."""


def shown(path: str) -> str:
    """``path`` as a plain field of a record may have it: keys of a table that may be content are left out.

    What stands is what looks like the name of a field, or an index: letters, few digits, no code of mixed characters.
    """
    if not path:
        return path
    return "".join(f"/{part if _is_name(part) else HIDDEN}" for part in path.split("/", _MOST_LEVELS)[1:])


def _is_name(part: str) -> bool:
    if part.isdecimal():
        return len(part) < _MANY_DIGITS
    digits = sum(map(str.isdecimal, part))
    code = len(part) >= _LONG and digits and (part == part.upper() or (digits > 1 and part != part.lower()))
    return digits <= _MOST_DIGITS and not code and _NAME.fullmatch(part) is not None


def codes_of(findings: Iterable[Finding]) -> list[str]:
    """The codes of ``findings``, each once, sorted."""
    return sorted({finding.code for finding in findings})


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
