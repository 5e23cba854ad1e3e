"""Where in a value: ``$.a.b[0]``, ``$.items[*].price``, ``$['a key']``, the plain part of JSONPath (RFC 9535).

Filters, slices and ``..`` are not there: what they find depends on the value in ways that a reader does not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import cast

from handrail.errors import ConfigError
from handrail.validators.findings import pointer

MAX_PLACES = 10_000
"""Places that one path may lead to in one value."""
MAX_VISITED = 3 * MAX_PLACES
"""Places that it may come by on the way, those at its end included."""
_NAME = r"""\.(?P<name>[^\W\d][\w-]*)|\.(?P<all>\*)"""
_BRACKETS = r"""\[(?:(?P<every>\*)|(?P<index>-?\d{1,9})|'(?P<single>[^']*)'|"(?P<double>[^"]*)")\]"""
_STEP = re.compile(f"{_NAME}|{_BRACKETS}")


class TooManyPlaces(Exception):
    """A path leads to more places than are looked at."""


@dataclass(slots=True)
class Budget:
    """Places that one check may still come by, on all of its paths together."""

    left: int = MAX_VISITED


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path."""

    written: str
    steps: tuple[str | int | None, ...]
    """A key, an index, or None for every element."""

    def places(self, value: object, budget: Budget | None = None) -> Iterator[tuple[str, object]]:
        """(JSON pointer, value) of everything that stands there. Raises TooManyPlaces."""
        budget = budget or Budget()
        level: list[tuple[tuple[str | int, ...], object]] = [((), value)]
        for step in self.steps:
            inside = (((*at, key), inner) for at, node in level for key, inner in _children(node, step))
            level = list(islice(inside, MAX_PLACES + 1))
            budget.left -= len(level)
            if len(level) > MAX_PLACES or budget.left < 0:
                raise TooManyPlaces
        return ((pointer(*at), found) for at, found in level)


def compiled(written: str) -> Path:
    """Read a path; raises ConfigError where it is none."""
    text = written if written.startswith("$") else f"$.{written}"
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            hint = "Write it like $.customer.iban, $.items[*].price or $['a key']."
            raise ConfigError(f"The path {written!r} cannot be read at {text[at : at + 20]!r}.", hint=hint)
        steps.append(_step(found))
        at = found.end()
    return Path(written, tuple(steps))


def _step(found: re.Match[str]) -> str | int | None:
    if found["all"] or found["every"]:
        return None
    if found["index"] is not None:
        return int(found["index"])
    return next(one for one in (found["name"], found["single"], found["double"]) if one is not None)


def _children(node: object, step: str | int | None) -> Iterator[tuple[str | int, object]]:
    if isinstance(node, Mapping):
        inner = cast("Mapping[str, object]", node)
        if step is None:
            yield from inner.items()
        elif isinstance(step, str) and step in inner:
            yield step, inner[step]
    elif isinstance(node, (list, tuple)):
        items = cast("list[object]", node)
        if step is None:
            yield from enumerate(items)
        elif isinstance(step, int) and -len(items) <= step < len(items):
            yield step % len(items), items[step]
