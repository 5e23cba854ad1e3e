"""The agent seam: where a run starts, and where a sub-agent starts inside one.

Every way into a LangGraph graph ends in ``Pregel.stream`` or ``astream``; chains and executors have their
entry methods wrapped one by one, for they do not end in one place.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, nullcontext
from typing import Any

from langchain_core.runnables import Runnable, RunnableSequence

from handrail.audit.steps import Step
from handrail.frameworks import gates, opening, resuming, thinking
from handrail.frameworks.flow import Turn
from handrail.frameworks.langchain import answers, branches, inputs, kinds, thoughts
from handrail.frameworks.langchain.pauses import HANDOFF, PAUSES
from handrail.frameworks.langchain.place import place
from handrail.frameworks.patching import Patches
from handrail.frameworks.serving import Serving
from handrail.gate import Gate
from handrail.tracing import context
from handrail.tracing.context import Frame

UNNAMED = {"", "LangGraph", "RunnableSequence", "RunnableLambda", "AgentExecutor", "RunnableParallel"}
"""Names that a framework gives by itself: they name nobody."""
MAX_WRAPPERS = 10
"""How deep a name is looked for in bindings, retries and fallbacks."""
BINDING = "_handrail_binding"
"""Class attribute of a governed object: which gate, and what ``govern`` was told."""


class Asked(Serving):
    """Owner of a model call's frame: the model that is being asked, to recognise its own inner calls."""

    def __init__(self, model: object, step: Step | None = None, *, whole: bool = False) -> None:
        super().__init__(step)
        self.model = model
        self.whole = whole
        """Whether any other model that is asked directly in this frame only serves the same call."""
        self.given: Any = None
        """What the model answered in an earlier life of the run: it is not asked, but this goes out."""


def asks(frame: Frame, model: object) -> bool:
    """Whether ``frame`` is that of a call of ``model`` which is watched already."""
    return isinstance(frame.owner, Asked) and (frame.owner.whole or frame.owner.model is model)


class Binding:
    """What ``govern`` was told about one object."""

    def __init__(self, gate: Gate, name: str | None, said: Mapping[str, str], patches: Patches) -> None:
        self.gate, self.name, self.said = gate, name, dict(said)
        self._patches = patches

    @property
    def active(self) -> bool:
        """Whether the seams below the object are in place; without them it runs bare."""
        return self._patches.applied


def name_of(agent: object) -> str:
    """The agent's own name, or that of what it wraps; empty when nobody gave it one."""
    for _ in range(MAX_WRAPPERS):
        name = getattr(agent, "name", None)
        if isinstance(name, str) and name not in UNNAMED:
            return name
        agent = getattr(agent, "bound", None)
    return ""


def enter(
    owner: Any, config: Any, entry: str, *, name: str | None = None, turn: Callable[[Any], Turn] | None = None
) -> Step | None:
    """Open the run or the sub-agent's step that a call of ``owner`` is; None where it is neither.

    ``name`` goes before the owner's own where that is not an agent's; ``turn`` says how the invocation begins, where
    the thread of this configuration is kept.
    """
    binding: Binding | None = getattr(type(owner), BINDING, None)
    if binding is not None and not binding.active:
        return None
    frame = context.current()
    if frame is not None and asks(frame, owner):
        return None
    if binding is None and isinstance(owner, RunnableSequence) and frame is not None:
        return None  # a chain inside a run is part of the agent that calls it
    configurable = configurable_of(owner, config)
    step = gates.enter(
        binding.gate if binding else None,
        (binding.name if binding else None) or (name_of(owner) if name is None else name),
        owner,
        said=binding.said if binding else None,
        configurable=configurable,
        entry=entry,
        place=place(),
        turn=_begins(frame, turn, configurable),
        shape=kinds.AGENT if name is not None else kinds.shape_of(owner, named=bool(binding and binding.name)),
    )
    if frame is not None and step is not None:
        branches.opened(frame, step)
    return step


def _begins(frame: Frame | None, turn: Callable[[Any], Turn] | None, configurable: Mapping[str, Any]) -> Turn | None:
    """How a call begins: inside a run, and where a thread is kept."""
    if frame is not None:
        return Turn(links=branches.links(frame))
    return turn(configurable) if turn is not None else None


def _turn(owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Callable[[Any], Turn] | None:
    """How a call of a graph that keeps its threads begins: with no input, or with an answer, it goes on."""
    if getattr(owner, "checkpointer", None) in (None, False):
        return None
    given = args[0] if args else kwargs.get("input")
    resumes = given is None or (type(given).__name__ == "Command" and getattr(given, "resume", None) is not None)
    return lambda configurable: Turn(resumes, str(configurable.get("checkpoint_id") or ""))


def configurable_of(owner: Any, config: Any) -> Mapping[str, Any]:
    """LangChain's ``configurable`` of a call: the object's own, and the caller's over it."""
    merged: dict[str, Any] = {}
    for layer in (getattr(owner, "config", None), config):
        if isinstance(layer, Mapping) and layer.get("configurable"):
            merged.update(layer["configurable"])
    if "thread_id" in merged:
        merged["thread_id"] = _thread(owner, merged["thread_id"])
    return merged


def _thread(owner: Any, given: Any) -> str:
    """One name for all that a checkpointer takes for one thread; empty where none keeps what has no name."""
    if given:
        return str.__str__(given) if isinstance(given, str) else str(given)
    if not getattr(owner, "checkpointer", None):
        return ""
    return repr(given) if given is None or isinstance(given, str) else "0"  # 0 and False are one key


def _config(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return kwargs.get("config") or (args[1] if len(args) > 1 else None)


def _paused(item: Any) -> bool:
    """Whether a streamed item says that the run waits for somebody."""
    if isinstance(item, tuple) and item:
        item = item[-1]  # pyright: ignore[reportUnknownVariableType]
    if type(item) is not dict:
        return False
    return "__interrupt__" in item or ("ns" in item and "data" in item and len(item.get("interrupts", ())) > 0)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _leave(step: Step, paused: bool) -> None:
    if paused and step.kind == "run":
        gates.close(step, "interrupted")
    if step.kind == "run":
        answers.ended(step.frame)
    gates.leave(step)


def failed(step: Step, error: BaseException) -> None:
    """Close ``step`` with what it raised; a hand-over to another agent is remembered, and no error."""
    if isinstance(error, HANDOFF):
        _remember(step.frame, error)
        gates.close(step, "ok")
        return
    gates.leave(step, error, PAUSES)


def _remember(frame: Frame, error: BaseException) -> None:
    for name in thoughts.targets(error.args[0] if error.args else None):
        frame.state.handoffs[name] = frame.principal
        thinking.announce(frame, name, again=False)


def _entered(
    owner: Any, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any], turn: Callable[[Any], Turn] | None = None
) -> Step | None:
    """As `enter`; takes ``run_id`` out of what the entry method was given, if it opens a run or a step.

    That is the run to go on with, or to begin under this id.
    """
    run = kwargs.pop("run_id", None)
    with nullcontext() if run is None else resuming.naming(run):
        step = enter(owner, _config(args, kwargs), entry, turn=turn)
    if step is None and run is not None:
        kwargs["run_id"] = run
    return step


def call(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a method that returns when it is done, such as ``invoke``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            step = _entered(self, entry, args, kwargs)
            if step is None:
                return original(self, *args, **kwargs)
            try:
                args, kwargs = inputs.looked_at(step, entry, args, kwargs)
                with context.use(step.frame):
                    found = original(self, *args, **kwargs)
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
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            step = _entered(self, entry, args, kwargs)
            if step is None:
                return await original(self, *args, **kwargs)
            try:
                args, kwargs = inputs.looked_at(step, entry, args, kwargs)
                with context.use(step.frame):
                    found = await original(self, *args, **kwargs)
            except BaseException as error:
                failed(step, error)
                raise
            gates.leave(step)
            return found

        return wrapper

    return wrap


def _watch(step: Step, source: Iterator[Any]) -> Iterator[Any]:
    paused = False
    try:
        for item in context.iterate(step.frame, source):
            paused = paused or _paused(item)
            yield item
    except BaseException as error:
        failed(step, error)
        raise
    _leave(step, paused)


async def _awatch(step: Step, source: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    paused = False
    items = context.aiterate(step.frame, source)
    try:
        async for item in items:
            paused = paused or _paused(item)
            yield item
    except BaseException as error:
        try:
            await items.aclose()
        finally:  # a loop that is being torn down never comes back from the await
            failed(step, error)
        raise
    _leave(step, paused)


def _given(step: Step, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The arguments of an entry method; closes ``step`` where the validators let its input not go on."""
    try:
        return inputs.looked_at(step, entry, args, kwargs)
    except BaseException as error:
        failed(step, error)
        raise


def items(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a generator method, such as ``stream``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            step = _entered(self, entry, args, kwargs, _turn(self, args, kwargs))
            if step is None:
                yield from original(self, *args, **kwargs)
                return
            args, kwargs = _given(step, entry, args, kwargs)
            yield from _watch(step, original(self, *args, **kwargs))

        return wrapper

    return wrap


def aitems(entry: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap an asynchronous generator method, such as ``astream``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
            step = _entered(self, entry, args, kwargs, _turn(self, args, kwargs))
            if step is None:
                async with aclosing(original(self, *args, **kwargs)) as source:
                    async for item in source:
                        yield item
                return
            args, kwargs = _given(step, entry, args, kwargs)
            watched = _awatch(step, original(self, *args, **kwargs))
            try:
                async for item in watched:
                    yield item
            finally:
                await watched.aclose()

        return wrapper

    return wrap


def steps_of(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``AgentExecutorIterator.__iter__``, what ``AgentExecutor.iter`` gives out."""

    def wrapper(self: Any) -> Iterator[Any]:
        step = enter(self.agent_executor, None, "iter")
        source = original(self)
        yield from source if step is None else _watch(step, source)

    return wrapper


def asteps_of(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``AgentExecutorIterator.__aiter__``."""

    async def wrapper(self: Any) -> AsyncGenerator[Any]:
        step = enter(self.agent_executor, None, "iter")
        source = original(self) if step is None else _awatch(step, original(self))
        try:
            async for item in source:
                yield item
        finally:
            await source.aclose()

    return wrapper


def _one_by_one(owner: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the inputs of a batch come with configurations that may name different principals."""
    configs = _config(args, kwargs)
    if not isinstance(configs, (list, tuple)) or context.current() is not None:
        return False
    if getattr(type(owner), BINDING, None) is None and opening.default_gate() is None:
        return False
    said: list[Any] = [(config or {}).get("configurable") for config in configs]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return any(other != said[0] for other in said[1:])


def _batch(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``batch``: one run, or one for each input where each has its own principal or thread."""
    together = call("batch")(original)

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _one_by_one(self, args, kwargs):
            return Runnable.batch(self, *args, **kwargs)
        return together(self, *args, **kwargs)

    return wrapper


def _abatch(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``abatch`` likewise."""
    together = acall("abatch")(original)

    async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _one_by_one(self, args, kwargs):
            return await Runnable.abatch(self, *args, **kwargs)
        return await together(self, *args, **kwargs)

    return wrapper


ENTRIES: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "invoke": call("invoke"),
    "ainvoke": acall("ainvoke"),
    "stream": items("stream"),
    "astream": aitems("astream"),
    "batch": _batch,
    "abatch": _abatch,
    "transform": items("transform"),
    "atransform": aitems("atransform"),
}
"""Entry method -> its wrapper, for everything that is no graph."""
