"""``handrail backup``: a consistent copy of the data folder, while agents run."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.progress import bar
from handrail.cli.store_options import data_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.backup import Made
    from handrail.audit.reader import Problem


@click.command("backup")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--without-values", is_flag=True, help="Leave out the results kept for replay, and their keys.")
@click.option("--without-keys", is_flag=True, help="Leave out the keys that sign delegation tokens.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def command(
    target: Path, without_values: bool, without_keys: bool, force: bool, as_json: bool, data: Path | None
) -> None:
    """Copy the data folder to one file, TARGET (a tar), while agents go on.

    All that belongs together is in it: records, what they refer to, policies, owners, threads, questions. The
    index is not: it is made again. The file holds secrets (the keys of replay values, and of delegation tokens)
    and everything that agents read and wrote: it is for its owner only, keep it so. A backup without values is
    whole as evidence, but runs that were unfinished in it cannot resume.

    Exit code 0: done. 1: done, but the journal is damaged: the copy has the damage too. 2: not made.
    """
    from handrail.audit.backup import KEYS, VALUES, back_up

    without = [name for name, chosen in ((VALUES, without_values), (KEYS, without_keys)) if chosen]
    folder = journal_of(data)
    with bar("Copying the data folder") as progress:
        made = back_up(folder, target.absolute(), without=without, force=force, progress=progress)
    if as_json:
        click.echo(json.dumps(asdict(made)))
    else:
        _tell(made)
    if made.problems:
        raise SystemExit(1)


def _tell(made: Made) -> None:
    click.echo(
        f"{made.file}: {counted(made.records, 'record')} in {counted(made.segments, 'segment')}, "
        f"{counted(made.files, 'file')}, {made.bytes} bytes.\nMade {moment(made.made)}; digest {made.digest}"
    )
    if "replay" in made.without:
        click.echo("Left out: results kept for replay. Runs that were unfinished in it cannot resume.", err=True)
    if "keys" in made.without:
        click.echo("Left out: keys of delegation tokens. Other hosts must be told of the new ones.", err=True)
    tell_names("Not part of a backup", made.left_out)
    tell_problems(made.problems)


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def moment(nanoseconds: int) -> str:
    """A moment in UTC, to the second."""
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def tell_names(label: str, names: tuple[str, ...]) -> None:
    """Say on stderr which files are meant; nothing where there are none."""
    from handrail.audit.safe_text import visible

    for name in names:
        click.echo(visible(f"{label}: {name}"), err=True)


def tell_problems(problems: tuple[Problem, ...]) -> None:
    """Say on stderr what is wrong with a journal."""
    tell_names("Damaged", tuple(f"{one.file}: offset {one.offset}: {one.what}" for one in problems))
