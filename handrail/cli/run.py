"""``handrail run``: start a program whose agents are governed from within, without a change to it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, cast

import click

from handrail import config
from handrail.cli.store_options import config_option
from handrail.config import Mode, Settings
from handrail.errors import HandrailError
from handrail.frameworks import bootstrap

NOT_FOUND = 127
"""Exit code for a program that is not there, as shells have it."""
UNSEEN_FLAGS = "EIS"
"""Python's flags that ignore PYTHONPATH or skip ``site``: under them nothing would be governed."""
USAGE = "APP.PY [ARGS]... | -- COMMAND [ARGS]..."
"""What follows the options."""
_OPTION = re.compile(r"-(?P<flags>(?!-)[^mcWX]*)(?P<last>[mcWX]?)(?P<value>.*)", re.DOTALL)
"""Options of Python's in one word: flags, then perhaps one that takes a value (``-um MODULE``, ``-W ignore``)."""


@click.command("run", context_settings={"allow_interspersed_args": False})
@config_option
@click.option("--mode", type=click.Choice(["observe", "enforce"]), help="Goes before the mode of the file.")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar=USAGE)
def command(path: Path | None, mode: str | None, words: tuple[str, ...]) -> None:
    """Run a program with all its agents governed, its child processes included.

    \b
      handrail run app.py --its-own-option
      handrail run --mode enforce -- python -m shop.worker
      handrail run -- gunicorn --preload app:app

    The program replaces this process: signals reach it, and its exit code is the result. In enforce mode a
    Python process that cannot be governed ends with exit code 2.
    """
    settings = _checked(path, cast("Mode | None", mode))
    program = _program(words)
    if settings.mode == "enforce":
        _refuse_unseen(program)
    _execute(program, environment(settings, mode, os.environ))


def _checked(path: Path | None, mode: Mode | None) -> Settings:
    """The settings, with the policy and the journal tried out, so that mistakes are found before the start."""
    from handrail.audit.journal import journal_for
    from handrail.rulebook import snapshot

    settings = config.load(path, mode=mode)
    snapshot(settings)
    if settings.mode == "enforce":
        journal = journal_for(settings.data, settings.payloads)
        journal.open()
        journal.close()
    return settings


def environment(settings: Settings, mode: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for the program: the same configuration in every child, wherever that runs."""
    made = {**environ, bootstrap.VARIABLE: settings.mode, "HANDRAIL_DATA": str(settings.data)}
    if settings.file is not None:
        made["HANDRAIL_CONFIG"] = str(settings.file)
    if mode is not None:
        made["HANDRAIL_MODE"] = mode
    others = [folder for folder in environ.get("PYTHONPATH", "").split(os.pathsep) if folder != bootstrap.FOLDER]
    made["PYTHONPATH"] = os.pathsep.join([bootstrap.FOLDER, *filter(None, others)])
    return made


def _program(words: Sequence[str]) -> list[str]:
    """The words to execute: a script runs in this Python, anything else is looked for on PATH."""
    first = Path(words[0])
    if first.suffix != ".py":
        return list(words)
    if not first.is_file():
        raise HandrailError(f"{first} is not a file. Give a script, or a command after `--`.")
    return [sys.executable, *words]


def _refuse_unseen(program: Sequence[str]) -> None:
    """Refuse a Python command line that would leave the import hooks out. Raises HandrailError."""
    words = iter(program[1:] if Path(program[0]).name.startswith("python") else ())
    for word in words:
        option = _OPTION.fullmatch(word)
        if option is None or word == "-":
            return
        if seen := [flag for flag in option["flags"] if flag in UNSEEN_FLAGS]:
            raise HandrailError(f"Python's flag -{seen[0]} would leave this program ungoverned. Leave it out.")
        if option["last"] in ("m", "c"):
            return
        if option["last"] and not option["value"]:
            next(words, None)


def _execute(program: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    found = shutil.which(program[0], path=environ.get("PATH"))
    if found is None:
        hint = "If it is a Python script: handrail run -- python " + program[0] if Path(program[0]).is_file() else ""
        click.echo(f"handrail: the command {program[0]!r} was not found. {hint}".rstrip(), err=True)
        sys.exit(NOT_FOUND)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(found, list(program), dict(environ))
    except OSError as error:
        raise HandrailError(f"{found} cannot be run: {error.strerror}.") from error
