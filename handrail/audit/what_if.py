"""What another policy would have said: every recorded decision made again, and those that would change.

Most calls are settled by who, whom for and which tool: those are decided once for each kind of call. For the rest
the facts count; they are read in the order in which they lie on the disk, and each call is decided by itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import msgspec

from handrail.audit.index import Snapshot
from handrail.audit.reader import Payloads
from handrail.audit.report import Window
from handrail.audit.schema import statement
from handrail.errors import JournalCorrupt
from handrail.policy import Policy
from handrail.policy.decision import Action, Decision, PolicyRequest, Verdict
from handrail.policy.facts import COUNTS, facts_of
from handrail.tracing.identity import ANONYMOUS, Principal

Progress = Callable[[int, int], None]
"""Called with the decisions made again so far, and how many there are."""

Dimension = Literal["rule", "tool", "agent", "user"]
DIMENSIONS: tuple[Dimension, ...] = ("rule", "tool", "agent", "user")
NO_RULE = "(no rule)"
"""What a decision is put down to when no rule made it: by default everything is denied."""
_NOBODY = Decision("deny", None, "Nobody is named on whose behalf the agent acts.")
_STEP = 10_000
"""Decisions between two reports of progress."""


class Turn(NamedTuple):
    """A way in which decisions change: what they have in common."""

    now: Verdict
    """What the candidate says; the policy in force said the opposite."""
    rule: str
    """The candidate's rule."""
    before: str
    """The rule of the policy in force."""
    tool: str
    agent: str
    user: str
    """``tenant/user``."""


@dataclass(frozen=True, slots=True)
class Example:
    """One decision that would change."""

    turn: Turn
    at: datetime
    run: str
    step: str
    args: str | None
    """The arguments as JSON; None where they are not kept."""

    def as_dict(self) -> dict[str, object]:
        """JSON types."""
        where: dict[str, object] = {"at": self.at.isoformat(), "run": self.run, "step": self.step, "args": self.args}
        return self.turn._asdict() | where


@dataclass(slots=True)
class WhatIf:
    """What would change under a candidate policy."""

    decided: int = 0
    """Decisions made again."""
    turns: Counter[Turn] = field(default_factory=Counter[Turn])
    """Those that would change."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    """Why -> decisions that could not be made again, or that no policy makes."""
    examples: list[Example] = field(default_factory=list[Example])
    """A few for each pair of rules."""

    @property
    def changed(self) -> int:
        """Decisions that would change."""
        return self.turns.total()

    def count(self, now: Verdict) -> int:
        """Decisions that would become ``now``."""
        return sum(calls for turn, calls in self.turns.items() if turn.now == now)

    def by(self, dimension: Dimension) -> list[tuple[Verdict, str, int]]:
        """Verdict, name and number of changes, the most first; rules as ``candidate's <- in force``."""
        found: Counter[tuple[Verdict, str]] = Counter()
        for turn, calls in self.turns.items():
            name = f"{turn.rule} <- {turn.before}" if dimension == "rule" else getattr(turn, dimension)
            found[turn.now, name] += calls
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return [(now, name, calls) for (now, name), calls in ordered]

    def as_dict(self) -> dict[str, object]:
        """JSON types."""
        return {
            "decided": self.decided,
            "changed": self.changed,
            "newly_denied": self.count("deny"),
            "newly_allowed": self.count("allow"),
            "skipped": dict(self.skipped),
            "by": {
                name: [{"now": now, "name": what, "count": calls} for now, what, calls in self.by(name)]
                for name in DIMENSIONS
            },
            "examples": [one.as_dict() for one in self.examples],
        }


def what_if(
    copy: Snapshot, data: Path, candidate: Policy, window: Window, *, tool: str | None = None, examples: int = 3,
    progress: Progress = lambda done, total: None,
) -> WhatIf:  # fmt: skip
    """Decide the recorded calls of ``window`` again under ``candidate``.

    ``copy`` is a private copy of the index, ``data`` the folder with the journal. At most ``examples`` are
    given for each pair of rules. Raises IndexFailure where the copy cannot be read.
    """
    replay = _Replay(copy, data, candidate, examples, progress)
    return replay.run({**window.params(), "tool": tool})


class _Kind(NamedTuple):
    """What calls have in common that only differ in their facts."""

    tenant: str
    principals: tuple[str, ...]
    action: Action
    tool: str
    scopes: tuple[tuple[str, ...], ...]


class _Facts(msgspec.Struct):
    now: float
    run: dict[str, int | None]


class _Call(msgspec.Struct):
    """One recorded call whose facts count."""

    kind: int
    run: str
    step: str
    at: int
    was: str
    rule: str | None
    agent: str
    user: str
    session: str
    channel: str
    facts: _Facts | None
    args: dict[str, Any] | None


class _Undecidable(Exception):
    """A call cannot be decided again; the text says why."""


class _Replay:
    """One pass over the recorded decisions."""

    def __init__(self, copy: Snapshot, data: Path, candidate: Policy, examples: int, progress: Progress) -> None:
        self._copy, self._policy, self._most, self._progress = copy, candidate, examples, progress
        self._payloads = Payloads(data)
        self._found = WhatIf()
        self._kinds: dict[int, _Kind] = {}
        self._shown: Counter[tuple[str, str, str]] = Counter()
        self._principal = lru_cache(4_096)(_principal)

    def run(self, params: Mapping[str, object]) -> WhatIf:
        """Everything, in the order that is cheapest."""
        self._copy.query(statement("what_if", "recorded"), params)
        self._copy.query(statement("what_if", "kinds"))
        self._copy.query(statement("what_if", "decidable"))
        for row in self._copy.query(statement("what_if", "undecidable")):
            self._found.skipped[_because(str(row["decided_by"]))] += cast("int", row["calls"])
        groups = self._copy.query(statement("what_if", "groups"))
        total = sum(cast("int", row["calls"]) for row in groups)
        left = self._settled(groups, total)
        with self._payloads:
            self._one_by_one(left, total)
        self._progress(total, total)
        return self._found

    def _settled(self, groups: list[dict[str, object]], total: int) -> list[int]:
        """Count what no fact can change; returns the kinds of calls whose facts count."""
        decisions: dict[int, Decision | None] = {}
        for row in groups:
            number = cast("int", row["kind"])
            if number not in decisions:
                self._kinds[number] = _kind(row)
                decisions[number] = self._decide_kind(self._kinds[number])
            decision = decisions[number]
            if decision is not None:
                self._count_group(row, decision)
                self._progress(self._found.decided, total)
        return [number for number, decision in decisions.items() if decision is None]

    def _decide_kind(self, kind: _Kind) -> Decision | None:
        if kind.principals[:1] == (f"user:{ANONYMOUS}",):
            return _NOBODY
        return self._policy.settled(kind.tenant, kind.principals, kind.tool, kind.action, kind.scopes)

    def _count_group(self, row: Mapping[str, object], decision: Decision) -> None:
        calls = cast("int", row["calls"])
        self._found.decided += calls
        if decision.verdict == row["was"]:
            return
        kind = self._kinds[cast("int", row["kind"])]
        turn = _turn(kind, decision, cast("str | None", row["rule"]), str(row["agent"]), str(row["user"]))
        self._found.turns[turn] += calls
        room = self._room(turn)
        if room:
            asked = {"kind": row["kind"], "was": row["was"], "rule": row["rule"], "count": room}
            for one in self._copy.query(statement("what_if", "examples"), asked):
                ref = json.loads(str(one["args"])) if one["args"] is not None else None
                self._show(turn, cast("int", one["at"]), str(one["run"]), str(one["step"]), ref)

    def _one_by_one(self, kinds: list[int], total: int) -> None:
        if not kinds:
            return
        rows = self._copy.stream(statement("what_if", "one_by_one"), {"kinds": kinds})
        next(rows)  # the names of the columns
        decoder = msgspec.json.Decoder(_Call, strict=False)
        for number, (text,) in enumerate(cast("Iterator[tuple[str]]", rows)):
            if number % _STEP == 0:
                self._progress(self._found.decided, total)
            call = decoder.decode(text)
            try:
                self._count(call, self._decide(call))
            except _Undecidable as reason:
                self._found.skipped[str(reason)] += 1

    def _decide(self, call: _Call) -> Decision:
        if call.facts is None:
            raise _Undecidable("the record is of a release that did not keep the facts")
        kind = self._kinds[call.kind]
        principal = self._principal(kind, call.user, call.session, call.channel)
        run = {name: call.facts.run.get(name) or 0 for name in COUNTS}
        facts = facts_of(principal, kind.action, self._args(call.args), {"now": call.facts.now, "run": run})
        return self._policy.decide(
            PolicyRequest(kind.tenant, kind.principals, kind.tool, kind.action, facts, kind.scopes)
        )

    def _args(self, ref: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if ref is None:
            raise _Undecidable("the arguments were not kept")
        if ref.get("r"):
            raise _Undecidable("the arguments were redacted before they were kept")
        try:
            body = self._payloads.get(ref)
        except JournalCorrupt:
            raise _Undecidable("the arguments are damaged or missing in the journal") from None
        if body is None:
            raise _Undecidable("the arguments were not kept, or were erased")
        found = msgspec.json.decode(body)
        return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}

    def _count(self, call: _Call, decision: Decision) -> None:
        self._found.decided += 1
        if decision.verdict == call.was:
            return
        turn = _turn(self._kinds[call.kind], decision, call.rule, call.agent, call.user)
        self._found.turns[turn] += 1
        if self._room(turn):
            self._show(turn, call.at, call.run, call.step, call.args)

    def _room(self, turn: Turn) -> int:
        return self._most - self._shown[turn[:3]]

    def _show(self, turn: Turn, at: int, run: str, step: str, ref: Mapping[str, Any] | None) -> None:
        self._shown[turn[:3]] += 1
        try:
            body = self._payloads.get(ref) if ref is not None else None
        except JournalCorrupt:
            body = None
        moment = datetime.fromtimestamp(at / 1e6, UTC)
        self._found.examples.append(Example(turn, moment, run, step, body.decode() if body is not None else None))


def _because(decided_by: str) -> str:
    reasons = {
        "identity": "denied because nobody was named on whose behalf the agent acted",
        "unknown_tool": "denied because no tool had that name",
        "error": "denied because deciding or recording failed",
        "owner": "decided by who opened the memory, not by a rule",
    }
    return reasons.get(decided_by, "the record does not say who was acting")


def _kind(row: Mapping[str, object]) -> _Kind:
    scopes: list[list[object]] = json.loads(str(row["scopes"])) if row["scopes"] is not None else []
    return _Kind(
        str(row["tenant"]),
        tuple(map(str, json.loads(str(row["chain"])))),
        cast("Action", row["action"]),
        str(row["tool"]),
        tuple(tuple(map(str, scope)) for scope in scopes),
    )


def _principal(kind: _Kind, user: str, session: str, channel: str) -> Principal:
    return Principal(kind.tenant, user, session, channel, kind.principals[1:])


def _turn(kind: _Kind, decision: Decision, before: str | None, agent: str, user: str) -> Turn:
    who = f"{kind.tenant}/{user}"
    return Turn(decision.verdict, decision.rule or NO_RULE, before or NO_RULE, kind.tool, agent, who)
