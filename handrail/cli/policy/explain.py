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
    note_slips,
    policy_of,
    show,
    shown_json,
    tenant_option,
)
from handrail.cli.store_options import config_option, data_option, index_option, journal_of
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
@click.option(
    "--facts", callback=json_object, metavar="JSON", default="{}", help='Further facts, such as {"doc": {...}}.'
)
@click.option("--step", metavar="ID", help="Explain the recorded decision on this step instead.")
@json_option
@config_option
@data_option
@index_option
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
    facts: dict[str, object],
    step: str | None,
    as_json: bool,
    path: Path | None,
    data: Path | None,
    index: Path | None,
) -> None:
    """Say why a request is allowed or denied.

    Which rule decided, by which role path, what each part of its condition says of which values; for a denial the
    nearest rule and the smallest change that would turn it round. Nothing is recorded and nothing is called.

    With --step a decision that was recorded is explained, by the policy that was in force then and with the facts of
    then. It quotes arguments: it is for those who may read payloads.

    \b
    handrail policy explain --user ana --tool refund --args '{"amount": 900}'
    handrail policy explain --step 4f1c2d3e4f5a6b7c
    """
    if step is not None:
        _explain_step(step, data, path, index, as_json=as_json)
        return
    from handrail.policy.explain import explain
    from handrail.policy.questions import request
    from handrail.tracing.ids import now_ns

    if not user or not tool:
        raise click.UsageError("Name who asks and for what: --user USER --tool TOOL. Or a recorded step: --step ID.")
    found_tenant, principals = chain(user, agents, tenant)
    settings, policy = policy_of(path)
    user_name = principals[0].removeprefix("user:")
    note_slips(settings, tool=tool if action == "call" else "", user=user_name, tenant=found_tenant)
    asked = request(
        found_tenant, principals, tool, action, args=arguments, session=session, channel=channel, run=run,
        now=now_ns() / 1e9 if now is None else now, facts=facts,
    )  # fmt: skip
    told = explain(policy, asked)
    if as_json:
        click.echo(shown_json(told.as_dict()))
    else:
        _show(told)


def _explain_step(step: str, data: Path | None, config: Path | None, index: Path | None, *, as_json: bool) -> None:
    from handrail.audit.index import Index
    from handrail.audit.recorded_calls import recorded_call
    from handrail.policy import build
    from handrail.policy.explain import explain

    folder = journal_of(data, config)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    found = recorded_call(source, folder, step)
    told = explain(build(found.settings), found.request)
    if as_json:
        recorded = {"step": step, "verdict": found.verdict, "rule": found.rule}
        click.echo(shown_json({**told.as_dict(), "recorded": recorded}))
        return
    show(f"recorded: {found.verdict}{f' by {found.rule}' if found.rule else ''} (step {step})")
    _show(told)


def _show(told: Explanation) -> None:
    from handrail.cli.policy.telling import lines

    first, *rest = lines(told)
    show(first, bold=True)
    for line in rest:
        show(line)
