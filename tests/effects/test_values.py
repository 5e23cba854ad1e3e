"""Values for replay: what comes back is what was kept, type included; what cannot be given back is refused."""

from __future__ import annotations

import enum
import math
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr

from handrail.effects.values import decode, encode
from handrail.errors import NotReplayable


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


def test_json_is_kept_as_it_is() -> None:
    """What is JSON is plain JSON on one line, in the order that it had."""
    assert encode({"b": [1, 2.5, None, True, "a\nä"], "a": {}}) == '{"b":[1,2.5,null,true,"a\\nä"],"a":{}}'.encode()


ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=-3), "X")) | st.timezones())
    | st.dates() | st.times() | st.timedeltas() | st.decimals(allow_nan=False) | st.uuids()
    | st.complex_numbers(allow_nan=False) | st.sampled_from([*Colour, *Level, *Right, Right.READ | Right.WRITE])
    | st.text().map(PurePosixPath) | st.just("$") | st.integers(min_value=2**64)
)  # fmt: skip
KEYS = st.text() | st.just("$") | st.integers() | st.binary() | st.none() | st.tuples(st.integers(), st.text())


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(st.sampled_from("$v"), inner)
        | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
        | st.sets(KEYS) | st.frozensets(KEYS)
        | st.builds(Point, st.integers(), inner)
        | st.builds(Slotted, st.text(), inner)
        | st.builds(Account, owner=st.text(), more=inner)
    )  # fmt: skip


VALUES = st.recursive(ATOMS, _around, max_leaves=12)


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(_alike(mine, its) for mine, its in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, (set, frozenset)):
        return bool(one == other) and sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, Slotted):
        return _alike((one.name, one.inner), (other.name, other.inner))
    return bool(one == other) and repr(one) == repr(other)


@given(VALUES)
def test_a_value_comes_back_equal_type_included(value: Any) -> None:
    """Whatever is kept comes back equal and of the same types, and is one line of JSON that is the same each time."""
    body = encode(value)
    found = decode(body)
    assert _alike(value, found)
    assert b"\n" not in body and encode(found) == body


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0])
def test_numbers_that_json_lacks(number: float) -> None:
    """NaN, the infinities and the negative zero come back, wherever they stand."""
    for value in (number, [number], {"a": (number,)}):
        assert repr(decode(encode(value))) == repr(value)


def test_times_in_a_repeated_hour() -> None:
    """Which of two equal clock times it was, and in which zone, is kept."""
    moment = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    found = decode(encode([moment, time(2, 30, fold=1), date(2024, 1, 1)]))
    assert (found[0].fold, found[0].utcoffset(), found[1].fold) == (1, timedelta(hours=1), 1)
    assert found[0].tzinfo is moment.tzinfo


def test_objects_are_made_without_their_constructors() -> None:
    """A dataclass and a model come back with what they held: no constructor or validator has changed it."""
    counted = Counted("a")
    account = Account.model_validate({"owner": "ana", "note": "x"})
    account._seen = 3
    account.balance = "not a number"  # type: ignore[assignment]
    found, model = decode(encode([counted, account]))
    assert (found, found.made) == (counted, 1)
    assert (model, model._seen, model.balance) == (account, 3, "not a number")
    assert (model.model_fields_set, model.model_extra) == ({"owner", "note", "balance"}, {"note": "x"})


def test_paths_and_ids() -> None:
    """A path of this system and a UUID come back as they were."""
    for value in (Path("/tmp/a"), UUID(int=7)):
        assert _alike(decode(encode(value)), value)


def test_a_class_that_is_not_loaded_is_not_imported() -> None:
    """A value that names a module that nobody loaded is refused, and the module stays unloaded."""
    body = b'{"$":"object","v":["antigravity:Flight",{},{}]}'
    with pytest.raises(NotReplayable, match="not loaded"):
        decode(body)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("sort", ["object", "enum", "namedtuple"])
@pytest.mark.parametrize("name", ["subprocess:Popen", "builtins:list", "os:system", "pathlib:Path", "sys:modules"])
def test_a_class_of_another_sort_is_never_made(sort: str, name: str) -> None:
    """A value that names a class (or anything else) that is no dataclass, model, enum or named tuple makes nothing."""
    rest = ",{},{}" if sort == "object" else ',["true"]'
    with pytest.raises(NotReplayable):
        decode(f'{{"$":"{sort}","v":["{name}"{rest}]}}'.encode())
