"""``handrail demo``: plays the bank's conversations and shows what was recorded."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
import textwrap
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.errors import MissingExtra

if TYPE_CHECKING:
    from handrail.demo.play import Call, Played

FOLDER = ".handrail-demo"
MARKS = {True: "ran    ", False: "STOPPED"}


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for journal and index [default: ./{FOLDER}, or a temporary one].",
)
@click.option("--dashboard/--no-dashboard", default=True, help="Open the explorer on the history.")
@click.option("--port", type=click.IntRange(0, 65535), default=8501, show_default=True, help="Port of the explorer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(data: Path | None, dashboard: bool, port: int, as_json: bool) -> None:
    """A bank assistant under attack, governed: no key, no network.

    A real LangChain agent with a real OpenAI client talks to a scripted model. One document talks the model
    into a wire transfer: the transfer is stopped, and the honest task completes.
    """
    folder = (data or _folder()).resolve()
    played = _play(folder, dashboard=dashboard and not as_json)
    click.echo(_json(folder, played) if as_json else _text(folder, played))
    if dashboard and not as_json:
        _explore(folder, port)


def _play(folder: Path, *, dashboard: bool) -> tuple[Played, ...]:
    from handrail.demo.play import play

    if dashboard and find_spec("streamlit") is None:
        raise MissingExtra("the explorer of the demonstration", "demo")
    return play(folder)


def _folder() -> Path:
    if os.access(Path.cwd(), os.W_OK | os.X_OK):
        return Path.cwd() / FOLDER
    return Path(tempfile.mkdtemp(prefix="handrail-demo-"))


def _json(folder: Path, played: tuple[Played, ...]) -> str:
    return json.dumps({"data": str(folder), "conversations": [asdict(one) for one in played]}, indent=2)


def _text(folder: Path, played: tuple[Played, ...]) -> str:
    calls = [call for one in played for call in one.calls]
    stopped = sum(not call.ran for call in calls)
    return "\n".join(
        [
            "Handrail demo: a bank's assistant. The model is scripted, the agent and its client are real.",
            *(_conversation(number, one) for number, one in enumerate(played, start=1)),
            "",
            f"{len(played)} conversations, {len(calls) - stopped} tool calls ran, {stopped} were stopped.",
            f"Journal: {folder / 'journal'}",
            f"Look at it again: handrail dashboard --data {shlex.quote(str(folder))}",
        ]
    )


def _conversation(number: int, one: Played) -> str:
    return "\n".join(
        [
            "",
            f"{number}. {one.title}",
            _wrapped(f"{one.user} asks: ", one.asked),
            *(_line(call) for call in one.calls),
            _wrapped("answer: ", one.answered),
        ]
    )


def _line(call: Call) -> str:
    line = f"     {MARKS[call.ran]} {call.tool}  ({call.agent})"
    why = "; ".join([call.reason, *call.findings])
    return line if call.ran else f"{line}\n" + _wrapped(f"       by {call.by}: ", why)


def _wrapped(start: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=f"   {start}", subsequent_indent=" " * 12)


def _explore(folder: Path, port: int) -> None:
    from handrail.cli.dashboard import serve

    serve(folder, port=port)
