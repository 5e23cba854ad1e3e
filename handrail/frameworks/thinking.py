"""What an agent plans, reflects and hands over: put down as steps of its run. Knows no framework.

``plan`` and ``reflect`` are for a program that says so itself; the seams of frameworks use the rest.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence

from handrail.audit.steps import Facts, Kind
from handrail.frameworks import executables
from handrail.gate import Passed, gate_of
from handrail.tracing import context, reflections
from handrail.tracing.context import Frame
from handrail.tracing.links import Link
from handrail.tracing.planned import planned
from handrail.tracing.plans import Item, Plan, items_of
from handrail.tracing.why import NO_REASON, Reason, why_of

log = logging.getLogger(__name__)

_STEP = re.compile(r"[0-9a-f]{16}", re.ASCII)
_HANDED = "handed"
MAX_WAITING = 16
"""Hand-overs to one agent that wait for it to start."""
_NO_FACTS: Facts = {}
_warned: set[str] = set()


def plan(items: object) -> None:
    """Say what the agent that runs here plans to do; said again, it is a revision, and what changed is kept.

    ``items`` are texts, or mappings with ``content`` and ``status`` (``completed`` or ``done`` when it is over), in
    order; a text counts line by line. The same plan again is no revision. Outside a run nothing happens, but for one
    line in the log. Never raises; the items are content.
    """
    frame = _frame("plan")
    if frame is not None:
        _quietly("A plan", lambda: revise(frame, items_of(items), None))


def reflect(text: str, *, confidence: float | None = None, about: str | None = None) -> None:
    """Say what the agent that runs here thinks of its work, and how sure it is, from 0 to 1.

    ``about`` is what is thought of: the name of a governed tool, whose next call here then names this as its cause,
    a step's id, or any text. Outside a run nothing happens, but for one line in the log. Never raises; the text is
    content, and a ``confidence`` outside 0 to 1 is left out.
    """
    frame = _frame("reflect")
    if frame is not None:
        _quietly("A reflection", lambda: _reflected(frame, text, confidence, about))


def _frame(what: str) -> Frame | None:
    frame = context.current()
    if frame is None and what not in _warned:
        _warned.add(what)
        log.warning("handrail.%s was called outside every run: there is nothing to put it down for. Said once.", what)
    return frame


def _quietly(what: str, do: Callable[[], None]) -> None:
    try:
        do()
    except Exception as error:
        log.warning("%s could not be recorded: %s", what, type(error).__name__)


def _reflected(frame: Frame, text: object, confidence: object, about: object) -> None:
    subject = about if isinstance(about, str) else "" if about is None else type(about).__name__
    tool = subject in executables.names()
    named = tool or _STEP.fullmatch(subject) is not None
    step = reflected(
        frame,
        text if isinstance(text, str) else type(text).__name__,
        reflections.fraction(confidence),
        about=subject if named else "",
        subject="" if named else subject,
    )
    if tool:
        why_of(frame.state).announce(frame, subject, step)


def reflected(
    frame: Frame,
    text: str,
    confidence: float | None,
    *,
    about: str = "",
    subject: str = "",
    reason: Reason | None = None,
) -> str:
    """Put down a reflection of the agent in ``frame``; the id of its step. ``about`` is a name, ``subject`` content."""
    facts: dict[str, object] = {"about": about} if about else {}
    if confidence is not None:
        facts["confidence"] = confidence
    content = {"text": text, "subject": subject}
    return _put(frame, "reflection", frame.principal.agent, facts, {k: v for k, v in content.items() if v}, reason)


def revise(frame: Frame, items: Sequence[Item], was: Sequence[Item] | None, reason: Reason | None = None) -> None:
    """The agent in ``frame`` plans ``items``. ``was`` is what a framework says it planned before, None if nothing."""

    def put(made: Plan) -> None:
        whole = {"plan": [item.shown() for item in made.items]}
        content: Facts = whole if made.revision == 1 else {"diff": made.diff}
        _put(frame, "plan", frame.principal.agent, made.facts(), content, reason)

    planned(frame.state).revise(frame, items, was, put)


def hand_over(frame: Frame, to: str, reason: Reason | None = None) -> Link:
    """The agent in ``frame`` hands over to the agent ``to``; what the step of that agent is linked by."""
    return Link("handed_over_by", _put(frame, "handoff", to, {"to": to}, {}, reason))


def announce(frame: Frame, to: str, *, again: bool = True) -> None:
    """Likewise, where the other agent is to start by itself. Not ``again`` where it is announced already."""
    waiting: dict[str, list[Link]] = frame.state.notes.setdefault(_HANDED, {})
    links = waiting.setdefault(to, [])
    if again or not links:
        links.append(hand_over(frame, to))
        del links[:-MAX_WAITING]


def handed(frame: Frame, name: str, node: str, *, agent: bool) -> tuple[Link, ...]:
    """The links of what starts in ``frame`` as ``name``, in a graph's ``node``: who handed over to it.

    Not an ``agent`` is what only works off the steps of its author: a tool that runs it hands nothing over.
    """
    if isinstance(frame.owner, Passed):  # it is what a tool does
        return (hand_over(frame, name),) if agent else ()
    waiting: dict[str, list[Link]] = frame.state.notes.get(_HANDED, {})
    links = waiting.get(node) or waiting.get(name)
    return (links.pop(0),) if links else ()


def _put(frame: Frame, kind: Kind, name: str, facts: Facts, content: Facts, reason: Reason | None) -> str:
    because = reason or why_of(frame.state).reason_of(frame) or NO_REASON
    cause = {"cause": because.step} if because.step and not because.run else _NO_FACTS
    step = gate_of(frame).steps.open(frame, kind, name, {**facts, **cause}, content=content, links=because.links())
    step.finish("ok")
    return step.frame.step
