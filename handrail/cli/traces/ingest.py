"""``handrail traces ingest``: files of other instrumentations' spans into the journal."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.progress import bar
from handrail.cli.store_options import config_option, data_option, index_option

if TYPE_CHECKING:
    from handrail.audit.observed import Observer
    from handrail.cli.traces.span_files import Form

_FORMS = ("auto", "jsonl", "otlp-json", "otlp-proto")
_REASONS = 10
"""Most reasons that are listed."""
_COUNTED = """
SELECT (SELECT count(*) FROM runs WHERE source <> 'handrail' AND trace IN (SELECT unnest($1::VARCHAR[]))) AS runs,
       (SELECT count(*) FROM steps WHERE run IN (SELECT unnest($2::VARCHAR[]))) AS steps,
       (SELECT count(*) FROM duplicate_spans WHERE run IN (SELECT unnest($2::VARCHAR[]))) AS duplicates"""


@dataclass(slots=True)
class _Summary:
    """What was taken in."""

    spans: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    traces: set[str] = field(default_factory=set[str])
    steps: int = 0
    runs: int = 0
    duplicates: int = 0


@click.command("ingest")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(_FORMS), default="auto", show_default=True,
              help="jsonl: one span, or one OTLP request, a line. Each may be gzipped.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@config_option
@data_option
@index_option
def command(
    files: tuple[Path, ...], form: Form, as_json: bool, path: Path | None, data: Path | None, index: Path | None
) -> None:
    """Take the spans in FILES into the journal: of OpenInference, OpenLLMetry, Langfuse, MLflow and others.

    They become observed runs and steps beside our own, with a source. What several instrumentations tell of one
    step is one step. A span that is there already counts once. `payloads` and `redact` of handrail.toml hold.

    Exit code 0: all were taken. 1: some were refused, the others are there. 2: a file cannot be read.
    """
    found = _ingest(files, form, _observer(path, data), _folder(path, data), index)
    click.echo(_as_json(found) if as_json else _as_text(found))
    if found.refused:
        raise SystemExit(1)


def _folder(path: Path | None, data: Path | None) -> Path:
    from handrail.cli.store_options import folder_of

    return folder_of(data, path)


def _observer(path: Path | None, data: Path | None) -> Observer:
    from handrail.audit.observed import Observer
    from handrail.config import load

    settings = load(path)
    return Observer(_folder(path, data), payloads=settings.payloads, redact=lambda: settings.content.redact)


def _ingest(files: tuple[Path, ...], form: Form, observer: Observer, folder: Path, index: Path | None) -> _Summary:
    from handrail.cli.traces.span_files import pieces

    summary, total, before = _Summary(), sum(file.stat().st_size for file in files), 0
    with bar("Taking spans in") as progress:
        for file in files:
            for piece in pieces(file, form):
                taken = observer.take(piece.decoded.spans, durable=False)
                summary.spans += taken.accepted
                summary.refused.update(one.reason for one in (*piece.decoded.refused, *taken.refused))
                summary.traces.update(span.trace_id for span in piece.decoded.spans)
                progress(before + piece.bytes, total)
            before += file.stat().st_size
    observer.sync()
    _count(summary, folder, index)
    return summary


def _count(summary: _Summary, folder: Path, index: Path | None) -> None:
    from handrail.audit.index import Index
    from handrail.audit.observed_fold import run_of

    source = Index(folder, folder=index)
    source.refresh(block=True)
    traces = sorted(summary.traces)
    row = source.query(_COUNTED, [traces, [run_of(trace) for trace in traces]])[0]
    summary.runs, summary.steps, summary.duplicates = (int(str(row[name])) for name in ("runs", "steps", "duplicates"))


def _as_json(found: _Summary) -> str:
    return json.dumps({
        "spans": found.spans, "runs": found.runs, "steps": found.steps, "duplicates": found.duplicates,
        "refused": found.refused.total(), "reasons": dict(found.refused.most_common()),
    })  # fmt: skip


def _as_text(found: _Summary) -> str:
    lines = [
        f"{found.spans:,} spans of {len(found.traces):,} traces are in the journal: {found.runs:,} runs with "
        f"{found.steps:,} steps. {found.duplicates:,} spans told of a step that another one tells of too."
    ]
    if found.refused:
        lines.append(f"{found.refused.total():,} spans were refused:")
        lines += [f"  {number:,}: {reason}" for reason, number in found.refused.most_common(_REASONS)]
    return "\n".join(lines)
