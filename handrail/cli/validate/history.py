"""``handrail validate --runs``: what validators of today say of what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.progress import bar
from handrail.cli.store_options import journal_of
from handrail.cli.validate.files import plural

if TYPE_CHECKING:
    from handrail.audit.history import History, Recorded
    from handrail.audit.revalidate import Checks, Example, Revalidated, Tally

BAR = 24
"""Most characters of a bar."""
CODES = 4
"""Most codes that are named for a validator; ``--json`` has them all."""
DEFAULT_DAYS = 7
_STEP = 500
_ONS = {"arguments": "argument set", "documents": "document"}


def run(
    checks: Checks, *, data: Path | None, index: Path | None, since: datetime | None, until: datetime | None,
    named: str | None, as_json: bool, content: bool, replaces: bool,
) -> None:  # fmt: skip
    """Read the history and print what is found. Leaves with 1 where something is found that nobody said at the time.

    ``replaces``: the checks are all that there are today, not some more beside those of the time.
    Raises JournalError where there is no journal, or no such run.
    """
    from handrail.audit.history import History
    from handrail.audit.index import Index
    from handrail.audit.report import Window
    from handrail.audit.revalidate import revalidate
    from handrail.audit.traces import find_run

    folder, now = journal_of(data), datetime.now(UTC)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    one = find_run(source, named) if named is not None else None
    window = Window(since or now - timedelta(days=DEFAULT_DAYS), until or now)
    with source.snapshot() as copy:
        history = History(copy, folder, window, run=one)
        found = revalidate(_watched(history), checks, replaces=replaces)
    if as_json:
        click.echo(json.dumps(found.as_dict(content=content) | {"observed_runs": history.observed}))
    else:
        click.echo("\n".join(_told(found, history.observed, content)))
    if found.new:
        raise SystemExit(1)


def _watched(history: History) -> Iterator[Recorded]:
    with bar("Checking again") as progress:
        for number, recorded in enumerate(history):
            if number % _STEP == 0:
                progress(history.read, history.total)
            yield recorded


def _told(found: Revalidated, observed: int, content: bool) -> Iterator[str]:
    kinds = ", ".join(_counted(count, on) for on, count in sorted(found.values.items())) or "nothing to check"
    yield f"{len(found.runs):,} {plural(len(found.runs), 'run')} looked at: {kinds}."
    if found.tallies:
        yield from _table(found.tallies.values())
    yield from _examples(found.tallies.values(), content)
    yield from _passing(found)
    yield from _honest(found, observed)


def _counted(count: int, on: str) -> str:
    return f"{count:,} {plural(count, _ONS.get(on, on))}"


def _table(tallies: Iterable[Tally]) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    rows = sorted(tallies, key=lambda one: (-one.new, -one.found, one.id))
    width = min(40, max(10, *(len(visible(one.id)) for one in rows)))
    yield f"\n{'validator':{width}} {'checked':>9} {'wrong':>7} {'rate':>7} {'not caught then':>15} {'runs':>6}"
    for one in rows:
        drawn = "█" * max(1, round(BAR * one.rate)) if one.found else ""
        line = f"{visible(one.id)[:width]:{width}} {one.checked:>9,} {one.found:>7,} {100 * one.rate:>6.1f}%"
        line += f" {one.new:>15,} {len(one.runs):>6,} {drawn}"
        yield click.style(line.rstrip(), fg="red" if one.new else None)
        if one.codes:
            yield f"  {visible(_codes(one))}"


def _codes(one: Tally) -> str:
    shown = [f"{code} {count:,}" for code, count in one.codes.most_common(CODES)]
    more = len(one.codes) - CODES
    return ", ".join([*shown, *([f"and {more:,} more codes"] if more > 0 else [])])


def _examples(tallies: Iterable[Tally], content: bool) -> Iterator[str]:
    examples = [example for one in tallies for example in one.examples]
    if not examples:
        return
    yield "\nWould have been caught, and was not"
    yield from (line for example in examples for line in _example(example, content))
    first = examples[0].recorded
    yield f"  Look at one: handrail traces show {first.run} --step {first.step} --content"


def _example(example: Example, content: bool) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    one, found = example.recorded, example.finding
    at = f" at {example.path}" if example.path else ""
    yield visible(f"  {one.at:%Y-%m-%dT%H:%M:%SZ} {_what(one)}: {example.code}{at}; run {one.run}, step {one.step}")
    if content and found is not None:
        yield visible(f"    {found.message}" + (f" [{found.excerpt}]" if found.excerpt else ""))


def _what(one: Recorded) -> str:
    return f"{one.name}.{one.on}" if one.name else one.on


def _passing(found: Revalidated) -> Iterator[str]:
    from handrail.audit.safe_text import visible

    if not found.passed:
        return
    yield "\nWas caught then, and would pass now"
    for (validator, code), count in found.passed.most_common():
        yield visible(f"  {validator}: {code} {count:,}")
    for example in found.passed_examples:
        yield from _example(example, False)


def _honest(found: Revalidated, observed: int) -> Iterator[str]:
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
    if observed:
        lines.append(f"{observed:,} runs that only other instrumentations told of")
    if lines:
        yield "\nNot checked again"
        yield from (f"  {visible(line)}" for line in lines)
