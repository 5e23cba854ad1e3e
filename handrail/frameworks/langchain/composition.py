"""Governed chains stay whole when they become part of something larger.

LangChain and LangGraph take the steps out of a sequence that is put into another one. A governed sequence
would lose its gate there, so it is put in as one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableSequence
from langchain_core.runnables.base import RunnableBinding

from handrail.frameworks.langchain.agents import BINDING

_sequence: Any = RunnableSequence


def _whole(step: Any) -> Any:
    governed = isinstance(step, RunnableSequence) and hasattr(type(step), BINDING)  # pyright: ignore[reportUnknownArgumentType]
    return RunnableBinding(bound=step) if governed else step


def joined(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the constructor of a kind of sequence."""

    def wrapper(self: Any, *steps: Any, **kwargs: Any) -> None:
        original(self, *(_whole(step) for step in steps), **kwargs)

    return wrapper


def followed(self: Any, other: Any) -> Any:
    """``governed | other``."""
    return _sequence(self, other, name=self.name)


def following(self: Any, other: Any) -> Any:
    """``other | governed``."""
    return _sequence(other, self, name=self.name)


OPERATORS = {"__or__": followed, "__ror__": following}
"""Operators of a governed sequence, in place of those that take it apart."""
