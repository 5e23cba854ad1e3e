"""The shapes of an explanation: frozen, and JSON by ``as_dict``. Values of facts are content: never for the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from handrail.conditions import MISSING
from handrail.policy.decision import Action, Verdict

MAX_SHOWN = 200
"""Longest text of a value, in characters."""

_DEEPEST, _WIDEST = 4, 20


@dataclass(frozen=True, slots=True)
class FactRead:
    """A fact that a condition names."""

    path: str
    """As written: ``args.amount``."""
    value: object
    """As JSON, cut short where it is long; None where it is missing."""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, or one part of it, and what it says of the facts."""

    text: str
    holds: bool | None
    """None when it cannot be evaluated."""
    problem: str = ""
    """Why it cannot be evaluated."""
    facts: tuple[FactRead, ...] = ()
    """What it reads; parts inside say it again."""
    parts: tuple[Part, ...] = ()
    """What ``&&``, ``||`` or ``!`` joins."""


@dataclass(frozen=True, slots=True)
class RuleTrail:
    """How one rule, or the allowance of a delegation, stands to one principal and request."""

    id: str
    verdict: Verdict
    subject: str
    """``user:NAME``, ``agent:NAME``, ``role:NAME``, ``user:*``, ``agent:*`` or ``*``."""
    tenant: str
    """Name or pattern."""
    file: str | None
    line: int | None
    held_by: tuple[str, ...] | None
    """How the principal comes to be the subject: ``ana``, ``lead``, ``support``; None when it is not."""
    in_tenant: bool
    covered_by: tuple[str, ...] | None
    """The groups, then the name or pattern, that cover the object; None when nothing does."""
    when: str = ""
    condition: Part | None = None
    applies: bool = True
    """Whether the condition lets the rule match; a deny rule matches too where it cannot be evaluated."""

    @property
    def matches(self) -> bool:
        """Whether the rule matches the principal and request."""
        return self.held_by is not None and self.in_tenant and self.covered_by is not None and self.applies


@dataclass(frozen=True, slots=True)
class PrincipalTrail:
    """What is decided of one principal of the chain."""

    principal: str
    verdict: Verdict
    rule: RuleTrail | None
    """The rule that decided; None for default deny."""
    line: str | None = None
    """The line of a team's own Casbin policy that decided, as written."""


@dataclass(frozen=True, slots=True)
class LinkTrail:
    """Whether one principal may act for the one before."""

    delegator: str
    delegate: str
    allowed: bool
    delegation: str | None
    """Id of the ``[[delegate]]``."""
    file: str | None = None
    line: int | None = None
    delegator_by: tuple[str, ...] = ()
    """How the delegator comes to be its ``from``."""
    covered_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopeTrail:
    """Rights of one delegation token on the way."""

    patterns: tuple[str, ...]
    covers: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing to change."""

    kind: str
    """``fact``, ``role``, ``tenant``, ``delegate``, ``scope`` or ``rule``."""
    text: str
    path: str | None = None
    """The fact to change."""
    before: object = None
    after: object = None


@dataclass(frozen=True, slots=True)
class Nearest:
    """What stands nearest to an allowance."""

    rule: str | None
    """Id of the allow rule or delegation that came nearest, or of the deny rule that struck."""
    file: str | None
    line: int | None
    unmet: tuple[str, ...]
    """What keeps it from allowing, a sentence each."""
    changes: tuple[Suggestion, ...] = ()
    """The smallest change found: all of them together turn the denial into an allowance, which was tried."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request is allowed or denied."""

    verdict: Verdict
    rule: str | None
    reason: str
    tenant: str
    action: Action | str
    object: str
    principals: tuple[PrincipalTrail, ...] = ()
    links: tuple[LinkTrail, ...] = ()
    scopes: tuple[ScopeTrail, ...] = ()
    nearest: Nearest | None = None
    """Only for a denial."""

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return cast("dict[str, Any]", plain(self))


def plain(value: object) -> object:
    """``value`` as JSON types: dataclasses become objects, tuples arrays, paths text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(member) for member in cast("tuple[object, ...]", value)]
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in cast("dict[object, object]", value).items()}
    return str(value) if isinstance(value, Path) else value


def readable(value: object, depth: int = 0) -> object:
    """A fact's value as JSON, cut short; what JSON cannot say is named by its type. Runs no code of the value."""
    if value is None or type(value) is bool or type(value) is int:
        return value if type(value) is not int or value.bit_length() < 1_024 else "a huge number"
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if type(value) is str:
        return value if len(value) <= MAX_SHOWN else value[: MAX_SHOWN - 3] + "..."
    if depth < _DEEPEST and type(value) in (list, tuple):
        return [readable(one, depth + 1) for one in cast("list[object]", value)[:_WIDEST]]
    if depth < _DEEPEST and type(value) is dict:
        pairs = list(cast("Mapping[object, object]", value).items())[:_WIDEST]
        return {str(readable(key, depth + 1)): readable(one, depth + 1) for key, one in pairs}
    return "missing" if value is MISSING else f"<{type(value).__name__}>"
