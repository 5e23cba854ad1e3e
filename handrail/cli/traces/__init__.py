"""``handrail traces``: read what agents did, step by step. One file per command."""

from __future__ import annotations

import click

from handrail.cli.lazy import LazyGroup

COMMANDS: dict[str, str] = {
    "show": "Show a run as a tree: steps, decisions, durations, tokens.",
    "diff": "Compare two runs: where they first differ, and how.",
    "sessions": "List sessions, or show one as a thread over all its channels.",
    "query": "Answer SQL over the documented views, read-only.",
    "serve": "Receive other programs' spans by OTLP/HTTP.",
    "ingest": "Take in files of other instrumentations' spans.",
    "export": "Send what was recorded to a collector, by OTLP.",
}
"""Command -> its line in the help, by task: read, then take in and hand on."""


@click.group(
    "traces",
    cls=LazyGroup,
    package="handrail.cli.traces",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Read what agents did, step by step."""
