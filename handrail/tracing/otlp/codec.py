"""Spans from and to bytes, by the name of the encoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from handrail.tracing.otlp import json_in, json_out, protobuf
from handrail.tracing.otlp.span import Decoded, OtlpSpan

Encoding = Literal["protobuf", "json"]
CONTENT_TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}
"""Media types of OTLP/HTTP (opentelemetry.io/docs/specs/otlp, OTLP/HTTP Request)."""


def decode(body: bytes, encoding: Encoding) -> Decoded:
    """The spans of an OTLP trace request, and those of it that are refused.

    Raises NotOtlp when the body as a whole is none; MissingExtra for protobuf without the extra ``otlp``.
    """
    return json_in.decode(body) if encoding == "json" else protobuf.decode(body)


def encode(spans: Iterable[OtlpSpan], encoding: Encoding) -> bytes:
    """An OTLP trace request that ``decode`` gives back as the same spans, in this order.

    Raises MissingExtra for protobuf without the extra ``otlp``.
    """
    return json_out.encode(spans) if encoding == "json" else protobuf.encode(spans)
