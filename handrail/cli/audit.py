"""``handrail audit``: look at the journal, check it, make its index again, pack it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.progress import bar
from handrail.cli.store_options import data_option, folder_of, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.tail import Tail
    from handrail.audit.verify import VerifyReport

POLL_SECONDS = 0.25
"""How often ``tail --follow`` looks for new records."""
MAX_RUNS_KNOWN = 10_000
"""Runs whose principal ``tail`` remembers, to name it on each of their lines."""
_COLUMNS = (("time", 24), ("kind", 13), ("who", 22), ("agent", 16), ("tool", 20), ("verdict", 12), ("rule", 0))
_COLORS = {"deny": "red", "reject": "red", "would_deny": "yellow", "would_reject": "yellow", "allow": "green"}


@click.group("audit", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look at the journal, check it, make its index again, pack it."""


@command.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with new records as they come, until Ctrl-C.")
@click.option("--run", "run", metavar="ID", help="Only records of this run (or of runs whose id begins so).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line: the record as it was written.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, help="Records to begin with.")
@data_option
def tail(follow: bool, run: str | None, as_json: bool, lines: int, data: Path | None) -> None:
    """Show the newest records: time (UTC), kind, who, agent, tool, verdict, rule.

    Reads the segments themselves, so a record is here as soon as it was written.

    Exit code 0: done, or ended with Ctrl-C. 2: the journal cannot be read, or an option is wrong.
    """
    from handrail.audit.tail import Tail

    people = _People()
    folder = folder_of(data) if follow else journal_of(data)
    source = Tail(folder, lambda record: str(record.get("run", "")).startswith(run or ""), people.note)
    with suppress(KeyboardInterrupt):
        if not as_json:
            click.echo(_row({name: name for name, _ in _COLUMNS}))
        for record in _records(source, lines, follow):
            click.echo(json.dumps(record) if as_json else _line(record, people))


def _records(source: Tail, lines: int, follow: bool) -> Iterator[dict[str, Any]]:
    batch = source.last(lines)
    while True:
        yield from batch
        _tell_problems(source)
        if not follow:
            return
        time.sleep(POLL_SECONDS)
        batch = source.new()


def _tell_problems(source: Tail) -> None:
    from handrail.audit.safe_text import visible

    for problem in source.problems:
        click.echo(visible(f"{problem.file}: offset {problem.offset}: {problem.what}"), err=True)
    source.problems.clear()


class _People:
    """Who each run is for: only its first record says so."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}

    def note(self, record: dict[str, Any]) -> None:
        """Remember the principal of a run that starts."""
        if record["k"] == "run.start":
            self._of[str(record.get("run"))] = f"{record.get('tenant')}/{record.get('user')}"
            if len(self._of) > MAX_RUNS_KNOWN:
                self._of.pop(next(iter(self._of)))

    def of(self, record: dict[str, Any]) -> str:
        """``tenant/user``; empty for a record of no run, or of one that began before what was read."""
        return self._of.get(str(record.get("run")), "")


def _line(record: dict[str, Any], people: _People) -> str:
    moment = datetime.fromtimestamp(record["t"] / 1e9, UTC)
    shown = {name: str(record.get(name) or "") for name in ("agent", "tool", "verdict", "rule")}
    row = shown | {"time": f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", "kind": record["k"], "who": people.of(record)}
    return click.style(_row(row), fg=_COLORS.get(shown["verdict"]))


def _row(cells: dict[str, str]) -> str:
    from handrail.audit.safe_text import visible

    return " ".join(visible(cells[name]).ljust(width) for name, width in _COLUMNS).rstrip()


@command.command()
@data_option
@index_option
def rebuild(data: Path | None, index: Path | None) -> None:
    """Make the index again from the journal. The old one can be read until the new one takes its place.

    Exit code 0: done. 2: the journal cannot be read or the index cannot be written.
    """
    from handrail.audit.index import Index

    target = Index(journal_of(data), folder=index)
    with bar("Folding the journal") as progress:
        records = target.rebuild(progress)
    click.echo(f"{records} records are in {target.path}.", err=True)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def verify(as_json: bool, data: Path | None) -> None:
    """Check every record against its chain, and every payload that is kept against its record.

    Exit code 0: all is as it was written. 1: something is damaged, changed or missing, and is named with file
    and offset. 2: the journal cannot be read.
    """
    from handrail.audit.verify import verify as check

    folder = journal_of(data)
    report = check(folder)
    click.echo(json.dumps({**asdict(report), "intact": report.intact}) if as_json else _verified(folder, report))
    if not report.intact:
        raise SystemExit(1)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _verified(folder: Path, report: VerifyReport) -> str:
    from handrail.audit.safe_text import visible

    checked = (
        f"{folder / 'journal'}: {_counted(report.records, 'record')} in {_counted(report.segments, 'segment')} "
        f"of {_counted(report.writers, 'writer')}, {_counted(report.payloads, 'payload')} ({report.erased} erased)."
    )
    problems = [visible(f"{one.file}: offset {one.offset}: {one.what}") for one in report.problems]
    verdict = (
        f"{_counted(len(problems), 'problem')}."
        if problems
        else "Intact: records fit their chains, payloads their records."
    )
    return "\n".join([checked, *problems, verdict])


@command.command()
@data_option
def compact(data: Path | None) -> None:
    """Pack the segments of short-lived writers that are gone into one file. No byte of them changes.

    Exit code 0: done, also when there was nothing to pack. 2: the journal cannot be written.
    """
    from handrail.audit.compact import compact as pack

    click.echo(f"{pack(journal_of(data))} writers were packed.")
