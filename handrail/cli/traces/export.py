"""``handrail traces export``: spans made again from the journal and sent to a collector by OTLP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.moments import Moment
from handrail.cli.store_options import data_option, journal_of

if TYPE_CHECKING:
    from handrail.tracing.otlp.span import OtlpSpan

BATCH, BATCH_BYTES = 512, 1 << 20
"""Spans of one request, and how many characters of theirs end it."""


@dataclass(slots=True)
class _Chosen:
    """Which spans go out; what does not is counted."""

    since: int
    until: int
    run: str | None
    there: Callable[[str], bool]
    already: int = 0

    def wants(self, span: OtlpSpan, run: str) -> bool:
        """Whether a span is asked for and not there yet."""
        if not self.since <= span.start_ns < self.until or (self.run is not None and not run.startswith(self.run)):
            return False
        if self.there(span.span_id):
            self.already += 1
            return False
        return True


@click.command("export")
@click.option(
    "--since", type=Moment(), help="Only steps that began then or later, sent already or not: 7d, 2026-11-01."
)
@click.option("--until", type=Moment(), help="Only steps that began before then.")
@click.option("--run", help="Only this run, an id or the beginning of one, sent already or not.")
@click.option("--endpoint", metavar="URL", help="The collector [default: OTEL_EXPORTER_OTLP_ENDPOINT].")
@click.option("--observed", is_flag=True, help="Send the spans of other programs instead, as they came.")
@click.option("--json", "as_json", is_flag=True, help="Print OTLP/JSON, one request a line, and send nothing.")
@data_option
def command(
    since: datetime | None, until: datetime | None, run: str | None, endpoint: str | None, observed: bool,
    as_json: bool, data: Path | None,
) -> None:  # fmt: skip
    """Send the spans of what was recorded to a collector, with the ids that they had.

    Without --since and --run those are sent that have not arrived at this collector: what was lost while it could
    not be reached, or when a program died. A step whose program died is marked: handrail.unfinished. Steps that are
    still open wait for the next time. Content stays in the journal. The spans of other programs (--observed) are
    sent as they came, with all that they hold.

    The standard variables OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _PROTOCOL (http/protobuf, http/json, grpc),
    _TIMEOUT (seconds), _COMPRESSION and _CERTIFICATE are read, and OTEL_SERVICE_NAME.

    Exit code 0: all arrived, or there was nothing to send. 2: the collector did not take them, or wrong usage.
    """
    folder = journal_of(data)
    first = _ns(since) if since else 0
    if observed and run is not None:
        raise click.UsageError("--run chooses among our own runs: with --observed use --since and --until.")
    chosen = _Chosen(first, _ns(until) if until else 1 << 63, run, lambda step: False)
    spans = _spans(folder, chosen, observed)
    if as_json:
        _print(spans)
        return
    _send(folder, chosen, spans, endpoint, everything=since is not None or run is not None)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000


def _spans(folder: Path, chosen: _Chosen, observed: bool) -> Iterator[OtlpSpan]:
    from opentelemetry.sdk.resources import Resource

    from handrail.audit.spans_again import attributes_of, observed_of, spans_of

    if observed:
        return observed_of(folder, chosen.wants)
    resource = attributes_of(Resource.create().attributes)
    resource.pop("service.instance.id", None)  # that of this process, not of the one that did the steps
    return spans_of(folder, chosen.wants, resource)


def _batches(spans: Iterable[OtlpSpan]) -> Iterator[list[OtlpSpan]]:
    batch: list[OtlpSpan] = []
    size = 0
    for span in spans:
        batch.append(span)
        size += sum(len(value) for value in span.attributes.values() if isinstance(value, str))
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _print(spans: Iterable[OtlpSpan]) -> None:
    from handrail.tracing.otlp.codec import encode

    for batch in _batches(spans):
        click.echo(encode(batch, "json"))


def _send(folder: Path, chosen: _Chosen, spans: Iterator[OtlpSpan], endpoint: str | None, *, everything: bool) -> None:
    from handrail.audit.recorder import Recorder
    from handrail.audit.spans_again import UNFINISHED, Acknowledged
    from handrail.cli.traces.columns import shown
    from handrail.tracing.otlp.sender import Target, sender_for

    target, recorder = Target.from_environment(os.environ, endpoint), Recorder(folder)
    if not everything:
        chosen.there = Acknowledged(folder, recorder.keyed_digest(target.address)).__contains__
    sent = unfinished = 0
    sender = sender_for(target)
    try:
        for batch in _batches(spans):
            remark = sender.send(batch)
            recorder.exported(target.address, [span.span_id for span in batch])
            sent += len(batch)
            unfinished += sum(UNFINISHED in span.attributes for span in batch)
            if remark:
                click.echo(f"The collector says: {shown(remark)}", err=True)
    finally:
        sender.close()
        _tell(target.shown, sent, unfinished, chosen.already)


def _tell(address: str, sent: int, unfinished: int, already: int) -> None:
    click.echo(f"Sent {sent} spans to {address}.")
    if unfinished:
        click.echo(f"{unfinished} of them were never finished: their program died.")
    if already:
        click.echo(f"{already} had arrived before.")
