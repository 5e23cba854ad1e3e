"""How a validator's examples are written down: one entry for each name, in a ``cases.py`` beside its tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from handrail.validators import Check, Context, parse


@dataclass(frozen=True)
class Cases:
    """What one check accepts and what it does not."""

    check: str
    """As in handrail.toml."""
    good: tuple[object, ...] = ()
    bad: tuple[tuple[object, str], ...] = ()
    """(value, code of a finding that it must give)."""
    worst: tuple[Callable[[], object], ...] = ()
    """Makers of the values that take longest at the default caps."""
    context: Context = field(default_factory=Context)

    def made(self) -> Check:
        """The check."""
        return parse(self.check)
