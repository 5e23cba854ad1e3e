"""``handrail restore``: a data folder made again from a backup."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.backup import counted, moment, tell_names, tell_problems
from handrail.cli.progress import bar
from handrail.cli.store_options import data_option, folder_of

if TYPE_CHECKING:
    from handrail.audit.restore import Back


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Also where there is a journal: what is there is set aside.")
@click.option("--damaged", is_flag=True, help="Also a journal that was damaged when the backup was made.")
@click.option("--digest", metavar="HEX", default="", help="Only the backup with this digest, as `backup` printed it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def command(source: Path, replace: bool, damaged: bool, digest: str, as_json: bool, data: Path | None) -> None:
    """Make the data folder again from the backup SOURCE.

    Every file is compared with the backup's manifest, and every record with its chain, before anything is in its
    place. Stop the agents first. What runs did after the backup is unknown: the restore is recorded, and runs that
    were unfinished in the backup do not go on by themselves. Whoever gives you a backup gives you its policy, its
    owners and its approvals: compare the digest.

    Exit code 0: done. 1: done, with the damage that the journal had. 2: refused; the data folder is as it was.
    """
    from handrail.audit.restore import restore

    with bar("Restoring") as progress:
        back = restore(
            source, folder_of(data), replace=replace, damaged=damaged, digest=digest, progress=progress
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(asdict(back)))
    else:
        _tell(back)
    if back.problems:
        raise SystemExit(1)


def _tell(back: Back) -> None:
    click.echo(
        f"{back.folder}: {counted(back.records, 'record')} in {counted(back.segments, 'segment')}, "
        f"{counted(back.files, 'file')}, as of {moment(back.made)}.\n"
        "Runs that were unfinished then do not go on by themselves: what they did after it is unknown."
    )
    if "replay" in back.without:
        click.echo("The backup has no results for replay: these runs cannot resume at all.", err=True)
    if back.aside:
        click.echo(f"What was here before is in {back.aside}; its index is made again when somebody looks.", err=True)
    tell_names("Not restored, because another user must have written it", back.left_out)
    tell_problems(back.problems)
