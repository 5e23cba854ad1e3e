"""How a validator's examples are written down: one entry for each name, in a ``cases.py`` beside its tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec

import pytest

from handrail.validators import Check, Context, parse


@dataclass(frozen=True)
class Cases:
    """What one check accepts and what it does not."""

    check: str
    """As in handrail.toml."""
    good: tuple[object, ...] = ()
    bad: tuple[tuple[object, str], ...] = ()
    """(value, code of a finding that it must give)."""
    fixes: tuple[tuple[object, object], ...] = ()
    """(value, what a finding offers in its place)."""
    worst: tuple[Callable[[], object], ...] = ()
    """Makers of the values that take longest at the default caps."""
    context: Context = field(default_factory=Context)
    needs: str = ""
    """Module of an extra without which the check cannot be made."""

    @property
    def can_be_made(self) -> bool:
        """Whether the extra that it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None

    def made(self) -> Check:
        """The check; the test is skipped where the extra that it needs is not installed."""
        if not self.can_be_made:
            pytest.skip(f"{self.needs} is not installed")
        return parse(self.check)
