"""The LangChain family: LangChain, LangGraph, deep agents, classic executors, LCEL chains."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar

from langchain_core.callbacks.manager import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.runnables.retry import RunnableRetry
from langchain_core.tools import BaseTool

from handrail.frameworks import executables
from handrail.frameworks.langchain import (
    agents,
    composition,
    embedders,
    lazy,
    llms,
    loops,
    models,
    repeats,
    retrievers,
    showing,
    states,
    stores,
    tools,
    values,
)
from handrail.frameworks.langchain.agents import BINDING, Binding
from handrail.frameworks.patching import Patches, WhenImported
from handrail.gate import Gate

T = TypeVar("T")

patches = Patches()
_hooks = WhenImported()


def install() -> None:
    """Wrap the seams of every part of the family that is imported, now or later. Twice changes nothing."""
    if not patches.applied:
        executables.note_living([BaseTool])
    patches.wrap(BaseTool, "__init__", showing.made)
    patches.wrap(BaseTool, "run", tools.run)
    patches.wrap(BaseTool, "arun", tools.arun)
    patches.wrap(BaseChatModel, "_generate_with_cache", models.generate)
    patches.wrap(BaseChatModel, "_agenerate_with_cache", models.agenerate)
    patches.wrap(BaseChatModel, "stream", models.stream)
    patches.wrap(BaseChatModel, "astream", models.astream)
    if hasattr(BaseChatModel, "_chat_model_stream_v3"):
        patches.wrap(BaseChatModel, "_chat_model_stream_v3", lazy.protocol)
        patches.wrap(BaseChatModel, "_achat_model_stream_v3", lazy.aprotocol)
        patches.wrap(BaseChatModel, "_iter_v2_events", lazy.events)
        patches.wrap(BaseChatModel, "_aiter_v2_events", lazy.aevents)
    for name, wrap in llms.METHODS.items():
        patches.wrap(BaseLLM, name, wrap)
    embedders.install(patches)
    values.install()
    _install_retries()
    _install_retrievers()
    for name, wrapper in agents.ENTRIES.items():
        patches.wrap(RunnableSequence, name, wrapper)
    patches.wrap(RunnableSequence, "__init__", composition.joined)
    _hooks.add("langgraph.types", values.install_graphs)
    _hooks.add("langgraph.pregel", _install_graphs)
    _hooks.add("langgraph.pregel.remote", _install_remote_graphs)
    _hooks.add("langgraph.prebuilt.tool_node", _install_tool_node)
    for module in (
        "langgraph.store.base",
        "langgraph.store.memory",
        "langgraph.store.sqlite",
        "langgraph.store.postgres",
    ):
        _hooks.add(module, _install_stores)
    for package in ("langchain_classic", "langchain"):
        _hooks.add(f"{package}.retrievers.ensemble", _install_retrievers)
        _hooks.add(f"{package}.agents.agent", functools.partial(_install_executor, f"{package}.agents.agent"))
        iterator = f"{package}.agents.agent_iterator"
        _hooks.add(iterator, functools.partial(_install_executor_iterator, iterator))


def _install_retries() -> None:
    """What ``with_retry`` tries again is one call."""
    patches.wrap(RunnableRetry, "_invoke", repeats.node)
    patches.wrap(RunnableRetry, "_ainvoke", repeats.anode)


def _install_retrievers() -> None:
    for kind in (BaseRetriever, *executables.below(BaseRetriever)):
        for name, wrapper in retrievers.WRAPPERS.items():
            if name in kind.__dict__:
                patches.wrap(kind, name, wrapper)
    for manager in (CallbackManagerForRetrieverRun, AsyncCallbackManagerForRetrieverRun):
        patches.wrap(manager, "on_retriever_end", retrievers.told)


def _install_graphs() -> None:
    from langgraph.pregel import Pregel

    patches.wrap(Pregel, "stream", agents.items("stream"))
    patches.wrap(Pregel, "astream", agents.aitems("astream"))
    for name, wrapper in states.METHODS.items():
        if hasattr(Pregel, name) and not hasattr(Pregel, states.ENDS_IN.get(name, "")):
            patches.wrap(Pregel, name, wrapper)
    sequence = _graph_sequence()
    if sequence is not None:
        patches.wrap(sequence, "__init__", composition.joined)
    _install_loops()


def _install_loops() -> None:
    try:
        kind = import_module("langgraph.pregel._loop").PregelLoop
    except (ImportError, AttributeError):  # a version that keeps it elsewhere: what happens between steps is not told
        return
    for name, wrapper in loops.METHODS.items():
        if hasattr(kind, name):
            patches.wrap(kind, name, wrapper)


def _install_remote_graphs() -> None:
    """A graph on a LangGraph server: what it does there is not seen here."""
    from langgraph.pregel.remote import RemoteGraph

    patches.wrap(RemoteGraph, "stream", agents.items("stream"))
    patches.wrap(RemoteGraph, "astream", agents.aitems("astream"))


def _graph_sequence() -> type | None:
    """LangGraph's own kind of sequence, which nodes are run in; None where this version has none."""
    try:
        module = import_module("langgraph._internal._runnable")
    except ImportError:
        return None
    found: type | None = getattr(module, "RunnableSeq", None)
    return found


def _install_stores() -> None:
    from langgraph.store.base import BaseStore

    for kind in (BaseStore, *executables.below(BaseStore)):
        for name, wrapper in stores.METHODS.items():
            if name in kind.__dict__ and not getattr(kind.__dict__[name], "__isabstractmethod__", False):
                patches.wrap(kind, name, wrapper)


def _install_tool_node() -> None:
    from langgraph.prebuilt.tool_node import ToolNode

    patches.wrap(ToolNode, "__init__", showing.held)
    newer = hasattr(ToolNode, "_execute_tool_sync")
    patches.wrap(ToolNode, "_execute_tool_sync" if newer else "_run_one", tools.execute)
    patches.wrap(ToolNode, "_execute_tool_async" if newer else "_arun_one", tools.aexecute)
    if newer:
        patches.wrap(ToolNode, "_run_one", repeats.node)
        patches.wrap(ToolNode, "_arun_one", repeats.anode)


def _install_executor(module: str) -> None:
    executor = import_module(module).AgentExecutor
    for name in ("invoke", "ainvoke", "stream", "astream"):
        patches.wrap(executor, name, agents.ENTRIES[name])


def _install_executor_iterator(module: str) -> None:
    iterator = import_module(module).AgentExecutorIterator
    patches.wrap(iterator, "__iter__", agents.steps_of)
    patches.wrap(iterator, "__aiter__", agents.asteps_of)


def uninstall() -> None:
    """Put every original back."""
    _hooks.clear()
    patches.undo()


def supports(agent: object) -> bool:
    """Whether ``agent`` is an object of this family."""
    return isinstance(agent, Runnable)


def govern(agent: T, gate: Gate, *, name: str | None, said: Mapping[str, str], spec: tuple[Any, ...]) -> T:
    """A governed copy of ``agent``, of the same kind. ``spec`` is what to call ``handrail.govern`` with again."""
    install()
    original = getattr(type(agent), "_handrail_original", type(agent))
    governed = _subclass(original, Binding(gate, name, said, patches), spec)
    clone: T = _plain_copy(agent, original)
    object.__setattr__(clone, "__class__", governed)
    return clone


def _plain_copy(agent: Any, original: type) -> Any:
    made = getattr(original, "__copy__", None)
    if made is not None:  # pydantic models copy themselves
        clone = made(agent)
        object.__setattr__(clone, "__class__", original)
        return clone
    clone = object.__new__(original)
    clone.__dict__.update(agent.__dict__)
    return clone


def _subclass(original: type, binding: Binding, spec: tuple[Any, ...]) -> type:
    """A class of its own for each governed object: copies made by ``with_config`` keep it, and so the gate."""
    body: dict[str, Any] = {
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        "__reduce_ex__": lambda self, protocol: (_again, (_plain_copy(self, original), spec)),
    }
    if issubclass(original, RunnableSequence):
        body.update(composition.OPERATORS)
    if not _is_graph(original):
        for entry, wrapper in agents.ENTRIES.items():
            body[entry] = _entry(original, entry, wrapper)
    metaclass: Any = type(original)
    made: type = metaclass(original.__name__, (original,), body)
    type.__setattr__(made, BINDING, binding)
    type.__setattr__(made, "_handrail_original", original)
    return made


def _entry(original: type, name: str, wrapper: Any) -> Any:
    method = getattr(original, name)
    return functools.wraps(method)(wrapper(method))


def _is_graph(kind: type) -> bool:
    """Whether every way into an object of this class ends in the wrapped methods of Pregel."""
    module = sys.modules.get("langgraph.pregel")
    return module is not None and issubclass(kind, module.Pregel)


def _again(agent: Any, spec: tuple[Any, ...]) -> Any:
    from handrail.frameworks.api import govern_again

    return govern_again(agent, spec)


__all__ = ["govern", "install", "patches", "supports", "uninstall"]
