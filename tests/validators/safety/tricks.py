"""How tries to get around a check are written down: those that it sees, and those that it says it does not see."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.validators import Context, parse


def codes(check: str, value: object, on: Context | None = None) -> list[str]:
    """The codes of what ``check`` finds."""
    return [one.code for one in parse(check).check(value, on or Context())]


def passed(check: str, values: Sequence[object], on: Context | None = None) -> list[object]:
    """Those of ``values`` in which ``check`` finds nothing."""
    made = parse(check)
    return [value for value in values if not made.check(value, on or Context())]


def found(check: str, values: Sequence[object], on: Context | None = None) -> list[object]:
    """Those of ``values`` in which ``check`` finds something."""
    made = parse(check)
    return [value for value in values if made.check(value, on or Context())]
