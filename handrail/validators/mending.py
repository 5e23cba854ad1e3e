"""A value with what was found in it taken out, or put right. The value that was checked is never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import cast

from handrail.validators.findings import Finding

_Change = Callable[[object], object]


def redacted(value: object, findings: Iterable[Finding]) -> object:
    """``value`` with a mark in place of what each finding means: a part of a text, or all that stands at its path.

    Raises LookupError where nothing stands at a path.
    """
    return _changed(value, [(one, f"[REDACTED:{one.code}]") for one in findings])


def repaired(value: object, findings: Iterable[Finding]) -> object:
    """``value`` with every repair that the findings have made; those without a repair change nothing.

    Raises LookupError where nothing stands at a path.
    """
    return _changed(value, [(one, one.fix.value) for one in findings if one.fix is not None])


def _changed(value: object, changes: list[tuple[Finding, object]]) -> object:
    changes.sort(key=lambda change: change[0].path)
    done: list[str] = []
    for path, group in groupby(changes, key=lambda change: change[0].path):
        try:
            value = _at(value, _parts(path), _change(list(group)))
        except LookupError:
            if not any(path.startswith(f"{above}/") for above in done):  # else it is gone with what was around it
                raise
        done.append(path)
    return value


def _change(changes: list[tuple[Finding, object]]) -> _Change:
    whole = next((new for one, new in changes if one.span is None), None)
    spans = [(one.span, new) for one, new in changes if one.span is not None]

    def change(found: object) -> object:
        if len(spans) < len(changes) or not isinstance(found, str):
            return whole if len(spans) < len(changes) else spans[0][1]
        return _spliced(found, spans)

    return change


def _spliced(text: str, spans: list[tuple[tuple[int, int], object]]) -> str:
    """``text`` with the spans replaced; of those that overlap, the first covers all that they cover together."""
    parts: list[str] = []
    at = 0
    for (start, end), new in sorted(spans, key=lambda one: one[0]):
        if start >= at:
            parts += (text[at:start], str(new))
        at = max(at, end)
    return "".join((*parts, text[at:]))


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _at(value: object, parts: list[str], change: _Change) -> object:
    """``value`` with ``change`` made at a path, copying what is on the way. Raises LookupError."""
    if not parts:
        return change(value)
    if isinstance(value, dict):
        table = cast("dict[object, object]", value)
        key = next((one for one in table if str(one) == parts[0]), parts[0])
        return {**table, key: _at(table[key], parts[1:], change)}
    if not isinstance(value, list | tuple) or not parts[0].isdecimal():
        raise LookupError
    items = [*cast("list[object]", value)]
    index = int(parts[0][:9])
    items[index] = _at(items[index], parts[1:], change)
    return items
