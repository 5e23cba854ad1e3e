"""The tools that something in this process can run, by name. Only they are hidden by default deny.

A definition that is sent to a model need not be one of a tool: structured output is asked for in the same form,
and a provider runs tools of its own. The tools are kept weakly, so that those of a finished request are forgotten.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakValueDictionary

from handrail.effects.declared import Declaration

_lock = threading.Lock()
_tools: WeakValueDictionary[int, Any] = WeakValueDictionary()


def note(tool: Any) -> None:
    """Remember ``tool``, an object that has a ``name`` and can be referred to weakly."""
    with _lock:
        _tools[id(tool)] = tool


def note_living(kinds: Iterable[type]) -> None:
    """Remember every tool of one of ``kinds`` that was made before anybody watched."""
    wanted = {kind for base in kinds for kind in (base, *below(base))}
    for found in gc.get_objects():
        if type(found) in wanted:
            note(found)


def below(kind: type) -> Iterable[type]:
    """Every class derived from ``kind``, at any distance."""
    derived: list[type] = type.__subclasses__(kind)
    for sub in derived:
        yield sub
        yield from below(sub)


def names() -> frozenset[str]:
    """The names of all tools that are alive."""
    with _lock:
        return frozenset(str(getattr(tool, "name", "")) for tool in _tools.values() if _runs(tool))


def declared(name: str) -> Declaration | None:
    """What the author of the tool of this name says that it does to the world; None where nobody says anything.

    Of several tools of one name the one that was made last counts.
    """
    with _lock:
        said = [getattr(tool, "declared", None) for tool in _tools.values() if getattr(tool, "name", None) == name]
    return next((one for one in reversed(said) if isinstance(one, Declaration)), None)


def _runs(tool: Any) -> bool:
    """Whether there is anything to run: LangChain asks for structured output with tools that have no function."""
    return not (type(tool).__name__ == "StructuredTool" and tool.func is None and tool.coroutine is None)
