"""Values that stand for all values: for names, by the patterns that cover them; for facts, by their comparisons.

A set of values is whole when every possible value is decided like one of them. Only then is trying each a proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from handrail.conditions import MISSING
from handrail.conditions.syntax import AllOf, AnyOf, Call, Compare, Constant, ListOf, Node, Not, Path, walk
from handrail.policy.explain.values import Steps, candidates

MOST_VALUES = 40
"""Values of one fact; more are not tried."""

_FRESH = "another"
_KINDS: tuple[object, ...] = (
    MISSING,
    "another",
    7,
    True,
    False,
    None,
    [],
    {},
    float("nan"),
    float("inf"),
    float("-inf"),
)
_ROOT_KINDS: Mapping[str, tuple[object, ...]] = {
    "session": ("", _FRESH),
    "channel": ("", _FRESH),
    "run": (0, 7),
    "env": (MISSING, 0, 86_400.0),
}
"""What the gate gives: its facts are never of another kind."""


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one thing."""

    values: tuple[object, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one kind: tools, tenants."""

    names: tuple[str, ...]
    whole: bool


def names_for(patterns: Iterable[str]) -> Names:
    """Names that stand for all: each one named, one for each prefix, and one that nothing covers but ``*``."""
    texts = dict.fromkeys(patterns)
    literals = [text for text in texts if "*" not in text]
    prefixes = [text[:-1] for text in texts if text.endswith("*") and "*" not in text[:-1]]
    odd = [text for text in texts if "*" in text and text[:-1] not in prefixes]
    found = [*literals, *(_inside(prefix, literals, prefixes) for prefix in prefixes if prefix)]
    found += [text.replace("*", _FRESH) for text in odd]
    return Names(tuple(dict.fromkeys((*found, _inside("", literals, prefixes)))), whole=not odd)


def _inside(prefix: str, literals: list[str], prefixes: list[str]) -> str:
    """A name that begins with ``prefix``, and with no longer one, and is not named itself."""
    longer = [one for one in prefixes if len(one) > len(prefix)]
    # There are fewer prefixes than letters to begin with, so this ends.
    for name in (f"{prefix}{first}{_FRESH}" for first in ("", *map(chr, range(ord("a"), 0x2FFF)))):
        if name not in literals and not any(name.startswith(one) for one in longer):
            return name
    raise AssertionError("more patterns than letters")


def facts_for(trees: Iterable[Node], facts: Mapping[str, object]) -> tuple[dict[Steps, tuple[object, ...]], bool]:
    """Fact -> values to try; and whether they are whole for all the conditions together."""
    found: dict[Steps, list[object]] = {}
    whole = True
    for tree in trees:
        for steps, values in candidates(tree, facts).items():
            found.setdefault(steps, []).extend(values)
        whole = whole and _plain(tree)
    tried = {steps: _with_kinds(steps, values) for steps, values in found.items()}
    nested = any(one != other and one == other[: len(one)] for one in tried for other in tried)
    return tried, whole and not nested and all(len(values) <= MOST_VALUES for values in tried.values())


def _with_kinds(steps: Steps, values: list[object]) -> tuple[object, ...]:
    kinds = _ROOT_KINDS.get(steps[0])
    numbers = sorted({float(one) for one in values if type(one) in (int, float)})  # type: ignore[arg-type]
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    texts = [text for one in values if type(one) is str and one for text in _spellings(one)]
    every = [*values, *between, *texts, *(_KINDS if kinds is None else kinds)]
    allowed = [one for one in every if kinds is None or _kind(one) in {_kind(kind) for kind in kinds}]
    return tuple(one for place, one in enumerate(allowed) if not _among(one, allowed[:place]))[: MOST_VALUES + 1]


def _spellings(text: str) -> tuple[str, ...]:
    """The same text written otherwise, which conditions do not take for another."""
    return text.swapcase(), f"{text} ", f"{text}\u200b"


def _kind(value: object) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def _among(value: object, known: list[object]) -> bool:
    return any(type(one) is type(value) and (one == value or (one != one and value != value)) for one in known)


def _plain(tree: Node) -> bool:
    """Whether a condition only compares facts of the request with constants, so that its values fall into classes."""
    return all(_is_plain(node) for node in walk(tree))


def _is_plain(node: Node) -> bool:
    match node:
        case Path():
            return node.steps[0] not in ("principal", "tenant")
        case Compare():
            return _compares_with_constants(node)
        case Call():
            return node.function == "has"
        case AllOf() | AnyOf() | Not() | Constant() | ListOf():
            return True


def _compares_with_constants(node: Compare) -> bool:
    left, right = (node.left, node.right) if isinstance(node.left, Path) else (node.right, node.left)
    if not isinstance(left, Path):
        return False
    if node.sign in ("in", "not in"):
        return isinstance(node.left, Path) and isinstance(right, ListOf) and _distinct(right)
    texts = isinstance(right, Constant) and isinstance(right.value, str)
    return isinstance(right, Constant) and (node.sign in ("==", "!=") or not texts)


def _distinct(items: ListOf) -> bool:
    """Whether the list is of constants, no two of which are spellings of one text."""
    values = [item.value for item in items.items if isinstance(item, Constant)]
    texts = [value.casefold() for value in values if isinstance(value, str)]
    return len(values) == len(items.items) and len(set(texts)) == len(texts)
