"""Threads that user code starts inside a run stay in the run.

Python copies context variables into asyncio tasks but not into threads, so a tool that starts a thread or a
pool would leave its policy behind. Thread and ThreadPoolExecutor are wrapped; without a run they are untouched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools
from contextvars import Context
from typing import Any

import wrapt

from handrail.tracing import context

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


def _start(wrapped: Callable[..., Any], thread: Any, args: Any, kwargs: Any) -> Any:
    frame = context.current()
    target = getattr(thread, "_target", None)
    # pool workers outlive the call that started them: what they run is wrapped in submit
    if frame is not None and target is not _pool_worker:
        if _runs_in_context(target):
            thread._args = _enclosed(frame, target, thread._args)
        else:
            thread.run = _ThreadRun(frame, thread)
    return wrapped(*args, **kwargs)


class _ThreadRun:
    """``run`` of one thread, standing in the frame of whoever started it."""

    def __init__(self, frame: context.Frame, thread: threading.Thread) -> None:
        self._frame, self._thread, self._run = frame, thread, thread.run

    def __call__(self) -> None:
        run = self._run
        del self._thread.run, self._thread, self._run  # no cycle that keeps the run's objects alive
        with context.use(self._frame):
            run()


def _submit(wrapped: Callable[..., Any], pool: Any, args: Any, kwargs: Any) -> Any:
    frame = context.current()
    if frame is None or not args:
        return wrapped(*args, **kwargs)
    if _runs_in_context(args[0]):
        return wrapped(args[0], *_enclosed(frame, args[0], args[1:]), **kwargs)
    return wrapped(_in_frame(frame, args[0]), *args[1:], **kwargs)


def _runs_in_context(call: object) -> bool:
    """Whether ``call`` is the ``run`` of a context, which what it runs will stand in."""
    return isinstance(getattr(call, "__self__", None), Context)


def _enclosed(frame: context.Frame, call: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments for a context's ``run``: one that was copied outside the run would leave the policy behind."""
    if not args or context.carried_by(call.__self__) is not None:
        return args
    return (_in_frame(frame, args[0]), *args[1:])


def _in_frame(frame: context.Frame, call: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with context.use(frame):
            return call(*args, **kwargs)

    return run
