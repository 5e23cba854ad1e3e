"""Facts as Casbin sees them: opaque, read-only views that it neither walks, nor prints, nor changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from handrail.conditions import Reading
from handrail.policy.decision import Action
from handrail.tracing import ids
from handrail.tracing.context import RunState
from handrail.tracing.identity import Principal

COUNTS = ("steps", "model_calls", "tool_calls")
"""What is counted of a run, as conditions and records name it."""

Circumstances = Mapping[str, Any]
"""The moment of a call, as it is decided by and recorded: ``now`` (seconds since the epoch), ``run`` (counts)."""


def circumstances_of(state: RunState) -> Circumstances:
    """What conditions may ask of this moment of a run: read once, so that the record says what was decided by."""
    return {"now": ids.now_ns() / 1e9, "run": {name: state.counters.get(name) for name in COUNTS}}


def facts_of(
    principal: Principal, action: Action, args: Mapping[str, Any], circumstances: Circumstances
) -> dict[str, object]:
    """What the conditions of a policy may read of one call; ``args`` are under ``memory`` where it is no tool's."""
    return {
        "args" if action == "call" else "memory": args,
        "principal": {"user": principal.user, "agent": principal.agent, "chain": list(principal.chain)},
        "tenant": principal.tenant,
        "session": principal.session,
        "channel": principal.channel,
        "run": circumstances["run"],
        "env": {"now": circumstances["now"]},
    }


MAX_ITEMS = 2_000
"""Longest list that a team's own matcher may go through."""


class RequestFacts:
    """The facts of one request on their way through the built-in matcher, and what was learned from asking them."""

    __slots__ = ("_given", "_reading", "_tenant", "doubts")

    def __init__(self, given: Mapping[str, object], tenant: str) -> None:
        """``tenant`` is the one that is decided about, whatever ``given`` says."""
        self._given, self._tenant = given, tenant
        self._reading: Reading | None = None
        self.doubts: dict[str, str] = {}
        """Condition -> why it could not be evaluated."""

    @property
    def reading(self) -> Reading:
        """What conditions read, put together when the first one asks."""
        if self._reading is None:
            self._reading = Reading({**self._given, "tenant": self._tenant})
        return self._reading

    def __repr__(self) -> str:
        return "RequestFacts()"


class Arguments:
    """A mapping whose keys are read as attributes: ``r.args.items`` is the argument, never ``dict.items``."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, object]) -> None:
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name: str) -> object:
        data = cast("Mapping[str, object]", object.__getattribute__(self, "_data"))
        if name not in data:
            raise AttributeError(name)
        return read_only(data[name])

    def __getitem__(self, name: str) -> object:
        try:
            return self.__getattr__(name)
        except AttributeError:
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        return name in cast("Mapping[str, object]", object.__getattribute__(self, "_data"))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __repr__(self) -> str:
        return "Arguments()"


class Items:
    """A list that cannot be changed and whose members are read-only too."""

    __slots__ = ("_data",)

    def __init__(self, data: list[object] | tuple[object, ...]) -> None:
        object.__setattr__(self, "_data", data)

    def __getitem__(self, index: int) -> object:
        return read_only(_members(self)[index])

    def __len__(self) -> int:
        return len(_members(self))

    def __iter__(self) -> Iterator[object]:
        if len(_members(self)) > MAX_ITEMS:
            raise ValueError(f"a list of more than {MAX_ITEMS} items is not searched")
        return map(read_only, _members(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __repr__(self) -> str:
        return "Items()"


def _members(items: Items) -> list[object] | tuple[object, ...]:
    return cast("list[object] | tuple[object, ...]", object.__getattribute__(items, "_data"))


def read_only(value: object) -> object:
    """A view of ``value``: mappings and lists are wrapped, scalars pass, anything else is refused (AttributeError)."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return Arguments(cast("Mapping[str, object]", value))
    if isinstance(value, (list, tuple)):
        return Items(cast("list[object] | tuple[object, ...]", value))
    raise AttributeError(f"an argument of type {type(value).__name__} cannot be read by a policy")
