"""The rows of a policy as nested tables, one level for each pinned field, and the walk that yields what can match."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from handrail.policy.casbin.levels import Hoisted, Keys, Term
from handrail.policy.casbin.matcher import Odd, Residual
from handrail.policy.casbin.model import Row, Values

Effect = Literal["allow", "deny", "indeterminate"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row in the index."""

    place: int
    """Its place in the policy."""
    row: Row
    effect: Effect
    residual: Residual | None
    """What remains to be asked of it; None when nothing does."""
    reads_facts: bool
    """Whether that depends on a request field that stands for facts."""


Entries = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """The index of one side of the outermost ``||``. Immutable by custom: nothing writes to its tables once built."""

    guards: tuple[Hoisted, ...]
    hoisted: tuple[Hoisted, ...]
    levels: tuple[Keys, ...]
    root: Any
    """Nested dicts, one for each level, down to tuples of entries; without levels, all entries."""
    says: tuple[tuple[int, str], ...]
    """(field, how it is pinned) of each level."""

    def walk(self, request: Values) -> Iterable[Entry]:
        """Entries that can match. Everything that may raise is asked before anything is left out."""
        passes = pass_all(self.hoisted, request)
        wanted = [keys(request) for keys in self.levels]
        if not passes:
            return ()
        nodes = [self.root]
        for keys in wanted:
            nodes = _descend(nodes, keys)
            if not nodes:
                return ()
        return nodes[0] if len(nodes) == 1 else [entry for leaf in nodes for entry in leaf]


def pass_all(hoisted: Sequence[Hoisted], request: Values) -> bool:
    """Whether every conjunct about the request alone is true; all are asked. Raises Odd for a value like neither."""
    passes = True
    for one in hoisted:
        value = one.asks(request, ())
        if value is False:
            passes = False
        elif value is not True and (one.last or not value):
            raise Odd
    return passes


def plant(term: Term, entries: Sequence[Entry]) -> Tree:
    """The index of ``entries`` by what ``term`` pins, the field with most values first. Raises NotCompilable."""
    distinct = {pin.field: dict.fromkeys(entry.row[pin.field] for entry in entries) for pin in term.pins}
    pins = sorted(term.pins, key=lambda pin: -len(distinct[pin.field]))
    fields = [pin.field for pin in pins]
    root: Any = _nested(fields, entries) if fields else tuple(entries)
    return Tree(
        tuple(term.guards),
        tuple(term.hoisted),
        tuple(pin.keys(distinct[pin.field]) for pin in pins),
        root,
        tuple((pin.field, pin.how) for pin in pins),
    )


def _nested(fields: list[int], entries: Iterable[Entry]) -> dict[str, Any]:
    first, *rest = fields
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.row[first], []).append(entry)
    if rest:
        return {value: _nested(rest, group) for value, group in grouped.items()}
    return {value: tuple(group) for value, group in grouped.items()}


def _descend(nodes: list[dict[str, Any]], keys: Collection[str]) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        if len(keys) <= len(node):
            found += [node[key] for key in keys if key in node]
        else:
            wanted = set(keys) if isinstance(keys, tuple) and len(keys) > 1 else keys
            found += [below for value, below in node.items() if value in wanted]
    return found


def merged(trees: Sequence[Tree], gates: Sequence[bool], request: Values, stops: Collection[Effect]) -> Entries:
    """The candidates of every tree whose gate is open, each once, in policy order, up to one that is sure to decide."""
    found: dict[int, Entry] = {}
    for tree, is_open in zip(trees, gates, strict=True):
        candidates = tree.walk(request)
        if is_open:
            found.update((entry.place, entry) for entry in candidates)
    ordered = [found[place] for place in sorted(found)]
    for number, entry in enumerate(ordered, 1):
        if entry.residual is None and entry.effect in stops:
            return tuple(ordered[:number])
    return tuple(ordered)


@dataclass(frozen=True, slots=True)
class Index:
    """All trees of one policy."""

    trees: tuple[Tree, ...]
    key: Callable[[Values], tuple[Any, ...]]
    """The request's fields that have to be texts; candidates depend on them and on the gates alone."""
    guarded: bool
    """Whether a gate has to be asked at every request."""
    stops: frozenset[Effect]

    def gates(self, request: Values) -> tuple[bool, ...]:
        """Which trees are open to this request. May raise whatever a matcher raises."""
        return tuple(pass_all(tree.guards, request) for tree in self.trees)

    def candidates(self, request: Values, gates: Sequence[bool]) -> Entries:
        """The rows that can match, in policy order."""
        return merged(self.trees, gates, request, self.stops)


def texts_of(terms: Iterable[Term], request: Mapping[str, int]) -> Callable[[Values], tuple[Any, ...]]:
    """What picks the fields of a request that have to be texts."""
    places = sorted({request[name] for term in terms for name in term.texts})
    if not places:
        return lambda values: ()
    low, high = places[0], places[-1] + 1
    if places == list(range(low, high)):
        return lambda values: values[low:high]
    return lambda values: tuple(values[place] for place in places)
