"""The numbers that a run knows: of its sources, of its calls, and what can be made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice, product
from operator import itemgetter
from typing import cast

from handrail.validators.combining import children
from handrail.validators.context import Call, Source
from handrail.validators.grounding import figures
from handrail.validators.grounding.derived import MAX_OPERANDS, Bounds, between, derivable
from handrail.validators.grounding.figures import Figure
from handrail.validators.grounding.ground import Ground, Remembered
from handrail.validators.searching import TooMuch

MAX_NUMBERS = 3_000
"""Numbers of all sources together, the newest; and parts of arguments and results that are looked at."""
MAX_OF_ONE = 1_500
"""Numbers of one source."""
MAX_ASKED = 15
"""Numbers of one value that are tried to be computed."""
_MAX_BITS = 130
_CHARS = 20
"""Characters of text that count as one part."""
Found = tuple[float, str]
"""(value without its sign, unit)"""


class Tally:
    """Reads numbers by the options of one check, and each source and call once."""

    def __init__(self, units: Mapping[str, str], decimal: figures.Decimal, words: bool) -> None:
        """``words`` is whether English words count."""
        self._units, self._words = units, words
        self._decimal: figures.Decimal = decimal
        self.of_source = Remembered(self._of_source)
        self.of_arguments = Remembered(self._of_arguments)
        self.of_result = Remembered(self._of_result)
        self.of_lists = Remembered(_of_lists)

    def figures(self, text: str) -> Iterator[tuple[int, int, Figure]]:
        """Every number of a text, from left to right."""
        found = figures.figures(text, self._units, self._decimal)
        # Merged as they come: whoever asks for so many only must not wait for all of them.
        return (
            merge(found, figures.words(text), key=itemgetter(0)) if self._words and figures.has_words(text) else found
        )

    def _of_source(self, source: Source) -> tuple[tuple[Found, ...], int]:
        """Numbers in a source, and how many there were with those that are there again."""
        found = list(islice(self._in_text(source.text), MAX_OF_ONE + 1))
        return tuple(dict.fromkeys(found[:MAX_OF_ONE])), len(found) if len(found) <= MAX_OF_ONE else MAX_NUMBERS + 1

    def _of_arguments(self, call: Call) -> tuple[tuple[Found, ...], int]:
        return self._in_value(call.args)

    def _of_result(self, call: Call) -> tuple[tuple[Found, ...], int]:
        return self._in_value(call.result)

    def _in_text(self, text: str) -> Iterator[Found]:
        return ((value, figure.unit) for _, _, figure in self.figures(text) for value, _ in figure.readings)

    def _in_value(self, value: object) -> tuple[tuple[Found, ...], int]:
        """Numbers in a value, and the parts that it has; more parts than are looked at where it is too large."""
        todo, found, parts = [value], dict[Found, None](), 0
        while todo and parts <= MAX_NUMBERS:
            node = todo.pop()
            parts += 1
            if isinstance(node, str):
                parts += len(node) // _CHARS
                found.update(dict.fromkeys(self._in_text(node) if parts <= MAX_NUMBERS else ()))
            elif isinstance(node, (int, float)):
                found.update({(abs(node), ""): None} if _plain(node) else {})
            elif isinstance(node, (Mapping, list, tuple)):
                inner = children(cast("object", node))
                parts += len(inner) if len(inner) > MAX_NUMBERS else 0
                todo += (one for _, one in inner)
        return tuple(found), parts


def _plain(node: int | float) -> bool:
    if isinstance(node, float):
        return math.isfinite(node)
    return not isinstance(node, bool) and node.bit_length() < _MAX_BITS


def _of_lists(call: Call) -> tuple[tuple[int, ...], tuple[float, ...], int]:
    """Lengths of the lists in a result, sums of what they have under one key, and the parts that it has."""
    counts, sums, todo, parts = set[int](), set[float](), [call.result], 0
    while todo and parts <= MAX_NUMBERS:
        node = todo.pop()
        inner = [one for _, one in children(node)]
        parts += len(inner) + 1
        if isinstance(node, (list, tuple)) and len(inner) <= MAX_NUMBERS:
            counts.add(len(inner))
            sums.update(_sums(inner))
        todo += (one for one in inner if isinstance(one, (Mapping, list, tuple)))
    return tuple(counts), tuple(sums), parts


def _sums(items: list[object]) -> Iterator[float]:
    sums: dict[str, float] = {}
    for item in items:
        for key, value in children(cast("object", item)) if isinstance(item, Mapping) else [("", item)]:
            if isinstance(value, (int, float)) and _plain(value):
                sums[key] = sums.get(key, 0) + value
    return (abs(one) for one in sums.values() if math.isfinite(one))


class Known:
    """The numbers that a run knows, the newest ones where they are too many."""

    def __init__(self, tally: Tally, ground: Ground, kinds: Sequence[str], arguments: bool) -> None:
        """``arguments`` is whether numbers count that tools were called with."""
        self._tally, self._calls = tally, ground.calls if "result" in kinds or arguments else ()
        self._results, self._asked = "result" in kinds, 0
        self._made: list[float] | None = None
        self._all = True
        """Whether nothing was left out."""
        newest: dict[Found, None] = {}
        for one in self._newest(ground, arguments):
            newest.update(dict.fromkeys(one))
        by_unit: dict[str, set[float]] = {}
        for value, unit in newest:
            by_unit.setdefault(unit, set()).add(value)
        self._by_unit = {unit: sorted(values) for unit, values in by_unit.items()}
        self._operands = sorted({value for value, _ in islice(newest, MAX_OPERANDS)})

    def _newest(self, ground: Ground, arguments: bool) -> Iterator[tuple[Found, ...]]:
        room = MAX_NUMBERS
        for source in reversed(ground.sources):
            found, count = self._tally.of_source.of(source)
            room -= count
            yield found
            if room < 0:
                break
        left = MAX_NUMBERS
        reads = ((arguments, self._tally.of_arguments), (self._results, self._tally.of_result))
        for call, (wanted, read) in product(reversed(self._calls), reads):
            if wanted and left >= 0:
                found, parts = read.of(call)
                left -= parts
                yield found
        self._all = min(room, left) >= 0

    def has(self, wanted: Sequence[Bounds], unit: str) -> bool:
        """Whether a number of this unit, or of none, lies within one of the bounds."""
        units = (unit, "") if unit else tuple(self._by_unit)
        return any(between(self._by_unit.get(unit, ()), *bounds) for unit in units for bounds in wanted)

    def computes(self, wanted: Sequence[Bounds], ways: Sequence[str]) -> bool:
        """Whether such a number can be computed. Raises TooMuch where that cannot be found out."""
        if not self._all:
            raise TooMuch
        if not ways:
            return False
        self._asked += 1
        if self._asked > MAX_ASKED:
            raise TooMuch
        if self._made is None:
            self._made = self._of_lists(ways)
        made = self._made
        return any(between(made, *bounds) or derivable(bounds, self._operands, ways) for bounds in wanted)

    def _of_lists(self, ways: Sequence[str]) -> list[float]:
        found: set[float] = set()
        room = MAX_NUMBERS
        for call in reversed(self._calls if self._results else ()):
            counts, sums, parts = self._tally.of_lists.of(call)
            room -= parts
            if room < 0:
                raise TooMuch
            found.update(counts if "count" in ways else (), sums if "sum" in ways else ())
        return sorted(found)
