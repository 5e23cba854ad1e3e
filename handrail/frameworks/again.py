"""Going on with a run from outside of the program that began it: the same agent, on behalf of the same user."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from handrail.effects import asks, values
from handrail.effects.past import Past
from handrail.effects.vault import vault_for
from handrail.errors import HandrailError, NotResumable, ValueErased
from handrail.frameworks.resuming import INPUT, resuming
from handrail.tracing.acting import acting_for

if TYPE_CHECKING:
    from collections.abc import Generator

NOT_GIVEN: Any = asks.NOT_KNOWN
"""In place of an input that nobody named."""
_ASYNC = frozenset({"ainvoke", "astream", "abatch", "atransform"})
"""Entry methods of agents that may have to run in an event loop."""


def resume(agent: Any, folder: Path, known: Past, *, config: Path | None = None, given: Any = NOT_GIVEN) -> Any:
    """Go on with the run ``known``, recorded in ``folder``, in ``agent``; what that gives out in the end.

    ``agent`` is an object of LangChain or LangGraph, which is governed by ``config`` unless it is already, or a
    function that starts the run itself. ``given`` is the input, where the recorded one is not there. Raises what
    `handrail.resuming` raises, NotResumable where the input is not known, and whatever the agent raises.
    """
    with _as_before(known):
        if not hasattr(agent, "invoke"):
            return _called(agent, given)
        return _going_on(_governed(agent, known, config), folder, known, given)


@contextmanager
def _as_before(known: Past) -> Generator[None]:
    first = known.first
    who = {name: first.get(name) or None for name in ("tenant", "user", "session", "channel")}
    with acting_for(**who), resuming(known.run):
        yield


def _called(agent: Any, given: Any) -> Any:
    if not callable(agent):
        raise NotResumable(f"A {type(agent).__qualname__} is no agent: name an object with `invoke`, or a function.")
    words = () if given is NOT_GIVEN else (given,)
    found = cast("Callable[..., Any]", agent)(*words)
    return asyncio.run(found) if inspect.iscoroutine(found) else found


def _governed(agent: Any, known: Past, config: Path | None) -> Any:
    from handrail.frameworks.api import govern
    from handrail.frameworks.langchain.agents import BINDING, name_of

    if config is None and getattr(type(agent), BINDING, None) is not None:
        return agent
    name = None if name_of(agent) else str(known.first["agent"])
    return govern(agent, config=config, name=name)


def _going_on(agent: Any, folder: Path, known: Past, given: Any) -> Any:
    from handrail.frameworks.langchain import going_on

    first = known.first
    entry, thread = str(first.get("entry") or ""), str(first.get("thread") or "")
    needed = lambda: recorded(folder, known) if given is NOT_GIVEN else given  # noqa: E731
    if entry in _ASYNC:
        return asyncio.run(going_on.alater(agent, entry, thread, first["t"], needed))
    return going_on.now(agent, entry, thread, first["t"], needed)


def recorded(folder: Path, known: Past) -> Any:
    """The input of the run's first life. Raises NotResumable where it was not kept, or cannot be read any more."""
    how = "Name it: --input JSON, or call the agent with it inside `handrail.resuming`."
    if known.input is None:
        raise NotResumable(f"The input of the run {known.run} was not kept. {how}")
    try:
        return values.decode(vault_for(folder).get(known.run, INPUT, known.input))
    except ValueErased as error:
        raise NotResumable(f"The values of the run {known.run} were erased, so it cannot go on.") from error
    except HandrailError as error:
        raise NotResumable(f"The input of the run {known.run} cannot be read: {error} {how}") from error
