"""``handrail validate FILE...``: what is wrong with the values in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from handrail.validators.plain import read

if TYPE_CHECKING:
    from handrail.cli.validate.chosen import Chosen
    from handrail.cli.validate.values import Value
    from handrail.validators import Finding

COLORS = {"error": "red", "warning": "yellow"}


@dataclass(slots=True)
class Count:
    """What was looked at."""

    checked: int = 0
    found: int = 0
    """Values with at least one error."""

    @property
    def summary(self) -> str:
        """In a sentence."""
        return f"{self.checked:,} {plural(self.checked, 'value')} checked, {self.found:,} with errors."


def plural(count: int, noun: str) -> str:
    """``noun`` for ``count`` of it."""
    return noun if count == 1 else f"{noun}s"


def check(values: Iterable[Value], chosen: Chosen, count: Count) -> Iterator[tuple[Value, Finding]]:
    """Every finding, value by value, as the values are read; ``count`` is kept up to date."""
    for value in values:
        found = [value.problem] if value.problem is not None else _check(value, chosen)
        count.checked += 1
        count.found += any(one.severity == "error" for one in found)
        yield from ((value, one) for one in found)


def _check(value: Value, chosen: Chosen) -> list[Finding]:
    known: object = value.value
    text = known if isinstance(known, str) else None
    known = read(known, chosen.context.on or "answer")
    return [one for named in chosen.checks for one in named.check(known, chosen.context, text)]


def show(found: Iterable[tuple[Value, Finding]], count: Count) -> None:
    """Print the findings, one on a line, then what was looked at."""
    for value, finding in found:
        click.echo(click.style(line(value, finding), fg=COLORS[finding.severity]))
    click.echo(count.summary)


def line(value: Value, finding: Finding) -> str:
    """``FILE:LINE: CODE at PATH (ID): MESSAGE HINT``."""
    from handrail.audit.safe_text import visible

    at = f" at {finding.path}" if finding.path else ""
    by = f" ({finding.validator})" if finding.validator else ""
    words = " ".join(filter(None, (finding.message, finding.hint)))
    return visible(f"{value.file}:{value.line_of(finding)}: {finding.code}{at}{by}: {words}")


def show_json(found: Iterable[tuple[Value, Finding]], count: Count) -> None:
    """Print one JSON object, finding by finding: all of them need not fit into memory."""
    click.echo('{"findings": [')
    comma = ""
    for value, finding in found:
        click.echo(comma + json.dumps({"file": value.file, "line": value.line_of(finding), **plain(finding)}), nl=False)
        comma = ",\n"
    click.echo(f'\n], "checked": {count.checked}, "with_errors": {count.found}}}')


def plain(finding: Finding) -> dict[str, object]:
    """A finding as JSON types."""
    return {
        "path": finding.path, "code": finding.code, "severity": finding.severity, "validator": finding.validator,
        "message": finding.message, "hint": finding.hint, "span": finding.span, "excerpt": finding.excerpt,
        "fix": None if finding.fix is None else finding.fix.value,
    }  # fmt: skip
