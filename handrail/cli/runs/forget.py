"""``handrail runs forget``: erase the values that were kept for going on with a run."""

from __future__ import annotations

from pathlib import Path

import click

from handrail.cli.policy.changing import plain_text
from handrail.cli.store_options import data_option, index_option, journal_of


@click.command("forget")
@click.argument("run")
@click.option("--why", required=True, callback=plain_text, help="Why; it goes into the record.")
@data_option
@index_option
def command(run: str, why: str, data: Path | None, index: Path | None) -> None:
    """Erase the values of RUN that are kept encrypted for going on with it, by erasing their key.

    These are results of its calls, answers of its models, its input, and what people said that a call returned. What
    it did stays done and recorded, and is never made again; the run cannot go on any more. Payloads of the journal are
    kept apart and stay.

    Exit code 0: erased, or there was nothing left to erase. 2: there is no such run, or somebody works on it.
    """
    from handrail.audit import lives
    from handrail.audit.index import Index
    from handrail.effects.forgetting import forget

    folder = journal_of(data)
    source = Index(folder, folder=index)
    source.refresh(block=True)
    logical = lives.logical_of(source, run)
    erased = forget(folder, logical, why)
    click.echo(f"{logical}: {'its values are erased' if erased else 'no values are kept of it'}; it cannot go on.")
