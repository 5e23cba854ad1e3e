"""``handrail runs``: what runs did to the world, and how one that died goes on. One file per command."""

from __future__ import annotations

import click

from handrail.cli.lazy import LazyGroup

COMMANDS: dict[str, str] = {
    "list": "List runs, those that did not come to their end first.",
    "show": "Say what a run did, in which lives, and what is in doubt.",
    "answer": "Say whether a call happened that nobody knows of.",
    "resume": "Go on with a run that did not come to its end.",
    "forget": "Erase the values that were kept for going on with a run.",
    "compensate": "Undo the completed writes of a run, the latest first.",
}
"""Command -> its line in the help, by task."""


@click.group(
    "runs",
    cls=LazyGroup,
    package="handrail.cli.runs",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """See what runs did to the world, answer what is in doubt, and go on with a run that died."""
