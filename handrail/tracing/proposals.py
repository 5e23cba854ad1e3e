"""The calls that models propose in a run, until each is decided: who proposed it, and which attempt came before.

A few turns of each agent are remembered, so that what is kept does not grow with the run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from handrail.tracing.context import Frame, RunState
from handrail.tracing.links import Link

MAX_TURNS = 8
"""Turns of one agent after which a call that nobody decided counts as given up."""
_NAMELESS = "\0"
"""Before the number of a call that the model gave no id."""
NOTE = "proposals"
"""Where a run keeps its proposals."""


class Attempt(Protocol):
    """The open or closed step of one attempt."""

    frame: Frame
    """The frame of the step."""

    @property
    def outcome(self) -> str | None:
        """How it ended; None while it is open."""
        ...


@dataclass(slots=True)
class Proposal:
    """One call that a model asked for."""

    key: str
    """The id that the model gave it, or a stand-in where it gave none."""
    tool: str = ""
    args: object = None
    """The arguments as the model wrote them; None where they are not known here."""
    agent: str = ""
    """Name of the agent whose model it was."""
    step: str = ""
    """The model's step; empty where it is not known."""
    run: str = ""
    """The run of ``step``; empty for this one."""
    trace: str = ""
    """The trace of ``step``; empty for this one."""
    place: str = ""
    """Step of the agent."""
    open: int = 1
    """How many calls of this id in this turn nobody has decided."""
    unread: int = 0
    """How many calls of this id came to a gate, and their answer was not seen yet."""
    turn: int = 0
    """The agent's turn in which it was proposed."""
    last: Attempt | None = None
    """The latest attempt, in this run."""
    before: str = ""
    """Step of the latest attempt in an earlier run, which was interrupted."""
    before_run: str = ""
    before_trace: str = ""

    @property
    def call_id(self) -> str | None:
        """The id that the model gave it; None where it gave none."""
        return None if self.key.startswith(_NAMELESS) else self.key or None


class Proposals:
    """The undecided and the latest calls of one run. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, dict[str, Proposal]] = {}
        self._turns: dict[str, int] = {}
        self._carried: dict[str, Proposal] = {}

    def carry(self, earlier: Iterable[Proposal]) -> None:
        """Take over what an interrupted run left undecided."""
        with self._lock:
            self._carried.update((proposal.key, proposal) for proposal in earlier)

    def propose(self, place: str, agent: str, step: str, calls: Iterable[tuple[str, str, object]]) -> list[Proposal]:
        """A model proposes ``calls`` (id, tool, arguments) for the agent at ``place``; returns what is given up."""
        with self._lock:
            turn = self._turns[place] = self._turns.get(place, 0) + 1
            old = self._calls.get(place, {})
            kept, given_up = _aged(old, turn)
            for number, (given, tool, args) in enumerate(calls):
                call_id = given or f"{_NAMELESS}{number}"
                same = kept.get(call_id)
                if same is not None and same.step == step:
                    same.open += 1
                    continue
                if same is not None and same.open:
                    given_up.append(same)
                kept[call_id] = Proposal(call_id, tool, args, agent, step, place=place, turn=turn)
                self._carried.pop(call_id, None)
            self._calls[place] = kept
            return given_up

    def attempt(self, place: str, call_id: str, tool: str, args: object) -> tuple[Proposal | None, bool]:
        """A call is about to be decided: the proposal that it carries out, and whether this is the first time.

        A framework that passes no id on is believed by name and arguments; None where no proposal is meant.
        """
        with self._lock:
            calls = self._calls.setdefault(place, {})
            found = calls.get(call_id) or self._carried.pop(call_id, None) if call_id else _like(calls, tool, args)
            if found is None:
                if not call_id:
                    return None, True
                found = Proposal(call_id, tool, place=place)
            calls[found.key] = found
            first = found.open > 0
            if first:
                found.open -= 1
                found.unread += 1
            return found, first

    def take(self, place: str, call_id: str) -> Proposal | None:
        """An answer to ``call_id`` was seen: the undecided call that it decides; None where a gate decided it.

        Of several calls of one id in one reply, each has an answer of its own, and the first may be answered before
        the others have come to their gate.
        """
        with self._lock:
            calls = self._calls.setdefault(place, {})
            found = calls.get(call_id)
            if found is not None and found.unread:
                found.unread -= 1
                return None
            if found is None or not found.open:
                found = self._carried.pop(call_id, None)
            if found is None or not found.open:
                return None
            calls[call_id] = found
            found.open -= 1
            return found

    def knows(self, place: str, call_id: str) -> bool:
        """Whether the call was proposed or decided here."""
        with self._lock:
            return call_id in self._calls.get(place, {})

    def waiting(self, place: str) -> bool:
        """Whether some call of the agent at ``place`` is undecided."""
        with self._lock:
            return bool(self._carried) or any(proposal.open for proposal in self._calls.get(place, {}).values())

    def close(self, place: str | None = None) -> list[Proposal]:
        """Take every undecided call of the agent at ``place``; of all agents without one."""
        with self._lock:
            places = [place] if place is not None else list(self._calls)
            found = [each for name in places for each in self._calls.get(name, {}).values() if each.open]
            if place is None:
                found += [each for each in self._carried.values() if each.open]
                self._carried.clear()
            for each in found:
                each.open = 0
            return found

    def unfinished(self) -> list[Proposal]:
        """What a later run of the thread may go on with: undecided calls, and those whose attempt was interrupted."""
        with self._lock:
            known = [each for calls in self._calls.values() for each in calls.values()]
            paused = [each for each in known if each.open or (each.last and each.last.outcome == "interrupted")]
            return [*paused, *(each for each in self._carried.values() if each.open)]


def _aged(old: Mapping[str, Proposal], turn: int) -> tuple[dict[str, Proposal], list[Proposal]]:
    """The undecided calls of the latest turns, and those that nobody came back to."""
    undecided = [(call_id, proposal) for call_id, proposal in old.items() if proposal.open]
    kept = {call_id: proposal for call_id, proposal in undecided if turn - proposal.turn < MAX_TURNS}
    return kept, [proposal for call_id, proposal in undecided if call_id not in kept]


def _like(calls: Mapping[str, Proposal], tool: str, args: object) -> Proposal | None:
    """The undecided call of the same tool with the same arguments, else the only one of that tool."""
    meant = [each for each in calls.values() if each.open and each.tool == tool]
    return next((each for each in meant if _equal(each.args, args)), meant[0] if len(meant) == 1 else None)


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # values that cannot be compared, such as arrays
        return False


def of(state: RunState) -> Proposals:
    """The proposals of a run."""
    found: Proposals | None = state.notes.get(NOTE)
    if found is not None:
        return found
    made: Proposals = state.notes.setdefault(NOTE, Proposals())
    return made


def attempt(frame: Frame, call_id: str | None, tool: str, args: object) -> tuple[Proposal | None, tuple[Link, ...]]:
    """The proposal that a call made in ``frame`` carries out, and links to its cause and the attempt before it."""
    if not call_id and NOTE not in frame.state.notes:
        return None, ()
    proposal, first = of(frame.state).attempt(frame.step, call_id or "", tool, args)
    if proposal is None:
        return None, ()
    links = [Link("caused_by", proposal.step, proposal.run, proposal.trace)] if proposal.run else []
    if proposal.before:
        links.append(Link("resumed_from", proposal.before, proposal.before_run, proposal.before_trace))
        proposal.before = ""
    elif proposal.last is not None and not first:
        links.append(Link("retry_of", proposal.last.frame.step))
    return proposal, tuple(links)
