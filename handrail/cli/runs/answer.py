"""``handrail runs answer``: say whether a call happened that nobody knows of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.policy.changing import plain_text
from handrail.cli.runs.telling import json_or_text
from handrail.cli.store_options import data_option, index_option, journal_of

if TYPE_CHECKING:
    from handrail.effects.asks import Verdict

ONLY = "only"
"""Names the one question that waits."""


@click.command("answer")
@click.argument("question")
@click.option("--happened", "verdict", flag_value="happened", help="It was done: it is not made again.")
@click.option("--did-not-happen", "verdict", flag_value="did_not_happen", help="It was not done: the run makes it.")
@click.option("--refuse", "verdict", flag_value="refused", help="Whether it was done or not, it is not made again.")
@click.option("--acknowledge", "verdict", flag_value="acknowledged", help="Of an orphan: you know of it.")
@click.option(
    "--result", metavar="JSON|TEXT", help="With --happened: what the tool would have returned [default: not known]."
)
@click.option("--why", required=True, callback=plain_text, help="How you know; it goes into the record.")
@data_option
@index_option
def command(
    question: str, verdict: str | None, result: str | None, why: str, data: Path | None, index: Path | None
) -> None:
    """Answer QUESTION, an id that `handrail runs show` names, and record who said so and why.

    `only` in its place is the question that waits, where no other does.

    The first answer holds. It is about one attempt: should the call be made again and be in doubt again, that is
    another question. What is JSON in --result is taken as JSON: put a text that looks like a number in double quotes.
    Then go on with the run: `handrail runs resume`, or from the program itself.

    Exit code 0: answered. 2: there is no such question, it was answered before, or is about an earlier attempt.
    """
    if verdict is None:
        raise click.UsageError("Say what you found: --happened, --did-not-happen, --refuse, or --acknowledge.")
    from handrail.effects import answering, asks

    folder = journal_of(data)
    value: Any = asks.NOT_KNOWN if result is None else json_or_text(result)
    question, run = _asked(folder, question, index)
    said: Verdict = verdict  # type: ignore[assignment]  # one of the flags above
    answering.settle(folder, question, said, why, value, channel="command", run=run)
    click.echo(
        f"{question}: {verdict.replace('_', ' ')}. Go on with: handrail runs resume {run or 'RUN'} MODULE:OBJECT"
    )


def _asked(folder: Path, question: str, index: Path | None) -> tuple[str, str | None]:
    """The question, and the logical run that it is about; None where nothing is known of it. Raises JournalError."""
    from handrail.audit import lives
    from handrail.audit.index import Index
    from handrail.effects import asks
    from handrail.errors import JournalError

    asked = asks.question(folder, question) if question != ONLY else None
    if asked is not None:
        return question, asked.run
    source = Index(folder, folder=index)
    source.refresh(block=True)
    if question != ONLY:
        return question, lives.run_of_question(source, question)
    waiting = lives.waiting(source)
    if len(waiting) != 1:
        names = ", ".join(str(row["id"]) for row in waiting[:5]) or "none"
        raise JournalError(f"Not just one question waits. Name the one that you mean; waiting: {names}.")
    return str(waiting[0]["id"]), str(waiting[0]["run"])
