"""Who is measured per agent step, and how each is set up: the same agent, spans to an exporter that throws them away.

Every function prepares one process; a contender that is not installed is left out, with the command that installs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
INSTALL = "pip install --group rivals"


@dataclass(frozen=True, slots=True)
class Contender:
    """One configuration of the benchmark."""

    name: str
    """As on the command line and in rows."""
    what: str
    """What is on, for the table."""
    setup: Callable[[Any, Path], Any]
    """Takes the bare agent and a folder with a handrail.toml; returns the agent to measure."""
    content: bool = False
    """Whether prompts, arguments and results go onto spans."""
    package: str = ""
    """Distribution that has to be there, besides ours."""
    environ: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def version(self) -> str | None:
        """Version of ``package``; empty where none is needed, None where it is missing."""
        if not self.package:
            return ""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return None

    def environment(self) -> dict[str, str]:
        """Environment of a process that measures it."""
        return {
            **os.environ, "LANGSMITH_TRACING": "false", CAPTURE: "SPAN_ONLY" if self.content else "NO_CONTENT",
            **self.environ,
        }  # fmt: skip


def provider() -> Any:
    """The process's tracer provider, with a batch processor before an exporter that does nothing."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Null(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return known
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(Null()))
    trace.set_tracer_provider(made)
    return made


def _bare(agent: Any, folder: Path) -> Any:
    return agent


def unexported(agent: Any, folder: Path) -> Any:
    """Governed, and nobody listens to spans."""
    import handrail

    return handrail.govern(agent, config=folder / "handrail.toml", principal={"user": "ana"})


def _ours(agent: Any, folder: Path) -> Any:
    provider()
    return unexported(agent, folder)


def _opentelemetry(agent: Any, folder: Path) -> Any:
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    kind: Any = LangChainInstrumentor
    if not kind().is_instrumented_by_opentelemetry:
        kind().instrument(tracer_provider=provider())
    return agent


def _openinference(hide: bool) -> Callable[[Any, Path], Any]:
    def setup(agent: Any, folder: Path) -> Any:
        from openinference.instrumentation import TraceConfig
        from openinference.instrumentation.langchain import LangChainInstrumentor

        kind: Any = LangChainInstrumentor
        if not kind().is_instrumented_by_opentelemetry:
            hidden = TraceConfig(hide_inputs=hide, hide_outputs=hide)
            kind().instrument(tracer_provider=provider(), config=hidden)
        return agent

    return setup


OTEL, OPENINFERENCE = "opentelemetry-instrumentation-genai-langchain", "openinference-instrumentation-langchain"
BARE = Contender("bare", "the agent alone", _bare)
OURS = (
    Contender("content_off", "1,000 rules, schema, journal, payloads, spans", _ours),
    Contender("content_on", "the same, content on spans", _ours, content=True),
)
RIVALS = (
    Contender("otel_off", f"{OTEL}, spans without content", _opentelemetry, package=OTEL),
    Contender("otel_on", f"{OTEL}, content on spans (SPAN_ONLY)", _opentelemetry, content=True, package=OTEL),
    Contender("openinference_off", f"{OPENINFERENCE}, hide_inputs and hide_outputs", _openinference(True),
              package=OPENINFERENCE),
    Contender("openinference_on", f"{OPENINFERENCE}, as installed (content on)", _openinference(False), content=True,
              package=OPENINFERENCE),
)  # fmt: skip


def wire_bytes(run: Callable[[], None]) -> float | None:
    """Bytes of OTLP protobuf that the spans of ``run`` take, uncompressed; None where the encoder is missing."""
    try:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    except ImportError:
        return None
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Weighing(SpanExporter):
        size = 0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            # in one batch resource and scope stand once: only what a further span adds is counted
            [whole] = encode_spans(spans).resource_spans
            self.size += sum(span.ByteSize() + 4 for scope in whole.scope_spans for span in scope.spans)
            return SpanExportResult.SUCCESS

    weighing = Weighing()
    provider().add_span_processor(SimpleSpanProcessor(weighing))
    run()
    return weighing.size
