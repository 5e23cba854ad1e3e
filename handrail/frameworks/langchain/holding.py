"""Holding back what a model streams until its reply was checked: a piece of a rejected one reaches nobody."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

Piece: TypeAlias = tuple[str, tuple[Any, ...], dict[str, Any]]
"""A method of a call's callback manager, and what it is called with."""
_TOLD = ("on_llm_new_token", "on_stream_event")
"""Methods of a call's callback manager that tell of pieces."""


class Held:
    """What one call's callbacks are not told yet."""

    def __init__(self, manager: Any) -> None:
        """``manager`` is LangChain's for this call; None where nobody listens."""
        self._manager = manager
        self._pieces: list[Piece] = []

    @property
    def manager(self) -> Any:
        """A manager to make the call with: the same, but that it keeps the pieces."""
        return self._keeping(self._manager) if self._manager is not None else None

    def _keeping(self, manager: Any) -> Any:
        quiet = copy.copy(manager)
        for name in _TOLD:
            if hasattr(manager, name):
                quiet.__dict__[name] = self._keeper(name, inspect.iscoroutinefunction(getattr(manager, name)))
        if hasattr(manager, "get_sync"):
            quiet.__dict__["get_sync"] = lambda: self._keeping(manager.get_sync())
        return quiet

    def _keeper(self, name: str, waits: bool) -> Callable[..., Any]:
        def keep(*args: Any, **kwargs: Any) -> None:
            self._pieces.append((name, args, kwargs))

        async def akeep(*args: Any, **kwargs: Any) -> None:
            keep(*args, **kwargs)

        return akeep if waits else keep

    def drop(self) -> None:
        """Forget the pieces of a rejected reply."""
        self._pieces.clear()

    def release(self, changed: AIMessage | None) -> None:
        """Tell the callbacks: every piece, or where the reply was ``changed`` that in one."""
        for name, args, kwargs in self._to_tell(changed):
            getattr(self._manager, name)(*args, **kwargs)

    async def arelease(self, changed: AIMessage | None) -> None:
        """The asynchronous twin of :meth:`release`."""
        for name, args, kwargs in self._to_tell(changed):
            told = getattr(self._manager, name)(*args, **kwargs)
            if isinstance(told, Awaitable):
                await told

    def _to_tell(self, changed: AIMessage | None) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces if changed is None else told(changed, {name for name, _, _ in pieces})


def told(reply: AIMessage, names: set[str]) -> list[Piece]:
    """What a call's callbacks are told of a whole ``reply`` as of a stream of one piece, by the methods ``names``."""
    pieces: list[Piece] = []
    if "on_llm_new_token" in names:
        chunk = ChatGenerationChunk(message=as_chunk(reply))
        pieces.append(("on_llm_new_token", (reply.content,), {"chunk": chunk}))
    if "on_stream_event" in names:
        pieces += [("on_stream_event", (event,), {}) for event in events_of(reply, reply.id)]
    return pieces


def as_chunk(message: Any) -> Any:
    """A whole reply as the one piece of a stream."""
    if not isinstance(message, AIMessage) or isinstance(message, AIMessageChunk):
        return message
    fields = {name: getattr(message, name) for name in AIMessage.model_fields if name != "type"}
    return AIMessageChunk(**fields, chunk_position="last")


def events_of(message: Any, id: str | None) -> list[Any]:
    """A whole reply as events of the content-block protocol."""
    from langchain_core.language_models._compat_bridge import message_to_events

    return list(message_to_events(message, message_id=id))
