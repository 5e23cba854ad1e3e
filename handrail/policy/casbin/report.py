"""What a program says of itself: how it decides, why not faster, and what a decision is expected to cost."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from handrail.policy.casbin.matcher import conjuncts
from handrail.policy.casbin.model import Row

Mode = Literal["indexed", "scan", "stock"]

_INDEXED, _SCANNED = 4.0, 0.3
_FIXED, _PER_COMPARISON, _PER_CALL, _PER_EVAL = 20.0, 1.4, 3.1, 33.0


@dataclass(frozen=True, slots=True)
class Report:
    """How one policy is decided."""

    mode: Mode
    """``indexed``: by an index; ``scan``: row by row, compiled; ``stock``: by stock Casbin."""
    why: tuple[str, ...]
    """What keeps the policy from being indexed; empty where nothing does."""
    microseconds: float
    """Expected CPU time of one decision of one principal, from the measured slopes of each mode."""
    levels: tuple[str, ...] = ()
    """What the index is made of, outermost first: ``obj by keyMatch``."""
    rows: tuple[tuple[Row, str], ...] = ()
    """Rows that stock Casbin evaluates when a request reaches them, each with the reason."""
    size: int = 0
    """Rows of the policy, those of roles not counted."""


def expected(mode: Mode, rows: int, matcher: ast.expr | None, *, with_eval: bool) -> float:
    """Microseconds of CPU time a decision, as measured on the machine of the benchmarks."""
    if mode == "indexed":
        return _INDEXED
    if mode == "scan":
        return _INDEXED + _SCANNED * rows
    return _FIXED + rows * (_PER_EVAL if with_eval else _first_cost(matcher))


def _first_cost(matcher: ast.expr | None) -> float:
    """Microseconds a row: most rows are settled by the first conjunct."""
    first = conjuncts(matcher)[0] if matcher is not None else None
    return _PER_COMPARISON if isinstance(first, ast.Compare) else _PER_CALL
