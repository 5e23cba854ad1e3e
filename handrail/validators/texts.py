"""The texts inside a value, for checks that read text wherever it stands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, cast

from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.protocol import NOWHERE, Check

MAX_CHARS = 50_000
"""Characters that one check reads, all texts of a value together."""
MAX_NODES = 10_000
"""Values inside a value that one check looks at."""
MAX_PATHS = 2_000_000
"""Characters of the paths of these values, all together: one long key may stand in the paths of thousands."""
_SHOWN = 200
_HOLDERS = (dict, list, tuple, Mapping)
"""What has values inside; plain ones first, because to ask for a Mapping takes long."""


class TooLarge(Exception):
    """A value has more in it than one check looks at; the text says what."""


def texts(value: object, *, max_chars: int = MAX_CHARS) -> Iterator[tuple[str, str]]:
    """(JSON pointer, text) of every string in ``value``, keys of objects included, as they stand. Raises TooLarge.

    A key has the path of its value. What is neither text, number, list nor object is passed over.
    """
    if isinstance(value, str):
        if len(value) > max_chars:
            raise TooLarge(f"more than {max_chars} characters")
        yield "", value
        return
    yield from _inside(value, max_chars)


def _inside(value: object, max_chars: int) -> Iterator[tuple[str, str]]:
    todo: list[tuple[str, object]] = [("", value)]
    nodes = paths = 0
    while todo:
        at, node = todo.pop()
        if isinstance(node, str):
            max_chars -= len(node)
            if max_chars < 0:
                raise TooLarge("more characters than are read")
            yield at, node
            continue
        if isinstance(node, _HOLDERS):
            # Before the parts are named, which is most of the work.
            count = len(cast("list[object]", node))
            nodes, paths = nodes + count, paths + len(at) * count
            if nodes > MAX_NODES or paths > MAX_PATHS:
                raise TooLarge(f"more than {MAX_NODES} parts, or they are too deep in it")
            todo.extend(reversed(_children(at, cast("object", node))))


def _children(at: str, node: object) -> list[tuple[str, object]]:
    if isinstance(node, (dict, Mapping)):
        found: list[tuple[str, object]] = []
        for key, inner in cast("Mapping[object, object]", node).items():
            place = at + pointer(str(key))
            found += ((place, key), (place, inner)) if isinstance(key, str) else ((place, inner),)
        return found
    if isinstance(node, (list, tuple)):
        return [(f"{at}/{index}", inner) for index, inner in enumerate(cast("list[object]", node))]
    return []


@dataclass(frozen=True)
class TextCheck(Check):
    """A check of every text in a value, one by one."""

    name: ClassVar[str] = ""
    """Its name, which its findings' codes begin with."""

    @abstractmethod
    def look(self, text: str, context: Context) -> Iterable[Finding]:
        """What is wrong with one text: findings whose path is empty, and whose span is in the text."""

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the texts in ``value``; one finding ``unchecked.size`` where there is too much of it."""
        said: list[Finding] = []
        try:
            for place, text in texts(value):
                for found in self.look(text, context):
                    said.append(_placed(found, place, text) if place else found)
                    if len(said) >= MAX_FINDINGS:
                        return tuple(said)
        except TooLarge as problem:
            return (*said, Finding("unchecked.size", f"The value has {problem}, which is too much to check."))
        return tuple(said)


def _placed(finding: Finding, place: str, text: str) -> Finding:
    """``finding`` of ``text`` at ``place``. Of a key it has a span: without one it would mean the key's value."""
    span = (0, len(text)) if finding.span is None and place.endswith(pointer(text)) else finding.span
    return replace(finding, path=place + finding.path, span=span)


def excerpt(text: str, span: tuple[int, int] | None = None) -> str:
    """The offending part of ``text``, shortened."""
    return (text if span is None else text[span[0] : span[1]])[:_SHOWN]
