"""``handrail policy grant``: give somebody a role, or calls, while agents run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from handrail.cli.policy import changing


@click.command("grant")
@click.argument("user")
@click.argument("role", default="")
@click.option("--call", multiple=True, metavar="TOOL", help="A tool, group or pattern in place of a role; repeatable.")
@changing.options
def command(
    user: str,
    role: str,
    call: tuple[str, ...],
    tenant: str,
    seconds: float | None,
    why: str,
    new: bool,
    path: Path | None,
) -> None:
    """Give USER the role ROLE, or the calls named with --call, from the next call on in every process of this host.

    USER is a user's name, or agent:NAME. The file stays as it is; `handrail policy withdraw` takes the grant back.
    """
    from handrail.audit.approvals import actor
    from handrail.config.live import LiveChange

    if bool(role) == bool(call):
        raise click.UsageError("Name either a ROLE or calls with --call.")
    changing.make(
        changing.settings_at(path),
        lambda id, until: LiveChange(id, "grant", actor(), why, time.time(), tenant, user, role, call, until),
        what="grant", seconds=seconds, new=new,
    )  # fmt: skip
