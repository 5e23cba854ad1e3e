"""Requests to models that are made again in a run that goes on: what makes two of them equal, and what was answered.

A recorded reply is given the way the model would have given it: whole, or to who asked for a stream in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatResult, Generation, LLMResult, RunInfo
from pydantic import BaseModel

from handrail.audit.format import encode
from handrail.effects import values
from handrail.errors import NotReplayable
from handrail.frameworks.langchain import agents
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.langchain.holding import told
from handrail.gate.answers import Answered
from handrail.tracing import context

UNSENT = frozenset(
    {
        "run_manager", "callbacks", "tags", "metadata", "run_name", "run_id", "config", "stream", "stream_usage",
        "stream_options", "ls_structured_output_format", "structured_output_format",
    }
)  # fmt: skip
"""Parameters of a call that do not change what a model says."""


def terms(model: BaseChatModel | BaseLLM, provider: str, said: Mapping[str, Any], kwargs: Mapping[str, Any]) -> bytes:
    """What an answer depends on besides the messages. Raises NotReplayable where that has no exact form."""
    own = {name: value for name, value in model._identifying_params.items() if name not in UNSENT}  # pyright: ignore[reportPrivateUsage]
    sent = {name: _plain(value) for name, value in kwargs.items() if name not in UNSENT and value is not None}
    kind = type(model)
    return values.encode([provider, kind.__module__, kind.__qualname__, dict(said), own, sent])


def _plain(value: Any) -> Any:
    """A class that structured output is asked as, by its schema."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        return [value.__qualname__, value.model_json_schema()]
    return value


def exact(message: BaseMessage) -> bytes:
    """All that a model can read of a message. Raises NotReplayable where that has no exact form."""
    besides = message.additional_kwargs
    if "parsed" in besides:  # what a client has read in the content
        besides = {name: value for name, value in besides.items() if name != "parsed"}
    whole = [show.message(message), message.name, besides]
    try:
        body = encode(whole)
    except Exception:
        return values.encode(whole)
    # the writer makes null of numbers that are not finite too
    return body if body.count(b"null") == (message.name is None) else values.encode(whole)


def answered(messages: Sequence[BaseMessage]) -> Iterable[Answered]:
    """The calls that are answered in ``messages``."""
    asked: dict[str | None, Answered] = {}
    for message in messages:
        if isinstance(message, AIMessage):
            asked.update(
                {call["id"]: Answered(call["id"] or "", call["name"], call["args"]) for call in message.tool_calls}
            )
        elif isinstance(message, ToolMessage):
            yield asked.get(message.tool_call_id, Answered(message.tool_call_id))


def kept(reply: AIMessage) -> list[AIMessage]:
    """What is kept of a reply. Structured output of a class that nobody could find again is kept as a mapping."""
    parsed = reply.additional_kwargs.get("parsed")
    if isinstance(parsed, BaseModel):
        try:
            values.encode(parsed)
        except NotReplayable:
            besides = {**reply.additional_kwargs, "parsed": parsed.model_dump(by_alias=True)}
            return [reply.model_copy(update={"additional_kwargs": besides})]
    return [reply]


def new_to(messages: Sequence[BaseMessage]) -> Callable[[Any], bool]:
    """Whether a kept reply is none of ``messages``: else it lies behind, and the model is asked what comes next."""

    def new(value: Any) -> bool:
        id = value[0].id
        return id is None or all(message.id != id for message in messages)

    return new


def given(model: BaseChatModel, reply: AIMessage, kwargs: Mapping[str, Any], *, streams: bool) -> ChatResult:
    """A recorded reply as the result of a request; its callbacks are told of it as of a stream where they expect one.

    ``streams`` says that they do, whatever they are.
    """
    whole, manager = _whole(reply), kwargs.get("run_manager")
    if manager is not None:
        for name, args, more in told(whole, _expected(model, kwargs, streams, waits=False)):
            getattr(manager, name)(*args, **more)
    return ChatResult(generations=[ChatGeneration(message=whole)])


async def agiven(model: BaseChatModel, reply: AIMessage, kwargs: Mapping[str, Any], *, streams: bool) -> ChatResult:
    """The asynchronous twin of :func:`given`."""
    whole, manager = _whole(reply), kwargs.get("run_manager")
    if manager is not None:
        for name, args, more in told(whole, _expected(model, kwargs, streams, waits=True)):
            await getattr(manager, name)(*args, **more)
    return ChatResult(generations=[ChatGeneration(message=whole)])


def _whole(reply: AIMessage) -> AIMessage:
    return cast("AIMessage", message_chunk_to_message(reply)) if isinstance(reply, AIMessageChunk) else reply


def _expected(model: Any, kwargs: Mapping[str, Any], streams: bool, *, waits: bool) -> set[str]:
    """What the callbacks of a request are told of pieces, if anything."""
    asks = {name: value for name, value in kwargs.items() if name != "stop"}
    protocol = getattr(model, "_should_use_protocol_streaming", None)  # since langchain-core 1.1
    if protocol is not None and protocol(async_api=waits, **asks):
        return {"on_stream_event"}
    return {"on_llm_new_token"} if streams or model._should_stream(async_api=waits, **asks) else set()


def helper(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_generate_helper``, where callbacks have been told that a model is asked, and it is not yet."""

    def wrapper(self: BaseLLM, prompts: list[str], stop: Any, run_managers: list[Any], **kwargs: Any) -> Any:
        found = _texts(prompts)
        if found is None:
            return original(self, prompts, stop, run_managers, **kwargs)
        for manager, each in zip(run_managers, found.flatten(), strict=False):
            manager.on_llm_end(each)
        return _with_runs(found, run_managers)

    return wrapper


def ahelper(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_agenerate_helper`` likewise."""

    async def wrapper(self: BaseLLM, prompts: list[str], stop: Any, run_managers: list[Any], **kwargs: Any) -> Any:
        found = _texts(prompts)
        if found is None:
            return await original(self, prompts, stop, run_managers, **kwargs)
        for manager, each in zip(run_managers, found.flatten(), strict=False):
            await manager.on_llm_end(each)
        return _with_runs(found, run_managers)

    return wrapper


def _texts(prompts: Sequence[str]) -> LLMResult | None:
    """What is given out in place of asking the model; None where it is asked."""
    frame = context.current()
    texts: Any = frame.owner.given if frame is not None and isinstance(frame.owner, agents.Asked) else None
    if texts is None or len(texts) != len(prompts):  # a cache of LangChain's knows some of them
        return None
    return LLMResult(generations=[[Generation(text=text)] for text in texts])


def _with_runs(found: LLMResult, run_managers: Sequence[Any]) -> LLMResult:
    found.run = [RunInfo(run_id=manager.run_id) for manager in run_managers] or None
    return found
