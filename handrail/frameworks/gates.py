"""Entering runs through a gate, and who they act as. Knows no framework; every seam uses it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from handrail.audit.steps import Step
from handrail.config import Settings
from handrail.errors import NotResumable
from handrail.frameworks import flow, opening, ownership, resuming, thinking
from handrail.frameworks.installed import versions
from handrail.gate import Gate, Passed, gate_of, seen
from handrail.tracing import context
from handrail.tracing.acting import Accepted, accepted, acting, principal
from handrail.tracing.context import Frame, RunState
from handrail.tracing.faults import unquoted
from handrail.tracing.identity import ANONYMOUS, Principal

log = logging.getLogger(__name__)

_INNER = "inner"


def enter(
    gate: Gate | None,
    name: str,
    owner: object,
    *,
    said: Mapping[str, str] | None = None,
    configurable: Mapping[str, Any] | None = None,
    entry: str = "",
    place: tuple[str, str] = ("", ""),
    turn: flow.Turn | None = None,
    shape: Mapping[str, object] = MappingProxyType({}),
) -> Step | None:
    """Open what ``owner`` starts: a run outside every run, a sub-agent's step inside one.

    None when ``owner`` only calls itself, or when no gate governs this call. ``said`` is what ``govern`` was
    told about the principal; ``configurable`` is LangChain's configuration of the call; ``place`` is the name
    of the node that is running, and the id of its execution; ``turn`` is how the invocation begins; ``shape`` are
    facts about the owner: ``type`` is ``workflow`` where it is no agent, ``remote`` says that it runs elsewhere. In
    observe mode a fault of ours is logged, and the call goes on unobserved.
    """
    frame = context.current()
    if frame is not None and frame.owner is owner:
        return None
    gate = gate or (opening.default_gate() if frame is None else None)
    asked = (*(frame.gates if frame else ()), *((gate,) if gate else ()))
    try:
        if frame is not None:
            return _sub_agent(frame, gate, name, owner, configurable or {}, place, shape, turn)
        return _run(gate, name, owner, said or {}, configurable or {}, entry, turn, shape) if gate else None
    except NotResumable:
        raise  # what the caller asked for cannot be: nothing would be replayed, everything done again
    except Exception:
        if any(each.rulebook.enforces for each in asked):
            raise  # NotAvailable too, which is no fault
        log.warning("A call of the agent %r could not be observed", name, exc_info=unquoted())
        return None


def _handed(state: RunState, name: str, place: tuple[str, str]) -> Principal | None:
    """Who handed over to whoever starts here; every agent of the node's execution acts for them."""
    node, execution = place
    for key in (execution, node, name):
        hander = state.handoffs.get(key) if key else None
        if hander is not None:
            if key != execution:
                del state.handoffs[key]
            if execution:
                state.handoffs[execution] = hander
            return hander
    return None


def _sub_agent(
    frame: Frame,
    gate: Gate | None,
    name: str,
    owner: object,
    configurable: Mapping[str, Any],
    place: tuple[str, str],
    shape: Mapping[str, object],
    turn: flow.Turn | None,
) -> Step:
    gates = frame.gates if gate is None or gate in frame.gates else (*frame.gates, gate)
    hander = _handed(frame.state, name, place)
    acting_as = frame.principal.joined(hander) if hander is not None else frame.principal
    acting_as = acting_as.extended(f"agent:{name or ANONYMOUS}")
    if str(configurable.get("thread_id") or "") != frame.state.thread:  # else it was asked where the run began
        ownership.require_run(gates, acting_as, configurable)
    handed = thinking.handed(frame, name or ANONYMOUS, place[0], agent=shape.get("type") != "workflow")
    links = (*handed, *(turn.links if turn is not None else ()))
    return gate_of(frame).steps.agent(frame, acting_as, gates=gates, owner=owner, facts=shape, links=links)


def _run(
    gate: Gate,
    name: str,
    owner: object,
    said: Mapping[str, str],
    configurable: Mapping[str, Any],
    entry: str,
    turn: flow.Turn | None,
    shape: Mapping[str, object],
) -> Step:
    thread = str(configurable.get("thread_id") or "")
    who = whoever(gate, name, said, configurable)
    ownership.require_run((gate,), who, configurable)
    taken, asked = accepted(), resuming.taken()
    named = who.agent == gate.rulebook.now.settings.agent  # the configuration calls it an agent
    about = {} if named and shape.get("type") == "workflow" else shape
    facts = {"entry": entry, "framework": dict(versions()), **about, **gate.rulebook.now.facts(), **_issued_in(taken)}
    begin = flow.start(gate, who, thread, turn)
    facts, links = (facts | begin.facts, begin.links) if begin else (facts, ())
    goes_on = turn is not None and turn.resumes and not (begin is not None and begin.fork is not None)
    last = begin.last if begin is not None else None
    found = resuming.resumption(gate, who, asked, thread, last, goes_on=goes_on)
    if found is not None:
        facts, links = {**facts, "logical": found.ledger.run}, found.links or links
    elif gate.rulebook.enforces:  # a new run, whatever the thread's lineage says
        facts = {name: value for name, value in facts.items() if name != "logical"}
        links = tuple(link for link in links if link.type != "resumed_from")
    run = asked.run if asked is not None and found is None else ""
    step = gate.steps.run((gate,), who, owner=owner, thread=thread, run=run, facts=facts, links=links)
    resuming.begun(gate, step, found)
    seen.begin(step.frame, last.run if last is not None else "", whole=found is not None and found.whole)
    flow.begun(step, begin)
    if entry == "model":
        flow.alone(step)
    return step


def _issued_in(taken: Accepted | None) -> dict[str, object]:
    """The token by which a run acts, and where it was issued: what links the records of two processes."""
    if taken is None:
        return {}
    return {"delegation": {"token": taken.token, "run": taken.run, "trace": taken.trace, "step": taken.step}}


def whoever(gate: Gate, name: str, said: Mapping[str, str], configurable: Mapping[str, Any]) -> Principal:
    """Who a run of the agent ``name`` acts as: the user on whose behalf, and the agent itself."""
    settings, taken = gate.rulebook.now.settings, accepted()
    who = taken.principal if taken is not None else identify(settings, said, configurable)
    return who.extended(f"agent:{name or settings.agent or ANONYMOUS}")


def identify(settings: Settings, said: Mapping[str, str], configurable: Mapping[str, Any]) -> Principal:
    """Who a new run acts for: defaults, then ``govern``'s word, then a trusted caller, then ``acting_for``."""
    defaults = {
        "tenant": settings.tenant,
        "user": settings.user,
        "session": settings.session,
        "channel": settings.channel,
    }
    trusted = _trusted(configurable) if settings.trust_configurable else {}
    return principal(defaults, said, trusted, acting())


def _trusted(configurable: Mapping[str, Any]) -> dict[str, str]:
    """Identity in ``configurable``; a server's authenticated user goes before what a client wrote."""
    said = {name: str(configurable[name]) for name in ("tenant", "user", "session", "channel")
            if configurable.get(name)}  # fmt: skip
    said.setdefault("session", str(configurable.get("thread_id") or ""))
    server = configurable.get("langgraph_auth_user")
    identity: Any = server.get("identity") if isinstance(server, Mapping) else getattr(server, "identity", None)
    return {**said, "user": str(identity)} if identity else said


def already_passed(frame: Frame, name: str, args: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> bool:
    """Whether another seam just let this very call through: a tool of the same name, with equal arguments.

    ``defaults`` are those that the callee fills in by itself. Good for one call: a tool that calls twice is
    decided again.
    """
    passed = frame.owner
    if not isinstance(passed, Passed) or getattr(passed.tool, "name", None) != name:
        return False
    if {**(defaults or {}), **passed.args} != args:
        return False
    first = _INNER not in passed.used
    passed.used.add(_INNER)
    return first


@contextmanager
def standing(
    opening: Callable[[], Step | None], pauses: tuple[type[BaseException], ...] = ()
) -> Generator[Frame | None]:
    """The frame of one call. Outside every run, that of the run that ``opening`` opens for it, or None without one."""
    frame = context.current()
    step = opening() if frame is None else None
    if step is None:
        yield frame
        return
    try:
        yield step.frame
    except BaseException as error:
        leave(step, error, pauses)
        raise
    leave(step)


leave, close = flow.leave, flow.close
