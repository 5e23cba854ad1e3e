"""Events out, by the GenAI conventions: log records that belong to a span. The content in them is the caller's care.

The user's own LoggerProvider is used when there is one. Without one, and without an exporter that the standard
``OTEL_*`` variables name, there are none.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import _logs as logs
from opentelemetry import trace
from opentelemetry._logs import Logger, LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.trace import Span

from handrail.tracing import exporting, messages
from handrail.tracing.conventions import ATTRIBUTES
from handrail.tracing.genai import Facts

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider as SdkLoggerProvider

log = logging.getLogger(__name__)

DETAILS = "gen_ai.client.inference.operation.details"
EXCEPTION = "gen_ai.client.operation.exception"
EVALUATION = "gen_ai.evaluation.result"
CLIENTS = {"model", "fetch", "embedding", "retrieval", "memory", "create"}
"""Kinds of steps whose exceptions are events."""
_SCORES = {"pass": 1.0, "fail": 0.0, "error": 0.0}


class Event(NamedTuple):
    """One event."""

    name: str
    attributes: dict[str, Any]
    severity: SeverityNumber = SeverityNumber.INFO


def raised(error: str | BaseException, text: str | None) -> Event:
    """The exception with which a client's operation failed; ``text`` is what it says, None where that stays here."""
    kind = type(error)
    name = error if isinstance(error, str) else kind.__qualname__
    if isinstance(error, BaseException) and kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    found: dict[str, Any] = {"exception.type": name}
    if text is not None:
        found["exception.message"] = text
        if isinstance(error, BaseException):
            # places only: what the exceptions in it say went through no redaction
            found["exception.stacktrace"] = "".join(traceback.format_tb(error.__traceback__))
    return Event(EXCEPTION, found, SeverityNumber.WARN)


def judged(validator: str, verdict: str, codes: Sequence[str] = (), explanation: str | None = None) -> Event:
    """What a validator says: ``verdict`` is ``pass``, ``fail``, ``warn`` or what a framework's own calls it."""
    found: dict[str, Any] = {"gen_ai.evaluation.name": validator, "gen_ai.evaluation.score.label": verdict}
    if verdict in _SCORES:
        found["gen_ai.evaluation.score.value"] = _SCORES[verdict]
    if codes:
        found["handrail.finding.codes"] = list(codes)
    if explanation:
        found["gen_ai.evaluation.explanation"] = explanation
    return Event(EVALUATION, found)


def noted(facts: Facts) -> Iterator[Event]:
    """The verdict of a check that a framework made by itself; what our own said was told when it was said."""
    if facts.get("validator") and not facts.get("action") and facts.get("verdict"):
        code = facts.get("code")
        yield judged(str(facts["validator"]), str(facts["verdict"]), [str(code)] if code else [])


def details(attributes: Mapping[str, Any]) -> Event:
    """Everything about a model's call: the attributes of its span, content in its own structure."""
    found = {name: _structured(name, value) for name, value in attributes.items()}
    return Event(DETAILS, found)


def _structured(name: str, value: Any) -> Any:
    if ATTRIBUTES.get(name) != "any" or not isinstance(value, str):
        return value
    try:
        return messages.decoded(value.encode())
    except ValueError:
        return value


class Events:
    """Takes events to the right provider; nowhere where nobody listens. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: tuple[LoggerProvider | None] | None = None
        self._provider: LoggerProvider | None = None
        self._logger: Logger | None = None

    def renew(self) -> None:
        """Look which provider there is: a program may set its own at any time."""
        provider: LoggerProvider | None = logs.get_logger_provider()
        if type(provider).__name__ == "ProxyLoggerProvider":  # what stands where none was set
            provider = self._private()
        if provider is not self._provider:
            self._provider = provider
            self._logger = provider.get_logger("handrail") if provider is not None else None

    @property
    def listens(self) -> bool:
        """Whether anybody takes events."""
        return self._logger is not None

    def emit(self, event: Event, span: Span | None, at_ns: int) -> None:
        """Emit one event about the step of ``span``."""
        logger = self._logger
        if logger is None:
            return
        try:
            above = trace.set_span_in_context(span) if span is not None else None
            logger.emit(
                LogRecord(
                    timestamp=at_ns,
                    context=above,
                    severity_number=event.severity,
                    attributes=event.attributes,
                    event_name=event.name,
                )
            )
        except Exception as error:  # a provider of the user's own
            log.warning("An event could not be emitted: %s", type(error).__name__)

    def _private(self) -> LoggerProvider | None:
        if self._own is None:
            with self._lock:
                if self._own is None:
                    self._own = (_provider(exporting.exporter(os.environ, "logs")),)
        return self._own[0]


def _provider(exporter: Any) -> SdkLoggerProvider | None:
    if exporter is None:
        return None
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider
