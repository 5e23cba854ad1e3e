"""``handrail policy who-can``: everybody who may call a tool."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy.asking import json_option, note_slips, policy_of, tenant_option
from handrail.cli.policy.standings import show_standings
from handrail.cli.store_options import config_option
from handrail.policy.decision import Action


@click.command("who-can")
@click.argument("tool")
@tenant_option
@click.option("--action", type=click.Choice(["call", "read", "write"]), default="call", show_default=True)
@json_option
@config_option
def command(tool: str, tenant: str | None, action: Action, as_json: bool, path: Path | None) -> None:
    """List who may call TOOL, by tenant: always, never, or depending on the arguments; and through which agents.

    Users are those of [users], those that rules name, and "(any other)" for everybody else. Agents are listed where
    they may do it on their own account.
    """
    from handrail.policy.rights import Rights

    settings, policy = policy_of(path)
    note_slips(settings, tool=tool if action == "call" else "")
    show_standings(Rights(policy).who_can(tool, action, tenant), ("tenant", "who"), as_json=as_json)
