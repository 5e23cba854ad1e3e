"""Spans as lines of a file, in the form that ``check_spans.py`` reads; several processes may write to one file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


class Lines(SpanExporter):
    """Appends each span that ends to a file, with one write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write ``spans``."""
        for span in spans:
            os.write(self._file, json.dumps(_line(span)).encode() + b"\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        os.close(self._file)


def export_to(path: Path) -> TracerProvider:
    """Make the program's provider one that writes to ``path``."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Lines(path)))
    trace.set_tracer_provider(provider)
    return provider


def _line(span: ReadableSpan) -> dict[str, Any]:
    found = span.context
    assert found is not None and span.instrumentation_scope is not None
    return {
        "name": span.name,
        "kind": span.kind.name,
        "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
        "status_message": span.status.description,
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events],
        "trace_id": f"{found.trace_id:032x}",
        "span_id": f"{found.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "scope": span.instrumentation_scope.name,
    }
