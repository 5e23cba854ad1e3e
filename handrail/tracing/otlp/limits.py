"""What a span may be at most, and what is wrong with one. The same for every encoding."""

from __future__ import annotations

import re
from typing import TypeVar

from handrail.tracing.otlp.span import OtlpSpan, SpanEvent, SpanLink

MAX_SPAN_BYTES = 4 << 20
"""Encoded bytes of one span."""
MAX_SPANS = 100_000
"""Spans of one body or file chunk."""
MAX_WHOLE_BYTES = 256 << 20
"""Bytes of all spans of one body, each with its resource and scope: so they are kept, though they come but once."""
MAX_DEPTH = 32
"""Arrays and maps in one another in one attribute."""
MAX_PARTS = 10_000
"""Attributes of one span, event, link, resource or scope; and events, and links, of one span."""
MAX_NAME = 4096
"""Characters of a span's, an event's or a scope's name, and of an attribute's key."""
MAX_TIME_NS = (1 << 63) - 1
"""Year 2262: the last moment that 64 bits with a sign can hold."""

TOO_LARGE = f"it is larger than {MAX_SPAN_BYTES >> 20} MiB"
TOO_MANY = f"the request has more than {MAX_SPANS} spans, scopes and resources together"
TOO_MUCH = f"the request's spans, each with its resource and scope, are larger than {MAX_WHOLE_BYTES >> 20} MiB"
TOO_DEEP = f"an attribute is nested deeper than {MAX_DEPTH} levels"
TOO_MANY_PARTS = f"it has more than {MAX_PARTS} attributes, events or links"
LONG_NAME = f"a name or key is longer than {MAX_NAME} characters"
NOT_TEXT = "a text is not valid UTF-8"
NOT_READABLE = "it cannot be read as an OTLP span"
WRONG_TYPE = "a field has the wrong type"
NO_TRACE_ID = "its trace id is not 16 bytes (32 hex digits), or is zero"
NO_SPAN_ID = "its span id is not 8 bytes (16 hex digits), or is zero"
BAD_PARENT = "its parent id is neither empty nor 8 bytes (16 hex digits)"
BAD_LINK = "a link has no valid trace and span id"
NO_START = "it has no start time"
BAD_TIME = "a time is negative or after the year 2262"
BACKWARDS = "it ends before it starts"
BAD_RESOURCE = "its resource or scope cannot be read"

ZERO_TRACE, ZERO_SPAN = "0" * 32, "0" * 16
_trace_id = re.compile(r"[0-9a-f]{32}").fullmatch
_span_id = re.compile(r"[0-9a-f]{16}").fullmatch


T = TypeVar("T")


class Unfit(ValueError):
    """A span cannot be taken; the text is the reason, as one of the sentences above."""


class Room:
    """How many spans, scopes and resources of one request may still come: those without spans cost time, too."""

    def __init__(self) -> None:
        self._left, self._bytes = MAX_SPANS, MAX_WHOLE_BYTES

    def take(self, parts: list[T]) -> tuple[list[T], int]:
        """As many of ``parts`` as there is room for, and how many were over."""
        taken = parts[: self._left] if len(parts) > self._left else parts
        self._left -= len(taken)
        return taken, len(parts) - len(taken)

    def spend(self, size: int) -> None:
        """Count a span of ``size`` bytes, its resource and scope among them. Raises Unfit where they are too many."""
        if size > self._bytes:
            raise Unfit(TOO_MUCH)
        self._bytes -= size


def check(span: OtlpSpan) -> OtlpSpan:
    """``span`` itself. Raises Unfit with what is wrong with it."""
    if not _trace_id(span.trace_id) or span.trace_id == ZERO_TRACE:
        raise Unfit(NO_TRACE_ID)
    if not _span_id(span.span_id) or span.span_id == ZERO_SPAN:
        raise Unfit(NO_SPAN_ID)
    if span.parent_id and not _span_id(span.parent_id):
        raise Unfit(BAD_PARENT)
    _check_times(span.start_ns, span.end_ns)
    if len(span.name) > MAX_NAME:
        raise Unfit(LONG_NAME)
    if span.events or span.links:
        _check_parts(span.events, span.links)
    return span


def _check_times(start: int, end: int) -> None:
    if 0 < start <= end <= MAX_TIME_NS:
        return
    if not start:
        raise Unfit(NO_START)
    if not (0 < start <= MAX_TIME_NS and 0 <= end <= MAX_TIME_NS):
        raise Unfit(BAD_TIME)
    if end:
        raise Unfit(BACKWARDS)


def _check_parts(events: tuple[SpanEvent, ...], links: tuple[SpanLink, ...]) -> None:
    for event in events:
        if len(event.name) > MAX_NAME:
            raise Unfit(LONG_NAME)
        if not 0 <= event.time_ns <= MAX_TIME_NS:
            raise Unfit(BAD_TIME)
    for link in links:
        if not (_trace_id(link.trace_id) and _span_id(link.span_id)):
            raise Unfit(BAD_LINK)
