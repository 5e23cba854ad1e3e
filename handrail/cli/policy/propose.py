"""``handrail policy propose``: ask for a second person's approval of a changed handrail.toml."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy import changing
from handrail.cli.store_options import config_option


@click.command("propose")
@click.option("--reason", "why", required=True, callback=changing.plain_text, help="Why; it goes into the record.")
@config_option
def command(why: str, path: Path | None) -> None:
    """Ask for approval of handrail.toml, and of the files that it names, as they are now.

    For installations with `two_person = true` under `[policy]`.
    """
    from handrail.audit import approvals
    from handrail.errors import ConfigError
    from handrail.rulebook import snapshot

    settings = changing.settings_at(path)
    if not changing.needs_approval(settings):
        raise ConfigError(
            "This file needs no second person: it is in force already.",
            file=settings.file,
            hint="Set `two_person = true` under [policy] if changes shall wait for approval.",
        )
    snapshot(settings)  # nobody should approve what cannot be loaded
    made = approvals.propose(settings, why)
    click.echo(f"{made.id}: proposed; another user of this system puts it in force:")
    click.echo(f"  handrail policy approve {made.id}")
