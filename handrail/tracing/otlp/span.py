"""One span of anybody's, whole: what OTLP says of it, so that it can be sent on without a loss."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, TypeAlias

from handrail.errors import HandrailError

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""An OTLP AnyValue: int is 64 bits and signed, None is a value that was left empty."""
Attributes: TypeAlias = Mapping[str, Value]
SpanKind = Literal["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
StatusCode = Literal["UNSET", "OK", "ERROR"]
KINDS: tuple[SpanKind, ...] = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
"""By their numbers in OTLP (opentelemetry/proto/trace/v1/trace.proto)."""
STATUSES: tuple[StatusCode, ...] = ("UNSET", "OK", "ERROR")
"""By their numbers in OTLP."""


class NotOtlp(HandrailError):
    """A body or line as a whole is not what it was said to be; the text says what is wrong, without quoting it."""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened at a moment of a span."""

    name: str
    time_ns: int = 0
    """Nanoseconds since the epoch; 0 when unknown."""
    attributes: Attributes = field(default_factory=dict[str, Value])
    dropped_attributes: int = 0


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A span's pointer to another span, of this trace or another."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict[str, Value])
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0


@dataclass(frozen=True, slots=True)
class OtlpSpan:
    """A span with its resource and scope. Ids are lower-case hex digits; times are nanoseconds since the epoch."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    parent_id: str = ""
    """16 hex digits; empty for none."""
    name: str = ""
    kind: SpanKind = "UNSPECIFIED"
    start_ns: int = 0
    end_ns: int = 0
    """0 for a span that has not ended."""
    attributes: Attributes = field(default_factory=dict[str, Value])
    status: StatusCode = "UNSET"
    status_message: str = ""
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    resource: Attributes = field(default_factory=dict[str, Value])
    """Attributes of the resource; one mapping that the spans of a resource share."""
    scope: str = ""
    """Name of the instrumentation scope: which library made the span."""
    scope_version: str = ""
    scope_attributes: Attributes = field(default_factory=dict[str, Value])
    trace_state: str = ""
    """W3C trace state, as it was."""
    flags: int = 0
    """W3C trace flags and OTLP's bits about a remote parent."""
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    resource_dropped: int = 0
    """Attributes that the resource lost."""
    resource_schema: str = ""
    """Schema URL of the resource."""
    scope_dropped: int = 0
    """Attributes that the scope lost."""
    scope_schema: str = ""
    """Schema URL of the scope's spans."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A span that was not taken, and why. Nothing of its content is in the reason."""

    reason: str
    trace_id: str = ""
    """32 hex digits where they could be read, else empty."""
    span_id: str = ""
    """16 hex digits where they could be read, else empty."""
    count: int = 1
    """Spans that were refused for this reason together."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a body held: the spans that can be taken, and those that cannot."""

    spans: list[OtlpSpan]
    refused: list[Refused]

    @property
    def rejected(self) -> int:
        """How many spans were refused."""
        return sum(refused.count for refused in self.refused)


def grouped(spans: Iterable[OtlpSpan]) -> Generator[tuple[OtlpSpan, list[tuple[OtlpSpan, list[OtlpSpan]]]], None, None]:
    """Neighbours of one resource together, and in them neighbours of one scope; each group after its first span."""
    for _, of_resource in groupby(spans, key=_resource):
        scopes = [list(of_scope) for _, of_scope in groupby(of_resource, key=_scope)]
        yield scopes[0][0], [(inner[0], inner) for inner in scopes]


def _resource(span: OtlpSpan) -> tuple[str, int, str]:
    # by their text: 1, 1.0 and True are equal, but no two of them are the same attribute
    return repr(span.resource), span.resource_dropped, span.resource_schema


def _scope(span: OtlpSpan) -> tuple[str, str, str, int, str]:
    return span.scope, span.scope_version, repr(span.scope_attributes), span.scope_dropped, span.scope_schema
