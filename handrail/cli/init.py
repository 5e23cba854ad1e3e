"""``handrail init``: look at an importable agent and write a first handrail.toml that names its real tools."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from operator import attrgetter
from pathlib import Path

import click


@click.command("init")
@click.option("--agent", "reference", metavar="MODULE:ATTRIBUTE", help="Agent to look at, such as myapp:agent.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("handrail.toml"),
    show_default=True,
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def command(reference: str | None, output: Path, force: bool) -> None:
    """Write a first, commented handrail.toml: observe mode, the agent's real tools, cautious guesses."""
    from handrail.cli.draft import draft

    if os.path.lexists(output) and not force:
        raise click.ClickException(f"{output} is there already. Use --force to replace it, or --output for another.")
    if reference:
        agent = imported(reference)
        from handrail.frameworks.discover import agent_name, tools_of

        tools = tools_of(agent)
        text = draft(tools, agent=agent_name(agent))
    else:
        tools, text = [], draft([])
    write(text, output, replace=force)
    click.echo(f"{output}: {len(tools)} tools, observe mode. Say who is who in [users], then read each rule.")


def imported(reference: str) -> object:
    """The object that ``MODULE:ATTRIBUTE`` names, with the working directory importable as under ``python -m``."""
    module, colon, attribute = reference.partition(":")
    if not (colon and module and attribute):
        raise click.BadParameter(f"{reference!r} is not MODULE:ATTRIBUTE, such as myapp:agent.", param_hint="--agent")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        return attrgetter(attribute)(importlib.import_module(module))
    except (Exception, SystemExit) as problem:
        # Whatever the user's module raises is the answer to why it cannot be imported.
        text = f"{reference} cannot be imported: {type(problem).__name__}: {problem}"
        raise click.UsageError(text) from problem


def write(text: str, output: Path, *, replace: bool) -> None:
    """Write ``text`` whole or not at all. A symbolic link at ``output`` is replaced, never followed.

    Raises ClickException when the folder cannot be written, or when the file is there and ``replace`` is false.
    """
    try:
        # mkstemp makes the file readable by its owner only.
        handle, name = tempfile.mkstemp(prefix=".handrail-", dir=output.parent)
        temporary = Path(name)
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            if replace:
                temporary.replace(output)
            else:
                output.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        raise click.ClickException(f"{output} cannot be written: {problem.strerror}.") from problem
