"""The reference of the command line, made from what `--help` prints: `python -m tests.docs.command_line` prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from handrail.cli import group

WIDTH = 80
_HEAD = """\
# Command line

This page is made from what `--help` prints: `python -m tests.docs.command_line > docs/reference/command-line.md`.

`python -m handrail` is the same as `handrail`.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_HEAD, *(_section(path) for path in _paths(group, ()))])


def _paths(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _paths(found, (*path, name))


def _section(path: tuple[str, ...]) -> str:
    shown = CliRunner().invoke(group, [*path, "--help"], prog_name="handrail", terminal_width=WIDTH)
    if shown.exit_code:
        raise ValueError(f"handrail {' '.join(path)} --help: exit code {shown.exit_code}: {shown.output}")
    text = "\n".join(line.rstrip() for line in shown.output.strip("\n").splitlines())
    return f"## `{' '.join(('handrail', *path))}`\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    print(page(), end="")
