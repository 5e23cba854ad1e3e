"""Whether branches that worked side by side came to the same result: contradictions are found, never averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from handrail.errors import ConfigError
from handrail.validators.combining import children
from handrail.validators.context import Call, Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.paths import Path
from handrail.validators.protocol import NOWHERE
from handrail.validators.runs import RunCheck, Success, at, calls_of, names, plain_path, unknown

MAX_FACTS = 4_000
"""Parts of all results together that are compared."""
_MAX_TEXT = 1_000
_MAX_KEY = 200
_MAX_BITS = 1_000
"""Larger integers cannot be set beside a float."""
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class _Fact:
    """What one branch says of one thing."""

    who: str
    """Identifies the branch."""
    name: str
    """The agent, as messages name it."""
    value: object


_Subject = tuple[object, ...]
_Facts = dict[tuple[_Subject, str], dict[str, _Fact]]
"""(what it is about, JSON pointer of the fact) -> branch -> what it said last."""


@dataclass(frozen=True)
class Agree(RunCheck):
    """Calls of different branches that succeeded have the same result at ``path``, wherever they are about the same.

    An object at ``path`` is compared key by key. Of several calls of one branch about the same, the last one counts.
    A branch that says nothing, or null, contradicts nobody.
    Finds ``agree.contradiction``, whose message says who said what; ``unchecked.run`` where a part of the run is not
    known, ``unchecked.size`` where they have more than 4,000 parts.
    """

    source: ClassVar[str] = "own: results of parallel branches are compared, never averaged"
    path: str = "$"
    """Where the fact stands in a result."""
    tool: str = ""
    """Name of the tool whose results are compared; empty for all tools together."""
    key: tuple[str, ...] = ()
    """What says that two calls are about the same: arguments, or paths into the result that begin with ``$``."""
    by: Literal["branch", "agent", "tool", "call"] = "branch"
    """Who counts as one voice: the agent's step, its name, the tool, or each call by itself."""
    tolerance: float = 0.0
    """Numbers that differ by no more than this agree."""
    tools: tuple[str, ...] = ()
    """Names of several tools whose results are compared."""
    _path: Path = field(init=False, repr=False, compare=False)
    _key: tuple[str | Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names("tools", self.tools, least=0)
        names("key", self.key, least=0)
        if self.by not in ("branch", "agent", "tool", "call"):
            raise ConfigError(f"`by` is {self.by!r:.50}.", hint="Write branch, agent, tool or call.")
        if not 0 <= self.tolerance < math.inf:
            raise ConfigError(f"`tolerance` is {self.tolerance!r:.50}.", hint="Write a number from 0.")
        object.__setattr__(self, "_path", plain_path(self.path))
        key = tuple(plain_path(one) if one.startswith("$") else one for one in self.key)
        object.__setattr__(self, "_key", key)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which results contradict each other. The value itself is not looked at."""
        calls, complete = calls_of(context.run)
        try:
            facts = self._collected(calls)
        except _Many:
            return (Finding("unchecked.size", f"Results of more than {MAX_FACTS} parts are too many to compare."),)
        found = [self._finding(at, said) for at, said in facts.items() if self._contradict(list(said.values()))]
        return tuple(found[:20]) if found or complete else (unknown("whether its results agree"),)

    def _collected(self, calls: Sequence[Call]) -> _Facts:
        facts: _Facts = {}
        budget = _Budget()
        for number, call in enumerate(calls):
            for place, subject, said in self._facts(call, budget):
                who = self._who(call, number)
                facts.setdefault((subject, place), {})[who] = _Fact(who, call.agent or call.tool, said)
        return facts

    def _facts(self, call: Call, budget: _Budget) -> Iterator[tuple[str, _Subject, object]]:
        if not Success()(call) or not self._meant(call.tool):
            return
        subject = tuple(self._subject(call))
        if len(subject) < len(self._key):
            return
        for found in at(self._path, call.result):
            yield from ((place, subject, leaf) for place, leaf in budget.leaves(found))

    def _meant(self, tool: str) -> bool:
        return tool == self.tool or tool in self.tools or not (self.tool or self.tools)

    def _subject(self, call: Call) -> Iterator[object]:
        for one in self._key:
            found = (call.args.get(one),) if isinstance(one, str) else at(one, call.result)
            yield from (_comparable(each) for each in found if isinstance(each, (str, int, float)))

    def _who(self, call: Call, number: int) -> str:
        return str(number) if self.by == "call" else str(getattr(call, self.by))

    def _contradict(self, said: list[_Fact]) -> bool:
        values = [_comparable(one.value) for one in said]
        numbers = [one for one in values if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if len(numbers) == len(values):
            return bool(numbers) and max(numbers) != min(numbers) and not max(numbers) - min(numbers) <= self.tolerance
        return len({(type(one) is bool, one) for one in values}) > 1

    def _finding(self, about: tuple[_Subject, str], said: Mapping[str, _Fact]) -> Finding:
        subject, place = about
        what = self._path.written + place.replace("/", ".")
        same = "".join(f", {name} {value!r:.60}" for name, value in zip(self.key, subject, strict=False))
        voices = "; ".join(
            f"{one.name} said {_shown(one.value)}" for one in sorted(said.values(), key=lambda one: one.name)[:5]
        )
        text = f"Results contradict each other at {what}{same}: {voices}."
        hint = "Find out which one is right, or say that they differ; do not average them."
        return Finding("agree.contradiction", text[:1_000], hint=hint)


class _Many(Exception):
    """There is more in the results than is compared."""


class _Budget:
    """Parts of results that may still be looked at."""

    left = MAX_FACTS

    def leaves(self, value: object) -> Iterator[tuple[str, object]]:
        """(JSON pointer, plain value) of everything in ``value`` but null and NaN. Raises _Many."""
        todo: list[tuple[str, object]] = [("", value)]
        while todo:
            place, node = todo.pop()
            self.left -= 1
            if self.left < 0:
                raise _Many
            if isinstance(node, (str, int, float)) and node == node:  # NaN is not
                yield place, node
            inner = children(cast("object", node)) if isinstance(node, (Mapping, list, tuple)) else []
            if len(inner) > self.left:
                raise _Many
            todo.extend((place + at[:_MAX_KEY], one) for at, one in inner)


def _comparable(value: object) -> object:
    """A text without regard to case and white space; a number as it is, but one too large for arithmetic as a text."""
    if isinstance(value, str):
        return " ".join(value[:_MAX_TEXT].casefold().split())
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return f"{value.bit_length()} bits, {value & 0xFFFF_FFFF}"
    return value


def _shown(value: object) -> str:
    return "a very large number" if isinstance(value, int) and value.bit_length() > 200 else repr(value)[:_SHOWN]
