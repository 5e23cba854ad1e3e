"""The spans that a test's runs export, to be asked by name and searched for content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Exported:
    """What was exported so far."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def spans(self) -> list[ReadableSpan]:
        """Every span that has ended."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> Mapping[str, Any]:
        """Attributes of the only span of this name."""
        (span,) = [each for each in self.spans if each.name == name]
        return dict(span.attributes or {})

    def text(self) -> str:
        """Every span as text, with attributes, events, links and status."""
        return "\n".join(span.to_json() for span in self.spans)


@contextmanager
def exporting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Send spans to a provider of this test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield Exported(exporter)
    provider.shutdown()
