"""Which checks a command runs: those of expressions, or those that a handrail.toml has for one kind of value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context, On, Run

if TYPE_CHECKING:
    from handrail.validators import Named, Validators

UNKNOWN_RUN = Run(complete=False)
"""Of a value in a file nobody knows what its run has seen: nothing can be missing from it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to check values with."""

    checks: tuple[Named, ...]
    context: Context
    """What is known of each value."""


def of_expressions(texts: Sequence[str]) -> tuple[Named, ...]:
    """A check for each expression, by which it is named. Raises ConfigError for one that cannot be read."""
    from handrail.validators import Named, parse

    return tuple(Named(text, parse(text)) for text in texts)


def of_config(path: Path, target: str | None) -> Chosen:
    """The checks that a handrail.toml has for ``target``: ``TOOL.arguments``, ``TOOL.result``, ``answer`` ...

    Where the file has checks for one kind of value only, that is the target. Raises ConfigError.
    """
    from handrail.config import load
    from handrail.validators import build

    settings = load(path)
    found = build(settings)
    known = targets(found)
    if not known:
        raise ConfigError("The configuration has no [[validate]].", file=path, hint="Add one, or give --check.")
    if target is None and len(known) > 1:
        raise ConfigError("It has checks for several kinds of values.", file=path, hint=_which(known))
    wanted = target or known[0]
    on, tool = split(wanted)
    checks = checks_on(found, on, tool)
    if not checks:
        raise ConfigError(f"It has no checks on {wanted!r}.", file=path, hint=_which(known))
    return Chosen(tuple(checks), Context(on=on, tool=tool, run=UNKNOWN_RUN))


def split(target: str) -> tuple[On, str]:
    """``TOOL.arguments`` as (``arguments``, ``TOOL``); ``answer`` as (``answer``, "")."""
    tool, _, on = target.rpartition(".")
    return cast("On", on), tool


def targets(found: Validators) -> list[str]:
    """What there are checks on, as one writes it after ``--on``."""
    return found.targets


def checks_on(found: Validators, on: On, tool: str) -> list[Named]:
    """The checks on one kind of value."""
    return [one.check for one in found.of(on, tool)]


def _which(known: Sequence[str]) -> str:
    return f"Say which with --on: {', '.join(known)}."
