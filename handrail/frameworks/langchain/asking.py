"""One request to a chat model: its step, its reply, and what the validators say of that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from pydantic import BaseModel

from handrail.audit.model_call import ModelCall
from handrail.audit.steps import Outcome, Step
from handrail.frameworks import definitions, flow, rounds
from handrail.frameworks.langchain import again, agents, attempts, branches, calls, repeats, replies, thoughts
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.rounds import Verdict
from handrail.gate import answers, gate_of, outcome_of, seen
from handrail.tracing import context, ids, others
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.links import Link
from handrail.tracing.others import Theirs
from handrail.tracing.why import Reason, why_of

log = logging.getLogger(__name__)

_ADDRESSES = (
    "openai_api_base",
    "base_url",
    "anthropic_api_url",
    "azure_endpoint",
    "endpoint_url",
    "endpoint",
)


def _describe(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    kwargs: dict[str, Any],
    hidden: tuple[str, ...],
    *,
    stream: bool,
    keeps: bool,
) -> ModelCall:
    said = model._get_ls_params(stop=kwargs.get("stop"))  # pyright: ignore[reportPrivateUsage]
    provider = show.provider_of(said.get("ls_provider") or model._llm_type)  # pyright: ignore[reportPrivateUsage]
    host, port = server_of(model)
    return ModelCall(
        provider=provider,
        operation=show.operation_of(provider, "chat"),
        model=str(said.get("ls_model_name") or type(model).__name__),
        messages=messages,
        show=show.message,
        system=show.system,
        said=show.said,
        offered=lambda: _names(kwargs),
        tools=kwargs.get("tools") or (),
        hidden=hidden,
        stream=stream,
        params=show.params(model, said, kwargs),
        output_type=show.output_type(kwargs),
        server=host,
        port=port,
        terms=(lambda: again.terms(model, provider, said, kwargs)) if keeps else None,
        exact=again.exact,
    )


def _names(kwargs: dict[str, Any]) -> list[str]:
    tools: Any = kwargs.get("tools") or ()
    return [name for definition in tools for name in definitions.names_of(definition)]


_answering: WeakKeyDictionary[type, frozenset[str]] = WeakKeyDictionary()


def _answers(kind: type) -> frozenset[str]:
    """Names in ``_ADDRESSES`` that objects of a class may have without holding them."""
    found = _answering.get(kind)
    if found is None:
        own = getattr(kind, "__getattr__", None) not in (None, BaseModel.__getattr__)  # type: ignore[attr-defined]
        found = _answering[kind] = frozenset(name for name in _ADDRESSES if own or hasattr(kind, name))
    return found


def server_of(model: object) -> tuple[str, int | None]:
    """Host and port of the service that a model, or whatever else of LangChain's, calls; empty where unknown."""
    held = getattr(model, "__dict__", _ADDRESSES)  # a pydantic model takes microseconds to say that it has none
    answers = _answers(type(model))
    for name in _ADDRESSES:
        address = getattr(model, name, None) if name in held or name in answers else None
        if isinstance(address, str) and "//" in address:
            parts = urlsplit(address)
            return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    return "", None


class Request:
    """One request to a model; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(
        self,
        frame: Frame,
        model: BaseChatModel,
        messages: Sequence[BaseMessage],
        kwargs: dict[str, Any],
        hidden: tuple[str, ...],
        *,
        stream: bool = False,
        rejected: Request | None = None,
    ):
        """``kwargs`` is what is sent; ``hidden`` names the tools that are not; ``stream`` asks for pieces.

        ``rejected`` is the request before, whose reply was rejected.
        """

        def describe() -> ModelCall:
            return _describe(model, messages, kwargs, hidden, stream=stream, keeps=self._keeps)

        self._first: int | None = None
        """Nanoseconds until the first piece."""

        calls.answered(frame, messages)
        if rejected is None:  # what tells a model that its reply was wrong is no source
            seen.heard(frame, show.heard(messages))
            answers.heard(frame, lambda: again.answered(messages))
        self._keeps = answers.keeps(frame) and not flow.is_alone(frame.state)
        self._at = repeats.at() if self._keeps else ""
        self._messages, self._request = messages, kwargs

        def theirs() -> Theirs | None:
            return _theirs(model, kwargs.get("run_manager"))

        self.above = frame
        self.step = _opened(frame, describe, theirs, self._links(rejected))
        self.frame = (self.step.frame if self.step else frame).owned(agents.Asked(model, self.step))

        self.row: str = rejected.row if rejected is not None else self.step.frame.step if self.step else ""
        """Names this request and those that were made again for it."""
        self._asked: str = rejected._asked if rejected is not None else self.step.asked if self.step else ""
        """Digest of what the caller asked, whose answer is the one that is accepted in the end."""
        self._replayed: answers.Recorded | None = None

    def _links(self, rejected: Request | None) -> Sequence[Link]:
        if rejected is not None and rejected.step is not None:
            return (Link("retry_of", rejected.step.frame.step),)
        return attempts.links(self.above, self._messages) or branches.links(self.above)

    def recorded(self) -> AIMessage | None:
        """The reply that this request had in an earlier life of the run; None where the model must be asked."""
        if self.step is None or self._asked != self.step.asked:
            return None
        self._replayed = answers.recorded(self.step, self._at, again.new_to(self._messages))
        return self._replayed.value[0] if self._replayed is not None else None

    def hands_out(self) -> bool:
        """Whether there is such a reply; asking the model from within this call hands it out."""
        self.frame.owner.given = self.recorded()
        return self.frame.owner.given is not None

    def piece(self) -> None:
        """A piece of the answer has come."""
        if self._first is None and self.step is not None:
            self._first = ids.now_ns() - self.step.started

    def reply(self, reply: BaseMessage | None) -> None:
        """Close the step with the model's reply."""
        self._close(reply, None)

    def judged(self, reply: BaseMessage | None) -> Verdict[Any]:
        """Have the validators look at the model's reply, and close the step with it."""
        verdict = self._looked_at(reply) if isinstance(reply, AIMessage) else Verdict(reply, [])
        self._close(reply if verdict.withheld or verdict.failure else verdict.reply, verdict)
        return verdict

    def ended(self, reply: BaseMessage | None) -> None:
        """Close the step with a reply that is out already: what is found can only be put down."""
        if rounds.looks(self.above):
            self.judged(reply)
        else:
            self.reply(reply)

    def _looked_at(self, reply: AIMessage) -> Verdict[Any]:
        """What the validators say; a fault of ours ends a call in enforce mode, and is only logged otherwise."""
        try:
            return self._judge(reply)
        except Exception as error:
            log.warning("A model's reply could not be checked", exc_info=unquoted())
            if rounds.holds(self.above):
                self.failed(error)
                raise
            return Verdict(reply, [])

    def _judge(self, reply: AIMessage) -> Verdict[Any]:
        above, request = self.above, self._request
        answer = replies.is_answer(above, request, reply, self._messages)
        verdict: Verdict[Any] = rounds.judge(
            above,
            reply,
            replies.view(above, reply, request),
            answer=answer,
            strict=replies.asks_for_structure(above, reply, request),
            row=self.row,
        )
        if verdict.withheld:
            verdict.reply = replies.instead(reply, rounds.WITHHELD)
        elif verdict.accepted and rounds.holds(above):
            verdict.reply = replies.alone(above, verdict.reply, request)
        if verdict.withheld or verdict.accepted:
            rounds.remember(above, replies.answer_of(above, verdict.reply, request), verdict.answered)
        return verdict

    def _close(self, reply: BaseMessage | None, verdict: Verdict[Any] | None) -> None:
        if self.step is None:
            return
        try:
            first: dict[str, object] = {"first_chunk": self._first} if self._first is not None else {}
            known = reply if isinstance(reply, AIMessage) else None
            if verdict is not None:
                verdict.record(self.step)
            if known is not None and (verdict is None or verdict.accepted):
                first |= self._kept(self.step, known)
            _close(self.step, self.above, known, {**first, **(verdict.facts if verdict else {})}, verdict)
            if known is not None and (verdict is None or verdict.accepted):
                thoughts.replied(self.above, self.step.frame.step, known, self._request)
        except Exception:
            log.warning("A model's reply could not be recorded", exc_info=unquoted())
            self.step.finish("ok" if verdict is None or verdict.accepted else "rejected")

    def _kept(self, step: Step, reply: AIMessage) -> dict[str, object]:
        if self._replayed is not None:
            return answers.replayed(self._asked, self._replayed, self._at)
        return answers.kept(step, self._asked, lambda: again.kept(reply), self._at) if self._asked else {}

    def failed(self, error: BaseException) -> None:
        """Close the step with what the model raised."""
        if self.step is not None:
            self.step.finish(outcome_of(error), error)
            attempts.failed(self.above, self.step, self._messages)

    @contextmanager
    def watched(self) -> Generator[None]:
        """Stand in the step, and close it if the block raises."""
        try:
            with context.use(self.frame):
                yield
        except BaseException as error:
            self.failed(error)
            raise


def _opened(
    frame: Frame, describe: Callable[[], ModelCall], theirs: Callable[[], Theirs | None], links: Sequence[Link]
) -> Step | None:
    try:
        step = gate_of(frame).steps.model(frame, describe(), theirs(), links)
        branches.opened(frame, step)
        return step
    except Exception:
        log.warning("A model call could not be recorded", exc_info=unquoted())
        return None


_SDKS = {"langchain_openai": "openai", "langchain_anthropic": "anthropic"}
"""Package of a model's class -> the library that makes its calls."""


def _theirs(model: BaseChatModel, manager: Any) -> Theirs | None:
    """Whose span shows this call of ``model``; ``manager`` is the framework's for this call, where it is known."""
    if not others.active():
        return None
    found = others.by_call(manager.handlers, manager.run_id) if manager is not None else None
    sdk = _SDKS.get(type(model).__module__.partition(".")[0], "")
    return found or others.of_library((sdk,) if manager is not None else ("langchain", sdk), "model")


def _close(
    step: Step, above: Frame, reply: AIMessage | None, facts: Mapping[str, object], verdict: Verdict[Any] | None
) -> None:
    outcome: Outcome = "ok" if verdict is None or verdict.accepted else "rejected"
    if reply is None:
        step.finish(outcome, None, facts)
        return
    used = {} if facts.get("replayed") else show.usage(reply)
    counters = above.state.counters
    counters.add("input_tokens", used.get("input", 0))
    counters.add("output_tokens", used.get("output", 0))
    text, reasoning = show.text(reply), show.reasoning(reply)
    reason = Reason(step.frame.step, len(text), reasoning, text)
    why_of(above.state).replied(above, reply.id or "", reason, show.proposed(reply))
    known = _facts(reply, text, reasoning, used)
    step.finish(outcome, None, {**known, **facts}, content={"output": show.message(reply)})
    calls.proposed(above, step, reply)
    if verdict is not None and not verdict.accepted:
        by = rounds.stopped_by(verdict.checks)
        answers = [answer for answer in replies.corrected(reply, verdict.told) if isinstance(answer, ToolMessage)]
        calls.stopped(above, answers, "validator", "the message that asked for it was rejected", by)


def _facts(reply: AIMessage, text: str, reasoning: int, used: Mapping[str, int]) -> dict[str, object]:
    said = reply.response_metadata
    return {
        "response_model": said.get("model_name") or said.get("model"),
        "response_id": said.get("id") or show.provider_id(reply),
        "finish": show.finish_reasons(reply),
        "usage": used,
        "calls": calls.listed(reply),
        **({"said": len(text)} if text else {}),
        **({"reasoning": reasoning} if reasoning else {}),
    }
