"""How much there is in a value, told without walking through all of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import cast

MAX_PARTS = 50_000
"""Values inside a value, all levels together, keys included."""
MAX_CHARS = 1_000_000
"""Characters of all texts in a value."""


def too_large(value: object, *, parts: int = MAX_PARTS, characters: int = MAX_CHARS) -> bool:
    """Whether a value has more parts or more text than that, each counted as often as it would be written down.

    A value that holds itself has endlessly many parts.
    """
    level = [value]
    while level:
        characters -= sum(len(one) for one in level if isinstance(one, str))
        level = list(islice(chain.from_iterable(map(_inner, level)), parts + 1))
        parts -= len(level)
        if parts < 0 or characters < 0:
            return True
    return False


def _inner(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        table = cast("dict[object, object]", node)
        return chain(table.keys(), table.values())
    return iter(cast("list[object]", node)) if isinstance(node, (list, tuple)) else iter(())
