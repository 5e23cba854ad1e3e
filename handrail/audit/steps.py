"""Opens and closes steps: for each one a span for the ecosystem and records for the journal, with the same ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

from handrail.audit.recorder import Recorder, Ref, body_of
from handrail.tracing import ids, spans
from handrail.tracing.context import Frame, RunState
from handrail.tracing.identity import Principal

Kind = Literal["run", "agent", "model", "tool", "retrieval"]
Outcome = Literal["ok", "error", "cancelled", "interrupted", "rejected", "not_found"]
_SPAN_KIND = {"run": "agent"}
_FAILED = {"error", "cancelled"}


_CLOSING = {
    "run": "run.end", "agent": "step.end", "retrieval": "step.end", "model": "model.result", "tool": "tool.result",
}  # fmt: skip
"""Kind of step -> the record that closes it."""


def digest(value: object) -> str:
    """SHA-256 (hex) of a value's canonical JSON: for what is no secret, such as tool manifests."""
    return sha256(body_of(value)).hexdigest()


@dataclass(slots=True, eq=False)
class Step:
    """One open step. ``finish`` closes it once; later calls change nothing."""

    steps: Steps
    kind: Kind
    frame: Frame
    """The frame to stand in while the step runs."""
    started: int
    """Nanoseconds since the epoch."""
    parent: str | None
    """Step above it in the run, or the caller's span for the outermost."""
    done: bool = False
    ends: dict[str, Any] = field(default_factory=dict[str, Any])
    """Span attributes that are only known at the end."""

    def finish(self, outcome: Outcome, error: str | None = None, facts: Mapping[str, object] | None = None) -> None:
        """Close span and record. ``error`` is a class name; ``facts`` are fields of the closing record."""
        if self.done:
            return
        self.done = True
        self.steps.finish(self, outcome, error, facts or {})


class Steps:
    """What a gate uses to put down everything that happens; no decision is made here."""

    def __init__(self, recorder: Recorder, *, content: bool | None = None) -> None:
        self.recorder = recorder
        self._spans = spans.Spans()
        self._content = spans.content_on() if content is None else content

    def run(
        self,
        gates: tuple[Any, ...],
        principal: Principal,
        *,
        owner: object = None,
        thread: str = "",
        facts: Mapping[str, object],
    ) -> Step:
        """Open a run and its outermost step. ``facts`` are version facts for the ``run.start`` record."""
        started, caller = ids.now_ns(), spans.caller()
        span = self._span("run", principal.agent, started, _agent_attributes(principal.agent, thread))
        trace, step = spans.ids(span) or (caller[0] if caller else ids.new_trace(), ids.new_step())
        state = RunState(ids.new_run(), trace, principal, principal.agent, thread)
        frame = Frame(state, gates, step, principal, owner, span)
        opened = Step(self, "run", frame, started, caller[1] if caller else None)
        self.recorder.write(self._record("run.start", opened, _who(principal), facts, {"thread": thread}))
        return opened

    def agent(self, above: Frame, principal: Principal, *, gates: tuple[Any, ...], owner: object) -> Step:
        """Open the step of a sub-agent that acts as ``principal`` inside the run of ``above``."""
        attributes = _agent_attributes(principal.agent, above.state.thread)
        opened = self._open("agent", above, principal.agent, attributes)
        opened.frame = replace(opened.frame, principal=principal, gates=gates, owner=owner)
        above.state.counters.add("steps")
        facts = {"type": "agent", "name": principal.agent, "chain": list(principal.links)}
        self.recorder.write(self._record("step.start", opened, facts))
        return opened

    def model(self, above: Frame, call: ModelCall) -> Step:
        """Open the step of one model call."""
        opened = self._open("model", above, call.model, call.attributes(above.state.thread))
        state = above.state
        state.counters.add("steps")
        state.counters.add("model_calls")
        links = above.principal.links
        facts: dict[str, object] = {
            "agent": above.principal.agent,
            "provider": call.provider,
            "model": call.model,
            "messages": self.recorder.messages(state, opened.frame.step, links, call.messages, call.show),
            "tools": digest(call.tools) if call.tools else "",
            "prompt": self.recorder.keyed_digest(call.prompt()),
            "params": dict(call.params),
        }
        if call.hidden:
            facts["hidden"] = list(call.hidden)
        self.recorder.write(self._record("model.call", opened, facts))
        return opened

    def retrieval(self, above: Frame, name: str, query: object) -> Step:
        """Open the step of one search of the retriever ``name``."""
        opened = self._open("retrieval", above, name, _retrieval_attributes(name))
        above.state.counters.add("steps")
        facts = {
            "type": "retrieval",
            "name": name,
            "agent": above.principal.agent,
            "chain": list(above.principal.links),
        }
        self.recorder.write(self._record("step.start", opened, facts, {"query": self.recorder.payload(query)}))
        return opened

    def tool(
        self,
        above: Frame,
        name: str,
        call_id: str | None,
        description: str,
        facts: Mapping[str, object],
        *,
        args: object,
        must: bool,
    ) -> Step:
        """Open the step of one proposed tool call: this record is the durable intent.

        Raises JournalError when ``must`` is set and the record or its arguments cannot be written.
        """
        opened = self._open("tool", above, name, _tool_attributes(above, name, call_id, description, facts))
        if self._content and opened.frame.span is not None:
            opened.frame.span.set_attribute("gen_ai.tool.call.arguments", body_of(args).decode())
        principal = above.principal
        base = {"tool": name, "call_id": call_id, "agent": principal.agent, "tenant": principal.tenant}
        chain = {"chain": list(principal.links)}
        try:
            kept = {"args": self.recorder.payload(args, must=must)}
            self.recorder.write(self._record("tool.call", opened, base, chain, facts, kept), must=must)
        except BaseException:
            opened.done = True
            spans.end(opened.frame.span, {}, "journal", ids.now_ns())
            raise
        above.state.counters.add("steps")
        above.state.counters.add("tool_calls")
        return opened

    def finish(self, step: Step, outcome: Outcome, error: str | None, facts: Mapping[str, object]) -> None:
        """Close ``step``; callers use :meth:`Step.finish`."""
        now = ids.now_ns()
        closing: dict[str, object] = {"outcome": outcome, "error": error, "dur": now - step.started}
        state = step.frame.state
        if step.kind == "run":
            closing.update(_totals(state))
            step.ends.update(_run_attributes(state))
        record = {"k": _CLOSING[step.kind], "run": state.run, "step": step.frame.step, **closing, **facts}
        self.recorder.write(record)
        failed = (error or outcome) if outcome in _FAILED else None
        spans.end(step.frame.span, step.ends, failed, now)

    def _open(self, kind: Kind, above: Frame, name: str, attributes: Mapping[str, Any]) -> Step:
        started = ids.now_ns()
        span = self._span(kind, name, started, attributes)
        found = spans.ids(span)
        step = found[1] if found else ids.new_step()
        frame = replace(above, step=step, owner=None, span=span)
        return Step(self, kind, frame, started, above.step)

    def _span(self, kind: Kind, name: str, started: int, attributes: Mapping[str, Any]) -> Any:
        label = f"{attributes['gen_ai.operation.name']} {name}"
        return self._spans.start(label, _SPAN_KIND.get(kind, kind), attributes, started)

    @staticmethod
    def _record(kind: str, step: Step, *parts: Mapping[str, object]) -> dict[str, object]:
        record: dict[str, object] = {
            "k": kind,
            "run": step.frame.state.run,
            "trace": step.frame.state.trace,
            "step": step.frame.step,
            "parent": step.parent,
        }
        for part in parts:
            record.update(part)
        return record

    def output(self, step: Step, value: object) -> Ref | None:
        """Keep what a step gave back, once per run, and put it on the span when content is on."""
        if self._content and step.frame.span is not None and step.kind == "tool":
            step.ends["gen_ai.tool.call.result"] = body_of(value).decode()
        return self.recorder.payload(value, step.frame.state)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model, as a seam describes it."""

    provider: str
    """Well-known provider name of the GenAI conventions, such as ``openai``."""
    model: str
    """The model that was asked for."""
    messages: Sequence[Any]
    """The whole input, oldest first, as the framework's own objects."""
    show: Callable[[Any], object]
    """Turns one of ``messages`` into JSON types."""
    system: Callable[[Any], str | None]
    """Text of a message that belongs to the prompt template, or None."""
    tools: Sequence[Any] = ()
    """Tool definitions sent along, in the provider's JSON form."""
    hidden: tuple[str, ...] = ()
    """Names of the tools that were not sent along, because they may not be called."""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    """Request parameters: temperature, max_tokens and the like."""
    server: str = ""
    """Host name of the service; empty when unknown."""
    port: int | None = None

    def prompt(self) -> str:
        """The leading messages that make up the prompt template."""
        texts: list[str] = []
        for message in self.messages:
            text = self.system(message)
            if text is None:
                break
            texts.append(text)
        return "\n".join(texts)

    def attributes(self, conversation: str) -> dict[str, Any]:
        """Span attributes of the GenAI conventions that are known before the call."""
        found: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self.provider,
            "gen_ai.request.model": self.model,
            **{f"gen_ai.request.{name}": value for name, value in self.params.items()},
        }
        if conversation:
            found["gen_ai.conversation.id"] = conversation
        if self.server:
            found["server.address"] = self.server
            found["server.port"] = self.port
        return found


def _agent_attributes(name: str, conversation: str) -> dict[str, Any]:
    found = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
    if conversation:
        found["gen_ai.conversation.id"] = conversation
    return found


def _retrieval_attributes(name: str) -> dict[str, Any]:
    return {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": name}


def _tool_attributes(
    above: Frame, name: str, call_id: str | None, description: str, facts: Mapping[str, object]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": above.principal.agent,
        "handrail.decision.verdict": facts.get("verdict"),
    }
    optional = {
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.description": description,
        "gen_ai.conversation.id": above.state.thread,
        "handrail.decision.rule": facts.get("rule"),
    }
    return found | {key: value for key, value in optional.items() if value}


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


def _run_attributes(state: RunState) -> dict[str, Any]:
    totals = _totals(state)
    return {f"gen_ai.usage.{name}": totals[name] for name in ("input_tokens", "output_tokens") if totals[name]}
