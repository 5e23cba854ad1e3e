"""``handrail schema``: print the JSON Schema of handrail.toml, for editors."""

from __future__ import annotations

from typing import Literal

import click


@click.command("schema")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="JSON Schema, or the reference page made from it.",
)
@click.option(
    "--of",
    type=click.Choice(["config", "tests"]),
    default="config",
    show_default=True,
    help="Of handrail.toml, or of handrail.test.toml (JSON only).",
)
def command(form: str, of: Literal["config", "tests"]) -> None:
    """Print the JSON Schema of handrail.toml.

    Save it beside the file as handrail.schema.json and begin the file with the line
    '#:schema ./handrail.schema.json': editors then complete and check the keys.
    """
    from handrail.config.document import json_schema_text
    from handrail.config.reference import render

    if of == "tests" and form != "json":
        raise click.UsageError("--of tests has no other format than json.")
    click.echo(json_schema_text(of) if form == "json" else render(), nl=False)
