"""Effective rights as aligned text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from handrail.audit.safe_text import visible
from handrail.cli.policy.asking import show, shown_json
from handrail.policy.rights import Standing, Via


def show_standings(found: Sequence[Standing], first: tuple[str, str], *, as_json: bool) -> None:
    """A table; ``first`` names its first two columns: ``tenant who`` or ``action what``."""
    if as_json:
        click.echo(shown_json([asdict(one) for one in found]))
        return
    by_tenant = first[0] == "tenant"
    heads = [*first, "may", *(("through",) if by_tenant else ()), "because"]
    rows = [_row(one, by_tenant=by_tenant) for one in found]
    for row in _aligned([heads, *rows]):
        show(row)


def _row(one: Standing, *, by_tenant: bool) -> list[str]:
    head = [one.tenant, one.subject] if by_tenant else [one.action, one.object]
    through = [", ".join(name.removeprefix("agent:") for name in one.agents) or "-"] if by_tenant else []
    told = "; ".join(_via(via) for via in one.via)
    because = one.reason if one.right == "never" or not told else told
    return [*map(visible, (*head, one.right, *through, because))]


def _via(via: Via) -> str:
    place = f" ({Path(via.file).name}:{via.line})" if via.file and via.line else ""
    path = f" as {' -> '.join(via.held_by)}" if len(via.held_by) > 1 else ""
    when = f" when {via.when}" if via.when else ""
    return f"{via.verdict} {via.rule}{place}{path}{when}"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
