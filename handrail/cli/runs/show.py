"""``handrail runs show``: what a run did, in which lives, what is in doubt, and what people were asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.runs.telling import aligned, moment, plain, state
from handrail.cli.store_options import data_option, index_option, journal_of
from handrail.cli.traces.columns import shown

if TYPE_CHECKING:
    from handrail.audit.lives import Lives, Row
    from handrail.audit.traces import Content

    _Contents = Callable[[object], Content]

_LAST = 3
"""How many calls before one in doubt are told."""


@click.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@data_option
@index_option
def command(run: str, as_json: bool, data: Path | None, index: Path | None) -> None:
    """Show RUN, the id of any of its lives, the beginning of one, or `last`: all that is known for going on with it.

    Its lives and how they ended, who works on it, each call that it made to the world with its status, calls in doubt
    with what is known of them, questions, answers, and orphans: calls of an earlier life that the life which came to
    its end did not ask for again. Arguments are shown where their payloads were kept.

    Exit code 0: done. 2: there is no such run, or the journal cannot be read.
    """
    from handrail.audit import lives
    from handrail.audit.index import Index
    from handrail.audit.traces import Contents

    folder = journal_of(data)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    found = lives.of_run(source, lives.logical_of(source, run))
    if found is None:
        raise click.UsageError(f"The run {run} was observed from elsewhere: nothing is known for going on with it.")
    holder = _holder(folder, str(found.run["run"]))
    with Contents(folder) as contents:
        if as_json:
            click.echo(json.dumps(_whole(found, holder, contents.get), indent=2))
            return
        for line in _lines(found, holder, contents.get):
            click.echo(line)


def _holder(folder: Path, run: str) -> int | None:
    """The process that works on it; None where none does, or nobody can say."""
    from handrail.effects.holding import holds_of
    from handrail.errors import HandrailError

    try:
        return holds_of(folder).held(run)
    except (OSError, HandrailError):
        return None


def _whole(found: Lives, holder: int | None, contents: _Contents) -> dict[str, object]:
    effects = [{**plain(row), "arguments": _value(row, contents)} for row in found.effects]
    return {
        "run": plain(found.run), "held_by": holder, "lives": [plain(row) for row in found.lives], "effects": effects,
        "questions": [plain(row) for row in found.questions],
    }  # fmt: skip


def _value(row: Row, contents: _Contents) -> object:
    found = contents(row["args"])
    return {"missing": found.missing} if found.missing else found.value


def _lines(found: Lives, holder: int | None, contents: _Contents) -> Iterator[str]:
    run = found.run
    who = f"{shown(run['tenant'], most=40)}/{shown(run['user'], most=40)}"
    yield f"run {run['run']}: {shown(run['agent'], most=60)} for {who}, {state(run)}"
    if run["thread"] or run["session"]:
        yield f"  session {shown(run['session'] or '-', most=60)}, thread {shown(run['thread'] or '-', most=60)}"
    yield f"  {f'process {holder} works on it' if holder else 'nobody works on it'}"
    yield from _section(
        "lives", [["life", "began (UTC)", "ended", "calls", "id"], *map(_life, enumerate(found.lives, 1))]
    )
    if found.effects:
        heads = ["status", "tool", "effect", "attempts", "given back", "life", "by"]
        yield from _section("calls", [heads, *(_effect(found, row) for row in found.effects)])
    for row in found.effects:
        if row["status"] == "in doubt":
            yield from _doubt(found, row, contents)
    for row in found.questions:
        yield from _question(row)


def _section(name: str, rows: list[list[str]]) -> Iterator[str]:
    yield ""
    yield name
    yield from (f"  {line}" for line in aligned(rows))


def _life(numbered: tuple[int, Row]) -> list[str]:
    number, row = numbered
    error = f" ({shown(row['error'], most=40)})" if row["error"] else ""
    return [str(number), moment(row["started_at"]), f"{_ended(row)}{error}", str(row["tool_calls"]), str(row["run"])]


def _ended(row: Row) -> str:
    return {"lost": "died", "running": "goes on"}.get(row["outcome"], str(row["outcome"]))


def _number(found: Lives, life: object) -> str:
    return next((str(number) for number, row in enumerate(found.lives, 1) if row["run"] == life), "?")


def _effect(found: Lives, row: Row) -> list[str]:
    status = f"{row['status']}, orphan" if row["orphan"] and row["status"] != "in doubt" else str(row["status"])
    counts = [str(row["attempts"]), str(row["replays"] or "-")]
    by = str(row["resolved_by"] or "-")
    return [status, shown(row["tool"], most=60), str(row["effect"]), *counts, _number(found, row["life"]), by]


def _doubt(found: Lives, row: Row, contents: _Contents) -> Iterator[str]:
    when = f"attempt {row['attempts']} in life {_number(found, row['life'])}, {moment(row['attempted_at'])}"
    yield ""
    yield f"in doubt: {shown(row['tool'], most=60)} ({row['effect']}), {when}"
    error = f"it raised {shown(row['error'], most=60)}" if row["error"] else "no result was recorded"
    yield f"  it was begun, and {error}: nobody knows whether it happened"
    yield f"  arguments: {_arguments(row, contents)}"
    before = [one for one in found.moments if one["at_utc"] < row["attempted_at"] and one["ran"]][-_LAST:]
    if before:
        yield f"  before it: {', '.join(shown(one['tool'], most=40) for one in before)}"
    yield f"  its key:   {row['key']}"
    yield f"  answer:    handrail runs answer {row['question']} --happened | --did-not-happen | --refuse --why TEXT"


def _arguments(row: Row, contents: _Contents) -> str:
    found = contents(row["args"])
    return shown(found.missing, most=200) if found.missing else shown(_text(found.value), most=2_000)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _question(row: Row) -> Iterator[str]:
    yield ""
    asked = "did it happen?" if row["kind"] == "doubt" else "an orphan: it was done, and not asked for again"
    yield f"question {row['id']}: {shown(row['tool'], most=60)}, attempt {row['attempt']}: {asked}"
    if row["status"] == "open":
        if row["kind"] == "orphan":
            yield f"  answer:    handrail runs answer {row['id']} --acknowledge --why TEXT"
        return
    said = str(row["decision"]).replace("_", " ")
    who = f", by {shown(row['who'], most=40)}" if row["who"] else ""
    why = f": {shown(row['why'], most=400)}" if row["why"] else ""
    yield f"  answered {moment(row['answered_at'])}{who}: {said}{why}"
