"""Where telemetry goes that Handrail exports itself: what the standard ``OTEL_*`` variables say, and what was taken.

Nothing of OpenTelemetry's SDK is loaded before an exporter is wanted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

log = logging.getLogger(__name__)

Acknowledge = Callable[[str, Sequence[str]], None]
"""Told of spans that have arrived: where, and their ids (16 hex digits each)."""
Signal = Literal["traces", "metrics", "logs"]
_WORDS: Mapping[Signal, str] = {"traces": "Spans", "metrics": "Metrics", "logs": "Events"}
_NO_EXPORTER = "%s are not exported: the exporter %r is not installed. Install it with: pip install 'handrail[%s]'"
_HTTP, _GRPC = "otlp_proto_http", "otlp_proto_grpc"


def provider(environ: Mapping[str, str], acknowledge: Acknowledge | None = None) -> TracerProvider | None:
    """A provider that exports as ``environ`` says; None where it names no exporter, or one that is not installed."""
    made: Any = exporter(environ, "traces")
    if made is None:
        return None
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    found = TracerProvider()
    told: Any = _Acknowledging(made, destination(environ), acknowledge) if acknowledge is not None else made
    found.add_span_processor(BatchSpanProcessor(told))
    return found


def exporter(environ: Mapping[str, str], signal: Signal) -> Any:
    """The exporter for ``signal`` that ``environ`` asks for; None for none, or one that is not installed."""
    name = exporter_name(environ, signal)
    if name is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    found = metadata.entry_points(group=f"opentelemetry_{signal}_exporter", name=name)
    if found:
        return next(iter(found)).load()()
    # an address for everything is missed once, with the spans
    if signal == "traces" or any(environ.get(variable) for variable in _own(signal)):
        log.warning(_NO_EXPORTER, _WORDS[signal], name, "otlp-grpc" if name.endswith("grpc") else "otlp")
    return None


def _own(signal: Signal) -> tuple[str, str]:
    """The variables that ask for one signal alone."""
    return f"OTEL_{signal.upper()}_EXPORTER", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"


def exporter_name(environ: Mapping[str, str], signal: Signal = "traces") -> str | None:
    """The registered name of the exporter that ``environ`` asks for; None for none."""
    chosen, endpoint = _own(signal)
    default = "otlp" if environ.get(endpoint) or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else "none"
    name = environ.get(chosen) or default
    if name == "none":
        return None
    if name != "otlp":
        return name
    return _GRPC if protocol(environ, signal) == "grpc" else _HTTP


def protocol(environ: Mapping[str, str], signal: Signal = "traces") -> str:
    """``grpc``, ``http/protobuf`` or ``http/json``, as the variables for OTLP say; HTTP by default."""
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    return own or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"


def destination(environ: Mapping[str, str]) -> str:
    """The address that spans are sent to; for another exporter than OTLP its name."""
    name = exporter_name(environ)
    if name not in (_HTTP, _GRPC, None):
        return str(name)
    own, common = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if protocol(environ) == "grpc":
        return own or common or "http://localhost:4317"
    return own or f"{(common or 'http://localhost:4318').rstrip('/')}/v1/traces"


class _Acknowledging:
    """Hands spans to an exporter, and says which of them it has got rid of. A SpanExporter by shape."""

    def __init__(self, exporter: Any, destination: str, acknowledge: Acknowledge) -> None:
        self._exporter, self._destination, self._acknowledge = exporter, destination, acknowledge

    def export(self, spans: Sequence[ReadableSpan]) -> Any:
        result = self._exporter.export(spans)
        if result.value == 0:  # SpanExportResult.SUCCESS
            contexts = (span.context for span in spans)
            self._acknowledge(self._destination, [f"{found.span_id:016x}" for found in contexts if found is not None])
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return bool(self._exporter.force_flush(timeout_millis))
