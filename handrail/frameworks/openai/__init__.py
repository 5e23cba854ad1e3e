"""The seam for OpenAI's client: ``request`` of its two clients, where every call ends, whatever it is called by.

It observes: calls of models, embeddings, responses that are fetched again, and agents that are created at the provider
become steps. What a model asks for is proposed, not done: the functions that do it are governed by ``@handrail.tool``.
A request that serves a framework's call, which has a step already, adds to that step.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from openai._base_client import AsyncAPIClient, SyncAPIClient

from handrail.audit.steps import Step
from handrail.frameworks import flow, gates, opening
from handrail.frameworks.openai import again
from handrail.frameworks.openai.calls import Call, Read, Request, described, provider_of, server_of
from handrail.frameworks.openai.streams import Pieces, dumped
from handrail.frameworks.patching import Patches
from handrail.frameworks.serving import Serving
from handrail.gate import answers, gate_of, outcome_of, seen
from handrail.tracing import context, ids, others
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.why import Reason, why_of

log = logging.getLogger(__name__)

patches = Patches()
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_EMBEDDINGS = "/embeddings"
_RAW = "X-Stainless-Raw-Response"
"""Header by which the client marks a call whose answer is to be given out unread."""


def install() -> None:
    """Wrap the seam. Twice changes nothing."""
    patches.wrap(SyncAPIClient, "request", _request)
    patches.wrap(AsyncAPIClient, "request", _arequest)


def uninstall() -> None:
    """Put the originals back."""
    patches.undo()


def _request(original: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        observed = _observed(self, options, kwargs)
        if observed is None:
            return original(self, cast_to, options, *args, **kwargs)
        known = observed.recorded(self, options)
        try:
            with context.use(observed.frame):
                if known is None:
                    found = original(self, cast_to, options, *args, **kwargs)
                else:
                    found = again.read(self, cast_to, options, kwargs, known)
        except BaseException as error:
            observed.failed(error)
            raise
        observed.returned(found)
        return found

    return wrapper


def _arequest(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        observed = _observed(self, options, kwargs)
        if observed is None:
            return await original(self, cast_to, options, *args, **kwargs)
        known = observed.recorded(self, options)
        try:
            with context.use(observed.frame):
                if known is None:
                    found = await original(self, cast_to, options, *args, **kwargs)
                else:
                    found = await again.read(self, cast_to, options, kwargs, known)
        except BaseException as error:
            observed.failed(error)
            raise
        observed.returned(found)
        return found

    return wrapper


def _observed(client: Any, options: Any, kwargs: Mapping[str, Any]) -> _Step | _Served | None:
    """What to tell of a request to; None where nobody watches, or it is nothing to tell of."""
    frame = context.current()
    if frame is None and opening.default_gate() is None:
        return None
    serves = frame is not None and isinstance(frame.owner, Serving)
    if serves and str(options.url).partition("?")[0] != _EMBEDDINGS:
        return None  # a framework tells of its models' answers itself
    call = _described(client, options, kwargs)
    if call is None:
        return None
    if frame is not None and isinstance(frame.owner, Serving):
        return _Served(frame, frame.owner, call)
    run = gates.enter(None, "", client, entry=call.kind) if frame is None else None
    above = frame or (run.frame if run is not None else None)
    return _Step(above, run, _comparable(above, call, options), _raw(options)) if above is not None else None


def _comparable(frame: Frame, call: Call, options: Any) -> Call:
    """The call with what makes it equal to another, where answers are kept."""
    model = call.model
    if model is None or not answers.keeps(frame) or flow.is_alone(frame.state):
        return call
    exact = again.exact if model.operation == "chat" and "messages" in options.json_data else again.nothing
    return replace(call, model=replace(model, terms=lambda: again.terms(model.provider, options), exact=exact))


def _described(client: Any, options: Any, kwargs: Mapping[str, Any]) -> Call | None:
    try:
        host, port = server_of(str(client.base_url))
        body = options.json_data
        return described(
            Request(
                str(options.method).lower(),
                str(options.url).partition("?")[0],
                body if isinstance(body, Mapping) else {},
                options.params,
                provider_of(host, type(client).__name__),
                host,
                port,
                bool(kwargs.get("stream")),
            )
        )
    except Exception:
        log.warning("A request could not be read", exc_info=unquoted())
        return None


def _raw(options: Any) -> str:
    headers = options.headers
    return str(headers.get(_RAW) or "") if isinstance(headers, Mapping) else ""


class _Served:
    """A request that serves a call which has a step: what it tells goes there."""

    def __init__(self, frame: Frame, owner: Serving, call: Call) -> None:
        self.frame, self._owner, self._call = frame, owner, call

    def recorded(self, client: Any, options: Any) -> None:
        """The call that is served knows whether it has an answer."""

    def returned(self, found: Any) -> None:
        """Hand what the answer says to the call that is served."""
        try:
            self._owner.learn(self._call.read(dumped(found)).facts)
        except Exception:
            log.warning("An answer could not be read", exc_info=unquoted())

    def failed(self, error: BaseException) -> None:
        """The call that is served will say it."""


class _Step:
    """A request that is a step; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(self, above: Frame, run: Step | None, call: Call, raw: str) -> None:
        self._above, self._run, self._call, self._raw = above, run, call, raw
        self._step = _opened(above, call)
        self._pieces, self._first = Pieces(), dict[str, int]()
        self._parts: list[Any] = []
        """What the client gave out, where that is kept for replay."""
        self._replayed: answers.Recorded | None = None
        self.frame = replace(self._step.frame if self._step else above, owner=Serving(self._step))

    def recorded(self, client: Any, options: Any) -> Any:
        """The response that this request had in an earlier life of the run; None where it must be sent."""
        found = answers.recorded(self._step) if self._step is not None else None
        if found is None:
            return None
        try:
            response = again.response(client, options, found.value)
        except Exception:  # a release of the client that works in another way
            log.warning("A recorded answer could not be given back", exc_info=unquoted())
            return None
        self._replayed = found
        return response

    def returned(self, found: Any) -> None:
        """Close the step with an answer, or watch one that comes in pieces."""
        try:
            answer = found.parse() if self._raw == "true" else found
            if not self._streams(answer):
                self._parts = [answer]
                self._close(dumped(answer), streamed=False)
        except Exception:
            log.warning("An answer could not be recorded", exc_info=unquoted())
            self._end()

    def failed(self, error: BaseException) -> None:
        """Close the step with what was raised."""
        if self._step is not None:
            self._step.finish(outcome_of(error), error)
        if self._run is not None:
            gates.leave(self._run, error)

    def _streams(self, answer: Any) -> bool:
        items = getattr(answer, "_iterator", None)
        if items is None:
            return False
        whole = isinstance(items, AsyncIterator)
        answer._iterator = self._awatched(items) if whole else self._watched(items)
        answer.close = self._aclosing(answer.close) if whole else self._closing(answer.close)
        return True

    def _watched(self, items: Iterator[Any]) -> Iterator[Any]:
        try:
            for item in items:
                self._take(item)
                yield item
        except BaseException as error:
            self.failed(error)
            raise
        self._finished()

    async def _awatched(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        try:
            async for item in items:
                self._take(item)
                yield item
        except BaseException as error:
            self.failed(error)
            raise
        self._finished()

    def _closing(self, close: Callable[[], None]) -> Callable[[], None]:
        def closed() -> None:
            try:
                close()
            finally:  # before the end, or there is nothing left to close here
                self.failed(GeneratorExit())

        return closed

    def _aclosing(self, close: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def closed() -> None:
            try:
                await close()
            finally:
                self.failed(GeneratorExit())

        return closed

    def _take(self, item: Any) -> None:
        if not self._first and self._step is not None:
            self._first["first_chunk"] = ids.now_ns() - self._step.started
        try:
            self._pieces.add(item)
            if self._step is not None and self._step.asked and len(self._parts) <= again.MAX_PIECES:
                self._parts.append(item)
        except Exception:
            log.warning("A piece of an answer could not be read", exc_info=unquoted())

    def _finished(self) -> None:
        try:
            self._close(self._pieces.answer(), streamed=True)
        except Exception:
            log.warning("An answer could not be recorded", exc_info=unquoted())
            self._end()

    def _close(self, answer: Mapping[str, Any], *, streamed: bool) -> None:
        read, kept = self._call.read(answer), self._kept(streamed)
        if self._call.kind == "model" and self._replayed is None:
            used, counters = read.facts.get("usage") or {}, self._above.state.counters
            for name in ("input", "output"):
                counters.add(f"{name}_tokens", used.get(name, 0))
        self._end({**read.facts, **self._told(read), **self._first, **kept}, read.content)

    def _kept(self, streamed: bool) -> Mapping[str, Any]:
        step = self._step
        if step is None or not step.asked:
            return {}
        if self._replayed is not None:
            return answers.replayed(step.asked, self._replayed)
        if not self._parts or len(self._parts) > again.MAX_PIECES:
            return {}
        return answers.kept(step, step.asked, lambda: again.kept(self._parts, streamed=streamed))

    def _told(self, read: Read) -> dict[str, object]:
        """Remember what a model wrote and asked for: tool calls that follow come from it."""
        if self._step is None or self._call.kind != "model":
            return {}
        reason = Reason(self._step.frame.step, len(read.text), 0, read.text)
        why_of(self._above.state).replied(self._above, "", reason, read.proposed)
        return {"said": len(read.text)} if read.text else {}

    def _end(self, facts: Mapping[str, Any] = _NOTHING, content: Mapping[str, Any] = _NOTHING) -> None:
        if self._step is not None:
            self._step.finish("ok", None, facts, content=content)
        if self._run is not None:
            gates.leave(self._run)


def _same(above: Frame, messages: Sequence[Any]) -> list[Any]:
    """The messages of a request, those that led the agent's previous one as the same objects.

    The client copies every message of every request; the recorder knows what it has by identity.
    """
    known: dict[tuple[str, ...], list[Any]] = above.state.notes.setdefault("openai", {})
    before = known.get(above.principal.links, [])
    same = next((n for n, (one, other) in enumerate(zip(before, messages, strict=False)) if one != other), None)
    keep = min(len(before), len(messages)) if same is None else same
    now = known[above.principal.links] = [*before[:keep], *messages[keep:]]
    return now


def _heard(messages: Sequence[Any]) -> Iterator[seen.Heard]:
    """What no model wrote of the messages of a request."""
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role == "tool":
            yield seen.Heard(content, "", str(message.get("tool_call_id") or ""), answer=True)
        elif role in ("user", "system", "developer"):
            yield seen.Heard(content, "user" if role == "user" else "system")


def _opened(above: Frame, call: Call) -> Step | None:
    try:
        steps = gate_of(above).steps
        if call.model is not None:
            messages = call.model.messages
            seen.heard(above, _heard(messages))
            answers.heard(above, lambda: again.answered(messages))
            model = replace(call.model, messages=_same(above, call.model.messages))
            return steps.model(above, model, others.of_library(("openai",), "model") if others.active() else None)
        return steps.open(above, call.kind, call.name, call.facts, content=call.content)
    except Exception:
        log.warning("A request could not be recorded", exc_info=unquoted())
        return None
