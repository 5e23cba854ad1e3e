"""What the values in files are checked with, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail.errors import ConfigError
from handrail.validators.choosing import checks_of, configured, split
from handrail.validators.context import Context, On, Run
from handrail.validators.running import Named

UNKNOWN_RUN = Run(complete=False)
"""Of a value in a file nobody knows what its run has seen: nothing can be missing from it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to check values with."""

    checks: tuple[Named, ...]
    context: Context
    """What is known of each value."""


def of_config(path: Path, target: str | None) -> Chosen:
    """The checks that a handrail.toml has for ``target``: ``TOOL.arguments``, ``TOOL.result``, ``answer`` ...

    Where the file has checks for one kind of value only, that is the target. Raises ConfigError.
    """
    found, file = configured(path)
    known = found.targets
    if target is None and len(known) > 1:
        raise ConfigError("It has checks for several kinds of values.", file=file, hint=_which(known))
    on, name = split(target or known[0])
    checks = checks_of(found, on, name)
    if not checks:
        raise ConfigError(f"It has no checks on {target!r}.", file=file, hint=_which(known))
    return Chosen(checks, context_of(on, name))


def context_of(on: On, name: str) -> Context:
    """What is known of a value that stands in a file."""
    if on in ("arguments", "result", "documents"):
        return Context(on=on, tool=name, run=UNKNOWN_RUN)
    return Context(on=on, agent=name, run=UNKNOWN_RUN)


def _which(known: Sequence[str]) -> str:
    return f"Say which with --on: {', '.join(known)}."
