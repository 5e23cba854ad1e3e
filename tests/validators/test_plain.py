"""What validators see of a value: everything that is in it, whatever its types."""

from __future__ import annotations

import enum
import itertools
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages import AIMessage

from handrail.validators import Context, Named, as_check
from handrail.validators.plain import Unreadable, plain
from tests.validators.hostile import VALUES, nested


class Raises:
    """An object whose text cannot be had."""

    def __str__(self) -> str:
        """Raise."""
        raise RuntimeError("no")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Colour(enum.Enum):
    """An enumeration."""

    RED = "SENTINEL"


@dataclass
class Note:
    """A dataclass with something inside."""

    text: Any


@given(JSON)
def test_json_is_what_it_is(value: Any) -> None:
    """A value of JSON's own types is the same object: nothing is copied."""
    assert plain(value) is value


@pytest.mark.parametrize(
    "value",
    [
        Note("SENTINEL"), [Note(["SENTINEL"])], {"a": Document("SENTINEL")}, AIMessage("SENTINEL"), Colour.RED,
        b"SENTINEL", ("SENTINEL",), {"SENTINEL"}, OrderedDict(a="SENTINEL"), {Colour.RED: 1}, {1: "SENTINEL", "1": 2},
        type("Odd", (), {"__str__": lambda self: "SENTINEL"})(),
        type("Sub", (str,), {"__str__": lambda self: ""})("SENTINEL"),
        type("Items", (list,), {"__iter__": lambda self: iter(())})(["SENTINEL"]),
    ],
)  # fmt: skip
def test_nothing_hides(value: object) -> None:
    """What is inside models, dataclasses, sets, keys and objects is seen."""
    assert "SENTINEL" in json.dumps(plain(value))


@pytest.mark.parametrize("value", [nested(5_000), nested(5_000, "object"), VALUES["cyclic"], [0] * 200_000, Raises()])
def test_too_much_is_said(value: object) -> None:
    """What is too large, too deep or raises is no value: every check of it says that it could not be checked."""
    found = plain(value)
    assert isinstance(found, Unreadable)
    [finding] = Named("v", as_check(lambda seen: True)).check(found, Context())
    assert (finding.code, finding.severity) == ("unchecked.size", "error")


def test_what_can_be_read_only_once_is_not_read() -> None:
    """A generator in a value holds what no check has seen: it is no text of its type's name, and stays unread."""
    once = (one for one in ["SENTINEL"])
    for value in (once, {"a": [once]}, map(str, [1])):
        assert plain(value) == Unreadable("a part that cannot be read (TypeError)")
    assert list(once) == ["SENTINEL"]


def _endless(self: object) -> Any:
    while True:
        yield ("SENTINEL", 1)


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, dict])
def test_what_never_ends_is_what_it_holds(kind: Any) -> None:
    """A container whose own methods never come to an end is seen as what it holds."""
    methods = {"__iter__": _endless, "items": _endless, "__len__": lambda self: 0, "__hash__": lambda self: 1}
    value = type("Endless", (kind,), methods)({"held": 1} if kind is dict else ["held"])
    assert "held" in json.dumps(plain([value]))


def test_a_mapping_without_end_is_said() -> None:
    """A mapping that is no dict and never ends is too much to check."""
    methods = {"__getitem__": None, "__iter__": _endless, "__len__": lambda self: 1, "items": lambda self: _count()}
    assert isinstance(plain(type("Endless", (Mapping,), methods)()), Unreadable)


def _count() -> Any:
    return ((number, 1) for number in itertools.count())
