"""``handrail traces show``: one run as a tree in the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.traces import Content, Row, Trace

    _Contents = Callable[[Row], Iterator[tuple[str, Content]]]


@click.command("show")
@click.argument("run")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="Most steps.")
@click.option("--depth", type=click.IntRange(0, 10_000), help="Most levels below the outermost step [default: all].")
@click.option("--step", "top", metavar="ID", help="Only this step and those below it.")
@click.option("--content", is_flag=True, help="Show arguments, results and messages too, as far as they are kept.")
@click.option("--width", type=click.IntRange(40, 1_000), help="Columns [default: those of the terminal, else 120].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@data_option
@index_option
def command(
    run: str, limit: int, depth: int | None, top: str | None, content: bool, width: int | None, as_json: bool,
    data: Path | None, index: Path | None,
) -> None:  # fmt: skip
    """Show RUN, an id, the beginning of one, or `last`, as a tree: what was done, decided, by whom, how long it took.

    Denied calls are in the tree: they were proposed, and did not run. Of a long run those steps are read that
    began first; how many are left out is said.

    Exit code 0: done. 2: there is no such run, or the journal cannot be read.
    """
    from handrail.audit.index import Index
    from handrail.audit.traces import Contents, Part, find_run, load

    folder = journal_of(data)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    trace = source.read(lambda now: load(now, find_run(now, run), Part(limit, depth, top)))
    with ExitStack() as stack:
        contents = stack.enter_context(Contents(folder)).of if content else _nothing
        if as_json:
            _print_json(trace, contents, content)
        else:
            _print_tree(trace, contents, width)


def _nothing(step: Row) -> Iterator[tuple[str, Content]]:
    yield from ()


def _print_tree(trace: Trace, contents: _Contents, width: int | None) -> None:
    from handrail.cli.traces.tree_lines import lines

    for line in lines(trace, width or shutil.get_terminal_size((120, 24)).columns, contents):
        click.echo(line)


def _print_json(trace: Trace, contents: _Contents, with_content: bool) -> None:
    from handrail.audit.traces import decoded

    # step by step: contents of a whole run need not fit into memory
    head = {"run": _plain(trace.run), "total": trace.total, "elided": trace.elided}
    click.echo(json.dumps(head)[:-1] + ', "steps": [')
    for number, place in enumerate(trace.places):
        step = trace.steps[place.step]
        row = _plain(step) | {"depth": place.depth, "below": trace.below.get(place.step, 0)}
        notes = trace.notes.get(place.step, ())
        row["notes"] = [{"kind": note["kind"], "body": decoded(note["body"])} for note in notes]
        if with_content:
            row["content"] = [{"what": what, "value": one.value, "missing": one.missing or None}
                              for what, one in contents(step)]  # fmt: skip
        click.echo(json.dumps(row) + ("," if number + 1 < len(trace.places) else ""))
    click.echo("]}")


def _plain(row: Row) -> dict[str, object]:
    """A row of a view as JSON types; what is JSON in the index is JSON here."""
    from handrail.audit.traces import JSON_COLUMNS, decoded

    return {
        name: decoded(value)
        if name in JSON_COLUMNS
        else f"{value.isoformat()}Z"
        if isinstance(value, datetime)
        else value
        for name, value in row.items()
    }
