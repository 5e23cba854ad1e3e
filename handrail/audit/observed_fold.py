"""Observed spans into the index: the traces that gained spans are resolved anew, and replace what was there of them.

Part of fold.py's transaction. A trace is resolved as a whole each time, since a later span may show that two
earlier ones are the same step, or what is above them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import convert

from handrail.audit.observed import KIND, SpanRecord
from handrail.audit.reader import Record
from handrail.audit.schema import statement
from handrail.tracing.dialects.resolve import Resolved, Run, Step, resolve

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MARK = f'"k":"{KIND}"'.encode()
_VERSIONS = frozenset({1, 2})
_MOST = (1 << 63) - 1
_OF_MODELS = frozenset({"model", "embedding", "fetch"})
OURS = "handrail"
"""Dialect of spans that this library made, and the source of what was recorded here."""
_SENT = "handrail-otlp"
"""The source of such spans as were sent: nobody may pass for what was recorded here."""
MAX_TRACE = 100_000
"""Spans of one trace that the index takes, since all of them are read anew whenever one comes."""
_TOO_MANY = f"it has more than {MAX_TRACE:,} spans: later ones are in the journal, and not in the index."
_decode = msgspec.json.Decoder(SpanRecord).decode
_encode = msgspec.json.encode


class Spans:
    """The records of kind ``span`` in one chunk of the journal."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.records: list[SpanRecord] = []

    def __len__(self) -> int:
        return len(self.records)

    def take(self, record: Record) -> int:
        """The bytes that are kept of ``record``, a sound one of this kind; 0 for others: the fold's own to judge."""
        if record.long is None and _MARK not in record.written:
            return 0
        said = record.fields
        if said.get("k") != KIND or said.get("v") not in _VERSIONS or type(said.get("t")) is not int:
            return 0
        try:
            found = convert(said, SpanRecord)
        except msgspec.ValidationError:
            return 0
        if not _fits(found):
            return 0
        body = _encode(found).decode()
        self.bodies.append(body)
        self.records.append(found)
        return len(body)


def _fits(record: SpanRecord) -> bool:
    """Whether times and counts fit into the index."""
    if not (0 <= record.start_ns <= _MOST and 0 <= record.end_ns <= _MOST):
        return False
    return 0 <= (record.input_tokens or 0) <= 10**12 and 0 <= (record.output_tokens or 0) <= 10**12


def run_of(trace: str) -> str:
    """The id of the run that a trace makes: not the trace's own, so that nobody can send steps into another run."""
    return blake2b(f"observed {trace}".encode(), digest_size=16).hexdigest()


def spread(con: DuckDBPyConnection, spans: Spans) -> None:
    """Resolve the traces of ``spans`` with all that was recorded of them, and put the result into the index."""
    traces: dict[str, list[SpanRecord]] = {}
    spans = _within(con, spans)
    for record in spans.records:
        traces.setdefault(record.trace, []).append(record)
    runs = {trace: run_of(trace) for trace in traces}
    earlier = _earlier(con, list(runs.values()))
    for record in earlier:
        traces[record.trace].append(record)
    if not traces:
        return
    if earlier:
        _forget(con, [runs[trace] for trace in {record.trace for record in earlier}])
    kept = "\n".join([runs[record.trace] for record in spans.records])
    con.execute(statement("observed", "keep"), [kept, "\n".join(spans.bodies)])
    foreign = _foreign(con, traces)
    rows = [row for trace, records in foreign.items() for row in _rows(runs[trace], records)]
    con.execute(statement("observed", "resolved"), [b"\n".join(map(_encode, rows)).decode()])
    for part in ("opens", "closes", "duplicates", "starts", "ends", "tallies", "runs", "again", "continued"):
        con.execute(statement("observed", part))


def _earlier(con: DuckDBPyConnection, runs: list[str]) -> list[SpanRecord]:
    found = con.execute(statement("observed", "earlier"), [runs]).fetchall()
    return [_decode(body) for (body,) in found]


def _forget(con: DuckDBPyConnection, runs: list[str]) -> None:
    for table in ("opens", "closes", "duplicates", "starts", "ends", "tallies", "runs"):
        con.execute(statement("observed", f"forget_{table}"), [runs])


def _within(con: DuckDBPyConnection, spans: Spans) -> Spans:
    """``spans`` without what a trace has over MAX_TRACE, which is noted once."""
    runs = {record.trace: run_of(record.trace) for record in spans.records}
    counts = dict(con.execute(statement("observed", "counted"), [list(runs.values())]).fetchall())
    kept, over = Spans(), set[str]()
    for body, record in zip(spans.bodies, spans.records, strict=True):
        run = runs[record.trace]
        counts[run] = counts.get(run, 0) + 1
        if counts[run] > MAX_TRACE:
            over.add(record.trace)
        else:
            kept.bodies.append(body)
            kept.records.append(record)
    if over:
        con.execute(statement("observed", "over"), [sorted(over), _TOO_MANY])
    return kept


def _foreign(con: DuckDBPyConnection, traces: dict[str, list[SpanRecord]]) -> dict[str, list[SpanRecord]]:
    """``traces`` without the spans of steps that are here already: an exporter may point at our own receiver.

    Other steps of ours in the same trace stay: those of a service that was called, which has its own journal.
    """
    ours = [trace for trace, records in traces.items() if any(record.dialect == OURS for record in records)]
    known = set(con.execute(statement("observed", "ours"), [ours]).fetchall()) if ours else set[Any]()
    return {
        trace: [record for record in records if record.dialect != OURS or (trace, record.span) not in known]
        for trace, records in traces.items()
    } if known else traces  # fmt: skip


def _rows(run: str, records: Iterable[SpanRecord]) -> Iterator[dict[str, Any]]:
    """What a trace turned out to be, as rows for the index."""
    known: dict[str, SpanRecord] = {}
    for record in records:
        other = known.get(record.span)
        known[record.span] = record if other is None else max(other, record, key=_completeness)
    resolved = resolve(known.values())
    for step in resolved.steps:
        if not step.hidden:
            yield _step_row(run, step, known.get(step.span.span))
    if resolved.run is not None and known:
        yield _run_row(run, resolved, resolved.run, min(record.n for record in known.values()))


def _completeness(record: SpanRecord) -> tuple[Any, ...]:
    """Of a span that was sent twice the more complete one counts, whichever came first."""
    return record.end_ns, record.start_ns, repr(record)


def _source(dialect: str) -> str:
    return _SENT if dialect == OURS else dialect


def _step_row(run: str, step: Step, found: SpanRecord | None) -> dict[str, Any]:
    span = step.span
    row: dict[str, Any] = {
        "of": "duplicate" if step.duplicate_of else "step", "run": run, "step": span.span,
        "parent": step.parent or None, "type": span.step, "name": span.name, "agent": step.agent or None,
        "start": span.start_ns // 1000,
        "source": _source(span.dialect), "scope": span.scope, "outcome": step.outcome, "error": step.error or None,
        "end": span.end_ns // 1000 or None, "dur": span.end_ns - span.start_ns if span.end_ns else None,
    }  # fmt: skip
    if step.duplicate_of:
        row["duplicate_of"] = step.duplicate_of
    if span.step == "tool":
        row |= {"call_id": span.call_id or None, "ran": step.ran}
    elif span.step in _OF_MODELS:
        row |= {"model": span.name, "provider": span.provider or None}
        row |= {"input": span.input_tokens, "output": span.output_tokens}
    if found is not None:
        row |= {"w": found.w, "n": found.n}
    if span.proposed:
        row["calls"] = [{"id": call, "name": name} for call, name in span.proposed]
    return row


def _run_row(run: str, resolved: Resolved, found: Run, n: int) -> dict[str, Any]:
    shown = [step for step in resolved.shown() if step.span.span != found.root]
    models = [step.span for step in shown if step.span.step == "model"]
    return {
        "of": "run", "run": run, "trace": found.trace, "step": found.root or None, "agent": found.agent or None,
        "user": found.user or None, "session": found.session or None, "source": _source(found.dialects[0]),
        "start": found.start_ns // 1000, "end": found.end_ns // 1000 or None, "outcome": found.outcome,
        "error": found.error or None, "dur": max(0, found.end_ns - found.start_ns), "n": n,
        "steps": len(shown), "model_calls": len(models),
        "tool_calls": sum(step.span.step == "tool" for step in shown),
        "input": sum(span.input_tokens or 0 for span in models),
        "output": sum(span.output_tokens or 0 for span in models),
        "models": sorted({span.name for span in models}),
        "pending": found.pending, "begins_with": found.begins_with, "framework": {name: "" for name in found.dialects},
    }  # fmt: skip
