"""``handrail runs resume``: go on with a run that did not come to its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.runs.telling import json_or_text
from handrail.cli.store_options import config_option, journal_of
from handrail.errors import InDoubt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handrail.effects.past import Past

WAITS = 3
"""Exit code where a person must answer first."""


@click.command("resume")
@click.argument("run")
@click.argument("agent", metavar="MODULE:OBJECT")
@click.option("--input", "given", metavar="JSON|TEXT", help="What to call it with [default: the input of then].")
@config_option
def command(run: str, agent: str, given: str | None, path: Path | None) -> None:
    """Go on with RUN in the agent MODULE:OBJECT, and print what it answers.

    RUN is the id of any of its lives, the beginning of one, or `last`.

    The agent is imported from here, governed by the configuration unless it is already, and called on behalf of
    the tenant, user, session and channel of then. What it did is given back to it, where that is still allowed.
    A thread that a checkpointer keeps goes on from where it was; else the recorded input is used. A
    function is called with --input, or nothing: it starts the run itself.

    Exit code 0: it came to its end. 1: the agent raised an exception. 2: the run cannot go on, or somebody works
    on it. 3: a person must answer first; the question is named.
    """
    from handrail.cli.init import imported
    from handrail.config import load
    from handrail.frameworks import again

    settings = load(path)
    known = _known(journal_of(settings.data), run)
    value: Any = again.NOT_GIVEN if given is None else json_or_text(given)
    try:
        found = again.resume(imported(agent), settings.data, known, config=path, given=value)
    except InDoubt as waits:
        click.echo(f"handrail: {waits}", err=True)
        sys.exit(WAITS)
    _tell(found)


def _known(folder: Path, run: str) -> Past:
    from handrail.audit import lives
    from handrail.audit.index import Index
    from handrail.effects import past
    from handrail.errors import NotResumable

    source = Index(folder)
    source.refresh(block=True)
    known = past.read(folder, lives.logical_of(source, run.replace("-", "").lower()))
    if known is None:
        raise NotResumable(f"The run {run} was observed from elsewhere: nothing is known for going on with it.")
    return known


def _tell(found: Any) -> None:
    """Print an answer; leave with another code where the graph is paused."""
    waiting = found.get("__interrupt__") if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if waiting:
        for each in waiting:  # pyright: ignore[reportUnknownVariableType]
            click.echo(_waits(getattr(each, "value", None)), err=True)  # pyright: ignore[reportUnknownArgumentType]
        sys.exit(WAITS)
    if found is not None:
        click.echo(_text(found))


def _waits(asked: Mapping[str, Any] | Any) -> str:
    from handrail.audit.safe_text import visible

    if isinstance(asked, dict) and "question" in asked:
        tool, question = visible(str(asked.get("tool"))), visible(str(asked["question"]))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        return f"handrail: it is not known whether a call of {tool!r} happened: handrail runs answer {question}"
    return "handrail: the agent asks its own application something: call it with Command(resume=...)."


def _text(found: Any) -> str:
    """What an agent says in the end: its last message, or the whole as JSON."""
    from handrail.audit.canonical import jsonable
    from handrail.audit.safe_text import visible
    from handrail.frameworks.viewing import is_message, text_of, view

    last = found["messages"][-1] if isinstance(found, dict) and found.get("messages") else found  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if is_message(last):
        last = text_of(last)
    text = last if isinstance(last, str) else json.dumps(jsonable(view(last).value), indent=2)
    return "\n".join(visible(line) for line in text.splitlines())
