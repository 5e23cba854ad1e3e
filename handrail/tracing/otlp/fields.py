"""Fields of a JSON tree that somebody else wrote, each as the type that it must have. Raises Unfit otherwise."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from handrail.tracing.otlp import limits
from handrail.tracing.otlp.limits import Unfit

Tree = dict[str, Any]


def tree_of(found: Any) -> Tree:
    """An object; an empty one for null."""
    if found is None:
        return {}
    if type(found) is not dict:
        raise Unfit(limits.WRONG_TYPE)
    return cast("Tree", found)


def list_of(found: Any) -> Sequence[Any]:
    """A list of at most MAX_PARTS; an empty one for null."""
    if found is None:
        return ()
    if type(found) is not list:
        raise Unfit(limits.WRONG_TYPE)
    items = cast("Sequence[Any]", found)
    if len(items) > limits.MAX_PARTS:
        raise Unfit(limits.TOO_MANY_PARTS)
    return items


def text_of(found: Any) -> str:
    """A text; empty for null."""
    if found is None:
        return ""
    if type(found) is not str:
        raise Unfit(limits.WRONG_TYPE)
    return found


def name_of(found: Any) -> str:
    """A text of at most MAX_NAME characters."""
    name = text_of(found)
    if len(name) > limits.MAX_NAME:
        raise Unfit(limits.LONG_NAME)
    return name


def weight_of(*found: Any) -> int:
    """How many bytes a part is, written down. One that is nested too deeply weighs all that there may be."""
    try:
        return len(msgspec.json.encode(found))
    except RecursionError:
        return limits.MAX_WHOLE_BYTES


def bytes_of(found: Any) -> bytes:
    """What a base64 text stands for."""
    try:
        return b64decode(text_of(found), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit(limits.WRONG_TYPE) from None
