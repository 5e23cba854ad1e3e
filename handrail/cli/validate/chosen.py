"""Which checks a command runs: those of expressions, or those that a handrail.toml has for one kind of value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from handrail.errors import ConfigError
from handrail.validators.context import Context, On, Run

if TYPE_CHECKING:
    from handrail.audit.revalidate import Checks
    from handrail.validators import Named, Validators

UNKNOWN_RUN = Run(complete=False)
"""Of a value in a file nobody knows what its run has seen: nothing can be missing from it."""
ONS: tuple[str, ...] = tuple(on for on in get_args(On) if on)


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
    found, file = _built(path)
    known = found.targets
    if target is None and len(known) > 1:
        raise ConfigError("It has checks for several kinds of values.", file=file, hint=_which(known))
    on, name = split(target or known[0])
    checks = _of(found, on, name)
    if not checks:
        raise ConfigError(f"It has no checks on {target!r}.", file=file, hint=_which(known))
    return Chosen(checks, context_of(on, name))


def over_history(path: Path | None, texts: Sequence[str], target: str | None) -> Checks:
    """What checks recorded values: the expressions, and the checks of the handrail.toml at ``path``.

    Where there are neither, those of the nearest handrail.toml. ``target`` leaves out other values. Raises ConfigError.
    """
    on, name = split(target) if target else ("", "")
    more = of_expressions(texts)
    found = _built(path)[0] if path is not None or not texts else None

    def checks(kind: On, called: str) -> Sequence[Named] | None:
        if (on and kind != on) or (name and called != name):
            return None
        return (*(_of(found, kind, called) if found is not None else ()), *more)

    return checks


def split(target: str) -> tuple[On, str]:
    """``TOOL.arguments`` as (``arguments``, ``TOOL``); ``answer`` as (``answer``, ""). Raises ConfigError."""
    name, _, on = target.rpartition(".")
    if on not in ONS:
        raise ConfigError(
            f"--on {target!r} is no kind of value.", hint=f"Write one of {', '.join(ONS)}, or TOOL.result."
        )
    return cast("On", on), name


def context_of(on: On, name: str) -> Context:
    """What is known of a value that stands in a file."""
    if on in ("arguments", "result", "documents"):
        return Context(on=on, tool=name, run=UNKNOWN_RUN)
    return Context(on=on, agent=name, run=UNKNOWN_RUN)


def _built(path: Path | None) -> tuple[Validators, Path | None]:
    from handrail.config import load
    from handrail.validators import build

    settings = load(path)
    found = build(settings)
    if not found.targets:
        hint = "Add one, or give --check."
        raise ConfigError("The configuration has no [[validate]].", file=settings.file, hint=hint)
    return found, settings.file


def _of(found: Validators, on: On, name: str) -> tuple[Named, ...]:
    return tuple(one.check for one in found.of(on, name))


def _which(known: Sequence[str]) -> str:
    return f"Say which with --on: {', '.join(known)}."
