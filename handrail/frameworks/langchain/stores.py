"""The memory seam: LangGraph's stores. A write is a governed call; what is somebody else's reads as if it were not
there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.errors import NotAvailable
from handrail.frameworks import ownership
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

    @property
    def name(self) -> str:
        """The namespace as rules know it."""
        return "/".join(map(str, self.namespace))


def _of_op(op: Any) -> _Touch:
    kind = type(op).__name__
    if kind == "GetOp":
        return _Touch("read", tuple(op.namespace), str(op.key))
    if kind == "PutOp":
        return _Touch("write", tuple(op.namespace), str(op.key))
    page = {name: getattr(op, name) for name in _WHOLE} if kind == "ListNamespacesOp" else None
    return _Touch("read", (), many=True, page=page)


def _of_call(name: str, given: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Touch:
    """By LangGraph's own parameters: a class that passes everything on may have named none."""
    if name in ("search", "list_namespaces"):
        page = {"limit": 100, **kwargs} if name == "list_namespaces" else None
        return _Touch("read", (), many=True, page=page)
    namespace, key = (*given[:2], *(kwargs[each] for each in ("namespace", "key")[len(given) :]))
    return _Touch("read" if name == "get" else "write", tuple(namespace), str(key))


def _call(touch: _Touch) -> ToolCall:
    facts = {"namespace": touch.name, "key": touch.key}
    return ToolCall(touch.name, facts, action=touch.action, before=ownership.memory)


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
    return touch.many or not isinstance(gate_of(frame).tool(frame, _call(touch), lambda args: None), Refusal)


async def _amay(frame: Frame, touch: _Touch) -> bool:
    async def nothing(args: Any) -> None:
        return None

    return touch.many or not isinstance(await gate_of(frame).atool(frame, _call(touch), nothing), Refusal)


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
        with context.use(replace(frame, owner=Storing())):
            found = original(self, _ops(frame, given, allowed), *args, **kwargs)
        return _merged(touches, allowed, found, frame)

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
        with context.use(replace(frame, owner=Storing())):
            found = await original(self, _ops(frame, given, allowed), *args, **kwargs)
        return _merged(touches, allowed, found, frame)

    return wrapper


def one(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap the method for one operation called ``name``: those of a class may not end in its ``batch``."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            frame = _frame()
            if frame is None:
                return original(self, *args, **kwargs)
            touch = _of_call(name, args, kwargs)
            renew(frame)
            [may] = _decided([touch], [_may(frame, touch)])
            with context.use(replace(frame, owner=Storing())):
                found = original(self, *args, **_whole_call(frame, name, kwargs)) if may else None
            return _merged([touch], [True], [found], frame)[0]

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
            await arenew(frame)
            [may] = _decided([touch], [await _amay(frame, touch)])
            with context.use(replace(frame, owner=Storing())):
                found = await original(self, *args, **_whole_call(frame, name, kwargs)) if may else None
            return _merged([touch], [True], [found], frame)[0]

        return wrapper

    return wrap


_ONES = ("get", "search", "put", "delete", "list_namespaces")
METHODS = {
    "batch": batch, "abatch": abatch,
    **{name: one(name) for name in _ONES}, **{f"a{name}": aone(name) for name in _ONES},
}  # fmt: skip
"""Method of a store -> its wrapper."""
