"""What an existing agent consists of: its name, its tools and its sub-agents, told in words that know no framework.

Agents are looked at, never run. What is found is what can be reached: graph nodes, bound tools, steps of chains,
and whatever the agent's own functions refer to.
"""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

from handrail.effects.declared import undoing_name
from handrail.errors import NotSupported

MAX_OBJECTS = 100_000
"""Objects that are looked at before an agent is taken as known: agents are small, what they refer to need not be."""
_HOSTED = (
    "bash", "code_execution", "code_interpreter", "computer", "file_search", "image_generation", "local_shell", "mcp",
    "text_editor", "web_fetch", "web_search",
)  # fmt: skip
"""How the types of tools begin that a provider executes itself."""
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
"""Folders of code that is not the agent's own."""
_FAMILY = ("langchain", "langgraph", "deepagents")
"""How the modules of the family are called."""
_PARTS = (
    "nodes", "bound", "steps", "steps__", "first", "middle", "last", "kwargs", "tools", "tools_by_name",
    "_tools_by_name", "agent", "runnable", "default", "branches", "mapper", "func", "afunc", "coroutine", "subgraphs",
    "fallbacks",
)  # fmt: skip
"""Attributes in which the family's objects keep their parts and functions."""


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """One tool that an agent can call."""

    name: str
    """Name of the tool, as the model sees it."""
    description: str
    """What the tool does, in its author's words; may be empty."""
    schema: Mapping[str, object]
    """JSON Schema of the arguments."""


def tools_of(agent: object) -> list[ToolInfo]:
    """The tools that ``agent`` and its sub-agents can call, each name once, in the order in which they are found.

    ``agent`` is a LangChain or LangGraph object, or a collection or module of functions under ``@handrail.tool``.
    Raises NotSupported for anything else.
    """
    return list(_look(agent).tools.values())


def provider_tools(agent: object) -> list[str]:
    """Types of the tools that the model's provider executes itself, such as ``web_search``: no seam sees them."""
    return sorted(_look(agent).hosted)


def sub_agents(agent: object) -> list[str]:
    """Names of the agents inside ``agent``, in the order in which they are found; unnamed ones are left out."""
    return [name for name in _look(agent).agents if name != agent_name(agent)]


def agent_name(agent: object) -> str:
    """The agent's own name; empty when nobody gave it one."""
    if not _is_runnable(agent):
        return ""
    from handrail.frameworks.langchain.agents import name_of

    return name_of(agent)


@dataclass(slots=True)
class _Found:
    tools: dict[str, ToolInfo] = field(default_factory=dict[str, ToolInfo])
    agents: list[str] = field(default_factory=list[str])
    hosted: set[str] = field(default_factory=set[str])


def _look(agent: object) -> _Found:
    collection = _is_collection(agent) or _is_mapping(agent) or isinstance(agent, ModuleType)
    if not (collection or _is_runnable(agent) or hasattr(agent, "__handrail_tool__")):
        kind = type(agent)
        raise NotSupported(
            f"A {kind.__module__}.{kind.__qualname__} is no agent that Handrail can look into. Name a LangChain or "
            "LangGraph object, or a list or module of functions under @handrail.tool."
        )
    found = _Found()
    waiting: list[Any] = [agent]
    seen: dict[int, object] = {}
    while waiting and len(seen) < MAX_OBJECTS:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen[id(one)] = one  # kept alive, so that ids stay unique
        waiting.extend(_enter(one, found))
    return found


def _is_runnable(value: object) -> bool:
    """Whether ``value`` is of the LangChain family, which is only asked where it was imported."""
    runnables = sys.modules.get("langchain_core.runnables")
    return runnables is not None and isinstance(value, runnables.Runnable)


def _enter(one: Any, found: _Found) -> Iterator[Any]:
    """Put down what ``one`` is, and tell what to look at next."""
    described = getattr(one, "__handrail_tool__", None)
    if described is not None:
        _add(found, described.name, described.description, described.parameters.schema())
        _note_undoing(described, found)
    if _is_of_family(one):
        _note_part(one, found)
        yield from _inside(one)
    elif isinstance(one, ModuleType):
        yield from (value for value in vars(one).values() if hasattr(value, "__handrail_tool__"))
    elif _is_mapping(one):
        _note_definition(one, found)
        yield from _worthy(one.values())
    elif _is_collection(one):
        yield from _worthy(one)
    elif isinstance(one, (FunctionType, MethodType)):
        yield from _worthy(_referred(one))


def _note_undoing(described: Any, found: _Found) -> None:
    """What undoes a tool is called like one, and rules name it: only its arguments are not known."""
    declared = getattr(described, "declared", None)
    if declared is not None and declared.compensate is not None:
        _add(found, undoing_name(declared.compensate), inspect.getdoc(declared.compensate) or "", {})


def _worthy(values: Iterable[Any]) -> Iterator[Any]:
    """What can lead to a tool; everything else that a program refers to is left alone."""
    return (value for value in values if _leads_on(value))


def _leads_on(value: Any) -> bool:
    return (
        _is_of_family(value)
        or _is_mapping(value)
        or _is_collection(value)
        or isinstance(value, (FunctionType, MethodType))
    )


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_collection(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, (list, tuple, set, frozenset))


def _is_of_family(value: object) -> bool:
    """Whether ``value`` is a part of a LangChain or LangGraph agent; a graph's nodes are no runnables."""
    return _is_runnable(value) or type(value).__module__.startswith(_FAMILY)


def _note_part(one: Any, found: _Found) -> None:
    if _is_tool(one):
        from handrail.frameworks.langchain.tools import schema_of

        try:
            schema = schema_of(one)
        except Exception:  # arguments that are no JSON: the tool works, and only its arguments stay unknown
            schema = None
        _add(found, one.name, one.description, schema or {})
    elif hasattr(one, "nodes") and hasattr(one, "stream_mode"):
        name = agent_name(one)
        if name and name not in found.agents:
            found.agents.append(name)


def _is_tool(value: object) -> bool:
    tools = sys.modules.get("langchain_core.tools")
    return tools is not None and isinstance(value, tools.BaseTool)


def _add(found: _Found, name: str, description: str, schema: Mapping[str, Any]) -> None:
    found.tools.setdefault(name, ToolInfo(name, description, schema))


def _inside(one: object) -> Iterator[object]:
    yield from _worthy(_part(one, name) for name in _PARTS)
    if not type(one).__module__.startswith(_FAMILY):
        yield from _worthy(
            getattr(one, "__dict__", {}).values()
        )  # a class of the user's own keeps its parts where it likes


def _part(one: object, name: str) -> object:
    try:
        return getattr(one, name, None)
    except Exception:  # a property of somebody else's
        return None


def _note_definition(one: Mapping[str, Any], found: _Found) -> None:
    """A tool as it is sent to a provider: OpenAI's and Anthropic's forms."""
    inner: Any = one.get("function")
    function: Mapping[str, Any] = inner if _is_mapping(inner) else one
    name, kind = function.get("name"), one.get("type")
    schema: Any = function.get("parameters", function.get("input_schema"))
    if isinstance(name, str) and _is_mapping(schema):
        _add(found, name, str(function.get("description") or ""), schema)
    elif isinstance(kind, str) and kind.startswith(_HOSTED):
        found.hosted.add(kind)


def _referred(function: FunctionType | MethodType) -> Iterator[object]:
    """What a function refers to: its receiver, its closure and defaults, and the globals that it names."""
    if isinstance(function, MethodType):
        yield function.__self__
    plain = inspect.unwrap(function.__func__ if isinstance(function, MethodType) else function)
    if not isinstance(plain, FunctionType):
        return
    yield from _closed_over(plain)
    yield from plain.__defaults__ or ()
    if not plain.__code__.co_filename.startswith(_LIBRARIES):
        yield from (plain.__globals__[name] for name in plain.__code__.co_names if name in plain.__globals__)


def _closed_over(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue  # not filled yet
