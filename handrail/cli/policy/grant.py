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
    tenant: str | None,
    seconds: float | None,
    why: str,
    new: bool,
    path: Path | None,
) -> None:
    """Give USER the role ROLE, or the calls named with --call, from the next call on in every process of this host.

    USER is "USER", "TENANT/USER" or "agent:NAME". The file stays as it is; `handrail policy withdraw` takes the grant
    back.
    """
    from handrail.audit.approvals import actor
    from handrail.config.live import LiveChange

    if bool(role) == bool(call):
        raise click.UsageError("Name either a ROLE or calls with --call.")
    whom = changing.user_of(user, tenant)
    changing.make(
        changing.settings_at(path),
        lambda id, until: LiveChange(id, "grant", actor(), why, time.time(), *whom, role, call, until),
        what="grant", seconds=seconds, new=new,
    )  # fmt: skip
