"""``handrail runs compensate``: undo what a run did."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.store_options import config_option

if TYPE_CHECKING:
    from handrail.frameworks.compensating import Compensated, Undone

_ID = 32
_WORDS = {
    "undone": "undone by {by}",
    "undone_before": "undone before by {by}",
    "would_undo": "would be undone by {by}",
    "inside": "undone with the call that it was made in",
    "no_compensation": "not undone: nothing is declared that undoes it",
    "in_doubt": "not undone: nobody knows whether it was done",
    "values_gone": "not undone: its arguments and result are not kept, so {by} cannot be called",
    "denied": "not undone: the policy does not allow {by}",
    "undo_in_doubt": "perhaps undone: nobody knows whether {by} was carried out",
    "failed": "not undone: {by} raised, and says that nothing was done",
    "not_reached": "not undone yet: {by} waits for the one above",
}


@click.command("compensate")
@click.argument("run")
@click.option("--agent", "reference", metavar="MODULE:ATTRIBUTE", help="Import this first: where tools are declared.")
@click.option("--dry-run", is_flag=True, help="Say what would be undone; call and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@config_option
def command(run: str, reference: str | None, dry_run: bool, as_json: bool, path: Path | None) -> None:
    """Undo the completed writes of RUN (the id of any of its lives, the beginning of one, or `last`).

    The latest is undone first, each by the function that its tool declares, as `compensate = "module:function"` in
    `[tools.NAME]` or `@handrail.tool(compensate=...)`. Each undo is a call of its own on behalf of the run's user
    and agent: the policy decides it, the journal has it. What cannot be undone, and what nobody knows of whether it
    was done, is named and left to a person. Run again after a crash, or after a question was answered, it goes on,
    and undoes nothing twice. A run that was undone cannot be resumed.

    Exit code 0: everything that the run did is undone. 1: something is left, and named. 2: refused.
    """
    from handrail.cli.init import imported
    from handrail.frameworks.compensating import compensate
    from handrail.frameworks.opening import open_gate

    if reference:
        imported(reference)
    else:
        _find_modules_here()
    gate = open_gate(path)
    done = compensate(gate, _whole(run, gate.folder), dry_run=dry_run)
    click.echo(json.dumps({**asdict(done), "settled": done.settled}) if as_json else _told(done))
    if not done.settled:
        raise SystemExit(1)


def _whole(named: str, folder: Path) -> str:
    """The id that was meant: a whole one is looked up in the journal alone."""
    if len(named) == _ID:
        return named
    from handrail.audit.index import Index
    from handrail.audit.lives import logical_of

    index = Index(folder)
    index.refresh(block=True)
    return logical_of(index, named)


def _find_modules_here() -> None:
    import sys

    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _told(done: Compensated) -> str:
    from handrail.audit.safe_text import visible

    if not done.writes:
        return f"The run {done.run} did nothing that could be undone."
    lines = [f"{one.tool} ({one.key[:8]}): {_became(one)}" for one in done.writes]
    return "\n".join(visible(line) for line in lines)


def _became(one: Undone) -> str:
    error = f" ({one.error})" if one.error else ""
    answer = f"; then: handrail runs answer {one.question}" if one.question else ""
    return _WORDS[one.how].format(by=one.by) + error + answer
