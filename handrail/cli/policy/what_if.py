"""``handrail policy what-if``: what would have been decided, had another policy been in force."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.moments import Moment
from handrail.cli.progress import bar
from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.what_if import Example, WhatIf
    from handrail.policy import Policy

BAR = 24
"""Most characters of a bar."""
ROWS = 12
"""Most rows of a table; ``--json`` has them all."""
SHOWN_ARGS = 100
"""Most characters of the arguments of an example."""
_COLORS = {"deny": "red", "allow": "green"}
_TITLES = {"rule": "rule (candidate's <- in force)", "tool": "tool", "agent": "agent", "user": "user"}


@click.command("what-if")
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--since", type=Moment(), default="7d", show_default=True, help="First moment: 7d, 12h, 2026-11-01 ...")
@click.option("--until", type=Moment(), help="Moment that no longer counts [default: now].")
@click.option("--tenant", help="Only this tenant.")
@click.option("--user", help="Only this user.")
@click.option("--agent", help="Only calls of this agent.")
@click.option("--tool", help="Only calls of this tool.")
@click.option("--examples", type=click.IntRange(min=0), default=3, show_default=True, help="Most for a pair of rules.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@data_option
@index_option
def command(
    candidate: Path, since: datetime, until: datetime | None, tenant: str | None, user: str | None,
    agent: str | None, tool: str | None, examples: int, as_json: bool, data: Path | None, index: Path | None,
) -> None:  # fmt: skip
    """Decide every recorded call again under CANDIDATE, a handrail.toml, and list what would change.

    Use it before a policy is changed, and before observe becomes enforce: calls that were only marked as denied
    count as denied, and calls without any policy as allowed. Nothing is written or put in force.

    Exit code 0: nothing would change. 1: something would. 2: the candidate or the journal cannot be read.
    """
    from handrail.audit.index import Index
    from handrail.audit.report import Window
    from handrail.audit.what_if import what_if

    policy = _policy(candidate)
    folder = journal_of(data)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    window = Window(since, until or datetime.now(UTC), tenant, user, agent)
    with source.snapshot() as copy, bar("Deciding again") as progress:
        found = what_if(copy, folder, policy, window, tool=tool, examples=examples, progress=progress)
    click.echo(json.dumps(found.as_dict()) if as_json else "\n".join(_told(candidate, found)))
    if found.changed:
        raise SystemExit(1)


def _policy(candidate: Path) -> Policy:
    from handrail.config import load
    from handrail.errors import ConfigError
    from handrail.policy import build

    settings = load(candidate)
    if not settings.has_policy:
        hint = 'Add at least one [[rule]] (id, allow = "ROLE", call = "TOOL"), or [casbin].'
        raise ConfigError("The candidate has no policy.", file=candidate, hint=hint)
    return build(settings)


def _told(candidate: Path, found: WhatIf) -> Iterator[str]:
    from handrail.audit.what_if import DIMENSIONS

    share = f" ({100 * found.changed / found.decided:.1f} %)" if found.decided else ""
    yield f"{candidate}: {found.decided:,} decisions made again, {found.changed:,} would change{share}."
    for why, calls in sorted(found.skipped.items()):
        yield f"Not made again: {calls:,} ({why})."
    if not found.changed:
        return
    yield from _table("what", [("deny", "newly denied", found.count("deny")),
                               ("allow", "newly allowed", found.count("allow"))], found.changed)  # fmt: skip
    for dimension in DIMENSIONS:
        yield from _table(_TITLES[dimension], list(found.by(dimension)), found.changed)
    yield from _examples(found.examples)


def _table(title: str, rows: list[tuple[str, str, int]], total: int) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    yield f"\nBy {title}"
    rows = [row for row in rows if row[2]]
    width = min(60, max(len(visible(name)) for _, name, _ in rows[:ROWS]))
    for now, name, calls in rows[:ROWS]:
        drawn = "█" * max(1, round(BAR * calls / total))
        line = f"  {now:5} {visible(name):{width}} {calls:>11,} {drawn}"
        yield click.style(line, fg=_COLORS[now])
    if len(rows) > ROWS:
        yield f"  and {len(rows) - ROWS:,} more (--json has all)"


def _examples(examples: list[Example]) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    if examples:
        yield "\nExamples"
    for one in examples:
        turn, args = one.turn, "arguments not kept" if one.args is None else one.args
        shown = args if len(args) <= SHOWN_ARGS else args[:SHOWN_ARGS] + "..."
        before = "allow" if turn.now == "deny" else "deny"
        yield visible(f"  {one.at:%Y-%m-%dT%H:%M:%SZ} {turn.user} {turn.agent}: {turn.tool} {shown}")
        yield visible(f"    {before} by {turn.before} -> {turn.now} by {turn.rule}; run {one.run}, step {one.step}")
