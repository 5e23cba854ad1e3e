"""What led to what inside one run: which reply proposed a tool call, and whose outputs entered a model's input.

Kept in memory for the length of a run, apart for each agent in it (known by its step, so that two of one name stay
apart); what an interrupted agent had going on waits for the next run of its thread. Call ids and message ids are
chosen by others: they may be missing or come twice. What cannot be told apart has no cause. Nothing here grows with
the run: a call is forgotten once its answer was read, the oldest when there are many.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from handrail.tracing.context import Frame, RunState
from handrail.tracing.links import Link

MAX_OPEN = 1_000
"""Proposed calls, and retrievals, of one agent whose outcome no model has read yet, that are remembered."""
MAX_REPLIES = 1_000
"""Replies of one run by which other agents' answers are recognised."""
_SHOWN = 16
"""Inputs of one agent that are recognised as the beginning of a later one."""
_QUOTED = 200
"""Characters of a document by which it is recognised in a message."""
_KEY, _PARKED = "why", "parked"
_making = threading.Lock()


class Reason(NamedTuple):
    """Why a tool was called."""

    step: str
    """The model step that proposed the call, or the reflection that announced it."""
    said: int = 0
    """Characters of text that the model wrote beside the call."""
    reasoning: int = 0
    """Characters of reasoning that it returned."""
    text: str = ""
    """What it wrote: content."""
    run: str = ""
    """The run of ``step``, where that is another one."""
    trace: str = ""
    """Its trace, where it is of another run."""

    def facts(self) -> dict[str, object]:
        """Fields of the record of whatever was done for this reason."""
        found: dict[str, object] = {}
        if self.step and not self.run:
            found["cause"] = self.step
        if self.said:
            found["said"] = self.said
        if self.reasoning:
            found["reasoning"] = self.reasoning
        return found

    def shown(self) -> dict[str, object]:
        """What a span shows of it where it carries content."""
        return {"rationale": self.text} if self.text else {}

    def links(self) -> tuple[Link, ...]:
        """The link to a cause in another run; one in the same run is told by the fact ``cause``."""
        return (Link("caused_by", self.step, self.run, self.trace),) if self.run else ()


NO_REASON = Reason("")
"""Of a call that nothing is known to have led to."""


class Proposed(NamedTuple):
    """One call of a reply."""

    id: str
    """The id that the model gave it; empty where it gave none."""
    name: str
    args: object


@dataclass(slots=True, eq=False)
class Proposal:
    """A call that an agent's model proposed, until its answer was read."""

    reason: Reason
    name: str
    args: object
    count: int = 1
    """How many calls of the reply have this id."""
    ran: int = 0
    clear: bool = True
    """Whether only one reply can be meant."""
    steps: list[Link] = field(default_factory=list[Link])
    """Tool steps that it led to; of a call that was tried again, the last."""


class Said(NamedTuple):
    """One message of a model's input, as far as causes go."""

    answers: str = ""
    """Id of the call that the message answers."""
    id: str = ""
    """Id of the message itself, where a model wrote it."""
    text: Callable[[], str] = str
    """The message's text."""


class _Agent:
    """What one agent, or a tool that asks models itself, has going on."""

    def __init__(self) -> None:
        self.model = ""
        """Its latest model step that has replied."""
        self.proposals: dict[str, Proposal] = {}
        self.searches: dict[str, Sequence[str]] = {}
        """Retrieval step -> texts that it found."""
        self.announced: dict[str, str] = {}
        """Tool -> the reflection that announces its next call."""
        self.shown: dict[int, object] = {}
        """The last message of each of its latest inputs, by identity; kept alive so that it stays theirs."""

    def propose(self, key: str, call: Proposed, reason: Reason) -> None:
        """Remember a call of a reply under its id, or another key where it has none."""
        known = self.proposals.pop(key, None)
        if known is not None and known.reason.step == reason.step:
            known.count += 1
            self.proposals[key] = known
            return
        clear = known is None or known.ran > 0
        self.proposals[key] = Proposal(reason, call.name, call.args, clear=clear)
        _trim(self.proposals, MAX_OPEN)

    def find(self, call_id: str | None, name: str, args: object) -> Proposal | None:
        """The proposal that a call carries out; one without an id is known by name and arguments."""
        if call_id:
            found = self.proposals.get(call_id)
            return found if found is not None and found.clear else None
        same = [p for p in self.proposals.values() if p.clear and p.ran < p.count and p.name == name]
        return next((p for p in same if _equal(p.args, args)), None)

    def moved(self, run: str, trace: str) -> _Agent:
        """The same, seen from another run."""
        for proposal in self.proposals.values():
            if not proposal.reason.run:
                proposal.reason = proposal.reason._replace(run=run, trace=trace)
            proposal.steps = [each if each.run else Link(each.type, each.step, run, trace) for each in proposal.steps]
        self.model, self.searches = "", {}
        self.announced.clear()
        return self


def _trim(table: dict[Any, Any], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # values that cannot be compared, such as arrays
        return False


class Why:
    """The memory of one run; every thread of the run shares it."""

    def __init__(self, parked: dict[tuple[str, ...], list[_Agent]]) -> None:
        """``parked`` is what earlier runs of the thread left over, by delegation chain."""
        self._lock = threading.Lock()
        self._parked = parked
        self._agents: dict[str, _Agent] = {}
        self._reasons: dict[str, Reason] = {}
        """Open tool step -> why it was taken."""
        self._replies: dict[str, tuple[str, str, str]] = {}
        """Id of a message -> the agent's step, its name, and the model step that wrote it."""

    def _agent(self, above: Frame, call_id: str = "") -> _Agent:
        found = self._agents.get(above.step)
        if found is None:
            found = self._agents[above.step] = self._resumed(above, call_id) or _Agent()
        return found

    def _resumed(self, above: Frame, call_id: str) -> _Agent | None:
        """What the interrupted agent that goes on here had going on, where only one can be meant."""
        waiting = self._parked.get(above.principal.links, ()) if self._parked else ()
        meant = [each for each in waiting if not call_id or call_id in each.proposals]
        if len(meant) != 1:
            return None
        self._parked[above.principal.links].remove(meant[0])
        return meant[0]

    def replied(self, above: Frame, message: str, reason: Reason, calls: Iterable[Proposed]) -> None:
        """The model step ``reason.step``, under ``above``, wrote the message of this id and proposed ``calls``."""
        with self._lock:
            agent = self._agent(above)
            agent.model = reason.step
            for number, call in enumerate(calls):
                agent.propose(call.id or f"{reason.step}\0{number}", call, reason)
            if message:
                self._replies.pop(message, None)
                self._replies[message] = above.step, above.principal.agent, reason.step
                _trim(self._replies, MAX_REPLIES)

    def find(self, above: Frame, call_id: str | None, name: str, args: object) -> Proposal | None:
        """The proposal that a tool call under ``above`` carries out; None where nothing tells."""
        with self._lock:
            agent = self._agent(above, call_id or "")
            announced = agent.announced.pop(name, "") if agent.announced else ""
            found = agent.find(call_id, name, args)
            return Proposal(Reason(announced), name, args) if found is None and announced else found

    def latest(self, agent: str) -> str:
        """The latest model step that has replied to the agent of this step; empty where none has."""
        known = self._agents.get(agent)
        return known.model if known is not None else ""

    def took(self, proposal: Proposal, step: str) -> None:
        """The tool step ``step`` carries out ``proposal``: its answer is looked out for."""
        with self._lock:
            proposal.ran += 1
            proposal.steps = [*proposal.steps, Link("caused_by", step)][-proposal.count :]
            self._reasons[step] = proposal.reason

    def announce(self, above: Frame, tool: str, reflection: str) -> None:
        """The next call of ``tool`` under ``above`` is what ``reflection`` is about."""
        with self._lock:
            announced = self._agent(above).announced
            announced[tool] = reflection
            _trim(announced, MAX_OPEN)

    def searched(self, above: Frame, step: str, texts: Iterable[str]) -> None:
        """The retrieval ``step`` under ``above`` found ``texts``."""
        with self._lock:
            agent = self._agent(above)
            agent.searches[step] = [text[:_QUOTED] for text in texts if text]
            _trim(agent.searches, MAX_OPEN)

    def entered(self, above: Frame, messages: Sequence[Any], said: Callable[[Any], Said]) -> list[Link]:
        """The steps whose outputs are new in the input that a model under ``above`` is given.

        Looks at ``messages`` from the end, up to one that was the last of an earlier input. Of another agent's
        messages the latest counts.
        """
        with self._lock:
            agent = self._agent(above)
            found: dict[Link, None] = {}
            others: dict[str, Link] = {}
            for message in _new(agent, messages):
                self._enter(above, agent, said(message), found, others)
            return [*others.values(), *found]

    def _enter(self, above: Frame, agent: _Agent, told: Said, found: dict[Link, None], others: dict[str, Link]) -> None:
        if told.answers:
            proposal = agent.proposals.pop(told.answers, None)
            found.update(dict.fromkeys(proposal.steps if proposal is not None else ()))
        elif told.id:
            author, name, step = self._replies.get(told.id, ("", "", ""))
            if step and author != above.step and name != above.principal.agent:
                others[author] = Link("caused_by", step)
        elif agent.searches:
            text = told.text()
            for step in [step for step, texts in agent.searches.items() if any(each in text for each in texts)]:
                del agent.searches[step]
                found[Link("caused_by", step)] = None

    def reason_of(self, frame: Frame) -> Reason | None:
        """Why what happens in ``frame`` happens: the reason of its tool call, or the agent's latest reply."""
        with self._lock:
            agent = self._agents.get(frame.step)
            latest = Reason(agent.model) if agent is not None and agent.model else None
            return latest or self._reasons.get(frame.step)

    def over(self, frame: Frame, interrupted: bool) -> None:
        """The step of ``frame`` has ended: forget what it had going on, or keep it for when it is resumed."""
        with self._lock:
            self._reasons.pop(frame.step, None)
            agent = self._agents.pop(frame.step, None)
            if agent is not None and agent.proposals and interrupted and frame.state.thread:
                parked = self._parked.setdefault(frame.principal.links, [])
                parked.append(agent.moved(frame.state.run, frame.state.trace))
                del parked[:-_SHOWN]


def _new(agent: _Agent, messages: Sequence[Any]) -> list[Any]:
    new: list[Any] = []
    for message in reversed(messages):
        if id(message) in agent.shown:
            break
        new.append(message)
    if new:
        agent.shown[id(new[0])] = new[0]
        _trim(agent.shown, _SHOWN)
    new.reverse()
    return new


def why_of(state: RunState) -> Why:
    """The memory of a run."""
    found: Why | None = state.notes.get(_KEY)
    if found is not None:
        return found
    with _making:
        made: Why = state.notes.setdefault(_KEY, Why(state.kept.setdefault(_PARKED, {})))
        return made


def over(frame: Frame, interrupted: bool) -> None:
    """The step of ``frame`` has ended; see :meth:`Why.over`."""
    found: Why | None = frame.state.notes.get(_KEY)
    if found is not None:
        found.over(frame, interrupted)
