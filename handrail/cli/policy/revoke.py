"""``handrail policy revoke``: take a role from somebody, or everything, while agents run."""

from __future__ import annotations

import time
from pathlib import Path

import click

from handrail.cli.policy import changing


@click.command("revoke")
@click.argument("user")
@click.argument("role", default="")
@changing.options
def command(
    user: str, role: str, tenant: str | None, seconds: float | None, why: str, new: bool, path: Path | None
) -> None:
    """Take the role ROLE from USER, also where the file gives it; without ROLE: deny USER everything.

    USER is "USER", "TENANT/USER" or "agent:NAME". Holds from the next call on in every process of this host;
    `handrail policy withdraw` takes it back.
    """
    from handrail.audit.approvals import actor
    from handrail.config.live import LiveChange

    whom = changing.user_of(user, tenant)
    changing.make(
        changing.settings_at(path),
        lambda id, until: LiveChange(
            id, "revoke" if role else "suspend", actor(), why, time.time(), *whom, role, until=until
        ),
        what="revoke" if role else "suspend", seconds=seconds, new=new,
    )  # fmt: skip
