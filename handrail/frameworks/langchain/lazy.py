"""Chat models asked by the content-block protocol: ``_chat_model_stream_v3``, whose stream is made when it is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import LLMResult
from langchain_core.runnables.config import ensure_config, merge_configs

from handrail.audit.steps import Step
from handrail.frameworks import gates, rounds
from handrail.frameworks.langchain import agents, showing
from handrail.frameworks.langchain.asking import Request
from handrail.frameworks.langchain.holding import events_of
from handrail.frameworks.langchain.models import messages_of, reply_of
from handrail.tracing import context
from handrail.tracing.context import Frame


class Watcher(BaseCallbackHandler):
    """Closes the step of a call whose end only the framework's own callbacks tell."""

    run_inline = True

    def __init__(self, call: Request | None, run: Step | None) -> None:
        """``call`` is None where its step is closed elsewhere; ``run`` was opened for this call alone, if it was."""
        self._call, self._run = call, run

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """The reply is complete."""
        said = response.generations[0][0] if response.generations and response.generations[0] else None
        if self._call is not None:
            self._call.ended(getattr(said, "message", None))
        if self._run is not None:
            self._run.finish("ok")

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """The model failed, or its consumer went away."""
        if self._call is not None:
            self._call.failed(error)
        if self._run is not None:
            gates.leave(self._run, error)


class Whole(Watcher):
    """Says that a lazy stream of one model is to be made of its whole reply, which is asked for in ``frame``."""

    def __init__(self, model: BaseChatModel, frame: Frame, run: Step | None, call: Request | None = None) -> None:
        super().__init__(call, run)
        self.model, self.frame, self.begun = model, frame, False


def _standing(model: BaseChatModel, config: Any) -> tuple[Frame, Step | None] | None:
    """The frame of a call, and the run that was opened for it alone; None when nobody watches, or it is watched."""
    frame = context.current()
    if frame is not None:
        return None if agents.asks(frame, model) else (frame, None)
    run = agents.enter(model, config, "model", name="")
    return (run.frame, run) if run is not None else None


def _telling(config: Any, watcher: Watcher) -> Any:
    """The configuration that tells ``watcher`` the end of a call."""
    # the callbacks of the graph around it come from a context variable, unless they are filled in here
    return merge_configs(ensure_config(config), {"callbacks": [watcher]})


def _watcher(model: BaseChatModel, call: Request, run: Step | None) -> Watcher:
    return Whole(model, call.frame, run, call) if call.hands_out() else Watcher(call, run)


def protocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_chat_model_stream_v3``: a lazy object, so its end is learnt from a callback."""

    def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return original(self, input, config, **kwargs)
        frame, run = standing
        if rounds.holds(frame):
            return original(self, input, _telling(config, Whole(self, frame, run)), **kwargs)
        kwargs, hidden = showing.request(frame, kwargs)
        call = Request(frame, self, messages_of(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return original(self, input, _telling(config, _watcher(self, call, run)), **kwargs)

    return wrapper


def aprotocol(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``_achat_model_stream_v3``."""

    async def wrapper(self: BaseChatModel, input: Any, config: Any = None, **kwargs: Any) -> Any:
        standing = _standing(self, config)
        if standing is None:
            return await original(self, input, config, **kwargs)
        frame, run = standing
        if rounds.holds(frame):
            return await original(self, input, _telling(config, Whole(self, frame, run)), **kwargs)
        kwargs, hidden = await showing.arequest(frame, kwargs)
        call = Request(frame, self, messages_of(self, input), kwargs, hidden, stream=True)
        with call.watched():
            return await original(self, input, _telling(config, _watcher(self, call, run)), **kwargs)

    return wrapper


def _whole(model: BaseChatModel, manager: Any) -> Whole | None:
    """Who asked for the stream of ``model`` to be made of its whole reply; the request below it is no stream."""
    found = next((each for each in manager.handlers if isinstance(each, Whole) and each.model is model), None)
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
        for event in events_of(reply_of(found), stream.message_id):
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
        for event in events_of(reply_of(found), stream.message_id):
            stream.dispatch(event)
            await run_manager.on_stream_event(event)
            yield event

    return wrapper
