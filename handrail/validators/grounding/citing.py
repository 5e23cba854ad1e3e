"""Citations in texts: ``[1]``, ``[2, 5-7]``, ``[^3]``, ``[kb-12, p. 3]``, ``[Source: handbook]``, ``【4†source】``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

MAX_RANGE = 20
"""Numbers that a range such as ``[2-9]`` stands for at most."""
MAX_CITED = 40
"""Documents that one citation cites at most."""
_LABEL = r"(?:(?:source|src|doc|document|ref|reference|cite|citation|id)s?[ ]?[:#]?[ ]?)"
_NUMBERS = r"\^?\d{1,4}(?:[ ]?[-–,;][ ]?\^?\d{1,4}){0,20}"
_CITED = re.compile(
    rf"\[(?:{_LABEL})?({_NUMBERS})\](?!\()"
    rf"|\[{_LABEL}([^\[\]\n]{{1,200}})\](?!\()|\((?:source|src|ref|reference)s?: ?([^()\n]{{1,200}})\)"
    r"|\[\^?([\w./:#@-]{0,100}[\d._/#-][\w./:#@-]{0,100}(?:, [^\[\]\n]{1,60})?)\](?!\()"
    r"|【([^【】\n]{1,200})】",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"^(?:p|pp|page|pages|s|sec|section|ch|chapter|para|line|lines|fig|table|no|§+|¶)\b\.?|^[§¶]", re.IGNORECASE
)
_RANGE = re.compile(r"^(\d{1,4})[ ]?[-–][ ]?(\d{1,4})$")
Span = tuple[int, int]


def citations(text: str) -> Iterator[tuple[Span, tuple[str, ...]]]:
    """(where, what is cited) of every citation in ``text``; links of Markdown and task boxes are none."""
    for match in _CITED.finditer(text):
        inner = next(one for one in match.groups() if one is not None)
        cited = tuple(islice(ids(inner.partition("†")[0]), MAX_CITED))
        if cited:
            yield match.span(), cited


def spans(text: str) -> Iterator[Span]:
    """Where citations are."""
    return (match.span() for match in _CITED.finditer(text))


def ids(inner: str) -> Iterator[str]:
    """What the inside of a citation refers to: parted at commas and semicolons, places such as ``p. 3`` left out."""
    for part in re.split(r"[,;]", inner):
        one = part.strip(" ^#\"'`")
        if not one or _PLACE.match(one):
            continue
        found = _RANGE.match(one)
        if found is None:
            yield one
            continue
        first, last = int(found[1]), int(found[2])
        yield from map(str, range(first, min(last, first + MAX_RANGE) + 1))
