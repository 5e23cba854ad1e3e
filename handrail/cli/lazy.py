"""A group of commands whose modules are loaded when they are used, one file per command."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Lists its commands without importing them. The command ``who-can`` is ``command`` in the module ``who_can``."""

    def __init__(self, *args: Any, package: str, lines: Mapping[str, str], **settings: Any) -> None:
        """``package`` holds the modules; ``lines`` has command -> its line in the help, in order."""
        super().__init__(*args, **settings)
        self._package, self._lines = package, lines

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; None for a name that there is not."""
        if cmd_name not in self._lines:
            return None
        module = import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        found: click.Command = module.command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begins with; a misspelled one is refused with the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from handrail.config.nearest import nearest

            hint = nearest(args[0], list(self._lines)) if args else None
            if hint is None or "id you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} {hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of the help, from ``lines`` alone."""
        if self._lines:
            with formatter.section("Commands"):
                formatter.write_dl(list(self._lines.items()))
