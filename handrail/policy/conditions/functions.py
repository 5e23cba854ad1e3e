"""The functions of the condition language: what they take, what they give, what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from handrail.policy.conditions.faults import Unevaluable
from handrail.policy.conditions.values import contained, kind, same_kind

Takes = Literal["text", "text or list", "any", "sized"]
"""What an argument may be: ``any`` value of the language, or something ``sized``: a text, list or object."""

Gives = Literal["bool", "number", "text"]


@dataclass(frozen=True, slots=True)
class Function:
    """One function. Whoever checks types reads ``takes`` and ``gives``."""

    takes: tuple[Takes, ...]
    """Of each argument, in order."""
    gives: Gives
    """What a call is."""
    apply: Callable[..., object]
    """The values in, the value out; raises Unevaluable."""


def _strings(compare: Callable[[str, str], bool]) -> Callable[[object, object], bool]:
    def test(text: object, part: object) -> bool:
        if same_kind(text, part) != "a string":
            raise Unevaluable(f"{kind(text)} is no string")
        return compare(cast("str", text), cast("str", part))

    return test


def _contains(container: object, part: object) -> bool:
    return contained(part, container) if kind(container) == "a list" else _contains_text(container, part)


def _length(value: object) -> int:
    if type(value) in (str, list, tuple, dict):
        return len(cast("str", value))
    raise Unevaluable(f"{kind(value)} has no length")


_contains_text = _strings(lambda text, part: part in text)

FUNCTIONS: Mapping[str, Function] = {
    "startswith": Function(("text", "text"), "bool", _strings(str.startswith)),
    "endswith": Function(("text", "text"), "bool", _strings(str.endswith)),
    "contains": Function(("text or list", "any"), "bool", _contains),
    "len": Function(("sized",), "number", _length),
}
"""Name -> function."""
