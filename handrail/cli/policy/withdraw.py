"""``handrail policy withdraw``: take back a change that was made while agents run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from handrail.cli.policy import changing
from handrail.cli.store_options import config_option


@click.command("withdraw")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", "why", required=True, callback=changing.plain_text, help="Why; it goes into the record.")
@config_option
def command(ids: tuple[str, ...], why: str, path: Path | None) -> None:
    """Take back the grants, revocations or suspensions ID: what the file says holds again.

    `handrail policy changes --now` lists them.
    """
    from handrail.audit import in_force, rights
    from handrail.audit.approvals import actor
    from handrail.config import load
    from handrail.config.live import LiveChange
    from handrail.config.nearest import nearest
    from handrail.errors import ConfigError

    settings = load(path, live=False)
    kept = in_force.current(settings.data, settings.file) if settings.file else None
    known = {one.id: one for one in (*(kept.live if kept else ()), *rights.read(settings.data))}
    for id in ids:
        if id not in known:
            raise ConfigError(f"There is no change {id!r}.", hint=nearest(id, list(known)))
        until = known[id].until  # as long as what it takes back, so that it never outlives its sense
        change = LiveChange(rights.new_id("withdraw"), "withdraw", actor(), why, time.time(), of=id, until=until)
        changing.put(settings, change)
