"""``handrail traces sessions``: the sessions, and one of them as a thread over all its channels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from handrail.cli.store_options import data_option, index_option, journal_of

_HEAD = ("latest (UTC)", "session", "who", "channels", "runs", "paused", "denied", "outcome")
_THREAD = ("time (UTC)", "channel", "who", "agent", "what", "outcome", "run")


@click.command("sessions")
@click.argument("session", required=False)
@click.option("--tenant", help="Only this tenant.")
@click.option("--user", help="Only sessions that this user began.")
@click.option("-n", "--lines", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@data_option
@index_option
def command(
    session: str | None, tenant: str | None, user: str | None, lines: int, as_json: bool, data: Path | None,
    index: Path | None,
) -> None:  # fmt: skip
    """List the sessions, the latest first; or show SESSION, a name or the beginning of one, as one thread.

    A session is one conversation: the runs with the same `session` of a tenant, whatever channel and process they
    came through; where a program names none, those of a LangGraph thread. In the thread stand its runs, where they
    paused, what a person was asked, and who answered over which channel.

    Exit code 0: done. 2: there is no such session, or the journal cannot be read.
    """
    from handrail.audit.index import Index
    from handrail.audit.sessions import LISTED, THREAD, find_session

    source = Index(journal_of(data), folder=index)
    source.refresh(block=True)
    if session is None:
        rows = source.query(LISTED, [tenant, user, lines])
        _print(rows, _HEAD, map(_listed, rows), as_json)
        return
    found = find_session(source, session, tenant)
    rows = source.query(THREAD, [found["tenant"], found["session"], lines])
    _print(rows, _THREAD, map(_event, rows), as_json)


def _print(
    rows: Sequence[Mapping[str, Any]], head: Sequence[str], table: Iterable[Sequence[str]], as_json: bool
) -> None:
    from handrail.cli.traces.columns import cells, filled

    if as_json:
        for row in rows:
            click.echo(json.dumps({name: _plain(value) for name, value in row.items()}))
        return
    lines = [head, *table]
    widths = [max(cells(line[at]) for line in lines) for at in range(len(head))]
    for line in lines:
        click.echo("  ".join(filled(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _plain(value: object) -> object:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value


def _listed(row: Mapping[str, Any]) -> Sequence[str]:
    from handrail.cli.traces.columns import shown

    others = f" and {row['users'] - 1} more" if row["users"] > 1 else ""
    who = f"{row['tenant']}/{row['user']}{others}"
    names = [shown(text, most=40) for text in (row["session"], who, row["channels"])]
    counts = [str(row[name]) for name in ("runs", "interruptions", "denied")]
    return (_moment(row["latest_at"]), *names, *counts, shown(row["outcome"]))


def _event(row: Mapping[str, Any]) -> Sequence[str]:
    from handrail.audit.sessions import told
    from handrail.cli.traces.columns import shown

    return (
        _moment(row["moment"]), shown(row["channel"] or "-", most=20), shown(row["user"], most=30),
        shown(row["agent"], most=30), shown(told(row), most=80), shown(row["outcome"]), shown(row["run"]),
    )  # fmt: skip


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
