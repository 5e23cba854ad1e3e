"""Sends spans on by OTLP, as the standard ``OTEL_EXPORTER_OTLP_*`` variables say. The bytes are ours: nothing is lost.

The SDK's own exporters take only the SDK's spans, which have no room for what others put into theirs.
"""

from __future__ import annotations

import gzip
import http.client
import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from handrail.errors import ConfigError, HandrailError, MissingExtra
from handrail.tracing import exporting
from handrail.tracing.otlp.codec import CONTENT_TYPES, Encoding, encode
from handrail.tracing.otlp.protobuf import messages
from handrail.tracing.otlp.span import OtlpSpan

log = logging.getLogger(__name__)

_RETRIED = frozenset({429, 502, 503, 504})
_ATTEMPTS = 5
_LONGEST_WAIT_S = 30.0
_MAX_ANSWER = 1 << 20
"""Bytes of a collector's answer that are read."""
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_ENCODINGS: Mapping[str, Encoding] = {"http/protobuf": "protobuf", "http/json": "json", "grpc": "protobuf"}


class NotSent(HandrailError):
    """A collector did not take spans; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where spans go, and how."""

    address: str
    """A URL."""
    protocol: str = "http/protobuf"
    """``http/protobuf``, ``http/json`` or ``grpc``."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_s: float = 10.0
    compress: bool = False
    """Whether bodies are packed with gzip."""
    certificate: str | None = None
    """File of the authority that the collector's certificate is checked against; None for the system's own."""

    @property
    def shown(self) -> str:
        """The address without its query, where some services want a key."""
        return self.address.partition("?")[0]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], endpoint: str | None = None) -> Target:
        """What the variables say; ``endpoint``, with or without ``/v1/traces``, goes before theirs.

        Raises ConfigError for a value that is wrong.
        """
        if endpoint is not None:
            base = endpoint.rstrip("/").removesuffix("/v1/traces")
            environ = {**environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": base}
        protocol = exporting.protocol(environ)
        if protocol not in _ENCODINGS:
            raise ConfigError(
                f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol!r} is none.", hint=f"Use one of: {', '.join(_ENCODINGS)}."
            )
        found = exporting.destination({**environ, "OTEL_TRACES_EXPORTER": "otlp"})
        return cls(
            found if "://" in found else f"http://{found}",
            protocol,
            _headers(_variable(environ, "HEADERS")),
            _seconds(_variable(environ, "TIMEOUT") or "10"),
            _variable(environ, "COMPRESSION") == "gzip",
            _variable(environ, "CERTIFICATE") or None,
        )


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _headers(text: str) -> dict[str, str]:
    """``a=b,c=d``, percent-encoded, as the variable has it."""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    found = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    for name, value in found.items():  # said here without the value: it may be a key
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            raise ConfigError(f"OTEL_EXPORTER_OTLP_HEADERS: the header {name!r} is not plain text in one line.")
    return found


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"OTEL_EXPORTER_OTLP_TIMEOUT: {text!r} is no number of seconds.") from None


class Sender(Protocol):
    """Sends batches to one target."""

    def send(self, spans: Sequence[OtlpSpan]) -> str:
        """Send a batch and return what the collector remarked, empty for nothing. Raises NotSent."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def sender_for(target: Target) -> Sender:
    """A sender. Raises ConfigError for an address that is none, MissingExtra for what is not installed."""
    return _Grpc(target) if target.protocol == "grpc" else _Http(target)


def _split(target: Target) -> SplitResult:
    try:
        url = urlsplit(target.address)
        is_address = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        url, is_address = urlsplit(""), False
    if "@" in target.shown.partition("://")[2].partition("/")[0]:
        raise ConfigError(
            "The address of the collector holds a user's name or password.",
            hint="Put what it wants to know into OTEL_EXPORTER_OTLP_HEADERS.",
        )
    if is_address:
        return url
    raise ConfigError(f"{target.shown!r} is no address of a collector.", hint="Write http://HOST:PORT/v1/traces.")


class _Http:
    def __init__(self, target: Target) -> None:
        self._target, self._url = target, _split(target)
        self._encoding: Encoding = _ENCODINGS[target.protocol]
        self._connection = self._connect()
        encode((), self._encoding)  # what is missing is said before anything is read

    def _connect(self) -> http.client.HTTPConnection:
        host, port, timeout = self._url.hostname or "", self._url.port, self._target.timeout_s
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        trusted = ssl.create_default_context(cafile=self._target.certificate)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=trusted)

    def send(self, spans: Sequence[OtlpSpan]) -> str:
        body = encode(spans, self._encoding)
        headers = {**self._target.headers, "Content-Type": CONTENT_TYPES[self._encoding]}
        if self._target.compress:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        why = ""
        for attempt in range(_ATTEMPTS):
            status, answer, wait = self._once(body, headers)
            if status == 200:
                return _remark(answer, self._encoding)
            why = f"it answered {status}" if status else answer.decode()
            if status and status not in _RETRIED:
                break
            if attempt + 1 < _ATTEMPTS:
                time.sleep(min(wait or 0.5 * 2**attempt, _LONGEST_WAIT_S))
        raise NotSent(f"{self._target.shown} did not take the spans: {why}. They stay in the journal: try again.")

    def _once(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, float]:
        """Status, answer and seconds to wait; status 0 and the reason where there is no answer."""
        path = self._url.path + (f"?{self._url.query}" if self._url.query else "")
        try:
            self._connection.request("POST", path or "/", body, dict(headers))
            found = self._connection.getresponse()
            after = found.headers.get("Retry-After") or ""
            answer = found.read(_MAX_ANSWER)
            if not found.isclosed():
                self._connection.close()
            return found.status, answer, float(after) if after.isdecimal() else 0.0
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return 0, (str(error) or type(error).__name__).encode(), 0.0

    def close(self) -> None:
        self._connection.close()


class _Grpc:
    def __init__(self, target: Target) -> None:
        self._target, url = target, _split(target)
        try:
            import grpc  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingExtra("Export over gRPC", "otlp-grpc") from error
        messages()
        packing = grpc.Compression.Gzip if target.compress else grpc.Compression.NoCompression
        if url.scheme == "http":
            self._channel: Any = grpc.insecure_channel(url.netloc, compression=packing)
        else:
            trusted = grpc.ssl_channel_credentials(_authority(target))
            self._channel = grpc.secure_channel(url.netloc, trusted, compression=packing)
        self._call, self._error = self._channel.unary_unary(_METHOD), grpc.RpcError

    def send(self, spans: Sequence[OtlpSpan]) -> str:
        metadata = list(self._target.headers.items())
        why = ""
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._call(encode(spans, "protobuf"), timeout=self._target.timeout_s, metadata=metadata)
                return _remark(answer, "protobuf")
            except self._error as error:
                why = error.code().name
                if why not in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED"):
                    break
                if attempt + 1 < _ATTEMPTS:
                    time.sleep(0.5 * 2**attempt)
        raise NotSent(f"{self._target.shown} did not take the spans: {why}. They stay in the journal: try again.")

    def close(self) -> None:
        self._channel.close()


def _authority(target: Target) -> bytes | None:
    if target.certificate is None:
        return None
    try:
        with open(target.certificate, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"The certificate cannot be read ({error.strerror}).", file=target.certificate) from error


class _Partial(msgspec.Struct):
    rejectedSpans: str | int = 0
    errorMessage: str = ""


class _Answer(msgspec.Struct):
    """ExportTraceServiceResponse in JSON."""

    partialSuccess: _Partial = msgspec.field(default_factory=_Partial)


def _remark(answer: bytes, encoding: Encoding) -> str:
    """What a collector says of spans that it did not take, or of those that it took."""
    try:
        if encoding == "protobuf":
            partial = messages().Response.FromString(answer).partial_success
            rejected, why = int(partial.rejected_spans), str(partial.error_message)
        else:
            told = msgspec.json.decode(answer or b"{}", type=_Answer).partialSuccess
            rejected, why = int(told.rejectedSpans), told.errorMessage
    except Exception as error:  # the spans were taken: an answer that nobody can read changes nothing
        log.debug("The collector's answer could not be read: %s", type(error).__name__)
        return ""
    return f"{rejected} were rejected: {why}" if rejected else why
