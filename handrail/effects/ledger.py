"""What one logical run has done to the world so far, and which of it a call is.

A call is the first of these that there is: another attempt of the same entry (a retry underneath it); an effect of an
earlier life that this life has not asked for yet; an effect of this life that is in doubt or was not done; a new one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from handrail.effects import keys
from handrail.effects.answers import Answers

MAX_REMEMBERED = 10_000
"""Effects of one life that are remembered after they are done."""
Status = Literal["new", "running", "done", "doubt", "suspended", "failed"]
"""``doubt``: it may have happened. ``suspended``: the run was paused inside it. ``failed``: nothing was done."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is made in a graph that runs; all empty outside one."""

    turn: str = ""
    """The graph and its superstep: calls of one message of a model are made in one."""
    task: str = ""
    """The execution of the node there."""
    attempt: int = 1
    """How often the node was executed for it, counted from 1: LangGraph may try a node again."""
    node: int = 0
    """Tells one pass over the calls of a message from the next in the same execution; 0 where nobody knows."""

    def beside(self, other: Place) -> bool:
        """Whether a call here and one at ``other`` are two calls of one message, and neither is a retry."""
        if not self.turn or self.turn != other.turn:
            return False
        same = self.attempt == other.attempt and self.node == other.node != 0
        return same if self.task == other.task else True

    def after(self, other: Place) -> bool:
        """Whether this is the very node's execution of ``other``, tried again."""
        return bool(self.task) and self.task == other.task and self.attempt > other.attempt


NOWHERE = Place()


@dataclass(slots=True, eq=False)
class Effect:
    """One call that is done to the world once, and its attempts."""

    key: str
    """32 hex digits; handed to outside services as the idempotency key."""
    occurrence: int
    tool: str
    effect: str
    status: Status = "new"
    attempts: int = 0
    value: Mapping[str, Any] | None = None
    """Where the result lies; None where there is none, or none that could be kept."""
    call_id: str = ""
    at: str = ""
    """Where in checkpointed graphs it was called: see :func:`behind`."""
    step: str = ""
    """The step of the latest attempt, and the life in which that was."""
    life: str = ""
    inside: str = ""
    """Key of the call in which it was made, where that is an effect too: of the one that asked a sub-agent."""
    agent: str = ""
    branch: str = ""
    """Who made it, and the step of that agent."""
    claimed: bool = False
    """Whether this life asked for it, or goes on from behind it."""
    busy: bool = False
    """Whether an attempt of it runs in this process, or is about to."""
    looked: bool = False
    """Whether a call that is it is being looked at: an equal one that is made meanwhile is no retry of it."""
    place: Place = NOWHERE
    """Where this life asked for it last."""

    @property
    def settled(self) -> bool:
        """Whether this life asked for it and has its result."""
        return self.claimed and self.status == "done"


@dataclass(slots=True, eq=False)
class Entry:
    """One place where a call enters, whatever is tried underneath it."""

    step: str
    """The open step there: calls further in are calls of their own."""
    node: int = 0
    """As :attr:`Place.node`."""
    effects: dict[bytes, Effect] = field(default_factory=dict[bytes, Effect])


_entry: ContextVar[Entry | None] = ContextVar("handrail_entry", default=None)


class entering:  # a verb, as ``context.use`` is one
    """Calls with equal arguments that are made in this block, in the open step ``step``, are attempts of one.

    Blocks with the same ``node``, which is not 0, hold the calls of one message.
    """

    __slots__ = ("_entry", "_token")

    def __init__(self, step: str, node: int = 0) -> None:
        self._entry = Entry(step, node)

    def __enter__(self) -> None:
        self._token = _entry.set(self._entry)

    def __exit__(self, *raised: object) -> None:
        _entry.reset(self._token)


@dataclass(slots=True, eq=False)
class _Equal:
    """Equal calls of one run."""

    count: int = 0
    open: list[Effect] = field(default_factory=list[Effect])
    """Those that another call may be: not asked for yet, or not known to be done."""


class Ledger:
    """The effects of one logical run. Thread-safe; what is done about one is for whoever holds its attempt."""

    def __init__(self, run: str, life: str, effects: Iterable[Effect] = (), *, resumed: bool = False) -> None:
        """``effects`` are those of earlier lives, where it is ``resumed``; ``life`` is the run that goes on now."""
        self.run, self.life, self.resumed = run, life, resumed
        self._before = {effect.key: effect for effect in effects}
        self._unclaimed = {key: effect for key, effect in self._before.items() if not effect.claimed}
        self._around = {effect.inside for effect in self._before.values() if effect.inside}
        self._most = max((effect.occurrence for effect in self._before.values()), default=-1)
        self._mine: dict[str, Effect] = {}
        self._equal: dict[bytes, _Equal] = {}
        self._lock = threading.Lock()
        self._over = threading.Condition(self._lock)
        self._waiting = 0
        self.answers = Answers()
        """What models answered."""
        self.whole = True
        """Whether all effects are remembered here; those of a very long run are in the journal only."""

    def claim(
        self,
        what: bytes,
        tool: str,
        effect: str,
        *,
        call_id: str,
        at: str,
        step: str,
        exact: bool = True,
        place: Place = NOWHERE,
    ) -> Effect:
        """The effect that a call is, made in the open step ``step``. Without ``exact`` calls cannot be told apart."""
        entry = _entry.get()
        if entry is not None and entry.step != step:
            entry = None
        place = replace(place, node=entry.node) if entry is not None else place
        with self._lock:
            found = entry.effects.get(what) if entry is not None else None
            if found is None:
                found = self._claimed(what, call_id, at, exact, place)
            if found is None:
                found = self._new(what, tool, effect)
            self._unclaimed.pop(found.key, None)
            found.claimed, found.call_id, found.at, found.place = True, call_id or found.call_id, at or found.at, place
            found.looked = True
            if entry is not None:
                entry.effects[what] = found
            return found

    def _claimed(self, what: bytes, call_id: str, at: str, exact: bool, place: Place) -> Effect | None:
        equal = self._equal_to(what)
        equal.open = [one for one in equal.open if not one.settled or (place.turn and one.place.turn == place.turn)]
        free = [one for one in equal.open if not one.claimed or place.after(one.place)]
        if free:
            return min(free, key=lambda one: (not (at and one.at == at), one.call_id != call_id, one.occurrence))
        again = (one for one in equal.open if one.status in ("doubt", "suspended", "failed") and not one.looked)
        return next((one for one in again if exact and not place.beside(one.place)), None)

    def _equal_to(self, what: bytes) -> _Equal:
        equal = self._equal.get(what)
        if equal is None:  # an earlier life may have claimed one that it never came to: their numbers have gaps
            found = (self._before.get(keys.key(self.run, what, number)) for number in range(self._most + 1))
            known = [effect for effect in found if effect is not None]
            equal = self._equal[what] = _Equal(known[-1].occurrence + 1 if known else 0, known)
        return equal

    def _new(self, what: bytes, tool: str, effect: str) -> Effect:
        equal = self._equal_to(what)
        made = Effect(keys.key(self.run, what, equal.count), equal.count, tool, effect)
        equal.count += 1
        equal.open.append(made)
        self._mine[made.key] = made
        return made

    def begin(self, effect: Effect, step: str) -> None:
        """An attempt of ``effect`` begins in ``step``: its intent is recorded. Whoever asks may run it."""
        with self._lock:
            effect.status, effect.step, effect.life, effect.busy = "running", step, self.life, True
            effect.attempts += 1

    def end(self, effect: Effect, status: Status, value: Mapping[str, Any] | None = None) -> None:
        """The attempt that runs is over, and this is what is known."""
        with self._lock:
            effect.status, effect.value, effect.busy, effect.looked = status, value, False, False
            if status == "done" and len(self._mine) > MAX_REMEMBERED and self._mine.pop(effect.key, None) is not None:
                self.whole = False
            self._tell()

    def try_begin(self, effect: Effect) -> bool:
        """Reserve ``effect`` for an attempt; False while another attempt of it runs in this process."""
        with self._lock:
            if effect.busy:
                return False
            effect.busy = True
            return True

    def leave(self, effect: Effect) -> None:
        """Give back what `try_begin` reserved, with nothing begun."""
        with self._lock:
            effect.busy = effect.looked = False
            self._tell()

    def wait(self, effect: Effect) -> None:
        """Wait until no attempt of ``effect`` runs in this process."""
        with self._lock:
            self._waiting += 1
            try:
                self._over.wait_for(lambda: not effect.busy)
            finally:
                self._waiting -= 1

    def _tell(self) -> None:
        if self._waiting:
            self._over.notify_all()

    def consume(self, levels: tuple[str, ...], step: int, done: frozenset[str]) -> list[Effect]:
        """A checkpointed graph goes on at its superstep ``step``: what lies behind it, which is not asked for again.

        ``levels`` is where the graph lies (a node's execution on each level); ``done`` are executions of that
        superstep whose writes are kept.
        """
        self.answers.pass_by(lambda at: behind(at, levels, step, done))
        with self._lock:
            return self._pass_by(lambda effect: behind(effect.at, levels, step, done))

    def inside(self, effect: Effect) -> list[Effect]:
        """A recorded result of ``effect`` is given out: what was done inside it, which is not asked for again."""
        if effect.key not in self._around:
            return []
        around = {effect.key}
        with self._lock:
            for one in self._unclaimed.values():  # in the order in which they began: the outer one before the inner one
                if one.inside in around:
                    around.add(one.key)
            return self._pass_by(lambda one: one.status == "done" and one.inside in around)

    def _pass_by(self, passed: Callable[[Effect], bool]) -> list[Effect]:
        found = [effect for effect in self._unclaimed.values() if passed(effect)]
        for effect in found:
            effect.claimed = True
            del self._unclaimed[effect.key]
        return found

    def answered(self, call_ids: Iterable[str]) -> None:
        """The messages that the run goes on with have answers to these calls: they are not asked for again."""
        if not self._unclaimed:
            return
        with self._lock:
            for call_id in call_ids:
                known = [one for one in self._unclaimed.values() if one.call_id == call_id]
                if known:
                    first = min(known, key=lambda one: one.occurrence)
                    self._pass_by(lambda one, first=first: one is first)  # type: ignore[misc]

    def answered_one(self, what: bytes) -> None:
        """They have an answer to a call that is ``what``, and that had no id where it was made."""
        with self._lock:
            free = [one for one in self._equal_to(what).open if not one.claimed and not one.call_id]
            self._pass_by(lambda one: one in free[:1])

    def effects(self) -> list[Effect]:
        """All that are remembered, those of earlier lives first."""
        with self._lock:
            return [*self._before.values(), *self._mine.values()]

    def unclaimed(self) -> list[Effect]:
        """Effects of earlier lives on the world that this life has not asked for."""
        with self._lock:
            return [one for one in self._unclaimed.values() if one.effect != "read" and one.status != "failed"]


def behind(at: str, levels: tuple[str, ...], step: int, done: frozenset[str]) -> bool:
    """Whether a call at ``at`` was made before the graph at ``levels`` came to its superstep ``step``.

    ``at`` has for each level of graphs, outermost first, the superstep and the node's execution there, as in
    ``3/tools:ID|1/tools:ID``; empty outside checkpointed graphs.
    """
    parts = [part.partition("/") for part in at.split("|")] if at else []
    if len(parts) <= len(levels) or tuple(name for _, _, name in parts[: len(levels)]) != levels:
        return False
    number, _, name = parts[len(levels)]
    if not number.lstrip("-").isdigit():
        return False
    return int(number) < step or (int(number) == step and name in done)
