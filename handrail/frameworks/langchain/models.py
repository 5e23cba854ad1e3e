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

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs

from handrail.audit.steps import Step
from handrail.frameworks import gates, rounds
from handrail.frameworks.langchain import agents, replies, showing
from handrail.frameworks.langchain.asking import Request
from handrail.frameworks.langchain.holding import Held, as_chunk, events_of
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
        verdict = call.judged(_first(found))
        self._changed = verdict.reply if verdict.reply is not _first(found) else None
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
    if verdict.reply is _first(found) and len(found.generations) == 1:
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
                return original(self, messages, *args, **kwargs)
            kwargs, hidden = showing.request(frame, kwargs)
            if rounds.looks(frame):
                return checked(self, frame, hidden, _Rounds(frame, messages, kwargs), args)
            call = Request(frame, self, messages, kwargs, hidden)
            with call.watched():
                found = original(self, messages, *args, **kwargs)
            call.reply(_first(found))
            return found

    def checked(self: BaseChatModel, frame: Frame, hidden: tuple[str, ...], row: _Rounds, args: Any) -> Any:
        again, found = True, None
        while again:
            call = Request(frame, self, row.messages, row.kwargs, hidden, rejected=row.rejected)
            with call.watched():
                found = original(self, row.messages, *args, **row.kwargs)
            again, found = row.again(call, found)
        row.release()
        return found

    return wrapper


def agenerate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_agenerate_with_cache``."""

    async def wrapper(self: BaseChatModel, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return await original(self, messages, *args, **kwargs)
            kwargs, hidden = await showing.arequest(frame, kwargs)
            if rounds.looks(frame):
                return await checked(self, frame, hidden, _Rounds(frame, messages, kwargs), args)
            call = Request(frame, self, messages, kwargs, hidden)
            with call.watched():
                found = await original(self, messages, *args, **kwargs)
            call.reply(_first(found))
            return found

    async def checked(self: BaseChatModel, frame: Frame, hidden: tuple[str, ...], row: _Rounds, args: Any) -> Any:
        again, found = True, None
        while again:
            call = Request(frame, self, row.messages, row.kwargs, hidden, rejected=row.rejected)
            with call.watched():
                found = await original(self, row.messages, *args, **row.kwargs)
            again, found = row.again(call, found)
        await row.arelease()
        return found

    return wrapper


def _first(found: Any) -> BaseMessage | None:
    generations = getattr(found, "generations", None)
    return generations[0].message if generations else None


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
            call = Request(frame, self, _messages(self, input), kwargs, hidden, stream=True)
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
            call = Request(frame, self, _messages(self, input), kwargs, hidden, stream=True)
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


class _Watcher(BaseCallbackHandler):
    """Closes the step of a call whose end only the framework's own callbacks tell."""

    run_inline = True

    def __init__(self, call: Request | None, run: Step | None) -> None:
        """``call`` is None where its step is closed elsewhere; ``run`` was opened for this call alone, if it was."""
        self._call, self._run = call, run

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """The reply is complete."""
        first = response.generations[0][0] if response.generations and response.generations[0] else None
        if self._call is not None:
            self._call.ended(getattr(first, "message", None))
        if self._run is not None:
            self._run.finish("ok")

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """The model failed, or its consumer went away."""
        if self._call is not None:
            self._call.failed(error)
        if self._run is not None:
            gates.leave(self._run, error)


class _Whole(_Watcher):
    """Says that a lazy stream of one model is to be made of its whole reply, which is asked for in ``frame``."""

    def __init__(self, model: BaseChatModel, frame: Frame, run: Step | None) -> None:
        super().__init__(None, run)
        self.model, self.frame, self.begun = model, frame, False


def _standing(model: BaseChatModel, config: Any) -> tuple[Frame, Step | None] | None:
    """The frame of a call, and the run that was opened for it alone; None when nobody watches, or it is watched."""
    frame = context.current()
    if frame is not None:
        return None if agents.asks(frame, model) else (frame, None)
    run = agents.enter(model, config, "model", name="")
    return (run.frame, run) if run is not None else None


def _told(config: Any, watcher: _Watcher) -> Any:
    """The configuration that tells ``watcher`` the end of a call."""
    # the callbacks of the graph around it come from a context variable, unless they are filled in here
    return merge_configs(ensure_config(config), {"callbacks": [watcher]})


def protocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_chat_model_stream_v3``: a lazy object, so its end is learnt from a callback."""

    def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return original(self, input, config, **kwargs)
        frame, run = standing
        if rounds.holds(frame):
            return original(self, input, _told(config, _Whole(self, frame, run)), **kwargs)
        kwargs, hidden = showing.request(frame, kwargs)
        call = Request(frame, self, _messages(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return original(self, input, _told(config, _Watcher(call, run)), **kwargs)

    return wrapper


def aprotocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_achat_model_stream_v3``."""

    async def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return await original(self, input, config, **kwargs)
        frame, run = standing
        if rounds.holds(frame):
            return await original(self, input, _told(config, _Whole(self, frame, run)), **kwargs)
        kwargs, hidden = await showing.arequest(frame, kwargs)
        call = Request(frame, self, _messages(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return await original(self, input, _told(config, _Watcher(call, run)), **kwargs)

    return wrapper


def _whole(model: BaseChatModel, manager: Any) -> _Whole | None:
    """Who asked for the stream of ``model`` to be made of its whole reply; the request below it is no stream."""
    found = next((each for each in manager.handlers if isinstance(each, _Whole) and each.model is model), None)
    if found is None or found.begun:
        return None
    found.begun = True
    return found


def events(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_iter_v2_events``, where a lazy stream gets what it gives out."""

    def wrapper(self: BaseChatModel, messages: Any, *, run_manager: Any, stream: Any, **kwargs: Any) -> Iterator[Any]:
        whole = _whole(self, run_manager)
        if whole is None:
            yield from original(self, messages, run_manager=run_manager, stream=stream, **kwargs)
            return
        with context.use(whole.frame):
            found = self._generate_with_cache(messages, **kwargs)  # pyright: ignore[reportPrivateUsage]
        for event in events_of(_first(found), stream.message_id):
            stream.dispatch(event)
            run_manager.on_stream_event(event)
            yield event

    return wrapper


def aevents(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_aiter_v2_events``."""

    async def wrapper(
        self: BaseChatModel, messages: Any, *, run_manager: Any, stream: Any, **kwargs: Any
    ) -> AsyncGenerator[Any]:
        whole = _whole(self, run_manager)
        if whole is None:
            async for event in original(self, messages, run_manager=run_manager, stream=stream, **kwargs):
                yield event
            return
        with context.use(whole.frame):
            found = await self._agenerate_with_cache(messages, **kwargs)  # pyright: ignore[reportPrivateUsage]
        for event in events_of(_first(found), stream.message_id):
            stream.dispatch(event)
            await run_manager.on_stream_event(event)
            yield event

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
