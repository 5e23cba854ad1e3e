"""``handrail validate``: run checks over files and over recorded history, outside of any agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handrail.cli.validate.chosen import Chosen
    from handrail.cli.validate.values import Form


@click.command("validate")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help="A check, such as 'iban()'; again for more.")
@click.option("--with", "config", type=click.Path(path_type=Path), help="A handrail.toml whose checks to run.")
@click.option("--on", "target", metavar="TARGET", help="Which of its checks: TOOL.arguments, TOOL.result, answer ...")
@click.option(
    "--as", "form", type=click.Choice(["json", "jsonl", "text"]), help="What FILE is [default: by its ending]."
)
@click.option("--list", "listing", is_flag=True, help="List every validator.")
@click.option("--show", "named", metavar="NAME", help="Say what there is to know of one validator.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    files: tuple[str, ...], checks: tuple[str, ...], config: Path | None, target: str | None, form: Form | None,
    listing: bool, named: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Check the values in FILE: JSON, JSON Lines (one value on each line) or plain text; - is the standard input.

    What to check is given by --check, or by a handrail.toml that --with names. Nothing is recorded or changed.

    Exit code 0: no errors. 1: a value has an error, or could not be checked. 2: wrong usage or configuration.
    """
    if listing or named is not None:
        from handrail.cli.validate import named as names

        return names.show_list(as_json) if named is None else names.show_one(named, as_json)
    if not files:
        raise click.UsageError("Name a FILE (- for the standard input), or --list, or --show NAME.")
    _check_files(files, form, _chosen(checks, config, target), as_json)
    return None


def _chosen(checks: tuple[str, ...], config: Path | None, target: str | None) -> Chosen:
    from handrail.cli.validate import chosen
    from handrail.validators.context import Context

    if config is None:
        if not checks:
            raise click.UsageError("Say what to check: --check CHECK, or --with CONFIG.")
        on, tool = chosen.split(target or "")
        context = Context(on=on, tool=tool, run=chosen.UNKNOWN_RUN)
        return chosen.Chosen(chosen.of_expressions(checks), context)
    found = chosen.of_config(config, target)
    return chosen.Chosen((*found.checks, *chosen.of_expressions(checks)), found.context)


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
