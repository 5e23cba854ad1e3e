"""``handrail traces query``: one's own SQL over the documented views, read-only."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.query import Answer

_MAX_CELL = 60
"""Most characters of a cell of the table; the other formats have all of it."""


@click.command("query")
@click.argument("sql", required=False)
@click.option("--views", is_flag=True, help="List the views and what their columns mean, and do nothing else.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
    help="table: cells are cut. json: one object. csv: safe to open in a spreadsheet.",
)  # fmt: skip
@click.option("--rows", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True, help="Most rows.")
@click.option("--seconds", type=click.FloatRange(1, 3_600), default=30, show_default=True, help="Most time.")
@click.option("--memory", type=click.IntRange(64, 65_536), default=1_024, show_default=True, help="Most memory, MiB.")
@data_option
@index_option
def command(
    sql: str | None, views: bool, form: str, rows: int, seconds: float, memory: int, data: Path | None,
    index: Path | None,
) -> None:  # fmt: skip
    """Answer SQL, one SELECT in DuckDB's dialect over the documented views; `-` reads it from standard input.

    Nothing can be written, no file or setting can be reached, and no content is in the views: only what was
    done, decided and counted, and where content lies. The answer is of a copy: nobody waits for it.

    Exit code 0: done. 2: the query is wrong, not allowed, or takes more than it may.
    """
    if views:
        _print_views()
        return
    if sql is None:
        raise click.UsageError("Write a query, or --views for what there is to ask.")
    from handrail.audit.index import Index
    from handrail.audit.query import Limits, ask

    source = Index(journal_of(data), folder=index)
    source.refresh(block=True)
    asked = sys.stdin.read() if sql == "-" else sql
    answer = ask(source, asked, Limits(rows=rows, seconds=seconds, memory_bytes=memory << 20))
    {"table": _print_table, "json": _print_json, "csv": _print_csv}[form](answer)
    if answer.more:
        click.echo(f"There are more rows than these {rows:,}: --rows takes more.", err=True)


def _print_views() -> None:
    from handrail.audit.views import documented

    for view in documented():
        click.echo(f"{view.name}: {view.about}")
        wide = max(len(column.name) for column in view.columns)
        kinds = max(len(column.type) for column in view.columns)
        for column in view.columns:
            click.echo(f"  {column.name:{wide}}  {column.type:{kinds}}  {column.meaning}")
        click.echo()


def _print_table(answer: Answer) -> None:
    from handrail.cli.traces.columns import cells, filled, shown

    head = [shown(name, most=_MAX_CELL) for name in answer.columns]
    body = [[shown(_cell(value), most=_MAX_CELL) for value in row] for row in answer.rows]
    widths = [max(cells(row[at]) for row in [head, *body]) for at in range(len(head))]
    right = [all(isinstance(row[at], (int, float, type(None))) for row in answer.rows) for at in range(len(head))]
    for row in [head, ["-" * width for width in widths], *body]:
        line = "  ".join(
            filled(cell, width, right=number)
            for cell, width, number in zip(row, widths, right, strict=True)
        )  # fmt: skip
        click.echo(line.rstrip())


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _print_json(answer: Answer) -> None:
    click.echo(json.dumps({"columns": answer.columns, "rows": answer.rows, "more": answer.more}))


def _print_csv(answer: Answer) -> None:
    from handrail.audit.safe_text import defused

    # every cell is quoted: a spreadsheet that splits at semicolons must not find a formula behind one
    table = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in [answer.columns, *answer.rows]:
        plain = [json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value for value in row]
        table.writerow([defused(value) if isinstance(value, str) else value for value in plain])
