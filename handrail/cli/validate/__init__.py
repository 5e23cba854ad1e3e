"""``handrail validate``: run checks over files and over recorded history, outside of any agent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.moments import Moment
from handrail.cli.store_options import data_option, index_option

if TYPE_CHECKING:
    from handrail.cli.validate.chosen import Chosen
    from handrail.cli.validate.values import Form


@click.command("validate")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help="A check, such as 'iban()'; again for more.")
@click.option("--with", "config", type=click.Path(path_type=Path), help="A handrail.toml whose checks to run.")
@click.option("--on", "target", metavar="TARGET", help="Which values: TOOL.arguments, TOOL.result, answer ...")
@click.option(
    "--as", "form", type=click.Choice(["json", "jsonl", "text"]), help="What FILE is [default: by its ending]."
)
@click.option("--runs", is_flag=True, help="Check what was recorded instead of files.")
@click.option("--since", type=Moment(), help="First moment of --runs: 7d, 12h, 2026-11-01 ... [default: 7d].")
@click.option("--until", type=Moment(), help="Moment of --runs that no longer counts [default: now].")
@click.option("--run", "run", metavar="ID", help="Only this recorded run: an id, the beginning of one, or last.")
@click.option("--content", is_flag=True, help="With --runs: show what was found too, which quotes content.")
@click.option("--list", "listing", is_flag=True, help="List every validator.")
@click.option("--show", "named", metavar="NAME", help="Say what there is to know of one validator.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@data_option
@index_option
def command(
    files: tuple[str, ...], checks: tuple[str, ...], config: Path | None, target: str | None, form: Form | None,
    runs: bool, since: datetime | None, until: datetime | None, run: str | None, content: bool, listing: bool,
    named: str | None, as_json: bool, data: Path | None, index: Path | None,
) -> None:  # fmt: skip
    """Check the values in FILE: JSON, JSON Lines (one value on each line) or plain text; - is the standard input.

    With --runs, check what was recorded: calls, results, outputs, documents and answers of past runs, by checks of
    today. What to check is given by --check, or by a handrail.toml: --runs uses the nearest one, FILE the one that
    --with names. Nothing is recorded or changed.

    Exit code 0: no errors (--runs: none that was not found at the time). 1: errors, or a value that could not be
    checked. 2: wrong usage or configuration.
    """
    if listing or named is not None:
        from handrail.cli.validate import named as names

        return names.show_list(as_json) if named is None else names.show_one(named, as_json)
    if runs or run is not None:
        from handrail.cli.validate import history
        from handrail.validators.choosing import chosen

        if files:
            raise click.UsageError("--runs checks what was recorded: leave FILE out.")
        past = chosen(config, checks, target)
        return history.run(past, data=data, index=index, since=since, until=until, named=run, as_json=as_json,
                           content=content, replaces=config is not None or not checks)  # fmt: skip
    if not files:
        raise click.UsageError("Name a FILE (- for the standard input), or --runs, --list, or --show NAME.")
    return _check_files(files, form, _chosen(checks, config, target), as_json)


def _chosen(checks: tuple[str, ...], config: Path | None, target: str | None) -> Chosen:
    from handrail.cli.validate.chosen import Chosen, context_of, of_config
    from handrail.validators.choosing import of_expressions, split

    if config is not None:
        found = of_config(config, target)
        return Chosen((*found.checks, *of_expressions(checks)), found.context)
    if not checks:
        raise click.UsageError("Say what to check: --check CHECK, or --with CONFIG.")
    return Chosen(of_expressions(checks), context_of(*(split(target) if target else ("", ""))))


def _check_files(files: tuple[str, ...], form: Form | None, with_: Chosen, as_json: bool) -> None:
    from handrail.cli.validate.files import Count, check, show, show_json
    from handrail.cli.validate.values import values_of

    for one in with_.checks:
        if one.inner.needs_run:
            click.echo(f"{one.id} looks at what a run has seen, which no file says: check it with --runs.", err=True)
    count = Count()
    (show_json if as_json else show)(check(values_of(files, form), with_, count), count)
    if count.found:
        raise SystemExit(1)
