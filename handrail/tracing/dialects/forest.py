"""The spans of one trace as trees, whatever their parents claim: missing ones, themselves, circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from handrail.tracing.dialects.observed import Observed


class Forest:
    """Spans of one trace by id, in an order that does not depend on how they came."""

    def __init__(self, spans: Iterable[Observed]) -> None:
        unique: dict[str, Observed] = {}
        for span in spans:
            known = unique.get(span.span)
            if known is None or _rank(span) > _rank(known):
                unique[span.span] = span
        self.ordered: list[Observed] = sorted(unique.values(), key=_start)
        """By start time; equal ones by their ids."""
        self.by_id = unique
        self.parents: dict[str, str] = {
            span.span: span.parent for span in self.ordered if span.parent in unique and span.parent != span.span
        }
        """Span -> its parent, where that is here."""
        self.children: dict[str, list[str]] = {}
        for child, parent in self.parents.items():
            self.children.setdefault(parent, []).append(child)
        self.downwards = list(self._downwards())
        """Ids, each after its parent."""

    def _downwards(self) -> Iterator[str]:
        seen: set[str] = set()
        for span in self.ordered:
            if span.span not in self.parents:
                yield from self._below(span.span, seen)
        for span in self.ordered:  # what is left hangs on a circle: the earliest of it becomes a root
            if span.span not in seen:
                parent = self.parents.pop(span.span)
                self.children[parent].remove(span.span)
                yield from self._below(span.span, seen)

    def _below(self, root: str, seen: set[str]) -> Iterator[str]:
        stack = [root]
        while stack:
            one = stack.pop()
            if one not in seen:
                seen.add(one)
                yield one
                stack.extend(reversed(self.children.get(one, ())))


def nearest(forest: Forest, wanted: Mapping[str, bool]) -> dict[str, str]:
    """Span -> the nearest span above it that is wanted; left out where there is none."""
    found: dict[str, str] = {}
    for one in forest.downwards:
        parent = forest.parents.get(one)
        if parent is None:
            continue
        above = parent if wanted[parent] else found.get(parent)
        if above is not None:
            found[one] = above
    return found


def _start(span: Observed) -> tuple[int, str]:
    return span.start_ns, span.span


def _rank(span: Observed) -> tuple[object, ...]:
    """Of several spans that claim one id the most complete, then any, but always the same."""
    return (
        span.end_ns,
        span.start_ns,
        span.scope,
        span.step,
        span.name,
        span.parent,
        span.outcome,
        span.agent,
        span.session,
    )
