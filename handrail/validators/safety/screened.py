"""One quick look at all texts of a value together, and the exact check only of the texts that need it."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar, cast

from handrail.config.regex import Regex
from handrail.config.regex import compiled as _compiled
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.protocol import NOWHERE
from handrail.validators.texts import MAX_CHARS, TextCheck

MAX_SCREENED = 1_000_000
"""Characters that the quick look reads, all texts of a value together, at about 2 ns each."""
MAX_NODES = 20_000
"""Values inside a value that it walks over."""
MAX_CLOSE = 600
"""Texts of a value that are looked at closely, where a check says nothing else."""
MAX_MATCHES = 1_000
"""Places in one text that are looked at closely."""

TOO_LARGE = Finding(
    "unchecked.size",
    f"The value has more than {MAX_SCREENED} characters or {MAX_NODES} parts, or more than {MAX_CHARS} characters that"
    " need a close look, which is too much to check.",
    hint="Send less at once.",
)

Place = tuple[Any, Any]
"""(key or index, place of what it is in); a pointer is written only when somebody asks."""
TOP: Place = (None, None)


class TooMuch(Exception):
    """A value has more in it than is looked at."""


@lru_cache(512)
def regex(pattern: str) -> Regex:
    """A compiled pattern of ours (RE2: linear in the text, whatever the text is)."""
    return _compiled(pattern)


def encoded(text: str) -> bytes:
    """``text`` for RE2. Half a surrogate pair becomes three bytes, as any other character of its plane."""
    return text.encode("utf-8", "surrogatepass")


def strings(value: object, *, numbers: bool = False) -> list[str]:
    """Every text in ``value``, keys of objects included, in no particular order. Raises TooMuch.

    With ``numbers`` also the digits of every whole number that is long enough to be an account or a card.
    """
    found = [value] if isinstance(value, str) else _inside(value, numbers)
    if sum(map(len, found)) > MAX_SCREENED:
        raise TooMuch
    return found


def _inside(value: object, numbers: bool) -> list[str]:
    todo: list[object] = [value]
    for node in todo:
        # The exact types first: isinstance of an abstract class takes as long as all the rest.
        kind = type(node)
        if kind is str or kind is int or kind is float:
            continue
        if kind is dict or isinstance(node, Mapping):
            table = cast("Mapping[object, object]", node)
            todo += table
            todo += table.values()
        elif isinstance(node, (list, tuple)):
            todo += cast("list[object]", node)
        if len(todo) > MAX_NODES:
            raise TooMuch
    more = [str(node) for node in todo if _is_long(node)] if numbers else []
    return [node for node in todo if isinstance(node, str)] + more


def _is_long(node: object) -> bool:
    return type(node) is int and 10**12 <= node < 10**19


def joined(texts: Iterable[str]) -> bytes:
    """Several texts, each on lines of its own, for one search."""
    return encoded("\n".join(texts))


Known = list[tuple[Place, str]]
"""Texts with their places."""


def placed(value: object, *, numbers: bool = False) -> Known:
    """Every text in ``value`` with its place, as they stand; a key has the place of its value. See :func:`strings`.

    Only for values that :func:`strings` has walked before, so that their size is known to be bearable.
    """
    found: Known = []
    todo: list[tuple[Place, object]] = [(TOP, value)]
    while todo:
        at, node = todo.pop()
        kind = type(node)
        if kind is str or isinstance(node, str):
            found.append((at, cast("str", node)))
        elif kind is int or kind is float:
            found += [(at, str(node))] if numbers and _is_long(node) else []
        elif kind is dict or isinstance(node, Mapping):
            todo += _entries(at, cast("Mapping[object, object]", node))
        elif isinstance(node, (list, tuple)):
            items = cast("list[object]", node)
            todo += [((index, at), items[index]) for index in range(len(items) - 1, -1, -1)]
    return found


def _entries(at: Place, table: Mapping[object, object]) -> list[tuple[Place, object]]:
    """Keys and values, the last first."""
    found: list[tuple[Place, object]] = []
    for key, inner in table.items():
        place = (key, at)
        if isinstance(key, str):
            found.append((place, key))
        found.append((place, inner))
    found.reverse()
    return found


def written(place: Place) -> str:
    """The JSON pointer of a place."""
    keys: list[str] = []
    while place[1] is not None:
        key = place[0]
        # A key that is no text may be long to write (10**5000); it is no JSON either.
        keys.append(key if isinstance(key, str) else str(key) if isinstance(key, int) and key < MAX_NODES else "?")
        place = place[1]
    return pointer(*reversed(keys))


def name_of(place: Place) -> str:
    """The key that a text stands under, itself or the list that it is in; empty for none."""
    while isinstance(place[0], int) and place[1] is not None:
        place = place[1]
    return place[0] if isinstance(place[0], str) else ""


def hits(search: Any, texts: list[str], most: int) -> Iterator[int]:
    """The index of every text in which ``search`` finds something. Raises TooMuch after ``most`` of them."""
    data = joined(texts)
    plain = len(data) == sum(map(len, texts)) + len(texts) - 1
    sizes = map(len, texts) if plain else (len(encoded(text)) for text in texts)
    begins = list(accumulate((size + 1 for size in sizes), initial=0))
    at = count = 0
    while at < len(data) and (found := search(data, at, len(data))):
        index = bisect_right(begins, found.span()[0]) - 1
        count += 1
        if count > most:
            raise TooMuch
        yield index
        at = begins[index + 1]


@dataclass(frozen=True)
class Screened(TextCheck):
    """A check of every text in a value that first asks one pattern whether there is anything to look at."""

    max_close: ClassVar[int] = MAX_CLOSE
    """Texts of a value that are looked at closely."""
    numbers: ClassVar[bool] = False
    """Whether it looks at long whole numbers too, as they are written."""

    @property
    @abstractmethod
    def screen(self) -> str:
        """An RE2 pattern that is found in a text, between line ends, wherever the exact check finds anything."""

    def look_at(self, text: str, place: Place, context: Context) -> Iterable[Finding]:
        """What is wrong with one text; ``place`` says where it stands."""
        return self.look(text, context)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the texts in ``value``; one finding ``unchecked.size`` where there is too much of it."""
        try:
            if not regex(self.screen).search(joined(strings(value, numbers=self.numbers))):
                return ()
        except TooMuch:
            return (TOO_LARGE,)
        return self.closely(placed(value, numbers=self.numbers), context)

    def closely(self, known: Known, context: Context) -> Findings:
        """What is wrong with these texts, at most twenty findings."""
        said: list[Finding] = []
        try:
            for place, found in self._found(known, context):
                said.append(replace(found, path=written(place)) if place is not TOP else found)
                if len(said) >= MAX_FINDINGS:
                    break
        except TooMuch:
            said = [*said[: MAX_FINDINGS - 1], TOO_LARGE]
        return tuple(said)

    def _found(self, known: Known, context: Context) -> Iterator[tuple[Place, Finding]]:
        left = MAX_CHARS
        for index in self.close(known):
            place, text = known[index]
            left -= len(text)
            if left < 0:
                raise TooMuch
            for found in self.look_at(text, place, context):
                yield place, found

    def close(self, known: Known) -> Iterable[int]:
        """Which texts must be looked at closely."""
        return hits(regex(self.screen).search, [text for _, text in known], self.max_close)


def matches(pattern: str, text: str) -> Iterator[tuple[int, int]]:
    """(first, one after the last) character of each match, from left to right. Raises TooMuch after MAX_MATCHES."""
    data = encoded(text)
    at_byte = at_char = 0
    for count, found in enumerate(regex(pattern).finditer(data)):
        if count >= MAX_MATCHES:
            raise TooMuch
        begin, end = found.span()
        if len(data) == len(text):
            yield begin, end
            continue
        first = at_char + _chars(data, at_byte, begin)
        at_char = first + _chars(data, begin, end)
        at_byte = end
        yield first, at_char


def _chars(data: bytes, begin: int, end: int) -> int:
    return len(data[begin:end].decode("utf-8", "surrogatepass"))
