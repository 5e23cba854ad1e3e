"""Two runs side by side: where they first differ, and how. Ids and times are ignored, content is compared by value.

Moments are the steps of a run in tree order, an agent's end behind what it did. Calls that one model answer proposed
together stand in the order in which it proposed them, since which of them begins first is chance.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import blake2b
from itertools import takewhile
from typing import Any, Literal, TypeAlias, cast

from handrail.audit.traces import Contents, Row, Trace, as_array, as_object, is_ref

How = Literal["kind", "name", "arguments", "facts", "verdict", "rule", "outcome", "error", "only_a", "only_b"]
"""What differs between two aligned steps, or that only one run has the step."""
Pair: TypeAlias = "tuple[Moment | None, Moment | None]"
_Change: TypeAlias = "tuple[str, int, int, int, int]"
"""As difflib has it: a tag, and from where to where in the one and in the other."""
_MOST_PAIRS, _WINDOW = 100_000, 300
"""Equal pairs up to which two runs are aligned as a whole, which may take the cube of their length; else so many steps
at a time."""
UNKNOWN = "?"
"""Stands for content that was not kept, was erased or is damaged: it differs from nothing."""
_IGNORED = frozenset({"v", "w", "n", "t", "k", "run", "step", "trace", "parent", "type", "name", "agent", "chain",
                      "links", "cause", "causes", "digest", "said", "reasoning", "tenant", "dur"})  # fmt: skip
"""Fields of a record that name this run's steps, times and places, or are compared apart."""
_HOLDING = frozenset({"agent", "workflow"})
"""Kinds of steps that hold others: they begin and end at two places."""
_COMPARED: tuple[How, ...] = ("kind", "name", "arguments", "facts", "verdict", "rule", "outcome", "error")


@dataclass(frozen=True, slots=True)
class Moment:
    """What one step is, apart from its ids and times."""

    step: str
    """Id of the step; not compared."""
    depth: int
    """0 for the outermost; not compared."""
    kind: str
    name: str
    arguments: str = ""
    """Digest of a tool's arguments; ``UNKNOWN`` where they cannot be read."""
    facts: str = ""
    """Digest of what else was asked for: a plan's items, a query, a memory operation."""
    verdict: str = ""
    rule: str = ""
    outcome: str = ""
    error: str = ""

    @property
    def token(self) -> tuple[str, ...]:
        """What has to be equal for two steps to be the same one."""
        return self.kind, self.name, self.arguments, self.facts


@dataclass(frozen=True, slots=True)
class Aligned:
    """One line of the comparison."""

    a: Moment | None
    b: Moment | None
    how: tuple[How, ...]
    """What differs, the weightiest first; empty where nothing does."""


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two runs, aligned."""

    lines: tuple[Aligned, ...]
    unknown: int
    """Steps whose content could not be compared."""

    @property
    def equal(self) -> bool:
        """Whether no line differs."""
        return self.first is None

    @property
    def first(self) -> int | None:
        """Place of the first line that differs, from 0; None where none does."""
        return next((place for place, line in enumerate(self.lines) if line.how), None)


def moments(trace: Trace, contents: Contents) -> list[Moment]:
    """The steps of a run, to be compared."""
    return [_moment(trace.steps[step], depth, over, contents) for step, depth, over in _in_proposed_order(trace)]


def _in_proposed_order(trace: Trace) -> list[tuple[str, int, bool]]:
    """Step, depth, and whether its end is meant: how what holds others ended is only known behind them."""
    ranks = {place.step: _rank(trace, trace.steps[place.step]) for place in trace.places}
    below: dict[str, list[str]] = {}
    tops: list[str] = []
    for place in trace.places:
        parent = str(trace.steps[place.step]["parent"])
        (below.setdefault(parent, []) if place.depth and parent in trace.steps else tops).append(place.step)
    found: list[tuple[str, int, bool]] = []
    waiting = [(step, 0, False) for step in reversed(tops)]
    while waiting:
        step, depth, over = waiting.pop()
        found.append((step, depth, over))
        if not over:
            if trace.steps[step]["type"] in _HOLDING:
                waiting.append((step, depth, True))
            waiting.extend((child, depth + 1, False) for child in reversed(_reordered(below.get(step, ()), ranks)))
    return found


def _rank(trace: Trace, step: Row) -> tuple[str, int]:
    """The model step that proposed a call, and its place among the proposed ones."""
    cause = step["cause"]
    calls = as_array(trace.steps[cause]["calls"]) if cause in trace.steps else ()
    ids = [as_object(call).get("id") for call in calls]
    return (str(cause), ids.index(step["call_id"])) if step["call_id"] in ids else ("", 0)


def _reordered(steps: Sequence[str], ranks: Mapping[str, tuple[str, int]]) -> list[str]:
    """``steps`` with neighbours that one answer proposed in the order of that answer."""
    found: list[str] = []
    start = 0
    for place in range(1, len(steps) + 1):
        if place == len(steps) or ranks[steps[place]][0] != ranks[steps[start]][0] or not ranks[steps[start]][0]:
            found += sorted(steps[start:place], key=lambda step: ranks[step][1])
            start = place
    return found


def _moment(step: Row, depth: int, over: bool, contents: Contents) -> Moment:
    def text(column: str) -> str:
        return str(step[column] or "")

    if over:
        return Moment(text("step"), depth, f"end of {text('type')}", text("name"), outcome=text("outcome"),
                      error=text("error"))  # fmt: skip
    if text("type") in _HOLDING:
        return Moment(text("step"), depth, text("type"), text("name"))
    arguments = _digest(contents, step["args"]) if step["type"] == "tool" else ""
    facts = _facts(contents, step)
    return Moment(text("step"), depth, text("type"), text("name"), arguments, facts, text("verdict"), text("rule"),
                  text("outcome"), text("error"))  # fmt: skip


def _digest(contents: Contents, ref: object) -> str:
    if ref is None:
        return ""
    content = contents.get(ref)
    return UNKNOWN if content.missing else _hashed(content.value)


def _hashed(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def _facts(contents: Contents, step: Row) -> str:
    """A digest of what the opening record says besides, with references replaced by what they refer to."""
    told = {key: value for key, value in as_object(step["detail"]).items() if key not in _IGNORED}
    if not told:
        return ""
    for key, value in told.items():
        if is_ref(value):
            told[key] = _digest(contents, value)
            if told[key] == UNKNOWN:
                return UNKNOWN
    return _hashed(told)


def compare(a: Sequence[Moment], b: Sequence[Moment]) -> RunDiff:
    """Align two runs. Comparing them the other way round gives the same lines with the sides exchanged."""
    unknown = sum(UNKNOWN in (moment.arguments, moment.facts) for moment in (*a, *b))
    start = _equal_before(a, b)
    head: list[Pair] = list(zip(a[:start], b[:start], strict=True))
    rest_a, rest_b = a[start:], b[start:]
    # one order for both ways, since the matcher is not symmetric
    if _sortable(rest_b) < _sortable(rest_a):
        tail: list[Pair] = [(left, right) for right, left in _align(rest_b, rest_a)]
    else:
        tail = list(_align(rest_a, rest_b))
    return RunDiff(tuple(Aligned(left, right, _how(left, right)) for left, right in head + tail), unknown)


def _sortable(moments_: Sequence[Moment]) -> list[tuple[str, ...]]:
    return [(*one.token, one.verdict, one.rule, one.outcome, one.error) for one in moments_]


def _equal_before(a: Sequence[Moment], b: Sequence[Moment]) -> int:
    """How many steps both begin with."""
    count = 0
    for left, right in zip(a, b, strict=False):
        if _how(left, right):
            break
        count += 1
    return count


def _how(a: Moment | None, b: Moment | None) -> tuple[How, ...]:
    if b is None:
        return ("only_a",)
    if a is None:
        return ("only_b",)
    return tuple(field for field in _COMPARED if _differs(getattr(a, field), getattr(b, field)))


def _differs(a: str, b: str) -> bool:
    return a != b and UNKNOWN not in (a, b)


def _align(a: Sequence[Moment], b: Sequence[Moment]) -> Iterator[Pair]:
    for tag, a_from, a_to, b_from, b_to in _changes([one.token for one in a], [one.token for one in b]):
        if tag == "equal":
            yield from zip(a[a_from:a_to], b[b_from:b_to], strict=True)
        else:
            yield from _paired(a[a_from:a_to], b[b_from:b_to])


def _paired(a: Sequence[Moment], b: Sequence[Moment]) -> Iterator[Pair]:
    """Steps between two common ones: those of the same kind and name are one that changed, the rest stand apart."""
    names_a, names_b = [(one.kind, one.name) for one in a], [(one.kind, one.name) for one in b]
    for tag, a_from, a_to, b_from, b_to in _changes(names_a, names_b):
        same = tag == "equal" or (a_to - a_from == b_to - b_from == 1)
        if same:
            yield from zip(a[a_from:a_to], b[b_from:b_to], strict=True)
        else:
            yield from ((one, None) for one in a[a_from:a_to])
            yield from ((None, one) for one in b[b_from:b_to])


def _changes(a: Sequence[tuple[str, ...]], b: Sequence[tuple[str, ...]]) -> Iterator[_Change]:
    """What makes ``b`` of ``a``. Of runs that are long and monotonous, some steps at a time."""
    counts_a, counts_b = Counter(a), Counter(b)
    if sum(count * counts_b[token] for token, count in counts_a.items()) <= _MOST_PAIRS:
        yield from SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        return
    tail = _equal_after(a, b)
    yield from _piecewise(a[: len(a) - tail], b[: len(b) - tail])
    if tail:
        yield "equal", len(a) - tail, len(a), len(b) - tail, len(b)


def _equal_after(a: Sequence[tuple[str, ...]], b: Sequence[tuple[str, ...]]) -> int:
    """How many steps both end with."""
    pairs = zip(reversed(a), reversed(b), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _piecewise(a: Sequence[tuple[str, ...]], b: Sequence[tuple[str, ...]]) -> Iterator[_Change]:
    at_a = at_b = 0
    while at_a < len(a) and at_b < len(b):
        window = SequenceMatcher(None, a[at_a : at_a + _WINDOW], b[at_b : at_b + _WINDOW], autojunk=False)
        # near its end a window does not see what comes next: that part is looked at again
        kept = [change for change in window.get_opcodes() if max(change[1], change[3]) < _WINDOW // 2]
        yield from ((tag, at_a + i, at_a + j, at_b + k, at_b + m) for tag, i, j, k, m in kept)
        at_a, at_b = at_a + kept[-1][2], at_b + kept[-1][4]
    if at_a < len(a) or at_b < len(b):
        yield "delete" if at_a < len(a) else "insert", at_a, len(a), at_b, len(b)


def paths(a: object, b: object, at: str = "", most: int = 20) -> list[str]:
    """JSON Pointers (RFC 6901) of the outermost places at which two values differ, at most ``most``."""
    found: list[str] = []
    waiting: list[tuple[object, object, str]] = [(a, b, at)]
    while waiting and len(found) < most:
        left, right, path = waiting.pop()
        inner = _inside(left, right)
        if inner is not None:
            waiting.extend((one, other, f"{path}/{_escaped(key)}") for key, one, other in reversed(inner))
        elif left != right or type(left) is not type(right):
            found.append(path or "/")
    return found


_ABSENT: Any = object()


def _inside(a: object, b: object) -> list[tuple[str, object, object]] | None:
    if isinstance(a, dict) and isinstance(b, dict):
        one, other = cast("dict[str, object]", a), cast("dict[str, object]", b)
        return [(key, one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in sorted({*one, *other})]
    if isinstance(a, list) and isinstance(b, list):
        left, right = cast("list[object]", a), cast("list[object]", b)
        if len(left) == len(right):
            return [(str(place), *both) for place, both in enumerate(zip(left, right, strict=True))]
    return None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
