"""The memory seam: LangGraph's stores. A write is a governed call; what is somebody else's reads as if it were not
there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from handrail.errors import NotAvailable
from handrail.frameworks import ownership
from handrail.frameworks.langchain.searches import Search, counted, record_of
from handrail.gate import Refusal, ToolCall, arenew, enforces, gate_of, renew
from handrail.policy.decision import Action
from handrail.tracing import context
from handrail.tracing.context import Frame

_WHOLE: Mapping[str, Any] = {"max_depth": None, "limit": 1_000_000, "offset": 0}


class Storing:
    """Owner of the frame in which a store does what was decided on already."""


@dataclass(frozen=True, slots=True)
class _Touch:
    """What one operation does to which namespace."""

    action: Action
    namespace: tuple[str, ...]
    key: str = ""
    many: bool = False
    """Whether it may give out things of other namespaces: then each is looked at by itself."""
    page: Mapping[str, Any] | None = None
    """Of a list of namespaces: ``max_depth``, ``limit`` and ``offset``, which count what may be seen only."""
    operation: str = "search_memory"
    """What it is in the GenAI conventions. A store cannot tell a record that is made from one that is changed."""
    value: Any = None
    """What is written."""
    query: Any = None
    """What is searched for."""

    @property
    def name(self) -> str:
        """The namespace as rules know it."""
        return "/".join(map(str, self.namespace))


def _of_op(op: Any) -> _Touch:
    kind = type(op).__name__
    if kind == "GetOp":
        return _Touch("read", tuple(op.namespace), str(op.key))
    if kind == "PutOp":
        return _written(tuple(op.namespace), str(op.key), op.value)
    if kind == "ListNamespacesOp":
        return _Touch("read", (), many=True, page={name: getattr(op, name) for name in _WHOLE})
    return _Touch("read", tuple(op.namespace_prefix), many=True, query=op.query)


def _of_call(name: str, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Touch:
    """By LangGraph's own parameters: a class that passes everything on may have named none."""
    if name == "list_namespaces":
        return _Touch("read", (), many=True, page={"limit": 100, **kwargs})
    if name == "search":
        prefix = given[0] if given else kwargs.get("namespace_prefix", ())
        return _Touch("read", tuple(prefix), many=True, query=kwargs.get("query"))
    namespace, key = (*given[:2], *(kwargs[each] for each in ("namespace", "key")[len(given) :]))
    if name == "get":
        return _Touch("read", tuple(namespace), str(key))
    value = given[2] if len(given) > 2 else kwargs.get("value")
    return _written(tuple(namespace), str(key), value if name == "put" else None)


def _written(namespace: tuple[str, ...], key: str, value: Any) -> _Touch:
    return _Touch("write", namespace, key, operation="delete_memory" if value is None else "upsert_memory", value=value)


def _call(touch: _Touch, *, alone: bool = True) -> ToolCall:
    """The call that an operation is; one of a batch is done later, with the others."""
    said = {"namespace": touch.name, "key": touch.key}
    facts = {"type": "memory", "operation": touch.operation, "store": touch.name, "record": touch.key}
    return ToolCall(
        touch.name, said, action=touch.action, before=ownership.memory, facts=facts,
        kept={"value": record_of(touch.key, touch.value)} if touch.value is not None else {},
        show=lambda found: [] if found is None else [record_of(touch.key, getattr(found, "value", found))],
        then=counted if alone and touch.action == "read" else None,
    )  # fmt: skip


def _frame() -> Frame | None:
    """The frame of a store's call; None outside every run, and inside what was decided on."""
    frame = context.current()
    return None if frame is None or isinstance(frame.owner, Storing) else frame


def _decided(touches: Sequence[_Touch], allowed: Sequence[bool]) -> list[bool]:
    """Which operations go on. Raises NotAvailable where a write may not be made: then nothing is done."""
    if any(touch.action == "write" and not may for touch, may in zip(touches, allowed, strict=True)):
        raise NotAvailable
    return list(allowed)


def _may(frame: Frame, touch: _Touch) -> bool:
    return touch.many or not isinstance(
        gate_of(frame).tool(frame, _call(touch, alone=False), lambda args: None), Refusal
    )


async def _amay(frame: Frame, touch: _Touch) -> bool:
    async def nothing(args: Any) -> None:
        return None

    return touch.many or not isinstance(await gate_of(frame).atool(frame, _call(touch, alone=False), nothing), Refusal)


def _own(frame: Frame, found: Any) -> Any:
    """A result without what lies in namespaces that may not be read."""
    if not isinstance(found, list):
        return found
    listed: list[Any] = found
    return [item for item in listed if ownership.readable(frame, "/".join(map(str, _namespace(item))))]


def _namespace(item: Any) -> Iterable[Any]:
    return item if isinstance(item, tuple) else item.namespace


def _ops(frame: Frame, given: Sequence[Any], allowed: Sequence[bool]) -> list[Any]:
    """The operations that go on. Namespaces are listed whole: cut after what may not be seen was left out."""
    going = [op for op, may in zip(given, allowed, strict=True) if may]
    whole = enforces(frame)
    return [op._replace(**_WHOLE) if whole and type(op).__name__ == "ListNamespacesOp" else op for op in going]


def _whole_call(frame: Frame, name: str, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**kwargs, **_WHOLE} if name == "list_namespaces" and enforces(frame) else kwargs


def _shown(frame: Frame, touch: _Touch, found: Any) -> Any:
    """What is given out of the result of one operation."""
    own = _own(frame, found) if touch.many else found
    if touch.page is None or not enforces(frame):
        return own
    cut = list(dict.fromkeys(namespace[: touch.page.get("max_depth")] for namespace in own))
    start = touch.page.get("offset", 0)
    return cut[start : start + touch.page["limit"]]


def _merged(touches: Sequence[_Touch], allowed: Sequence[bool], found: Sequence[Any], frame: Frame) -> list[Any]:
    """The results in the order of the operations; nothing for a read that may not be made."""
    left = iter(found)
    results = [next(left) if may else None for may in allowed]
    return [_shown(frame, touch, result) for touch, result in zip(touches, results, strict=True)]


def _searches(frame: Frame, touches: Sequence[_Touch]) -> list[Search | None]:
    """A step for each search: it needs no decision, since each thing that it gives out is looked at by itself."""
    return [Search(frame, t.name, t.query) if t.many and t.page is None else None for t in touches]


@contextmanager
def _looking(searches: Sequence[Search | None], shown: list[Any]) -> Generator[None]:
    """Close the steps of searches after the block, with what of ``shown`` is theirs."""
    try:
        yield
    except BaseException as error:
        for search in searches:
            if search is not None:
                search.failed(error)
        raise
    for search, result in zip(searches, shown, strict=True):
        if search is not None:
            search.found(result)


def batch(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``batch``."""

    def wrapper(self: Any, ops: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        frame = _frame()
        if frame is None:
            return original(self, ops, *args, **kwargs)
        given = list(ops)
        touches = [_of_op(op) for op in given]
        renew(frame)
        allowed = _decided(touches, [_may(frame, touch) for touch in touches])
        shown: list[Any] = []
        with _looking(_searches(frame, touches), shown):
            with context.use(replace(frame, owner=Storing())):
                found = original(self, _ops(frame, given, allowed), *args, **kwargs)
            shown += _merged(touches, allowed, found, frame)
        return shown

    return wrapper


def abatch(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``abatch``."""

    async def wrapper(self: Any, ops: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        frame = _frame()
        if frame is None:
            return await original(self, ops, *args, **kwargs)
        given = list(ops)
        touches = [_of_op(op) for op in given]
        await arenew(frame)
        allowed = _decided(touches, [await _amay(frame, touch) for touch in touches])
        shown: list[Any] = []
        with _looking(_searches(frame, touches), shown):
            with context.use(replace(frame, owner=Storing())):
                found = await original(self, _ops(frame, given, allowed), *args, **kwargs)
            shown += _merged(touches, allowed, found, frame)
        return shown

    return wrapper


def _inside(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Do what was let through: what the store itself calls for it is part of it."""
    frame = context.current()
    assert frame is not None  # the gate stands in the step
    with context.use(replace(frame, owner=Storing())):
        return original(*args, **kwargs)


async def _ainside(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    frame = context.current()
    assert frame is not None
    with context.use(replace(frame, owner=Storing())):
        return await original(*args, **kwargs)


def _given(touch: _Touch, found: Any) -> Any:
    """The result of one operation; a read that was refused finds nothing. Raises NotAvailable for a refused write."""
    if not isinstance(found, Refusal):
        return found
    if touch.action == "write":
        raise NotAvailable
    return None


def one(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap the method for one operation called ``name``: those of a class may not end in its ``batch``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            frame = _frame()
            if frame is None:
                return original(self, *args, **kwargs)
            touch = _of_call(name, args, kwargs)
            if not touch.many:
                found = gate_of(frame).tool(frame, _call(touch), lambda same: _inside(original, self, *args, **kwargs))
                return _given(touch, found)
            renew(frame)
            shown: list[Any] = []
            with _looking(_searches(frame, [touch]), shown):
                with context.use(replace(frame, owner=Storing())):
                    found = original(self, *args, **_whole_call(frame, name, kwargs))
                shown.append(_shown(frame, touch, found))
            return shown[0]

        return wrapper

    return wrap


def aone(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap the coroutine method likewise."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            frame = _frame()
            if frame is None:
                return await original(self, *args, **kwargs)
            touch = _of_call(name, args, kwargs)
            if not touch.many:
                going = lambda same: _ainside(original, self, *args, **kwargs)  # noqa: E731
                return _given(touch, await gate_of(frame).atool(frame, _call(touch), going))
            await arenew(frame)
            shown: list[Any] = []
            with _looking(_searches(frame, [touch]), shown):
                with context.use(replace(frame, owner=Storing())):
                    found = await original(self, *args, **_whole_call(frame, name, kwargs))
                shown.append(_shown(frame, touch, found))
            return shown[0]

        return wrapper

    return wrap


_ONES = ("get", "search", "put", "delete", "list_namespaces")
METHODS = {
    "batch": batch, "abatch": abatch,
    **{name: one(name) for name in _ONES}, **{f"a{name}": aone(name) for name in _ONES},
}  # fmt: skip
"""Method of a store -> its wrapper."""
