"""Which checks are made of what, outside of a run: those of expressions, and those that a handrail.toml has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast, get_args

from handrail.config import load
from handrail.errors import ConfigError
from handrail.validators.configured import Validators, build
from handrail.validators.context import On
from handrail.validators.expression import parse
from handrail.validators.running import Named

Checks = Callable[[On, str], Sequence[Named] | None]
"""What checks a value: by what it is, and the name of its tool, retriever or agent; None: it is not asked about."""
ONS: tuple[str, ...] = tuple(on for on in get_args(On) if on)
"""Every kind of value."""


def chosen(config: Path | None, texts: Sequence[str] = (), target: str | None = None) -> Checks:
    """What checks values: the expressions in ``texts``, and the checks of the handrail.toml at ``config``.

    Where there are neither, those of the nearest handrail.toml. ``target``, such as ``refund.arguments`` or
    ``answer``, leaves out other values. Raises ConfigError.
    """
    on, name = split(target) if target else ("", "")
    more = of_expressions(texts)
    found = configured(config)[0] if config is not None or not texts else None

    def checks(kind: On, called: str) -> Sequence[Named] | None:
        if (on and kind != on) or (name and called != name):
            return None
        return (*(checks_of(found, kind, called) if found is not None else ()), *more)

    return checks


def of_expressions(texts: Sequence[str]) -> tuple[Named, ...]:
    """A check for each expression, by which it is named. Raises ConfigError for one that cannot be read."""
    return tuple(Named(text, parse(text)) for text in texts)


def configured(path: Path | None) -> tuple[Validators, Path | None]:
    """The checks of the handrail.toml at ``path`` (None: the nearest), and that file. Raises ConfigError."""
    settings = load(path)
    found = build(settings)
    if not found.targets:
        hint = "Add one, or name a check."
        raise ConfigError("The configuration has no [[validate]].", file=settings.file, hint=hint)
    return found, settings.file


def checks_of(found: Validators, on: On, name: str) -> tuple[Named, ...]:
    """The checks that are configured for ``on`` of the tool, retriever or agent ``name``."""
    return tuple(one.check for one in found.of(on, name))


def split(target: str) -> tuple[On, str]:
    """``TOOL.arguments`` as (``arguments``, ``TOOL``); ``answer`` as (``answer``, "")."""
    name, _, on = target.rpartition(".")
    if on not in ONS:
        hint = f"Write one of {', '.join(ONS)}, or TOOL.result."
        raise ConfigError(f"{target!r} is no kind of value.", hint=hint)
    return cast("On", on), name
