"""``handrail runs list``: the runs, those that did not come to their end first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from handrail.cli.runs.telling import aligned, moment, plain, state
from handrail.cli.store_options import data_option, index_option, journal_of
from handrail.cli.traces.columns import shown


@click.command("list")
@click.option("--unfinished", is_flag=True, help="Only those that can go on, or that a person is asked about.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of text.")
@data_option
@index_option
def command(unfinished: bool, limit: int, as_json: bool, data: Path | None, index: Path | None) -> None:
    """List logical runs: one row for all the lives of a run that died and went on.

    First come those that did not come to their end or have an open question. The column `in doubt` counts calls of
    which nobody knows whether they happened, `asked` the open questions: see `handrail runs show RUN`.

    Exit code 0: done. 2: there is no journal, or it cannot be read.
    """
    from handrail.audit import lives
    from handrail.audit.index import Index

    source = Index(journal_of(data), folder=index)
    source.refresh(block=True)
    rows = lives.listed(source, unfinished=unfinished, most=limit)
    if as_json:
        click.echo(json.dumps([plain(row) for row in rows], indent=2))
        return
    if not rows:
        click.echo("Every run came to its end, and nothing is asked." if unfinished else "No run is recorded yet.")
        return
    for line in aligned([_HEAD, *map(_row, rows)]):
        click.echo(line)


_HEAD = ["run", "state", "began (UTC)", "lives", "effects", "in doubt", "asked", "agent", "for"]


def _row(row: dict[str, object]) -> Sequence[str]:
    counts = [str(row[name] or "-") for name in ("lives", "effects", "in_doubt", "open_questions")]
    who = f"{shown(row['tenant'], most=40)}/{shown(row['user'], most=40)}"
    return [str(row["run"]), state(row), moment(row["started_at"]), *counts, shown(row["agent"], most=40), who]
