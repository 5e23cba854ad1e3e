"""What a model is shown of the tools: at each request, those that the principals who act here may call.

In observe mode every request goes out as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from langchain_core.tools import BaseTool

from handrail import gate
from handrail.frameworks import definitions, executables
from handrail.tracing.context import Frame

log = logging.getLogger(__name__)


def made(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``BaseTool.__init__``: a tool that is made can be run."""

    def wrapper(self: BaseTool, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        executables.note(self)

    return wrapper


def held(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ToolNode.__init__``: what it holds can be run, copies of tools too, which nobody made."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for tool in self.tools_by_name.values():
            executables.note(tool)

    return wrapper


def request(frame: Frame, kwargs: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters of a model call without the tools that may not be called, and the names of these."""
    if not _lists_tools(kwargs):
        return kwargs, ()
    gate.renew(frame)
    return _reduced(frame, kwargs)


async def arequest(frame: Frame, kwargs: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The asynchronous twin of :func:`request`."""
    if not _lists_tools(kwargs):
        return kwargs, ()
    await gate.arenew(frame)
    return _reduced(frame, kwargs)


def _lists_tools(kwargs: dict[str, Any]) -> bool:
    return any(kwargs.get(key) for key in definitions.LISTS)


def _reduced(frame: Frame, kwargs: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    if not gate.enforces(frame):
        return kwargs, ()
    try:
        return definitions.reduced(kwargs, _hides(frame))
    except Exception as error:  # a form that nobody knows, and a policy that would hide some of it
        log.warning("The tools of a model call could not be read, so none is shown: %s", type(error).__name__)
        return definitions.without_tools(kwargs), ("*",)


def _hides(frame: Frame) -> definitions.Hides:
    runs = executables.names()
    return lambda name: gate.hides(frame, name, runs=name in runs)
