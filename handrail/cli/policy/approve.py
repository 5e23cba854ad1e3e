"""``handrail policy approve``: put a change in force that somebody else proposed."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy import changing
from handrail.cli.store_options import config_option


@click.command("approve")
@click.argument("id", default="")
@click.option("--reason", "why", default="", callback=changing.plain_text, help="Why; it is kept with the approval.")
@config_option
def command(id: str, why: str, path: Path | None) -> None:
    """Approve the change ID that another user of this system proposed. Without ID: list what waits."""
    from handrail.audit import approvals
    from handrail.audit.safe_text import visible
    from handrail.config import load

    settings = load(path, live=False)
    if not id:
        lines = [f"{one.id}  by {one.by.name} ({one.by.uid})  {one.why}" for one in approvals.pending(settings.data)]
        click.echo("\n".join(map(visible, lines)) or "Nothing waits for approval.")
        return
    proposal = approvals.approve(settings.data, id, why)
    if proposal.change is not None:
        changing.write(settings, proposal.change)
        return
    changing.record(settings)
    click.echo(f"{id}: in force from the next call of every agent on this host.")
