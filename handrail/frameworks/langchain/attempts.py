"""A model that is asked again after it failed: by a retry policy of the graph, a middleware, or with another model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handrail.audit.steps import Step
from handrail.frameworks.langchain.place import place
from handrail.tracing.context import Frame
from handrail.tracing.links import Link

_NOTE = "failed_models"
_MAX_KNOWN = 100
"""Failed calls of one run that are remembered until they are made again."""


def failed(frame: Frame, step: Step, messages: Sequence[Any]) -> None:
    """The model of ``step`` failed on ``messages``."""
    if step.outcome != "error":
        return
    known: dict[tuple[str, str], tuple[str, int, Any]] = frame.state.notes.setdefault(_NOTE, {})
    if len(known) >= _MAX_KNOWN:
        known.clear()
    known[_where(frame)] = step.frame.step, len(messages), messages[-1] if messages else None


def links(frame: Frame, messages: Sequence[Any]) -> tuple[Link, ...]:
    """The link of a call to the failed one that it makes again: in the same place, with the same input."""
    known: dict[tuple[str, str], tuple[str, int, Any]] | None = frame.state.notes.get(_NOTE)
    if not known:
        return ()
    found = known.pop(_where(frame), None)
    if found is None or found[1] != len(messages) or not _same(found[2], messages[-1] if messages else None):
        return ()
    return (Link("retry_of", found[0]),)


def _where(frame: Frame) -> tuple[str, str]:
    """The agent, and the one execution of the graph's node that runs."""
    return frame.step, place()[1]


def _same(one: Any, other: Any) -> bool:
    return one is other or getattr(one, "content", None) == getattr(other, "content", one)
