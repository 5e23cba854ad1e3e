"""Classes whose objects are kept for replay in these tests."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Colour(enum.Enum):
    """An enum of its own values."""

    RED = "red"
    BLUE = ("b", 1)


class Level(enum.IntEnum):
    """An enum whose members are numbers."""

    LOW = 1


class Right(enum.Flag):
    """An enum whose members are added up."""

    READ = 1
    WRITE = 2


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: Any = None


@dataclass(frozen=True, slots=True)
class Slotted:
    """A dataclass without a dict."""

    name: str
    inner: Any = None


@dataclass
class Counted:
    """A dataclass that would count how often it is made."""

    name: str
    made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.made += 1


class Account(BaseModel):
    """A model with everything that a model may hold."""

    model_config = ConfigDict(extra="allow")
    owner: str
    balance: Decimal = Decimal(0)
    _seen: int = PrivateAttr(default=0)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(alike(mine, its) for mine, its in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, (set, frozenset)):
        return bool(one == other) and sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, Account):
        return alike((vars(one), one.model_extra), (vars(other), other.model_extra))
    if isinstance(one, Slotted):
        return alike((one.name, one.inner), (other.name, other.inner))
    return bool(one == other) and repr(one) == repr(other)
