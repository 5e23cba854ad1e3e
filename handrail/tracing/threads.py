"""Threads that user code starts inside a run, or where a delegation token was taken up, stay there.

Python copies context variables into asyncio tasks but not into threads, so a tool that starts a thread or a
pool would leave its policy behind. Thread and ThreadPoolExecutor are wrapped; without a run they are untouched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from typing import Any

import wrapt

from handrail.tracing import acting, context

_pool_worker = getattr(pools, "_worker", None)
_originals: list[tuple[type, str, Any]] = []


def install() -> None:
    """Wrap thread starts; a second call changes nothing."""
    if _originals:
        return
    for owner, name, wrapper in (
        (threading.Thread, "start", _start),
        (ThreadPoolExecutor, "submit", _submit),
    ):
        original = owner.__dict__[name]
        _originals.append((owner, name, original))
        setattr(owner, name, wrapt.FunctionWrapper(original, wrapper))


def uninstall() -> None:
    """Put the originals back."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


class _Here:
    """Where the running code stands: in a frame, or with a delegation token that no run has been started for yet."""

    __slots__ = ("_frame", "_token")

    def __init__(self, frame: context.Frame | None, token: acting.Accepted | None) -> None:
        self._frame, self._token = frame, token

    def use(self) -> AbstractContextManager[object]:
        """Stand there for the length of a block."""
        if self._frame is not None:
            return context.use(self._frame)
        return acting.with_token(self._token) if self._token is not None else nullcontext()

    def carried_by(self, copied: Context) -> bool:
        """Whether a copied context stands in a run, or where there is none with a token, by itself."""
        if context.carried_by(copied) is not None:
            return True
        return self._frame is None and acting.token_carried_by(copied) is not None


def _here() -> _Here | None:
    frame = context.current()
    token = acting.accepted() if frame is None else None
    return _Here(frame, token) if frame is not None or token is not None else None


def _start(wrapped: Callable[..., Any], thread: Any, args: Any, kwargs: Any) -> Any:
    here = _here()
    target = getattr(thread, "_target", None)
    # pool workers outlive the call that started them: what they run is wrapped in submit
    if here is not None and target is not _pool_worker:
        if _runs_in_context(target):
            thread._args = _enclosed(here, target, thread._args)
        else:
            thread.run = _ThreadRun(here, thread)
    return wrapped(*args, **kwargs)


class _ThreadRun:
    """``run`` of one thread, standing where whoever started it stood."""

    def __init__(self, here: _Here, thread: threading.Thread) -> None:
        self._here, self._thread, self._run = here, thread, thread.run

    def __call__(self) -> None:
        run = self._run
        del self._thread.run, self._thread, self._run  # no cycle that keeps the run's objects alive
        with self._here.use():
            run()


def _submit(wrapped: Callable[..., Any], pool: Any, args: Any, kwargs: Any) -> Any:
    here = _here()
    if here is None or not args:
        return wrapped(*args, **kwargs)
    if _runs_in_context(args[0]):
        return wrapped(args[0], *_enclosed(here, args[0], args[1:]), **kwargs)
    return wrapped(_standing(here, args[0]), *args[1:], **kwargs)


def _runs_in_context(call: object) -> bool:
    """Whether ``call`` is the ``run`` of a context, which what it runs will stand in."""
    return isinstance(getattr(call, "__self__", None), Context)


def _enclosed(here: _Here, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments for a context's ``run``: one that was copied outside the run would leave the policy behind."""
    if not args or here.carried_by(call.__self__):
        return args
    return (_standing(here, args[0]), *args[1:])


def _standing(here: _Here, call: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with here.use():
            return call(*args, **kwargs)

    return run
