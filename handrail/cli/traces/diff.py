"""``handrail traces diff``: two runs side by side, from where they first differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.audit.run_diff import Aligned, Moment, RunDiff
    from handrail.audit.traces import Contents, Trace

CONTEXT = 2
"""Equal steps that are shown before and after a difference."""
_WORDS = {
    "kind": "another kind of step", "name": "another {kind}", "arguments": "other arguments",
    "verdict": "another verdict", "rule": "another rule", "outcome": "another outcome", "error": "another error",
    "only_a": "only in a", "only_b": "only in b",
}  # fmt: skip
_MARKS = {"only_a": "<", "only_b": ">"}


@click.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--content", is_flag=True, help="Show the arguments that differ too, as far as they are kept.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help="Most steps of each.")
@click.option("--width", type=click.IntRange(60, 1_000), help="Columns [default: those of the terminal, else 120].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@data_option
@index_option
def command(
    a: str, b: str, content: bool, limit: int, width: int | None, as_json: bool, data: Path | None, index: Path | None
) -> None:
    """Compare the runs A and B, each an id, the beginning of one, or `last`: where they first differ, and how.

    Compared are the steps, their order, a tool's arguments, decisions with verdict and rule, plans, queries,
    and outcomes; ids, times, durations, texts of models and results of tools are not.

    Exit code 0: they are equal. 1: they differ. 2: there is no such run, or the journal cannot be read.
    """
    from handrail.audit.index import Index
    from handrail.audit.run_diff import compare, moments
    from handrail.audit.traces import Contents, Part, find_run, load

    folder = journal_of(data)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    one, two = source.read(lambda now: [load(now, find_run(now, name), Part(limit)) for name in (a, b)])
    with Contents(folder) as contents:
        found = compare(moments(one, contents), moments(two, contents))
        if as_json:
            click.echo(json.dumps(_json(one, two, found, contents, content)))
        else:
            wide = width or shutil.get_terminal_size((120, 24)).columns
            for line in _text(one, two, found, contents, content, wide):
                click.echo(line)
    if not found.equal:
        raise SystemExit(1)


def _json(one: Trace, two: Trace, found: RunDiff, contents: Contents, with_content: bool) -> dict[str, Any]:
    lines = [{"a": line.a and asdict(line.a), "b": line.b and asdict(line.b), "how": line.how} for line in found.lines]
    told: dict[str, Any] = {"equal": found.equal, "a": one.run["run"], "b": two.run["run"], "first": None}
    if found.first is not None:
        told["first"] = {"line": found.first, **_arguments(one, two, found.lines[found.first], contents, with_content)}
    return told | {"elided": [one.elided, two.elided], "not_compared": found.unknown, "lines": lines}


def _arguments(one: Trace, two: Trace, line: Aligned, contents: Contents, with_content: bool) -> dict[str, Any]:
    """Where the arguments of two aligned calls differ, and what they are."""
    from handrail.audit.run_diff import paths

    if "arguments" not in line.how or line.a is None or line.b is None:
        return {}
    left, right = (contents.get(trace.steps[moment.step]["args"]).value
                   for trace, moment in ((one, line.a), (two, line.b)))  # fmt: skip
    return {"paths": paths(left, right), **({"arguments": [left, right]} if with_content else {})}


def _text(one: Trace, two: Trace, found: RunDiff, contents: Contents, with_content: bool, width: int) -> Iterator[str]:
    from handrail.cli.traces.columns import cut

    for name, trace in (("a", one), ("b", two)):
        run = trace.run
        yield cut(f"{name}: run {_shown(run['run'])}  {_shown(run['agent'])}  {_shown(run['outcome'])}  "
                  f"{trace.total:,} steps  {run['started_at']:%Y-%m-%dT%H:%M:%SZ}", width)  # fmt: skip
    if found.first is None:
        yield f"Equal: {one.total:,} steps."
    else:
        yield from _first(one, two, found, contents, with_content, width)
        yield ""
        yield from _side_by_side(found.lines, width)
    yield from _left_out(one, two, found)


def _left_out(one: Trace, two: Trace, found: RunDiff) -> Iterator[str]:
    if one.elided or two.elided:
        yield f"Not compared: {one.elided:,} steps of a and {two.elided:,} of b (--limit)."
    if found.unknown:
        yield f"Content of {found.unknown:,} steps was not kept or was erased; it was taken for equal."


def _first(one: Trace, two: Trace, found: RunDiff, contents: Contents, with_content: bool, width: int) -> Iterator[str]:
    from handrail.cli.traces.columns import cut

    place = found.first or 0
    line = found.lines[place]
    yield cut(f"They differ from line {place + 1:,} on: {_how(line)}.", width)
    told = _arguments(one, two, line, contents, with_content)
    if told:
        yield cut(f"  at {_shown(', '.join(told['paths']))}", width)
    for name, value in zip("ab", told.get("arguments", ()), strict=False):
        yield cut(f"  {name}: {_shown(json.dumps(value, ensure_ascii=False), 2_000)}", width)
    for name, trace, moment in (("a", one, line.a), ("b", two, line.b)):
        reason = trace.steps[moment.step]["reason"] if moment is not None else None
        if reason and ("verdict" in line.how or "rule" in line.how):
            yield cut(f"  {name}: {_shown(reason)}", width)


def _how(line: Aligned) -> str:
    moment = line.a or line.b
    kind = moment.kind if moment else "step"
    facts = "another plan" if kind == "plan" else "asked for something else"
    return ", ".join(_WORDS.get(how, facts).format(kind=_shown(kind)) for how in line.how)


def _shown(value: object, most: int = 200) -> str:
    from handrail.cli.traces.columns import shown

    return shown(value, most=most)


def _side_by_side(lines: Sequence[Aligned], width: int) -> Iterator[str]:
    from handrail.cli.traces.columns import cut, filled

    half = (width - 5) // 2
    near = {place + step for place, line in enumerate(lines) if line.how for step in range(-CONTEXT, CONTEXT + 1)}
    skipped = 0
    for place, line in enumerate(lines):
        if place not in near:
            skipped += 1
            continue
        if skipped:
            yield _equal_steps(skipped)
        skipped = 0
        mark = _MARKS.get(line.how[0], "~") if line.how else " "
        text = f"{mark} {filled(_side(line.a), half)} | {cut(_side(line.b), half)}".rstrip()
        yield click.style(text, fg={"<": "red", ">": "green", "~": "yellow"}.get(mark))
    if skipped:
        yield _equal_steps(skipped)


def _equal_steps(count: int) -> str:
    return f"  … {count:,} equal {'line' if count == 1 else 'lines'}"


def _side(moment: Moment | None) -> str:
    if moment is None:
        return ""
    decided = f"{moment.verdict} by {moment.rule}" if moment.rule else moment.verdict
    told = (moment.kind, moment.name, decided, moment.outcome, moment.error)
    return "  " * min(moment.depth, 6) + "  ".join(_shown(word, 60) for word in told if word)
