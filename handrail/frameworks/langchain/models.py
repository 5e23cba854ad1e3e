"""The model seam: every way into a chat model passes one of the methods wrapped here.

``_generate_with_cache`` serves invoke and batch, ``stream`` direct streaming, ``_chat_model_stream_v3`` the
content-block protocol; each has its asynchronous twin.

Where a reply is checked that may be rejected or changed, nothing of it gets out before: its pieces are held back, and
who asked for a stream gets the reply in one piece. A rejected reply is asked for again, in a request of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGeneration, ChatResult

from handrail.frameworks import gates, rounds
from handrail.frameworks.langchain import again, agents, replies, showing
from handrail.frameworks.langchain.asking import Request
from handrail.frameworks.langchain.holding import Held, as_chunk
from handrail.frameworks.rounds import Verdict
from handrail.tracing import context
from handrail.tracing.context import Frame


@contextmanager
def _frame(model: BaseChatModel) -> Generator[Frame | None]:
    """The frame to observe a call of ``model`` in; None when it is already observed, or nobody watches."""
    with gates.standing(lambda: agents.enter(model, None, "model", name="")) as frame:
        yield None if frame is not None and agents.asks(frame, model) else frame


class _Rounds:
    """A request whose reply is checked, and which is made again for a rejected one."""

    def __init__(self, frame: Frame, messages: list[BaseMessage], kwargs: dict[str, Any]) -> None:
        """``kwargs`` is what is sent."""
        self._changes = rounds.holds(frame)
        self._held = Held(kwargs.get("run_manager")) if self._changes else None
        self.messages = messages
        self.kwargs = {**kwargs, "run_manager": self._held.manager} if self._held is not None else kwargs
        self.rejected: Request | None = None
        """The request before, whose reply was rejected."""
        self._changed: Any = None
        """What goes on in place of the reply, where that is not the reply itself."""

    def again(self, call: Request, found: Any) -> tuple[bool, Any]:
        """Whether to make the request again; else what its caller gets. Raises what a last rejection raises."""
        verdict = call.judged(reply_of(found))
        self._changed = verdict.reply if verdict.reply is not reply_of(found) else None
        if not verdict.accepted and self._held is not None:
            self._held.drop()
        if verdict.failure is not None:
            raise verdict.failure
        if verdict.told:
            self.messages = [*self.messages, *replies.corrected(verdict.reply, verdict.told)]
            self.rejected = call
            return True, None
        return False, _with(found, verdict) if self._changes else found

    def release(self) -> None:
        """Tell the callbacks what was held back."""
        if self._held is not None:
            self._held.release(self._changed)

    async def arelease(self) -> None:
        """The asynchronous twin of :meth:`release`."""
        if self._held is not None:
            await self._held.arelease(self._changed)


def _with(found: ChatResult, verdict: Verdict[Any]) -> ChatResult:
    """The result with what goes on of its first reply; others, which nobody checked, are left out."""
    if verdict.reply is reply_of(found) and len(found.generations) == 1:
        return found
    first = found.generations[0]
    return ChatResult(
        generations=[ChatGeneration(message=verdict.reply, generation_info=first.generation_info)],
        llm_output=found.llm_output,
    )


def generate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_generate_with_cache``."""

    def wrapper(self: BaseChatModel, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                known = _given()
                if known is not None:
                    return again.given(self, known, kwargs, streams=True)
                return original(self, messages, *args, **kwargs)
            kwargs, hidden = showing.request(frame, kwargs)
            if rounds.looks(frame):
                return checked(self, frame, hidden, _Rounds(frame, messages, kwargs), args)
            call = Request(frame, self, messages, kwargs, hidden)
            found = answered(self, call, messages, args, kwargs)
            call.reply(reply_of(found))
            return found

    def checked(self: BaseChatModel, frame: Frame, hidden: tuple[str, ...], row: _Rounds, args: Any) -> Any:
        more, found = True, None
        while more:
            call = Request(frame, self, row.messages, row.kwargs, hidden, rejected=row.rejected)
            found = answered(self, call, row.messages, args, row.kwargs)
            more, found = row.again(call, found)
        row.release()
        return found

    def answered(self: BaseChatModel, call: Request, messages: list[BaseMessage], args: Any, kwargs: Any) -> Any:
        known = call.recorded()
        with call.watched():
            if known is not None:
                return again.given(self, known, kwargs, streams=False)
            return original(self, messages, *args, **kwargs)

    return wrapper


def agenerate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_agenerate_with_cache``."""

    async def wrapper(self: BaseChatModel, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                known = _given()
                if known is not None:
                    return await again.agiven(self, known, kwargs, streams=True)
                return await original(self, messages, *args, **kwargs)
            kwargs, hidden = await showing.arequest(frame, kwargs)
            if rounds.looks(frame):
                return await checked(self, frame, hidden, _Rounds(frame, messages, kwargs), args)
            call = Request(frame, self, messages, kwargs, hidden)
            found = await answered(self, call, messages, args, kwargs)
            call.reply(reply_of(found))
            return found

    async def checked(self: BaseChatModel, frame: Frame, hidden: tuple[str, ...], row: _Rounds, args: Any) -> Any:
        more, found = True, None
        while more:
            call = Request(frame, self, row.messages, row.kwargs, hidden, rejected=row.rejected)
            found = await answered(self, call, row.messages, args, row.kwargs)
            more, found = row.again(call, found)
        await row.arelease()
        return found

    async def answered(self: BaseChatModel, call: Request, messages: list[BaseMessage], args: Any, kwargs: Any) -> Any:
        known = call.recorded()
        with call.watched():
            if known is not None:
                return await again.agiven(self, known, kwargs, streams=False)
            return await original(self, messages, *args, **kwargs)

    return wrapper


def reply_of(found: Any) -> BaseMessage | None:
    """The reply in the result of a request; None where it has none."""
    generations = getattr(found, "generations", None)
    return generations[0].message if generations else None


def _given() -> AIMessage | None:
    """What is given out in place of asking the model that is called from within its own call."""
    frame = context.current()
    found = frame.owner.given if frame is not None and isinstance(frame.owner, agents.Asked) else None
    return found if isinstance(found, AIMessage) else None


def _unstreamed(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a stream for a request of the whole reply."""
    return {name: value for name, value in kwargs.items() if name not in ("stream_usage", "stream_options")}


def stream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``stream``."""

    def wrapper(self: BaseChatModel, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _frame(self) as frame:
            if frame is None:
                yield from original(self, input, *args, **kwargs)
                return
            if rounds.holds(frame):
                with context.use(frame):
                    whole = self.invoke(input, *args, **_unstreamed(kwargs))
                yield as_chunk(whole)
                return
            kwargs, hidden = showing.request(frame, kwargs)
            call = Request(frame, self, messages_of(self, input), kwargs, hidden, stream=True)
            if call.hands_out():
                with call.watched():
                    whole = self.invoke(input, *args, **_unstreamed(kwargs))
                call.ended(whole)
                yield as_chunk(whole)
                return
            chunks: list[Any] = []
            try:
                for chunk in context.iterate(call.frame, original(self, input, *args, **kwargs)):
                    call.piece()
                    chunks.append(chunk)
                    yield chunk
            except BaseException as error:
                call.failed(error)
                raise
            call.ended(_merged(chunks))

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
            if rounds.holds(frame):
                with context.use(frame):
                    whole = await self.ainvoke(input, *args, **_unstreamed(kwargs))
                yield as_chunk(whole)
                return
            kwargs, hidden = await showing.arequest(frame, kwargs)
            call = Request(frame, self, messages_of(self, input), kwargs, hidden, stream=True)
            if call.hands_out():
                with call.watched():
                    whole = await self.ainvoke(input, *args, **_unstreamed(kwargs))
                call.ended(whole)
                yield as_chunk(whole)
                return
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
            call.ended(_merged(chunks))

    return wrapper


def messages_of(model: BaseChatModel, input: Any) -> Sequence[BaseMessage]:
    """What a model is asked with, as messages; none where the input is of no form that it takes."""
    try:
        return model._convert_input(input).to_messages()  # pyright: ignore[reportPrivateUsage]
    except Exception:
        return ()  # the model itself will say what is wrong with its input


def _merged(chunks: list[Any]) -> BaseMessage | None:
    whole = [chunk for chunk in chunks if isinstance(chunk, AIMessageChunk)]
    if len(whole) != len(chunks) or not chunks:
        return chunks[-1] if chunks else None
    return add_ai_message_chunks(whole[0], *whole[1:])
