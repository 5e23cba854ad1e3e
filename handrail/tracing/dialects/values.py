"""Reading values that anybody may have sent: of any type, any size, nested or quoted. Nothing here raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

MAX_TEXT = 256
"""Characters of a text that are kept."""
MAX_PARSED = 1 << 20
"""Characters of JSON in an attribute that are looked into; what is longer is left alone."""
MAX_TOKENS = 10**12
"""Above it a count is nonsense and left out."""
MAX_ITEMS = 100
"""Items of a list that are looked at."""

_NOTHING: dict[str, Any] = {}
_decode = msgspec.json.Decoder().decode


def text(value: object) -> str:
    """``value`` as a short text; of a quoted JSON string what is in the quotes. Empty for anything else."""
    if type(value) is str:
        found = value.strip() if len(value) <= MAX_TEXT else value[:MAX_TEXT].strip()
        if found[:1] == '"' and found[-1:] == '"' and len(found) > 1:
            return _unquoted(found)
        return found
    if type(value) is int:
        return str(value) if -(1 << 63) <= value < 1 << 63 else ""
    return ""


def _unquoted(found: str) -> str:
    inner = parsed(found)
    return inner.strip()[:MAX_TEXT] if isinstance(inner, str) else found[1:-1].strip()


def first(attributes: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of the attributes ``names`` that holds a text."""
    for name in names:
        value = attributes.get(name)
        if value is not None:
            found = text(value)
            if found:
                return found
    return ""


def count(attributes: Mapping[str, Any], names: Iterable[str]) -> int | None:
    """The first of the attributes ``names`` that holds a whole number of sensible size."""
    for name in names:
        found = whole(attributes.get(name))
        if found is not None:
            return found
    return None


def whole(value: object) -> int | None:
    """``value`` as a number of tokens; some exporters send text or floats."""
    if type(value) is str:
        if len(value) > 20 or not value.isascii() or not value.isdigit():
            return None
        value = int(value)
    elif type(value) is float:
        if not value.is_integer():
            return None
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_TOKENS else None


def texts(value: object) -> tuple[str, ...]:
    """``value`` as short texts: a list, JSON of a list, or one text."""
    if type(value) is str and value[:1] == "[":
        value = parsed(value)
    if isinstance(value, (list, tuple)):
        items: list[object] = list(value[:MAX_ITEMS])  # pyright: ignore[reportUnknownArgumentType]
        return tuple(found for item in items if (found := text(item)))
    found = text(value)
    return (found,) if found else ()


def parsed(value: object) -> Any:
    """What the JSON text ``value`` holds; None when it holds none, or is too long to look into."""
    if type(value) is not str or len(value) > MAX_PARSED:
        return None
    try:
        return _decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` as a mapping: one, or JSON of one; else an empty one."""
    if isinstance(value, str):
        value = parsed(value) if value[:1] == "{" else None
    return value if isinstance(value, dict) else _NOTHING  # pyright: ignore[reportUnknownVariableType]


def items(value: object) -> list[Any]:
    """``value`` as a list: one, or JSON of one; else an empty one. At most MAX_ITEMS items."""
    if isinstance(value, str):
        value = parsed(value) if value[:1] == "[" else None
    if not isinstance(value, (list, tuple)):
        return []
    return list(value[:MAX_ITEMS])  # pyright: ignore[reportUnknownArgumentType]
