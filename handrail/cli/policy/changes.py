"""``handrail policy changes``: who changed the policy, when, how and why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from handrail.cli.moments import Moment
from handrail.cli.store_options import config_option, data_option, folder_of, index_option, journal_of

if TYPE_CHECKING:
    from handrail.config.live import LiveChange

_CHANGES = """
SELECT strftime(made_at, '%Y-%m-%d %H:%M:%S') AS made_at, what, who, uid, why, file, policy_before, policy_after,
       config_before, config_after, diff FROM changes
WHERE changes.made_at >= $since ORDER BY changes.made_at, writer, n"""


@click.command("changes")
@click.option("--since", type=Moment(), default="7d", show_default=True, help="First moment: 7d, 12h, 2026-11-01 ...")
@click.option("--now", is_flag=True, help="Those made while running that are in force now.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of text.")
@config_option
@data_option
@index_option
def command(
    since: datetime, now: bool, as_json: bool, data: Path | None, index: Path | None, path: Path | None
) -> None:
    """List the recorded changes of policy, roles and mode, oldest first: who, what, why. Times are UTC."""
    if now:
        _now(folder_of(data, path), as_json)
        return
    from handrail.audit.index import Index

    source = Index(journal_of(data, path), folder=index)
    source.refresh(block=True)
    rows = source.query(_CHANGES, {"since": since.replace(tzinfo=None)})
    found = [{**row, "diff": json.loads(str(row["diff"]))} for row in rows]
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(map(_line, found)) or "No changes.")


def _now(folder: Path, as_json: bool) -> None:
    import msgspec

    from handrail.audit import rights
    from handrail.config.live import in_force

    running = in_force(rights.read(folder), time.time())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(running), indent=2).decode())
    else:
        click.echo("\n".join(map(_running, running)) or "No changes are in force.")


def _running(change: LiveChange) -> str:
    from handrail.audit.safe_text import visible

    end = "" if change.until is None else time.strftime(" until %Y-%m-%d %H:%M:%S", time.gmtime(change.until))
    what = change.role or ", ".join(change.call) or "everything"
    return visible(
        f"{change.id}  {change.what} {change.tenant}/{change.user}: {what}{end}  by {change.by.name}: {change.why}"
    )


def _line(row: Mapping[str, Any]) -> str:
    from handrail.audit.safe_text import visible

    why = f": {row['why']}" if row["why"] else ""
    return visible(
        f"{row['made_at']}  {row['what']} by {row['who'] or 'nobody known'}{why}  {'; '.join(_parts(row['diff']))}"
    )


def _parts(diff: Mapping[str, Any]) -> Iterator[str]:
    for name, change in diff.items():
        if isinstance(change, list):
            names = [str(one) for one in cast("list[object]", change)]
            yield f"{name} {(' -> ' if name == 'mode' else ', ').join(names)}"
            continue
        hows: dict[str, list[str] | bool] = change
        for how, found in hows.items():
            yield f"{name} {how} {', '.join(found)}" if isinstance(found, list) else f"{name} {how}"
