"""``handrail policy what-can``: everything that a user may do."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy.asking import agents_option, chain, json_option, note_slips, policy_of, tenant_option
from handrail.cli.policy.standings import show_standings
from handrail.cli.store_options import config_option


@click.command("what-can")
@click.argument("user")
@tenant_option
@agents_option
@json_option
@config_option
def command(user: str, tenant: str | None, agents: tuple[str, ...], as_json: bool, path: Path | None) -> None:
    """List what USER may do: always, never, or depending on the arguments.

    Names are those of [tools] and of the rules. A pattern stands for everything under it that has no line of its own.
    """
    from handrail.policy.rights import Rights

    found_tenant, principals = chain(user, agents, tenant)
    settings, policy = policy_of(path)
    note_slips(settings, user=principals[0].removeprefix("user:"), tenant=found_tenant)
    found = Rights(policy).what_can(principals[0], found_tenant, principals[1:])
    show_standings(found, ("action", "what"), as_json=as_json)
