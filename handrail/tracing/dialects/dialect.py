"""What a file of this package says about one instrumentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.tracing.dialects.observed import StepKind
from handrail.tracing.otlp.span import OtlpSpan

Attributes = Mapping[str, Any]


def nothing_more(span: OtlpSpan) -> Attributes:
    """Where a span's attributes are all there is."""
    return {}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one instrumentation tells of a step."""

    name: str
    step: Callable[[OtlpSpan, Attributes], StepKind | None]
    """Which step a span is, seen with what ``more`` found; None when only the shared tables can tell."""
    scopes: tuple[str, ...] = ()
    """Beginnings of the names of its instrumentation scopes."""
    marks: tuple[str, ...] = ()
    """Attributes that nobody else sets."""
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Fact -> attributes that come before the shared ones."""
    more: Callable[[OtlpSpan], Attributes] = nothing_more
    """Attributes that it packs into another one, unpacked."""
    input_tokens: tuple[str, ...] = ()
    output_tokens: tuple[str, ...] = ()
    fallback: StepKind = "chain"
    """What its span is when nothing else can be said."""
