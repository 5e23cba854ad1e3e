"""Exact copies of arguments, and JSON for the record whatever a value is."""

from __future__ import annotations

import collections
import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.audit.canonical import MAX_BYTES, MAX_DEPTH, TYPE_TAG, NotCanonical, copy_of, jsonable
from handrail.audit.recorder import body_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


class Shouting:
    """An object whose every special method raises."""

    def __getattribute__(self, name: str) -> Any:
        raise ValueError("sentinel")

    def __str__(self) -> str:
        raise ValueError("sentinel")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise ValueError("sentinel")

    def __hash__(self) -> int:
        raise ValueError("sentinel")


class LyingText(str):
    """Text that is equal to everything and gives itself back for its text."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __str__(self) -> str:
        return self

    def __getitem__(self, index: Any) -> Any:
        return self

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Refuse."""
        raise ValueError("sentinel")


class LyingDict(dict[str, Any]):
    """A dict that shows other things each time it is asked."""

    asked = 0

    def _next(self) -> dict[str, Any]:
        self.asked += 1
        return {"amount": 1 if self.asked == 1 else 9000}

    def items(self) -> Any:
        """Lie."""
        return self._next().items()

    def __getitem__(self, key: str) -> Any:
        return self._next()[key]

    def __iter__(self) -> Any:
        return iter(self._next())

    def get(self, key: str, default: Any = None) -> Any:
        """Lie."""
        return self._next().get(key, default)


class Endless(list[int]):
    """A list whose iterator has no end."""

    def __iter__(self) -> Any:
        while True:
            yield 1


class FailingDict(dict[str, Any]):
    """A dict that cannot be read."""

    def items(self) -> Any:
        """Fail."""
        raise ValueError("sentinel")

    __iter__ = items


class Meta(type):
    """A class that does not tell about itself."""

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__module__", "__qualname__", "__name__"):
            raise ValueError("sentinel")
        return super().__getattribute__(name)


class Nameless(metaclass=Meta):
    """An object of a class without a readable name."""


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def cyclic() -> Any:
    """A list that holds itself twice: a walk of it doubles at every level."""
    value: list[Any] = []
    value += [value, value]
    return value


def growing() -> Any:
    """Sixty containers that a walk takes for 2 to the 60."""
    value: Any = "x"
    for _ in range(60):
        value = [value, value]
    return [value, math.nan]


HOSTILE: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": [-math.inf],
    "lone surrogate": "a\ud800b",
    "surrogate in a key": {"\udfff": 1},
    "huge integer": 10**5000,
    "deep": deep(5000),
    "cyclic list": cyclic(),
    "keys that are no strings": {1: 2, None: 3, (1, 2): 4},
    "bytes": b"\xff\x00",
    "decimal": Decimal("NaN"),
    "set": {1, 2},
    "complex": 1j,
    "shouting object": Shouting(),
    "shouting object in a list": [Shouting()],
    "lying text": LyingText("x"),
    "lying text as a key": {LyingText("x"): 1},
    "lying dict": LyingDict(amount=1),
    "endless list": Endless([1]),
    "failing dict": FailingDict(a=1),
    "nameless": Nameless(),
    "class": int,
    "exception": ValueError("x"),
    "dict keys": {}.keys(),
    "generator": (each for each in range(3)),
}


@given(JSON)
def test_copy_is_equal_and_shares_no_container(value: Any) -> None:
    """A copy equals its original, has the same types, and changing one never changes the other."""
    copied = copy_of(value)
    assert copied == value
    assert msgspec.json.encode(jsonable(copied)) == msgspec.json.encode(jsonable(value))
    assert _containers(copied).isdisjoint(_containers(value))


def _containers(value: Any) -> set[int]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = {id(value)} if isinstance(value, (dict, list)) else set()
    return own.union(*(_containers(item) for item in inner))


@given(JSON)
def test_json_is_shown_as_it_is(value: Any) -> None:
    """What is JSON already, integers of 64 bits included, is recorded without a change."""
    if '"$type"' not in str(jsonable(value)) and TYPE_TAG not in str(jsonable(value)):
        assert jsonable(value) == value


@given(st.recursive(
    SCALARS | st.floats() | st.binary() | st.decimals() | st.text(st.characters(codec=None, categories=["Cs", "L"])),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=20,
))  # fmt: skip
def test_anything_has_a_json_form(value: Any) -> None:
    """Whatever a value holds, it is shown in JSON that a strict reader takes, and the encoder never sees NaN."""
    shown = jsonable(value)
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_recorded(name: str) -> None:
    """No value can keep itself out of the record, nor hold up the program that records it."""
    value = HOSTILE[name]
    msgspec.json.decode(msgspec.json.encode(jsonable(value)))
    body = body_of(value)
    msgspec.json.decode(body)
    assert len(body) < 100_000


@pytest.mark.parametrize("name", [
    "NaN", "infinity", "lone surrogate", "surrogate in a key", "deep", "cyclic list", "keys that are no strings",
    "lying text as a key",
])  # fmt: skip
def test_values_without_an_exact_form_are_refused(name: str) -> None:
    """What two readers could take for different things is no argument of a call that is enforced."""
    with pytest.raises(NotCanonical) as refused:
        copy_of({"a": HOSTILE[name]})
    assert "sentinel" not in str(refused.value)


def test_growing_value_is_refused() -> None:
    """A few containers that stand for 2 to the 60 are refused by their size, not walked."""
    with pytest.raises(NotCanonical):
        copy_of(growing())


@pytest.mark.parametrize("value", ["x" * (MAX_BYTES + 1), ["x" * 1000] * 5000, {"x" * (MAX_BYTES + 1): 1}])
def test_too_large_values_are_refused(value: Any) -> None:
    """The size is capped over the whole value, keys included."""
    with pytest.raises(NotCanonical, match="larger"):
        copy_of(value)


def test_depth_is_capped_exactly() -> None:
    """The deepest value that is allowed passes, one level more does not."""
    assert copy_of(deep(MAX_DEPTH)) == deep(MAX_DEPTH)
    with pytest.raises(NotCanonical, match="deeper"):
        copy_of(deep(MAX_DEPTH + 1))


def test_subclasses_of_containers_become_what_they_hold() -> None:
    """A dict or list of a class of its own is copied by what it stores, whatever its methods say."""
    assert copy_of(LyingDict(amount=1)) == {"amount": 1}
    assert type(copy_of(LyingDict(amount=1))) is dict
    assert copy_of([Endless([1, 2])]) == [[1, 2]]
    assert copy_of({"a": collections.OrderedDict(b=[1])}) == {"a": {"b": [1]}}


def test_containers_inside_tuples_are_copied() -> None:
    """A tuple cannot change, what it holds can: that is copied."""
    inner = [1]
    copied = copy_of({"a": (inner, 2)})
    inner.append(9)
    assert copied == {"a": ([1], 2)}


def test_other_objects_pass_as_they_are() -> None:
    """An object that is no JSON reaches the tool itself, not a picture of it."""
    value = Shouting()
    assert copy_of({"a": value})["a"] is value


def test_no_record_for_more_than_can_be_shown_looks_whole() -> None:
    """A value with too many parts is shown as a mark, never as a shorter value."""
    assert jsonable(cyclic()) == {TYPE_TAG: "builtins.list", "text": ""}
