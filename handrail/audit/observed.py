"""Spans of other instrumentations into the journal: classified facts in a record, the whole span as its payload.

Which of them are one step, and which runs they make, is found when they are folded (observed_fold.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from handrail.audit.recorder import Recorder, Ref
from handrail.audit.redaction import Redactor, redactor
from handrail.tracing.dialects.classify import classify
from handrail.tracing.dialects.observed import Observed
from handrail.tracing.otlp import dump, limits
from handrail.tracing.otlp.span import OtlpSpan, Refused

KIND = "span"
"""``k`` of the records that are written here."""
BATCH_BYTES = 4 << 20
"""Bytes of spans that are written at once."""
NOT_ENCODABLE = "a text or number in it cannot be written as JSON"

_CONTENT = ("name", "status_description", "attributes", "resource", "scope_attributes", "trace_state")
"""What of a span, its events and links may hold anything."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch of spans."""

    accepted: int
    """Spans that are in the journal now."""
    refused: list[Refused]
    """Spans that are not, and why."""


class SpanRecord(Observed, frozen=True, kw_only=True):
    """A record of kind ``span`` as it is read back: its facts, and where it is."""

    w: str
    n: int
    otlp: dict[str, Any] | None = None
    """Reference to the whole span: a line as tracing/otlp/dump.py writes it."""


class Observer:
    """Takes spans of other instrumentations into the journal of one data folder. Safe for threads."""

    def __init__(
        self, folder: Path, *, payloads: bool = True, redact: Callable[[], tuple[str, ...]] = lambda: ()
    ) -> None:
        """``redact`` is asked for the patterns of what is taken out of every span before it is kept."""
        self._recorder = Recorder(folder, payloads=payloads, redact=redact)

    def take(self, spans: Iterable[OtlpSpan], *, durable: bool = True) -> Taken:
        """Record ``spans``, each by itself: what cannot be taken is refused, the rest is not lost by it.

        With ``durable`` what is accepted survives a power cut when this returns; without, the death of the process.
        Raises JournalError where the journal cannot be written; what it has then is there, and taking a span again
        does no harm.
        """
        accepted, size = 0, 0
        refused: list[Refused] = []
        batch: list[_Prepared] = []
        redact = redactor(self._recorder.redact())
        for span in spans:
            found = _prepared(span, redact)
            if isinstance(found, str):
                refused.append(Refused(found, span.trace_id, span.span_id))
                continue
            batch.append(found)
            size += len(found.line)
            if size >= BATCH_BYTES:
                accepted += self._write(batch)
                batch, size = [], 0
        accepted += self._write(batch)
        if durable and accepted:
            self._recorder.sync()
        return Taken(accepted, refused)

    def sync(self) -> None:
        """Wait until everything taken so far is on the disk. Raises JournalError."""
        self._recorder.sync()

    def _write(self, batch: list[_Prepared]) -> int:
        """Put spans down with two writes; how many they were."""
        if batch:
            refs = self._recorder.keep_all([one.line for one in batch])
            self._recorder.write_all([
                record_of(one.facts, {**ref, "r": one.redacted} if one.redacted else ref)
                for one, ref in zip(batch, refs, strict=True)
            ])  # fmt: skip
        return len(batch)


class _Prepared(NamedTuple):
    """A span that can be taken."""

    line: bytes
    facts: Observed
    redacted: int
    """In how many places something was taken out."""


def _prepared(span: OtlpSpan, redact: Redactor | None) -> _Prepared | str:
    """What to put down of ``span``, or why it cannot be taken."""
    try:
        limits.check(span)
        line = dump.to_line(span)
        line, count = (line, 0) if redact is None else _redacted(line, redact)
        return _Prepared(line, classify(dump.from_line(line, most=len(line)) if count else span), count)
    except limits.Unfit as problem:
        return str(problem)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return NOT_ENCODABLE


def record_of(observed: Observed, ref: Ref) -> dict[str, object]:
    """The record of one span, without what is not known of it."""
    record: dict[str, object] = msgspec.to_builtins(observed)
    record["k"], record["otlp"] = KIND, ref
    return record


def _redacted(line: bytes, redact: Redactor) -> tuple[bytes, int]:
    """A span's line with what others wrote into it redacted; ids, times and kinds stay what they are."""
    tree: dict[str, Any] = msgspec.json.decode(line)
    total = 0
    for part in [tree, *tree["events"], *tree["links"]]:
        for name in _CONTENT:
            if name in part:
                part[name], count = redact.value(part[name])
                total += count
    return (msgspec.json.encode(tree), total) if total else (line, 0)
