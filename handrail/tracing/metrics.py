"""Metrics out, by the GenAI conventions: pure functions from a step's facts to measurements, and who takes them.

The user's own MeterProvider is used when there is one. Without one, and without an exporter that the standard
``OTEL_*`` variables name, nothing is measured. No measurement has content in it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import metrics

from handrail.tracing import exporting
from handrail.tracing.conventions import METRICS
from handrail.tracing.genai import Facts

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider

log = logging.getLogger(__name__)

OURS: Mapping[str, tuple[str, str, str]] = {
    "handrail.decisions": ("counter", "{decision}", "Proposed calls that were decided on."),
    "handrail.notes": ("counter", "{note}", "What was learnt about open steps: limits, approvals, verdicts of checks."),
    "handrail.records.lost": ("counter", "{record}", "Records and payloads that could not be written to the journal."),
}
"""Metrics that the conventions do not have -> instrument, unit, description."""
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_TOKENS = [float(4**power) for power in range(14)]
_CALLS = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 89.0]
_BUCKETS = {"s": _SECONDS, "{token}": _TOKENS}
"""Unit -> advised bounds of a histogram's buckets; any other counts calls."""


class Measured(NamedTuple):
    """One measurement."""

    name: str
    value: float
    attributes: dict[str, Any]


def decided(name: str, facts: Facts) -> Iterator[Measured]:
    """What a decision on a proposed call is counted as."""
    if facts.get("verdict"):
        found = {
            "handrail.decision.verdict": facts["verdict"],
            "handrail.decision.by": facts.get("by"),
            "handrail.tool.effect": facts.get("effect"),
            # a name that a model made up would be a row of its own each time
            "gen_ai.tool.name": name if facts.get("by") != "unknown_tool" else None,
        }
        yield Measured("handrail.decisions", 1, _said(found))


def noted(kind: str, facts: Facts) -> Iterator[Measured]:
    """What a note about an open step is counted as."""
    what = facts.get("verdict") or facts.get("event") or ("hit" if facts.get("hit") else None)
    yield Measured("handrail.notes", 1, _said({"handrail.note.kind": kind, "handrail.note.outcome": what}))


def closed(kind: str, name: str, facts: Facts, error: str | None) -> Iterator[Measured]:
    """What a step that has closed is measured as. ``facts`` are those of both its records; ``error`` is its type."""
    failed = {"error.type": error} if error else {}
    measure = _MEASURES.get(kind)
    if measure is not None:
        yield from measure(name, facts, facts["dur"] / 1e9, failed)


def _client(operation: str) -> Callable[[str, Facts, float, dict[str, Any]], Iterator[Measured]]:
    def measure(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
        asked = name if operation in ("chat", "embeddings") else facts.get("model")
        found = _of_client(facts.get("operation") or operation, asked, facts)
        yield Measured("gen_ai.client.operation.duration", seconds, found | failed)

    return measure


def _of_client(operation: str, model: str | None, facts: Facts) -> dict[str, Any]:
    found = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": facts.get("provider"),
        "gen_ai.request.model": model,
        "gen_ai.response.model": facts.get("response_model"),
        "server.address": facts.get("server"),
        "server.port": facts.get("port") if facts.get("server") else None,
    }
    return _said(found)


def _model(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
    if facts.get("replayed"):  # no model was asked
        return
    yield from _CHAT(name, facts, seconds, failed)
    if not facts.get("provider"):
        return
    found = _of_client(facts.get("operation") or "chat", name, facts)
    used: Mapping[str, int] = facts.get("usage") or {}
    for key in ("input", "output"):
        if key in used:
            yield Measured(f"gen_ai.client.inference.operation.{key}_tokens", used[key], found)
    for key, metric in _COUNTED.items():
        for modality, tokens in _by_modality(key, used):
            attributes = {**found, "gen_ai.token.modality": modality}
            yield Measured(f"gen_ai.client.inference.usage.{metric}", tokens, attributes)
    if facts.get("first_chunk") is not None:
        yield Measured("gen_ai.client.operation.time_to_first_chunk", facts["first_chunk"] / 1e9, found)


_CHAT = _client("chat")
_COUNTED = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read.input_tokens",
    "cache_write": "cache_write.input_tokens",
    "reasoning": "reasoning.output_tokens",
}


def _by_modality(key: str, used: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The tokens of one counter by modality; what the provider does not tell apart is ``unknown``."""
    left = used.get(key, 0)
    for modality in ("text", "image", "audio"):
        tokens = used.get(f"{modality}_{key}", 0)
        if tokens:
            left -= tokens
            yield modality, tokens
    if left > 0:
        yield "unknown", left


def _agent(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
    models: Sequence[str] = facts.get("models") or ()
    found = _said({"gen_ai.agent.name": name})
    asked = {"gen_ai.request.model": models[0]} if len(models) == 1 else {}
    yield Measured("gen_ai.invoke_agent.duration", seconds, {**found, **asked, **failed})
    yield Measured("gen_ai.invoke_agent.inference_calls", facts.get("model_calls") or 0, found)
    yield Measured("gen_ai.invoke_agent.tool_calls", facts.get("tool_calls") or 0, found)


def _workflow(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
    yield Measured("gen_ai.invoke_workflow.duration", seconds, _said({"gen_ai.workflow.name": name}) | failed)


def _tool(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
    if facts.get("ran", True) and facts.get("by") != "unknown_tool":
        found = {
            "gen_ai.tool.name": name,
            "gen_ai.tool.type": facts.get("tool_type") or "function",
            "gen_ai.agent.name": facts.get("agent"),
        }
        yield Measured("gen_ai.execute_tool.duration", seconds, _said(found) | failed)


def _mcp(name: str, facts: Facts, seconds: float, failed: dict[str, Any]) -> Iterator[Measured]:
    method, code = facts.get("method"), facts.get("code")
    calls = method == "tools/call"
    found = {
        "mcp.method.name": method,
        "gen_ai.tool.name": name if calls else None,
        "gen_ai.prompt.name": name if method == "prompts/get" else None,
        "gen_ai.operation.name": "execute_tool" if calls else None,
        "mcp.protocol.version": facts.get("protocol"),
        "network.transport": facts.get("transport"),
        "rpc.response.status_code": str(code) if code is not None else None,
    }
    side = "server" if facts.get("server") else "client"
    yield Measured(f"mcp.{side}.operation.duration", seconds, _said(found) | failed)


_MEASURES: Mapping[str, Callable[[str, Facts, float, dict[str, Any]], Iterator[Measured]]] = {
    "run": _agent, "agent": _agent, "workflow": _workflow, "model": _model, "tool": _tool, "mcp": _mcp,
    "embedding": _client("embeddings"), "retrieval": _client("retrieval"), "memory": _client("search_memory"),
    "fetch": _client("fetch_response"), "create": _client("create_agent"),
}  # fmt: skip
"""Kind of step -> what it is measured as."""


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _nowhere(value: float, attributes: Mapping[str, Any]) -> None:
    """Where a measurement goes when nobody listens any more."""


class Meters:
    """Takes measurements to the right provider; nowhere where nobody listens. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: tuple[metrics.MeterProvider | None] | None = None
        self._provider: metrics.MeterProvider | None = None
        self._meter: metrics.Meter | None = None
        self._instruments: dict[str, Callable[..., None]] = {}

    def renew(self) -> None:
        """Look which provider there is: a program may set its own at any time."""
        provider: metrics.MeterProvider | None = metrics.get_meter_provider()
        if type(provider).__name__ == "_ProxyMeterProvider":  # what stands where none was set
            provider = self._private()
        if provider is not self._provider:
            with self._lock:
                made = provider.get_meter("handrail") if provider is not None else None
                self._provider, self._meter, self._instruments = provider, made, {}

    @property
    def listens(self) -> bool:
        """Whether anybody takes measurements."""
        return self._meter is not None

    def take(self, measured: Iterator[Measured]) -> None:
        """Take measurements; call it only where somebody listens."""
        try:
            for name, value, attributes in measured:
                (self._instruments.get(name) or self._make(name))(value, attributes)
        except Exception as error:  # a provider of the user's own
            log.warning("A measurement could not be taken: %s", type(error).__name__)

    def _make(self, name: str) -> Callable[..., None]:
        meter = self._meter
        if meter is None:
            return _nowhere
        kind, unit, description = OURS.get(name) or (*METRICS[name][:2], "")
        if kind == "counter":
            put = meter.create_counter(name, unit, description).add
        else:
            bounds = _BUCKETS.get(unit, _CALLS)
            put = meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds).record
        self._instruments[name] = put
        return put

    def _private(self) -> metrics.MeterProvider | None:
        if self._own is None:
            with self._lock:
                if self._own is None:
                    self._own = (_provider(exporting.exporter(os.environ, "metrics")),)
        return self._own[0]


def _provider(exporter: Any) -> MeterProvider | None:
    if exporter is None:
        return None
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return MeterProvider(metric_readers=[PeriodicExportingMetricReader(exporter)])
