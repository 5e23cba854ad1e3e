"""Values that must not be kept, and bodies that must not be believed: refused, soon, and without a word of content."""

from __future__ import annotations

import enum
import inspect
import resource
import sys
import threading
import time as clock
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, make_dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from handrail.effects.values import decode, encode
from handrail.errors import NotReplayable
from tests.effects.kinds import Account, Colour, Point, Slotted, alike


def _deep(depth: int, kind: type = list) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = kind([found]) if kind is not dict else {"a": found}
    return found


def _endless(kind: type) -> Any:
    found: Any = {} if kind is dict else []
    if kind is dict:
        found["a"] = found
    elif kind is tuple:
        found.append((found,))
    else:
        found.append(found)
    return found


def _doubled(levels: int, leaf: Any) -> Any:
    found = leaf
    for _ in range(levels):
        found = [found, found]
    return found


def _spread(leaf: Any) -> Any:
    """A tree of a hundred million leaves that takes no memory."""
    return [[[[leaf] * 100] * 100] * 100] * 100


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_nesting_has_an_end(kind: type) -> None:
    """A hundred levels come back; ten thousand, and a value that contains itself, are refused at once."""
    assert decode(encode(_deep(100, kind))) == _deep(100, kind)
    for value in (_deep(101, kind), _deep(10_000, kind), _endless(kind), Slotted("x", _endless(kind))):
        with pytest.raises(NotReplayable, match="nested deeper"):
            encode(value)


@pytest.mark.parametrize(
    "value",
    [
        _doubled(80, 1), _doubled(80, (1,)), _spread(0), _spread(()), _spread("x" * 10_000), _spread(Point(1)),
        (_spread(0),), {1: _spread(0)}, ["x" * 1_000_000] * 1000, [{"k" * 1_000_000: 1}] * 1000,
        (["x" * 1_000_000] * 1000,), [b"x" * 1_000_000] * 1000, [1 << 8_000_000] * 1000, "x" * (16 << 20),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_would_be_large_is_refused_before_it_is(value: Any) -> None:
    """A small object that would be gigabytes of text is refused while it is still small."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NotReplayable, match="takes more than"):
        encode(value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


class Text(str):
    """A text of the program's own."""


class Number(int):
    """A number of the program's own."""


class Items(list[Any]):
    """A list of the program's own."""


class Names(dict[str, Any]):
    """A dict of the program's own."""


@dataclass
class Listed(list[Any]):
    """A dataclass that is a list too: its objects hold more than their fields."""

    name: str = "x"


class Tagged(Point):
    """A named tuple whose objects have attributes."""


class Plain:
    """A class of no sort that is known."""

    def __init__(self) -> None:
        self.name = "x"


class Hostile(Plain):
    """Whatever is asked of an object of this class, it fails."""

    def __reduce__(self) -> Any:
        raise AssertionError("asked to reduce itself")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked whether it is equal")

    def __hash__(self) -> int:
        raise AssertionError("asked for its hash")

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")

    def __str__(self) -> str:
        raise AssertionError("asked for its text")


class Liar(Plain):
    """A class whose objects say that they are texts."""

    __class__ = str  # type: ignore[assignment]


class Meta(type):
    """A metaclass whose classes say that they are each other."""

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(str)

    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


class Posing(metaclass=Meta):
    """A class whose metaclass says that it is str."""


def _of_function() -> Any:
    @dataclass
    class Local:
        name: str = "x"

    return Local()


def _tagged_point() -> Any:
    point = Tagged(1)
    point.more = 1  # type: ignore[attr-defined]
    return point


def _unset() -> Any:
    point = object.__new__(Slotted)
    return point


REFUSED: list[Any] = [
    Text("x"), Number(1), Items(), Names(), {Text("a"): 1}, Listed(), Plain(), Hostile(), Liar(), Posing(),
    _of_function(), _tagged_point(), _unset(), object(), print, int, Slotted, sys, sys.stdin, iter([]), ...,
    (c for c in "a"), NotImplemented, memoryview(b"x"), range(3), ValueError("x"), defaultdict(list),
    Slotted("x", lambda: 1), Account.model_construct(), SimpleNamespace(a=1), clock.struct_time(range(9)),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(REFUSED)))
def test_what_cannot_be_given_back_is_refused(at: int) -> None:
    """Subclasses of plain types, objects that are more than they show, hostile and foreign ones: no guess is made."""
    for value in (REFUSED[at], [REFUSED[at]], {"a": REFUSED[at]}, (REFUSED[at],), Point(1, REFUSED[at])):
        with pytest.raises(NotReplayable):
            encode(value)


class Watched(enum.Enum):
    """An enum whose lookup would run code."""

    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise AssertionError("asked for a missing member")


@dataclass
class Trapped:
    """A dataclass all of whose hooks fail once it is armed."""

    armed: ClassVar[bool] = False
    name: str = "x"

    def __new__(cls, *args: object) -> Any:
        """Fails once it is armed."""
        return cls._quiet(super().__new__(cls))

    @classmethod
    def _quiet(cls, made: Any) -> Any:
        assert not cls.armed, "made by its own code"
        return made

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(type(self)._quiet(self), name, value)

    def __post_init__(self) -> None:
        type(self)._quiet(self)

    def __getstate__(self) -> object:
        return type(self)._quiet(self)

    def __setstate__(self, state: object) -> None:
        type(self)._quiet(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self)._quiet(self)


def test_no_code_of_a_class_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object is written and made again without its class's constructors, setters or pickling hooks."""
    trapped = Trapped("y")
    monkeypatch.setattr(Trapped, "armed", True)
    assert vars(decode(encode(trapped))) == {"name": "y"}
    assert decode(encode(Watched.ONE)) is Watched.ONE


class Lazy(ModuleType):
    """A module that loads what it is asked for."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


def test_a_module_is_not_asked_for_what_it_would_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class is looked up in what a module holds; a module that loads names when asked is not asked."""
    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    monkeypatch.setitem(sys.modules, "nothing", None)
    for name in ("lazy:Thing", "lazy:", ":", "", "nothing:Thing", "lazy:Thing.Inner"):
        with pytest.raises(NotReplayable):
            decode(f'{{"$":"object","v":["{name}",{{}},{{}}]}}'.encode())


FORGED = [
    b"", b"{", b"[1", b"nul", b"\xff", b"[" * 5000 + b"]" * 5000, b'{"$":"object"}', b'{"$":1,"v":1}',
    b'{"$":[],"v":1}', b'{"$":"enum","v":[1,2]}', b'{"$":"x","v":1}',
    b'{"$":"object","v":1}', b'{"$":"object","v":[]}', b'{"$":"object","v":["a:b"]}', b'{"$":"dict","v":1}',
    b'{"$":"set","v":[[1]]}', b'{"$":"bytes","v":1}', b'{"$":"int","v":"zz"}',
    b'{"$":"datetime","v":["x",0,null]}', b'{"$":"ZoneInfo","v":"../../etc/passwd"}', b'{"$":"timezone","v":[1]}',
    b'{"$":"UUID","v":["0",0]}', b'{"$":"Decimal","v":"secret"}', b'{"$":"PosixPath","v":{}}',
    b'{"$":"complex","v":["x"]}',
]  # fmt: skip


@pytest.mark.parametrize("body", FORGED, ids=range(len(FORGED)))
def test_a_body_that_nobody_encoded_is_refused(body: bytes) -> None:
    """What `encode` never writes gives NotReplayable, which quotes nothing of it."""
    with pytest.raises(NotReplayable) as caught:
        decode(body)
    assert "secret" not in str(caught.value)


@given(st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["object", "model", "tests:X", "sys:path"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.fixed_dictionaries({"$": st.sampled_from(["object", "set", "dict", "timedelta", "enum", "int"]), "v": inner}),
))  # fmt: skip
def test_any_json_is_decoded_or_refused(tree: Any) -> None:
    """Whatever tags a body has, `decode` gives a value, which encodes again, or raises NotReplayable."""
    try:
        found = decode(msgspec.json.encode(tree))
    except NotReplayable:
        return
    assert alike(decode(encode(found)), found)


def _other_fields(kind: str) -> Any:
    if kind == "model":
        return create_model("Changing", __module__=__name__, name=(str, ...), more=(int, 0))
    changed = make_dataclass("Changing", [("name", str), ("more", int, field(default=0))])
    changed.__module__ = __name__
    return changed


@pytest.mark.parametrize("kind", ["dataclass", "model"])
def test_a_class_that_has_changed_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value whose class has other fields by now, or is of another sort, is refused: no field is made up."""
    first: Any = (
        make_dataclass("Changing", ["name"])
        if kind == "dataclass"
        else create_model("Changing", __module__=__name__, name=(str, ...))
    )
    first.__module__ = __name__
    monkeypatch.setattr(sys.modules[__name__], "Changing", first, raising=False)
    body = encode(first(name="x"))
    assert decode(body) == first(name="x")
    for other in (
        _other_fields(kind),
        _other_fields("model" if kind == "dataclass" else "dataclass"),
        Colour,
        Plain,
        int,
        7,
    ):
        monkeypatch.setattr(sys.modules[__name__], "Changing", other)
        with pytest.raises(NotReplayable):
            decode(body)


def test_errors_of_values_quote_nothing() -> None:
    """What is refused is named by its type; no content of it, and of nothing around it, is in the text."""
    for value in ({"secret": Plain()}, ("secret", Text("secret")), Slotted("secret", {"secret": print})):
        with pytest.raises(NotReplayable) as caught:
            encode(value)
        assert "secret" not in str(caught.value)


def test_a_deep_stack_is_no_danger() -> None:
    """Where hardly any stack is left a value is kept or refused: no RecursionError comes out."""

    def at_depth(left: int) -> object:
        if left:
            return at_depth(left - 1)
        try:
            return decode(encode((_deep(90, tuple),)))
        except NotReplayable:
            return None

    limit = sys.getrecursionlimit()
    used = len(inspect.stack(0))
    found = [at_depth(limit - used - room) for room in range(20, 800, 60)]
    assert found[0] is None and found[-1] is not None


def test_a_container_that_another_thread_changes_is_refused_or_whole() -> None:
    """While another thread adds to it, a dict is kept as it was at one moment, or refused; nothing else is raised."""
    shared: dict[Any, Any] = {}
    stop = threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            shared[f"k{i % 1000}"] = (i,)
            shared.pop(f"k{(i * 7) % 1000}", None)
            i += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(30):
            with suppress(NotReplayable):
                assert all(type(value) is tuple for value in decode(encode(shared)).values())
    finally:
        stop.set()
        thread.join()
