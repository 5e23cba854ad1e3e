"""Opens and closes steps: for each one a span for the ecosystem and records for the journal, with the same ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal, cast

from handrail.audit.asked import Asked
from handrail.audit.model_call import ModelCall
from handrail.audit.recorder import Recorder, Use, body_of
from handrail.audit.telemetry import Telemetry
from handrail.config import ContentSettings
from handrail.errors import HandrailError
from handrail.tracing import ids, planned, spans, why
from handrail.tracing.context import Frame, RunState, Tally
from handrail.tracing.identity import Principal
from handrail.tracing.kept import Threads
from handrail.tracing.links import Link
from handrail.tracing.others import Theirs

Kind = Literal[
    "run", "agent", "workflow", "model", "fetch", "embedding", "retrieval", "memory", "plan", "reflection", "tool",
    "handoff", "create", "mcp",
]  # fmt: skip
Outcome = Literal["ok", "error", "cancelled", "interrupted", "rejected", "not_found"]
Facts = Mapping[str, object]
_NOTHING: Facts = MappingProxyType({})
FAILED = frozenset({"error", "cancelled"})
"""Outcomes that a span shows as an error."""
_AGENTS = {"run", "agent"}
_OPENING = {"run": "run.start", "model": "model.call", "tool": "tool.call"}
"""Kind of step -> the record that opens it, where that is no ``step.start``."""
_CLOSING = {"run": "run.end", "model": "model.result", "tool": "tool.result"}
"""Kind of step -> the record that closes it, where that is no ``step.end``."""
_UNSAID = "run.start"
"""The note of a run whose first record could not be written: what it would have said."""
MAX_CHOICES = 1_000
"""Different lists of tools offered in one run whose names are put down."""
_USES: Mapping[tuple[Kind, str], Use] = {("model", "output"): "proposes", ("tool", "args"): "proposed"}
"""Kind of step and field of its content -> what that payload is to others."""


def digest(value: object) -> str:
    """SHA-256 (hex) of a value's canonical JSON: for what is no secret, such as tool manifests."""
    return sha256(body_of(value)).hexdigest()


@dataclass(slots=True, eq=False)
class Step:
    """One open step. ``finish`` closes it once; later calls change nothing."""

    steps: Steps
    kind: Kind
    name: str
    frame: Frame
    """The frame to stand in while the step runs."""
    started: int
    """Nanoseconds since the epoch."""
    parent: str | None
    """Step above it in the run, or the caller's span for the outermost."""
    facts: Facts
    """What was known when it opened."""
    shape: Kind
    """As what its span is described: for a run whose outermost step is no agent, what that is."""
    theirs: Theirs | None = None
    """Who shows the step in our place: then it has no span of ours."""
    done: bool = False
    said: dict[str, Any] | None = None
    """What has been told of it, where an event at its end tells everything."""
    outcome: Outcome | None = None
    """How it ended; None while it is open."""
    asked: str = ""
    """Digest of what a model is asked; empty where answers are not kept."""

    def finish(
        self,
        outcome: Outcome,
        error: str | BaseException | None = None,
        facts: Facts = _NOTHING,
        *,
        content: Facts = _NOTHING,
    ) -> None:
        """Close span and record. ``error`` is what was raised, or the name of its class; ``facts`` are fields of the
        closing record.

        Each value of ``content`` is kept as a payload, to which the record refers under its name.
        """
        if self.done:
            return
        self.done, self.outcome = True, outcome
        self.steps.finish(self, outcome, error, facts, content)


class Steps:
    """What a gate uses to put down everything that happens; no decision is made here."""

    def __init__(self, recorder: Recorder, *, content: Callable[[], ContentSettings] = ContentSettings) -> None:
        """``content`` is asked where content may leave, as it is in force."""
        self.recorder = recorder
        self.telemetry = Telemetry(recorder, content)
        self._threads = Threads()

    def run(
        self,
        gates: tuple[Any, ...],
        principal: Principal,
        *,
        owner: object = None,
        thread: str = "",
        run: str = "",
        facts: Facts,
        links: Sequence[Link] = (),
    ) -> Step:
        """Open a run and its outermost step. ``facts`` are version facts for the ``run.start`` record; ``run`` is its
        id where the caller chose one.

        Where they have a ``type``, the outermost step is of that kind: ``workflow`` or ``mcp``; else an agent. A
        ``name`` is the step's; else it has the agent's.
        """
        started, caller, who = ids.now_ns(), spans.caller(), _who(principal)
        shape: Any = facts.get("type", "run")
        name, known = str(facts.get("name") or principal.agent), {**who, **facts}
        self.telemetry.renew()
        span = self.telemetry.start(shape, name, known, thread, links, started)
        trace, step = spans.ids(span) or (caller[0] if caller else ids.new_trace(), ids.new_step())
        state = RunState(run or ids.new_run(), trace, principal, principal.agent, thread, str(facts.get("logical", "")))
        state.kept = self._threads.of(principal.tenant, thread)
        frame = Frame(state, gates, step, principal, owner, span, step)
        opened = Step(self, "run", name, frame, started, caller[1] if caller else None, known, shape)
        record = _record(opened, {**known, "thread": thread}, links)
        try:
            self.recorder.write(record, must=True)
        except HandrailError:  # nothing is done in a run that could not be found again: see ``open``
            state.notes[_UNSAID] = record
        return opened

    def agent(
        self,
        above: Frame,
        principal: Principal,
        *,
        gates: tuple[Any, ...],
        owner: object,
        facts: Facts = _NOTHING,
        links: Sequence[Link] = (),
    ) -> Step:
        """Open the step of a sub-agent that acts as ``principal`` inside the run of ``above``.

        ``facts`` are those of its record: ``type`` is ``workflow`` where it is no agent, ``remote`` says that it runs
        elsewhere.
        """
        facts = {"type": "agent", "name": principal.agent, "chain": list(principal.links), **facts}
        kind: Kind = "workflow" if facts["type"] == "workflow" else "agent"
        opened = self._start(kind, above, principal.agent, facts, links)
        frame = opened.frame
        opened.frame = replace(frame, principal=principal, gates=gates, owner=owner, home=frame.step)
        above.state.counters.add("steps")
        self.recorder.write(_record(opened, facts, links))
        return opened

    def model(self, above: Frame, call: ModelCall, theirs: Theirs | None = None, links: Sequence[Link] = ()) -> Step:
        """Open the step of one model call. ``theirs`` shows it in our place."""
        state = above.state
        entered = why.why_of(state).entered(above, call.messages, call.said)
        facts = {"agent": above.principal.agent, "model": call.model, **call.facts(), **_shown_by(theirs)}
        if causes := [link.step for link in entered if not link.run]:
            facts["causes"] = causes
        links = [*links, *(link for link in entered if link.run)]
        opened = self._start("model", above, call.model, facts, links, theirs)
        state.counters.add("steps")
        state.counters.add("model_calls")
        tools = digest(call.tools) if call.tools else ""
        added: list[bytes] = []
        asked = self._asked(above, call)
        facts |= {
            "messages": self.recorder.messages(
                state, opened.frame.step, above.principal.links, call.messages, call.show, added, asked
            ),
            "tools": tools,
            "prompt": self.recorder.keyed_digest(call.prompt()),
        }
        self.telemetry.opened(opened)
        self.telemetry.asked(opened, call, facts, added)
        self.recorder.write(_record(opened, facts, links))
        if tools:
            self._offer(opened, tools, call)
        if asked is not None:
            opened.asked = asked.digest
        return opened

    def _asked(self, above: Frame, call: ModelCall) -> Asked | None:
        key = self.recorder.key() if call.terms is not None else None
        if key is None or call.terms is None:
            return None
        try:
            return Asked(key, b"%s\n%s" % (above.principal.agent.encode("utf-8", "replace"), call.terms()), call.exact)
        except Exception:  # a parameter that has no exact form: such requests cannot be compared
            return None

    def _offer(self, step: Step, tools: str, call: ModelCall) -> None:
        """Put down the names of the tools that a model could choose from, once for each choice of a run."""
        state = step.frame.state
        known: set[str] = state.notes.setdefault("tools", set())
        if tools not in known and len(known) < MAX_CHOICES:
            known.add(tools)
            names = {"digest": tools, "names": list(call.offered())}
            self.recorder.write({"k": "tools", "run": state.run, "step": step.frame.step, **names})

    def open(
        self,
        above: Frame,
        kind: Kind,
        name: str,
        facts: Facts = _NOTHING,
        *,
        content: Facts = _NOTHING,
        shown: Facts = _NOTHING,
        links: Sequence[Link] = (),
        must: bool = False,
        counts: Sequence[str] = ("steps",),
        theirs: Theirs | None = None,
    ) -> Step:
        """Open a step under ``above``: one record, and one span with the same ids.

        ``facts`` are fields of the record, from which the span's attributes are made. Each value of ``content`` is
        kept as a payload, to which the record refers under its name; ``shown`` is content for the span alone.
        ``counts`` names counters of the run that grow; ``theirs`` shows the step in our place. A tool's record is its
        durable intent.
        Raises JournalError when ``must`` is set and the record or its content cannot be written.
        """
        said = {**_head(kind, name, above), **facts, **_shown_by(theirs)}
        opened = self._start(kind, above, name, said, links, theirs)
        try:
            self.telemetry.opened(opened)
            self.telemetry.alone(opened, shown)
            if must and _UNSAID in above.state.notes:
                self.recorder.write(above.state.notes[_UNSAID], must=True)
                del above.state.notes[_UNSAID]
            kept = self._keep(opened, content, must=must)
            self.recorder.write(_record(opened, {**said, **kept}, links), must=must)
        except BaseException:
            opened.done = True
            self.telemetry.closed(opened, {"dur": 0}, "journal", None, ids.now_ns())
            raise
        for counter in counts:
            above.state.counters.add(counter)
        return opened

    def note(self, frame: Frame, kind: str, facts: Facts, *, content: Facts = _NOTHING) -> None:
        """Put down what was learnt about the open step of ``frame``: a record of ``kind``, and an event on its span."""
        record: dict[str, object] = {"k": kind, "run": frame.state.run, "step": frame.step, **facts}
        record.update((name, self.recorder.payload(value, frame.state)) for name, value in content.items())
        self.recorder.write(record)
        self.telemetry.noted(frame, kind, facts)

    def finish(
        self, step: Step, outcome: Outcome, error: str | BaseException | None, facts: Facts, content: Facts
    ) -> None:
        """Close ``step``; callers use :meth:`Step.finish`."""
        now, state, tally = ids.now_ns(), step.frame.state, step.frame.tally
        raised = type(error).__name__ if isinstance(error, BaseException) else error
        if step.kind == "model":
            tally.model(step.name, _usage(facts), _finish(facts))
        totals = {**(_totals(state) if step.kind == "run" else {}), **(_used(tally) if step.kind in _AGENTS else {})}
        closing: dict[str, object] = {"outcome": outcome, "error": raised, "dur": now - step.started, **totals, **facts}
        kept = self._keep(step, content, closing)
        kind = _CLOSING.get(step.kind, "step.end")
        self.recorder.write({"k": kind, "run": state.run, "step": step.frame.step, **closing, **kept})
        why.over(step.frame, outcome == "interrupted")
        if step.frame.home == step.frame.step:
            planned.over(step.frame)
        self.telemetry.closed(step, closing, (raised or outcome) if outcome in FAILED else None, error, now)

    def _start(
        self, kind: Kind, above: Frame, name: str, facts: Facts, links: Sequence[Link], theirs: Theirs | None = None
    ) -> Step:
        started, shape = ids.now_ns(), _shape(kind, facts)
        if shape == "tool" and facts.get("ran", True):
            above.tally.tool()
        if theirs is not None:
            return self._elsewhere(theirs, kind, above, name, facts, started)
        span = self.telemetry.start(shape, name, facts, above.state.thread, links, started)
        found = spans.ids(span)
        frame = above.below(found[1] if found else ids.new_step(), span)
        if kind in ("agent", "workflow"):
            frame = replace(frame, tally=Tally(above.tally))
        return Step(self, kind, name, frame, started, above.step, facts, shape)

    def _elsewhere(self, theirs: Theirs, kind: Kind, above: Frame, name: str, facts: Facts, started: int) -> Step:
        found = spans.ids(theirs.span)
        step = found[1] if found and found[0] == above.state.trace else ids.new_step()
        frame = above.below(step, theirs.span)
        self.telemetry.mark(frame, kind, name, facts)
        return Step(self, kind, name, frame, started, above.step, facts, kind, theirs)

    def _keep(self, step: Step, content: Facts, closing: Facts = _NOTHING, *, must: bool = False) -> dict[str, object]:
        """References to the payloads of ``content``, which is shown on the span when content is on."""
        if not content:
            return {}
        keep, state, kind = self.recorder.kept, step.frame.state, step.kind
        kept = {
            field: keep(value, state, must=must, use=_USES.get((kind, field), "")) for field, value in content.items()
        }
        if self.telemetry.wants(step):
            self.telemetry.show(step, {field: body for field, (_, body) in kept.items()}, closing)
        return {field: ref for field, (ref, _) in kept.items()}


def _shape(kind: Kind, facts: Facts) -> Kind:
    """As what a step is shown: an access to memory is decided and recorded like a tool call, and says ``type``."""
    return "memory" if kind == "tool" and facts.get("type") == "memory" else kind


def _record(step: Step, facts: Facts, links: Sequence[Link]) -> dict[str, object]:
    record: dict[str, object] = {
        "k": _OPENING.get(step.kind, "step.start"),
        "run": step.frame.state.run,
        "trace": step.frame.state.trace,
        "step": step.frame.step,
        "parent": step.parent,
        **facts,
    }
    if links:
        record["links"] = [link.record() for link in links]
    return record


def _shown_by(theirs: Theirs | None) -> dict[str, object]:
    return {"shown_by": theirs.scope} if theirs is not None else {}


def _head(kind: Kind, name: str, above: Frame) -> dict[str, object]:
    """What every record of a step says of it."""
    principal = above.principal
    who = {"agent": principal.agent, "chain": list(principal.links)}
    return {"tool": name, "tenant": principal.tenant, **who} if kind == "tool" else {"type": kind, "name": name, **who}


def _who(principal: Principal) -> dict[str, object]:
    return {
        "agent": principal.agent,
        "tenant": principal.tenant,
        "user": principal.user,
        "session": principal.session,
        "channel": principal.channel,
        "chain": list(principal.links),
        **({"scopes": principal.scopes} if principal.scopes else {}),
    }


_TOTALS = ("steps", "model_calls", "tool_calls", "denied", "input_tokens", "output_tokens")


def _totals(state: RunState) -> dict[str, int]:
    return {name: state.counters.get(name) for name in _TOTALS}


def _used(tally: Tally) -> dict[str, object]:
    """What an agent has used, with the models that it asked and why the latest of them ended."""
    return {
        "model_calls": tally.model_calls,
        "tool_calls": tally.tool_calls,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "models": tally.models,
        "finish": tally.finish,
    }


def _usage(facts: Facts) -> Mapping[str, int]:
    return cast("Mapping[str, int]", facts.get("usage") or {})


def _finish(facts: Facts) -> list[str]:
    return cast("list[str]", facts.get("finish") or [])
