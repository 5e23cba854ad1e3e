"""``handrail report``: activity, decisions and denials of a window of time, for an auditor."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from handrail.cli.moments import Moment
from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.index import Snapshot
    from handrail.audit.report import Window
    from handrail.audit.report_formats import Format


@click.command("report")
@click.option("--since", type=Moment(), default="7d", show_default=True, help="First moment: 7d, 12h, 2026-11-01 ...")
@click.option("--until", type=Moment(), help="Moment that no longer counts [default: now].")
@click.option("--tenant", help="Only this tenant.")
@click.option("--user", help="Only this user.")
@click.option("--agent", help="Only steps of this agent.")
@click.option(
    "--format", "form", type=click.Choice(["html", "csv", "json", "parquet"]), default="html", show_default=True,
    help="html and json: the whole report. csv and parquet: the table of decisions.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: stdout]."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@data_option
@index_option
def command(
    since: datetime, until: datetime | None, tenant: str | None, user: str | None, agent: str | None, form: str,
    output: Path | None, force: bool, data: Path | None, index: Path | None,
) -> None:  # fmt: skip
    """Report activity, decisions and denials with their reasons, by agent, tool and user.

    A file is private to its owner. Nobody who looks at the explorer waits for a report.

    Exit code 0: the report was written. 2: it could not be, or an option is wrong.
    """
    from handrail.audit.index import Index
    from handrail.audit.private_files import deliver
    from handrail.audit.report import Window

    if form == "parquet" and output is None:
        raise click.UsageError("Parquet is binary: name a file with -o.")
    window = Window(since, until or datetime.now(UTC), tenant, user, agent)
    source = Index(journal_of(data), folder=index)
    source.refresh(block=True)
    with source.snapshot() as copy:
        kind = cast("Format", form)
        if output is None:
            _write(copy, window, kind, sys.stdout)
        else:
            deliver(output, lambda draft: _write_file(copy, window, kind, draft), force=force)


def _write(copy: Snapshot, window: Window, form: Format, out: IO[str]) -> None:
    from handrail.audit import report_formats as formats
    from handrail.audit.report import gather

    if form == "csv":
        formats.write_csv(copy, window, out)
    elif form == "json":
        formats.write_json(gather(copy, window), out)
    else:
        formats.write_html(gather(copy, window), out)


def _write_file(copy: Snapshot, window: Window, form: Format, draft: Path) -> None:
    from handrail.audit import report_formats as formats

    if form == "parquet":
        formats.write_parquet(copy, window, draft)
    else:
        with draft.open("w", encoding="utf-8", newline="") as out:
            _write(copy, window, form, out)
