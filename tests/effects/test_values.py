"""Values for replay: what comes back is what was kept, type included; what cannot be given back is refused."""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from handrail.effects.values import decode, encode, register
from handrail.errors import NotReplayable
from tests.effects.kinds import Account, Colour, Counted, Level, Point, Right, Slotted, alike


def test_json_is_kept_as_it_is() -> None:
    """What is JSON is plain JSON on one line, in the order that it had."""
    assert encode({"b": [1, 2.5, None, True, "a\nä"], "a": {}}) == '{"b":[1,2.5,null,true,"a\\nä"],"a":{}}'.encode()


T = TypeVar("T")
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


@given(VALUES)
def test_a_value_comes_back_equal_type_included(value: Any) -> None:
    """Whatever is kept comes back equal and of the same types, and is one line of JSON that is the same each time."""
    body = encode(value)
    found = decode(body)
    assert alike(value, found)
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
        assert alike(decode(encode(value)), value)


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


LARGE: list[Any] = [10**4000, -(10**5000), 1 << 63, -(1 << 63) - 1, (1 << 100_000,)]


@pytest.mark.parametrize("value", LARGE, ids=range(len(LARGE)))
def test_large_integers_come_back(value: Any) -> None:
    """An integer of any size comes back, also one whose decimal digits Python would refuse to read."""
    assert decode(encode(value)) == value
    assert decode(encode({"a": [value]})) == {"a": [value]}


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udce4", "\x00", "\u2028", "\U0001f600", '"$"', "$"])
def test_every_text_comes_back(text: str) -> None:
    """Lone surrogates, controls and what looks like a mark come back, as text, as a key, in a path and in an object."""
    values: list[Any] = [text, [text], {text: text}, {"a": {text: [text]}}, (text,), {text}, Slotted(text, {text: 1})]
    for value in (*values, Account(owner=text), OrderedDict({text: 1}), PurePosixPath(text)):
        assert alike(decode(encode(value)), value)


@dataclass
class Remembering:
    """A dataclass with a field that its class holds for all, and a value that it remembers."""

    name: str
    shared: int = field(default=0, init=False)

    @cached_property
    def length(self) -> int:
        """Counted once."""
        return len(self.name)


class Holder(BaseModel):
    """A model that remembers, and has a slot."""

    __slots__ = ("aside",)
    name: str

    @cached_property
    def length(self) -> int:
        """Counted once."""
        return len(self.name)


def test_what_an_object_remembers_is_left_out() -> None:
    """What a cached property remembers is made again; a default that the class holds stays with the class."""
    for value in (Remembering("abc"), Holder(name="abc")):
        assert value.length == 3
        found = decode(encode(value))
        assert (found, "length" in vars(found), found.length) == (value, False, 3)
    assert "shared" not in vars(decode(encode(Remembering("abc"))))


@dataclass
class Box(Generic[T]):
    """A dataclass that may be made as one of some type."""

    inner: T


def test_an_object_of_a_generic_class_comes_back() -> None:
    """How a generic class was spelled when its object was made is no part of the object."""
    assert decode(encode(Box[int](1))) == Box(1)


def test_what_a_model_keeps_aside_is_refused() -> None:
    """A model whose object holds more than fields, extra and private attributes is not kept in part."""
    holder = Holder(name="x")
    object.__setattr__(holder, "aside", 1)
    with pytest.raises(NotReplayable, match="further attributes"):
        encode(holder)


class Order(NamedTuple):
    """A pair that `register` gives a name."""

    n: int


class Handle:
    """An object that only its maker can make again."""

    def __init__(self, number: int) -> None:
        self.number = number


def test_a_framework_registers_its_kinds() -> None:
    """A registered class is kept by what `to` says, deep inside others, and made by `back`."""
    register(Handle, "tests.Handle", lambda handle: (handle.number, {"$": 1}), lambda parts: Handle(parts[0]))
    body = encode({"a": [Handle(7)]})
    assert b'{"$":"tests.Handle"' in body
    assert decode(body)["a"][0].number == 7


def test_names_of_kinds_are_not_taken_twice() -> None:
    """A name without a dot, one of another class, and a second name for a class are refused."""
    register(Order, "tests.Order", list, lambda parts: Order(*parts))
    register(Order, "tests.Order", list, lambda parts: Order(*parts))
    for kind, name in (
        (Order, "Order"),
        (Order, "tests.Other"),
        (Handle, "tests.Order"),
        (dict, "tuple"),
        (tuple, "a.b"),
    ):
        with pytest.raises(ValueError, match="kind of values"):
            register(kind, name, list, tuple)
