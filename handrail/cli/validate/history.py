"""``handrail validate --runs``: what validators of today say of what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.progress import bar
from handrail.cli.store_options import journal_of
from handrail.cli.validate.files import plural

if TYPE_CHECKING:
    from handrail.audit.revalidate import Revalidated, Tally
    from handrail.validators.choosing import Checks

BAR = 24
"""Most characters of a bar."""
CODES = 4
"""Most codes that are named for a validator; ``--json`` has them all."""
_ONS = {"arguments": "argument set", "documents": "document"}


def run(
    checks: Checks, *, data: Path | None, index: Path | None, since: datetime | None, until: datetime | None,
    named: str | None, as_json: bool, content: bool, replaces: bool,
) -> None:  # fmt: skip
    """Read the history and print what is found. Leaves with 1 where something is found that nobody said at the time.

    ``replaces``: the checks are all that there are today, not some more beside those of the time. Raises JournalError
    where there is no journal, or no such run.
    """
    from handrail.audit.revalidate import past

    with bar("Checking again") as progress:
        found = past(journal_of(data), checks, index=index, since=since, until=until, run=named, replaces=replaces,
                     progress=progress)  # fmt: skip
    click.echo(json.dumps(found.as_dict(content=content)) if as_json else "\n".join(_told(found, content)))
    if found.new:
        raise SystemExit(1)


def _told(found: Revalidated, content: bool) -> Iterator[str]:
    kinds = ", ".join(_counted(count, on) for on, count in sorted(found.values.items())) or "nothing to check"
    yield f"{len(found.runs):,} {plural(len(found.runs), 'run')} looked at: {kinds}."
    if found.tallies:
        yield from _table(found.tallies.values())
    yield from _examples(found, content)
    yield from _passing(found)
    yield from _honest(found)


def _counted(count: int, on: str) -> str:
    return f"{count:,} {plural(count, _ONS.get(on, on))}"


def _table(tallies: Iterable[Tally]) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    rows = sorted(tallies, key=lambda one: (-one.new, -one.found, one.id))
    width = min(40, max(10, *(len(visible(one.id)) for one in rows)))
    yield f"\n{'validator':{width}} {'checked':>9} {'noted':>7} {'wrong':>7} {'rate':>7} {'not caught then':>15}   runs"
    for one in rows:
        drawn = "█" * max(1, round(BAR * one.rate)) if one.found else ""
        line = f"{visible(one.id)[:width]:{width}} {one.checked:>9,} {one.warned:>7,} {one.found:>7,}"
        line += f" {100 * one.rate:>6.1f}% {one.new:>15,} {len(one.runs):>6,} {drawn}"
        yield click.style(line.rstrip(), fg="red" if one.new else None)
        if one.codes:
            yield f"  {visible(_codes(one))}"


def _codes(one: Tally) -> str:
    shown = [f"{code} {count:,}" for code, count in one.codes.most_common(CODES)]
    more = len(one.codes) - CODES
    return ", ".join([*shown, *([f"and {more:,} more codes"] if more > 0 else [])])


def _examples(found: Revalidated, content: bool) -> Iterator[str]:
    first = next((example.recorded for one in found.tallies.values() for example in one.examples), None)
    if first is None:
        return
    yield "\nWould have been caught, and was not"
    yield from (f"  {line}" for line in found.lines(content=content))
    yield f"  Look at one: handrail traces show {first.run} --step {first.step} --content"


def _passing(found: Revalidated) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    if not found.passed:
        return
    yield "\nWas caught then, and would pass now"
    for (validator, code), count in found.passed.most_common():
        yield visible(f"  {validator}: {code} {count:,}")
    for example in found.passed_examples:
        yield from (f"  {line}" for line in example.lines())


def _honest(found: Revalidated) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    lines = [f"{_counted(count, on)}: {why}" for (on, why), count in sorted(found.skipped.items())]
    lines += [
        f"{count:,} values by {one.id}: {code}"
        for one in found.tallies.values()
        for code, count in one.unchecked.items()
    ]
    if found.own_schemas:
        lines.append(f"{found.own_schemas:,} calls by their tools' own schemas, which are not in the record")
    if found.mended:
        lines.append(f"{found.mended:,} values as they were before they were redacted or repaired")
    if found.observed:
        lines.append(f"{found.observed:,} runs that only other instrumentations told of")
    if lines:
        yield "\nNot checked again"
        yield from (f"  {visible(line)}" for line in lines)
