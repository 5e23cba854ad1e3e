"""The compiled evaluator against a plain walk over the tree, and against facts that are out to break it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from handrail.conditions import (
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    Reading,
    Unevaluable,
    parse,
    trace,
    unparse,
)
from tests.policy import naive
from tests.policy.lies import LyingDict, LyingKey, LyingList, not_numbers, strangers

_WORDS = [
    "",
    "a",
    "A",
    "ab",
    "AB",
    "a b",
    " a",
    "a\n",
    "ａ",
    "a\u200b",
    "\u0301a",
    "é",
    "É",
    "e\u0301",
    "½",
    "\0a",
    "aß",
    "aSS",
    "/",
    "b",
]
_PATHS = [
    "/",
    "/a",
    "/a/b",
    "/A/b",
    "/a/../b",
    "/a//b",
    "/a/",
    "a/b",
    "/a/½",
    "/ab",
    "/a/.. /b",
    "/a/%2e",
    "/a\\b",
    "/ａ/b",
]
_PATTERNS = ["[a-z]+", "[A-Z]+", "a.*", "(?i)ab", "a|é", "[^b]+", "", "(?s).+", "a b"]
_FOLDERS = ["/", "/a", "/a/b"]

words = st.sampled_from(_WORDS) | st.text(max_size=3)
numbers = st.sampled_from([0, 1, -1, 2, 0.5, 10**200, 1e300]) | st.integers(-3, 3)
texts = words | st.sampled_from(_PATHS)


def _path(*names: str) -> st.SearchStrategy[Node]:
    return st.sampled_from([Path(("args", *name.split("."))) for name in names])


def _call(name: str, *given: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.tuples(*given).map(lambda arguments: Call(name, arguments))


def _constants(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return values.map(Constant)


_text = st.one_of(_constants(texts), _path("s", "t", "s", "t", "o.s", "l.0", "n"))
_text = st.one_of(_text, _text, _call("lower", _text))
_number = st.one_of(_constants(numbers), _path("n", "m", "n", "m", "o.n", "s"))
_seconds = st.one_of(_number, st.just(Path(("env", "now"))))
_list = st.one_of(
    st.lists(_constants(texts), max_size=4).map(lambda items: ListOf(tuple(items))),
    st.lists(st.one_of(_text, _number, _constants(st.sampled_from([None, True]))), max_size=4).map(
        lambda items: ListOf(tuple(items))
    ),
    _path("l", "k", "s"),
)
_number = st.one_of(
    _number, _number, _call("hour", _seconds), _call("weekday", _seconds), _call("len", st.one_of(_text, _list))
)
_any = st.one_of(_text, _number, _path("b", "z", "o"), _constants(st.sampled_from([True, False, None])))
_orders, _equals = st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["==", "!="])
_leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, _orders | _equals, _number, _number),
    st.builds(Compare, _orders | _equals, _text, _text),
    st.builds(Compare, _orders | _equals, _any, _any),
    st.builds(Compare, st.sampled_from(["in", "not in"]), _any, _list),
    _call("has", _path("s", "x", "o.n", "o.x", "l.1", "l.9", "s.0")),
    *(_call(name, _text, _text) for name in ("startswith", "endswith", "contains")),
    _call("contains", _list, _any),
    _call("matches", _text, _constants(st.sampled_from(_PATTERNS))),
    _call("within", _constants(st.sampled_from(_PATHS)) | _text, _constants(st.sampled_from(_FOLDERS))),
    _path("b", "b", "z"),
)
conditions = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=5,
)
_facts = st.fixed_dictionaries(
    {
        "args": st.fixed_dictionaries(
            {"s": texts, "t": texts, "n": numbers, "m": numbers, "b": st.booleans(), "l": st.lists(texts, max_size=3)},
            optional={
                "k": st.lists(st.one_of(texts, numbers, st.none(), st.booleans()), max_size=3),
                "o": st.fixed_dictionaries({}, optional={"s": texts, "n": numbers}),
                "z": st.one_of(texts, numbers, st.none(), st.booleans(), st.just(float("nan")), st.just(float("inf"))),
            },
        ),
        "env": st.fixed_dictionaries({"now": st.integers(-(10**12), 10**12) | st.floats(allow_nan=True)}),
    }
)


def _answer(ask: Callable[[], bool]) -> bool | None:
    try:
        return ask()
    except (Unevaluable, naive.NoAnswer):
        return None


@settings(deadline=None)
@given(conditions, _facts)
@example(Compare("==", Call("lower", (Path(("args", "s")),)), Constant("a")), {"args": {"s": "A"}})
@example(Compare("<", Path(("args", "s")), Constant("a")), {"args": {"s": "B"}})
def test_agrees_with_a_plain_walk(tree: Node, facts: dict[str, Any]) -> None:
    """A condition gives the answer of the plain reading of its text, or none where that has none; twice, alone and
    after others, and the facts are as they were."""
    condition, before = parse(unparse(tree)), copy.deepcopy(facts)
    reading, expected = Reading(facts), _answer(lambda: naive.holds(tree, facts))
    for asked in (facts, reading, reading):
        assert _answer(lambda: condition.holds(asked)) is expected  # noqa: B023
    assert repr(facts) == repr(before)


_hostile: list[Callable[[], object]] = [
    *strangers("a"), *not_numbers(), lambda: "\ud800", lambda: 10**5000, lambda: "a" * 200_000, lambda: [1] * 60_000,
    lambda: {LyingKey("s"): 1, "n": 2}, lambda: LyingDict(s=1), lambda: LyingList([1]), lambda: {1: 2}, lambda: [[[]]],
]  # fmt: skip
_made = st.sampled_from(_hostile).map(lambda make: make())
_any_value = st.recursive(
    st.one_of(_made, texts, numbers, st.none(), st.floats()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["s", "n", "0"]), inner, max_size=3),
    max_leaves=4,
)
_any_args = st.dictionaries(st.sampled_from(["s", "t", "n", "m", "b", "l", "k", "o", "z"]), _any_value, max_size=9)


@settings(deadline=None)
@given(conditions, st.one_of(_any_args, _any_value), _any_value)
def test_any_facts(tree: Node, args: object, now: object) -> None:
    """Whatever the facts are, the answer is true, false or none: nothing else comes out, and nothing is changed."""
    condition, facts = parse(unparse(tree)), {"args": args, "env": {"now": now}}
    inside = list(args.items()) if type(args) is dict else []
    with contextlib.suppress(Unevaluable):
        assert condition.holds(facts) in (True, False)
    assert len(trace(condition, facts)) == len(set(condition.paths))
    assert facts["args"] is args
    if type(args) is dict:
        assert all(one is two and old is new for (one, old), (two, new) in zip(inside, args.items(), strict=True))


@settings(deadline=None)
@given(conditions)
def test_no_object_is_asked(tree: Node) -> None:
    """Facts with methods of their own are never called: looking at them in any way would raise here."""
    condition = parse(unparse(tree))
    with contextlib.suppress(Unevaluable):
        condition.holds({"args": dict.fromkeys("stnmblkoz", Trap()), "env": {"now": Trap()}})
    assert Trap.touched == []


class Trap:
    """An object that notes everything that is done to it."""

    touched: ClassVar[list[str]] = []

    def __getattribute__(self, name: str) -> Any:
        Trap.touched.append(name)
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        Trap.touched.append("==")
        return True

    def __len__(self) -> int:
        Trap.touched.append("len")
        return 0

    def __bool__(self) -> bool:
        Trap.touched.append("bool")
        return True

    __hash__ = None  # type: ignore[assignment]
