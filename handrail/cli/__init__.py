"""The command ``handrail``: which commands there are, and how their failures reach the shell. One file per command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from handrail import __version__
from handrail.cli.lazy import LazyGroup
from handrail.errors import HandrailError, MissingExtra

COMMANDS = {
    "init": "Write a first handrail.toml that names an agent's real tools.",
    "schema": "Print the JSON Schema of handrail.toml, for editors.",
    "run": "Run a program with all its agents governed, without changing it.",
    "doctor": "Say what is governed here, what is not, and what is wrong.",
    "policy": "Check, explain, test and change what is permitted.",
    "runs": "See what runs did, answer what is in doubt, resume or undo.",
    "traces": "Read what agents did, step by step.",
    "demo": "Play a bank assistant under attack, governed: no key, no network.",
    "dashboard": "Open the explorer on what was recorded.",
    "validate": "Check values in files and in recorded history.",
    "report": "Write a report of what was recorded.",
    "audit": "Follow, verify, rebuild and pack what was recorded.",
    "backup": "Copy the data folder to one file, while agents run.",
    "restore": "Make the data folder again from a backup.",
}
"""Command -> its line in the help; the code of each is loaded when it is used."""

EXTRAS = {
    "dashboard": ("streamlit", "altair", "pandas"),
    "demo": ("langchain", "langchain_core", "langchain_openai", "langgraph"),
    "mcp": ("mcp",),
    "otlp": ("opentelemetry.exporter",),
}
"""Extra -> top-level modules that come with it."""

FAILED = 2
"""Exit code of everything that Handrail refuses or cannot do."""

EPILOG = """\b
Exit codes:
  0    done
  1    something is wrong with what was looked at (doctor, policy, audit verify),
       a file cannot be read or written, or the command was interrupted
  2    wrong usage, wrong configuration, or a missing extra; one line on stderr
  127  the program given to `handrail run` was not found
After it has started, a program under `handrail run` exits with its own code.
"""


@click.group(
    cls=LazyGroup,
    package="handrail.cli",
    lines=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="handrail", message="%(prog)s %(version)s")
def group() -> None:
    """Governance and observability for the AI agents you already have."""


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code; ``args`` default to those of the process."""
    try:
        group.main(args=args, prog_name="handrail", standalone_mode=True, color=_color())
    except HandrailError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        extra = _extra_of(error.name or "")
        if extra is None:
            raise
        _fail(str(MissingExtra("this command", extra)))
    except BrokenPipeError:
        _forget_stdout()
        sys.exit(0)


def _color() -> bool | None:
    """Never colour under NO_COLOR (https://no-color.org); else click decides by the terminal."""
    return False if os.environ.get("NO_COLOR") else None


def _extra_of(module: str) -> str | None:
    """The extra that brings ``module``; None for a module that no extra brings."""
    for extra, modules in EXTRAS.items():
        if any(module == name or module.startswith(f"{name}.") for name in modules):
            return extra
    return None


def _fail(problem: str) -> None:
    from handrail.audit.safe_text import visible

    click.echo(f"handrail: {visible(' '.join(problem.splitlines()))}", err=True)  # it may quote names from anywhere
    sys.exit(FAILED)


def _forget_stdout() -> None:
    """Let nothing be flushed into the closed pipe at exit, which would print a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
