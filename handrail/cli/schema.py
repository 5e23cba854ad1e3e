"""``handrail schema``: print the JSON Schema of handrail.toml, for editors."""

from __future__ import annotations

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
def command(form: str) -> None:
    """Print the JSON Schema of handrail.toml.

    Save it beside the file as handrail.schema.json and begin the file with the line
    '#:schema ./handrail.schema.json': editors then complete and check the keys.
    """
    from handrail.config.document import json_schema_text
    from handrail.config.reference import render

    click.echo(json_schema_text() if form == "json" else render(), nl=False)
