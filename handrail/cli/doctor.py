"""``handrail doctor``: say what is governed here, what is not, and what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from handrail.cli.store_options import config_option
from handrail.errors import HandrailError

if TYPE_CHECKING:
    from handrail.cli.checks import Check
    from handrail.config import Mode

MARKS = {"ok": ("ok   ", "green"), "note": ("note ", "yellow"), "wrong": ("WRONG", "red")}
"""State of a check -> its mark and the mark's colour."""


@click.command("doctor")
@click.option("--agent", "reference", metavar="MODULE:ATTRIBUTE", help="Agent to look at, such as myapp:agent.")
@config_option
@click.option("--mode", type=click.Choice(["observe", "enforce"]), help="Goes before the mode of the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(reference: str | None, path: Path | None, mode: str | None, as_json: bool) -> None:
    """Say what is governed here, what is not, and what is wrong.

    Imports the frameworks that are installed, and with --agent the agent's module; runs no agent and records
    nothing. Exits with 1 when something is wrong.
    """
    found = list(_checks(reference, path, cast("Mode | None", mode)))
    wrong = any(check.state == "wrong" for check in found)
    click.echo(_json(found, wrong) if as_json else _text(found, wrong))
    sys.exit(1 if wrong else 0)


def _checks(reference: str | None, path: Path | None, mode: Mode | None) -> Iterator[Check]:
    from handrail.cli import checks
    from handrail.cli.rights_checks import rights

    found, settings = checks.configuration(path, mode)
    yield from found
    if settings is not None:
        yield from checks.journal(settings)
        yield from rights(settings)
    yield from checks.versions()
    agent: object | None = None
    if reference:
        try:
            from handrail.cli.init import imported

            agent = imported(reference)
            yield from checks.agent_checks(agent, settings)
        except (HandrailError, click.ClickException) as error:
            agent = None
            text = error.format_message() if isinstance(error, click.ClickException) else str(error)
            yield checks.Check("agent", reference, "wrong", text)
    yield from checks.seams()
    yield from checks.others()
    yield from checks.blind_spots(agent)


def _json(found: Iterable[Check], wrong: bool) -> str:
    return json.dumps({"ok": not wrong, "checks": [asdict(check) for check in found]}, indent=2)


def _text(found: Iterable[Check], wrong: bool) -> str:
    lines: list[str] = []
    for section, members in groupby(found, key=lambda check: check.section):
        lines += ["", click.style(section.capitalize(), bold=True), *map(_line, members)]
    return "\n".join([*lines[1:], "", "Something is wrong." if wrong else "Nothing is wrong."])


def _line(check: Check) -> str:
    mark, colour = MARKS[check.state]
    return f"  {click.style(mark, fg=colour)}  {check.what}: {check.text}"
