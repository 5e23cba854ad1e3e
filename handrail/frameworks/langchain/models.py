"""The model seam: every way into a chat model passes one of the methods wrapped here.

``_generate_with_cache`` serves invoke and batch, ``stream`` direct streaming, ``_chat_model_stream_v3`` the
content-block protocol; each has its asynchronous twin.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs
from pydantic import BaseModel

from handrail.audit.model_call import ModelCall
from handrail.audit.steps import Step
from handrail.frameworks import definitions, gates
from handrail.frameworks.langchain import agents, attempts, branches, calls, showing, thoughts
from handrail.frameworks.langchain import messages as show
from handrail.gate import gate_of, outcome_of
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
    model: BaseChatModel, messages: Sequence[BaseMessage], kwargs: dict[str, Any], hidden: tuple[str, ...]
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
        params=show.params(model, said, kwargs),
        output_type=show.output_type(kwargs),
        server=host,
        port=port,
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


class _Call:
    """One observed model call; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(
        self,
        frame: Frame,
        model: BaseChatModel,
        messages: Sequence[BaseMessage],
        kwargs: dict[str, Any],
        hidden: tuple[str, ...],
        *,
        stream: bool = False,
    ):
        """``kwargs`` is what is sent; ``hidden`` names the tools that are not; ``stream`` asks for pieces."""

        def describe() -> ModelCall:
            described = _describe(model, messages, kwargs, hidden)
            return replace(described, stream=True) if stream else described

        self._first: int | None = None
        """Nanoseconds until the first piece."""

        calls.answered(frame, messages)
        self._messages, self._request = messages, kwargs

        def theirs() -> Theirs | None:
            return _theirs(model, kwargs.get("run_manager"))

        links = attempts.links(frame, messages) or branches.links(frame)
        self.above, self.step = frame, _opened(frame, describe, theirs, links)
        self.frame = (self.step.frame if self.step else frame).owned(agents.Asked(model, self.step))

    def piece(self) -> None:
        """A piece of the answer has come."""
        if self._first is None and self.step is not None:
            self._first = ids.now_ns() - self.step.started

    def reply(self, reply: BaseMessage | None) -> None:
        """Close the step with the model's reply."""
        if self.step is None:
            return
        try:
            first = {"first_chunk": self._first} if self._first is not None else {}
            _close(self.step, self.above, reply if isinstance(reply, AIMessage) else None, first)
            if isinstance(reply, AIMessage):
                thoughts.replied(self.above, self.step.frame.step, reply, self._request)
        except Exception:
            log.warning("A model's reply could not be recorded", exc_info=unquoted())
            self.step.finish("ok")

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


def _close(step: Step, above: Frame, reply: AIMessage | None, first: Mapping[str, object]) -> None:
    if reply is None:
        step.finish("ok", None, first)
        return
    used, said = show.usage(reply), reply.response_metadata
    counters = above.state.counters
    counters.add("input_tokens", used.get("input", 0))
    counters.add("output_tokens", used.get("output", 0))
    text, reasoning = show.text(reply), show.reasoning(reply)
    if not reply.tool_calls and above.principal.chain == above.state.principal.chain:
        above.state.notes["answer"] = text
    facts = {
        "response_model": said.get("model_name") or said.get("model"),
        "response_id": said.get("id") or show.provider_id(reply),
        "finish": show.finish_reasons(reply),
        "usage": used,
        "calls": calls.listed(reply),
        **({"said": len(text)} if text else {}),
        **({"reasoning": reasoning} if reasoning else {}),
        **first,
    }
    reason = Reason(step.frame.step, len(text), reasoning, text)
    why_of(above.state).replied(above, reply.id or "", reason, show.proposed(reply))
    step.finish("ok", None, facts, content={"output": show.message(reply)})
    calls.proposed(above, step, reply)


@contextmanager
def _frame(model: BaseChatModel) -> Generator[Frame | None]:
    """The frame to observe a call of ``model`` in; None when it is already observed, or nobody watches."""
    with gates.standing(lambda: agents.enter(model, None, "model", name="")) as frame:
        yield None if frame is not None and agents.asks(frame, model) else frame


def generate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_generate_with_cache``."""

    def wrapper(self: BaseChatModel, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return original(self, messages, *args, **kwargs)
            kwargs, hidden = showing.request(frame, kwargs)
            call = _Call(frame, self, messages, kwargs, hidden)
            with call.watched():
                found = original(self, messages, *args, **kwargs)
            call.reply(_first(found))
            return found

    return wrapper


def agenerate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_agenerate_with_cache``."""

    async def wrapper(self: BaseChatModel, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return await original(self, messages, *args, **kwargs)
            kwargs, hidden = await showing.arequest(frame, kwargs)
            call = _Call(frame, self, messages, kwargs, hidden)
            with call.watched():
                found = await original(self, messages, *args, **kwargs)
            call.reply(_first(found))
            return found

    return wrapper


def _first(found: Any) -> BaseMessage | None:
    generations = getattr(found, "generations", None)
    return generations[0].message if generations else None


def stream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``stream``."""

    def wrapper(self: BaseChatModel, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _frame(self) as frame:
            if frame is None:
                yield from original(self, input, *args, **kwargs)
                return
            kwargs, hidden = showing.request(frame, kwargs)
            call = _Call(frame, self, _messages(self, input), kwargs, hidden, stream=True)
            chunks: list[Any] = []
            try:
                for chunk in context.iterate(call.frame, original(self, input, *args, **kwargs)):
                    call.piece()
                    chunks.append(chunk)
                    yield chunk
            except BaseException as error:
                call.failed(error)
                raise
            call.reply(_merged(chunks))

    return wrapper


def astream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``astream``."""

    async def wrapper(self: BaseChatModel, input: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        with _frame(self) as frame:
            if frame is None:
                async with aclosing(original(self, input, *args, **kwargs)) as bare:
                    async for chunk in bare:
                        yield chunk
                return
            kwargs, hidden = await showing.arequest(frame, kwargs)
            call = _Call(frame, self, _messages(self, input), kwargs, hidden, stream=True)
            chunks: list[Any] = []
            source = context.aiterate(call.frame, original(self, input, *args, **kwargs))
            try:
                async for chunk in source:
                    call.piece()
                    chunks.append(chunk)
                    yield chunk
            except BaseException as error:
                try:
                    await source.aclose()
                finally:  # a loop that is being torn down never comes back from the await
                    call.failed(error)
                raise
            call.reply(_merged(chunks))

    return wrapper


class _Watcher(BaseCallbackHandler):
    """Closes the step of a call whose end only the framework's own callbacks tell."""

    run_inline = True

    def __init__(self, call: _Call, run: Step | None) -> None:
        """``run`` is the run that was opened for this call alone, if it was."""
        self._call, self._run = call, run

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """The reply is complete."""
        first = response.generations[0][0] if response.generations and response.generations[0] else None
        self._call.reply(getattr(first, "message", None))
        if self._run is not None:
            self._run.finish("ok")

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """The model failed, or its consumer went away."""
        self._call.failed(error)
        if self._run is not None:
            gates.leave(self._run, error)


def _standing(model: BaseChatModel, config: Any) -> tuple[Frame, Step | None] | None:
    """The frame of a call, and the run that was opened for it alone; None when nobody watches, or it is watched."""
    frame = context.current()
    if frame is not None:
        return None if agents.asks(frame, model) else (frame, None)
    run = agents.enter(model, config, "model", name="")
    return (run.frame, run) if run is not None else None


def _told(config: Any, call: _Call, run: Step | None) -> Any:
    """The configuration that tells the end of ``call``."""
    # the callbacks of the graph around it come from a context variable, unless they are filled in here
    return merge_configs(ensure_config(config), {"callbacks": [_Watcher(call, run)]})


def protocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_chat_model_stream_v3``: a lazy object, so its end is learnt from a callback."""

    def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return original(self, input, config, **kwargs)
        frame, run = standing
        kwargs, hidden = showing.request(frame, kwargs)
        call = _Call(frame, self, _messages(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return original(self, input, _told(config, call, run), **kwargs)

    return wrapper


def aprotocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_achat_model_stream_v3``."""

    async def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return await original(self, input, config, **kwargs)
        frame, run = standing
        kwargs, hidden = await showing.arequest(frame, kwargs)
        call = _Call(frame, self, _messages(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return await original(self, input, _told(config, call, run), **kwargs)

    return wrapper


def _messages(model: BaseChatModel, input: Any) -> Sequence[BaseMessage]:
    try:
        return model._convert_input(input).to_messages()  # pyright: ignore[reportPrivateUsage]
    except Exception:
        return ()  # the model itself will say what is wrong with its input


def _merged(chunks: list[Any]) -> BaseMessage | None:
    whole = [chunk for chunk in chunks if isinstance(chunk, AIMessageChunk)]
    if len(whole) != len(chunks) or not chunks:
        return chunks[-1] if chunks else None
    return add_ai_message_chunks(whole[0], *whole[1:])
