"""The agent seam: where a run starts, and where a sub-agent starts inside one.

Every way into a LangGraph graph ends in ``Pregel.stream`` or ``astream``; chains and executors have their
entry methods wrapped one by one, for they do not end in one place.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any

from handrail.audit.steps import Step
from handrail.frameworks import gates
from handrail.frameworks.langchain.pauses import HANDOFF, PAUSES
from handrail.gate import Gate
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.identity import ANONYMOUS

UNNAMED = {"", "LangGraph", "RunnableSequence", "RunnableLambda", "AgentExecutor", "RunnableParallel"}
"""Names that a framework gives by itself: they name nobody."""
BINDING = "_handrail_binding"
"""Class attribute of a governed object: which gate, and what ``govern`` was told."""


class Binding:
    """What ``govern`` was told about one object."""

    def __init__(self, gate: Gate, name: str | None, said: Mapping[str, str]) -> None:
        self.gate, self.name, self.said = gate, name, dict(said)


def name_of(agent: object) -> str:
    """The agent's own name; empty when nobody gave it one."""
    name = getattr(agent, "name", None) or getattr(agent, "run_name", None) or ""
    return "" if name in UNNAMED or not isinstance(name, str) else name


def enter(owner: Any, config: Any, entry: str) -> Step | None:
    """Open the run or the sub-agent's step that a call of ``owner`` is; None where it is neither."""
    binding: Binding | None = getattr(type(owner), BINDING, None)
    return gates.enter(
        binding.gate if binding else None,
        (binding.name if binding else None) or name_of(owner),
        owner,
        said=binding.said if binding else None,
        configurable=_configurable(owner, config),
        entry=entry,
    )


def _configurable(owner: Any, config: Any) -> Mapping[str, Any]:
    own = getattr(owner, "config", None)
    merged: dict[str, Any] = {}
    for layer in (own, config):
        if isinstance(layer, Mapping) and layer.get("configurable"):
            merged.update(layer["configurable"])
    return merged


def _config(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return kwargs.get("config") or (args[0] if args else None)


def failed(step: Step, error: BaseException) -> None:
    """Close ``step`` with what it raised; a hand-over to another agent is remembered, and no error."""
    if isinstance(error, HANDOFF):
        _remember(step.frame, error)
        step.finish("ok")
        return
    gates.leave(step, error, PAUSES)


def _remember(frame: Frame, error: BaseException) -> None:
    goto = getattr(error.args[0] if error.args else None, "goto", ())
    targets = goto if isinstance(goto, (list, tuple)) else (goto,)
    for target in targets:
        name = target if isinstance(target, str) else getattr(target, "node", ANONYMOUS)
        frame.state.handoffs[str(name)] = frame.principal.chain


def call(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a method that returns when it is done, such as ``invoke``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
            step = enter(self, _config(args, kwargs), entry)
            if step is None:
                return original(self, input, *args, **kwargs)
            try:
                with context.use(step.frame):
                    found = original(self, input, *args, **kwargs)
            except BaseException as error:
                failed(step, error)
                raise
            gates.leave(step)
            return found

        return wrapper

    return wrap


def acall(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a coroutine method, such as ``ainvoke``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(self: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
            step = enter(self, _config(args, kwargs), entry)
            if step is None:
                return await original(self, input, *args, **kwargs)
            try:
                with context.use(step.frame):
                    found = await original(self, input, *args, **kwargs)
            except BaseException as error:
                failed(step, error)
                raise
            gates.leave(step)
            return found

        return wrapper

    return wrap


def items(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a generator method, such as ``stream``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            step = enter(self, _config(args, kwargs), entry)
            if step is None:
                yield from original(self, input, *args, **kwargs)
                return
            try:
                yield from context.iterate(step.frame, original(self, input, *args, **kwargs))
            except BaseException as error:
                failed(step, error)
                raise
            gates.leave(step)

        return wrapper

    return wrap


def aitems(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap an asynchronous generator method, such as ``astream``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(self: Any, input: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
            step = enter(self, _config(args, kwargs), entry)
            if step is None:
                async for item in original(self, input, *args, **kwargs):
                    yield item
                return
            source = context.aiterate(step.frame, original(self, input, *args, **kwargs))
            try:
                async for item in source:
                    yield item
            except BaseException as error:
                await source.aclose()
                failed(step, error)
                raise
            gates.leave(step)

        return wrapper

    return wrap


ENTRIES: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "invoke": call("invoke"),
    "ainvoke": acall("ainvoke"),
    "stream": items("stream"),
    "astream": aitems("astream"),
    "batch": call("batch"),
    "abatch": acall("abatch"),
    "transform": items("transform"),
    "atransform": aitems("atransform"),
}
"""Entry method -> its wrapper, for everything that is no graph."""
