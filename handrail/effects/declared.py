"""What is declared of a tool: what it does to the world, and what may be done when nobody knows whether it did it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from handrail.config.settings import Effect, ToolSettings
from handrail.errors import ConfigError


class NotDone:
    """What a ``query`` function returns of a call that did not happen: this class itself, or an object of it."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of one tool."""

    effect: Effect = "write"
    idempotent: bool = False
    """Whether the same call may safely be made twice."""
    accepts_key: bool = False
    """Whether the tool hands its key to a service that honours it."""
    query: Callable[..., Any] | str | None = None
    """Finds out whether a call happened: ``query(key, args)`` is its result, or NotDone. A text is MODULE:NAME."""
    compensate: Callable[..., Any] | str | None = None
    """Undoes a call: ``compensate(args, result)``."""
    clean: frozenset[str] = frozenset()
    """Names of exception classes after which nothing was done."""

    @property
    def again(self) -> bool:
        """Whether a call that may have happened may be made again."""
        return self.effect == "read" or self.idempotent or self.accepts_key

    def is_clean(self, error: BaseException) -> bool:
        """Whether nothing was done when the tool raised ``error``."""
        return any(kind.__name__ in self.clean for kind in type(error).__mro__)


UNKNOWN = Declaration()


def declaration(settings: ToolSettings | None, own: Declaration | None) -> Declaration:
    """What holds of a tool: its table in handrail.toml, else what its author says; functions of either."""
    if settings is None:
        return own or UNKNOWN
    mine = own or UNKNOWN
    return Declaration(
        settings.effect,
        settings.idempotent,
        settings.accepts_key,
        settings.query or mine.query,
        settings.compensate or mine.compensate,
        frozenset((*settings.clean, *settings.not_found)),
    )


def undoing_name(named: Callable[..., Any] | str) -> str:
    """The name by which policy and records know a function that undoes: its own, as it was written."""
    if isinstance(named, str):
        return named.partition(":")[2]
    described = getattr(named, "__handrail_tool__", None)
    return str(described.name if described is not None else getattr(named, "__name__", type(named).__name__))


def function(named: Callable[..., Any] | str) -> Callable[..., Any]:
    """The function that a declaration names. Raises ConfigError where there is none."""
    if not isinstance(named, str):
        return named
    module, _, name = named.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"There is no function {named!r} to ask ({type(error).__name__}).",
            hint="Write MODULE:NAME of a function that can be imported where the agent runs.",
        ) from error
    if not callable(found):
        raise ConfigError(f"{named!r} is no function.")
    made: Callable[..., Any] = found
    return made
