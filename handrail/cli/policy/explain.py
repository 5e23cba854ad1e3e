"""``handrail policy explain``: why a request is allowed or denied, and what would turn a denial round."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy.asking import (
    agents_option,
    chain,
    json_object,
    json_option,
    moment,
    policy_of,
    show,
    shown_json,
    tenant_option,
)
from handrail.cli.store_options import config_option
from handrail.policy.decision import Action
from handrail.policy.explain import Explanation


@click.command("explain")
@click.option("--user", help='Who asks: "USER" or "TENANT/USER".')
@click.option("--tool", help="Name of the tool, retriever or memory namespace.")
@tenant_option
@agents_option
@click.option(
    "--args",
    "arguments",
    callback=json_object,
    metavar="JSON",
    default="{}",
    help="Arguments of the call, as a JSON object.",
)
@click.option("--action", type=click.Choice(["call", "read", "write"]), default="call", show_default=True)
@click.option("--session", default="", help="Conversation that the call belongs to.")
@click.option("--channel", default="", help="Where the request comes from, such as web.")
@click.option("--now", callback=moment, metavar="ISO", help="Time of the call [default: now].")
@click.option(
    "--run",
    callback=json_object,
    metavar="JSON",
    default="{}",
    help="What the run has done so far; what is left out is 0.",
)
@json_option
@config_option
def command(
    user: str | None,
    tool: str | None,
    tenant: str | None,
    agents: tuple[str, ...],
    arguments: dict[str, object],
    action: Action,
    session: str,
    channel: str,
    now: float | None,
    run: dict[str, float],
    as_json: bool,
    path: Path | None,
) -> None:
    """Say why a request is allowed or denied.

    Which rule decided, by which role path, what each part of its condition says of which values; for a denial the
    nearest rule and the smallest change that would turn it round. Nothing is recorded and nothing is called.

    \b
    handrail policy explain --user ana --tool refund --args '{"amount": 900}'
    """
    from handrail.policy.explain import explain
    from handrail.policy.questions import request
    from handrail.tracing.ids import now_ns

    if not user or not tool:
        raise click.UsageError("Name who asks and for what: --user USER --tool TOOL.")
    found_tenant, principals = chain(user, agents, tenant)
    _, policy = policy_of(path)
    asked = request(
        found_tenant, principals, tool, action,
        args=arguments, session=session, channel=channel, run=run, now=now_ns() / 1e9 if now is None else now,
    )  # fmt: skip
    told = explain(policy, asked)
    if as_json:
        click.echo(shown_json(told.as_dict()))
    else:
        _show(told)


def _show(told: Explanation) -> None:
    from handrail.cli.policy.telling import lines

    first, *rest = lines(told)
    show(first, bold=True)
    for line in rest:
        show(line)
