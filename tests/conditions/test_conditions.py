"""The language of ``when``: what it means, what it refuses, and that it can neither fail otherwise nor change facts."""

from __future__ import annotations

import contextlib
import copy
import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handrail.conditions import MAX_DEPTH, MAX_SOURCE, Unevaluable, parse
from handrail.config.settings import Place
from handrail.errors import PolicyError

FACTS: dict[str, object] = {
    "args": {
        "amount": 120,
        "rate": 0.5,
        "currency": "EUR",
        "urgent": True,
        "note": None,
        "items": [{"id": "a1"}, {"id": "b2"}],
        "keys": "an argument, no method",
        "in": 3,
        "0": "zero",
        "nan": float("nan"),
        "grid": [[1, 2]],
        "huge": 10**400,
    },
    "principal": {"user": "ana"},
    "tenant": "acme",
    "session": "s-1",
    "env": {"now": 1_000},
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("args.amount <= 500 && args.currency == 'EUR'", True),
        ('args.amount > 500 || args.currency == "EUR"', True),
        ("args.amount > 500 or not args.urgent", False),
        ("args.urgent and !(args.amount == 1)", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("!true || true", True),
        ("args.currency in ['EUR', 'USD']", True),
        ("args.currency not in ['USD']", True),
        ("args.amount in [1, 'x', 120]", True),
        ("args.items.0.id == 'a1'", True),
        ("args.grid.0.1 == 2", True),
        ("args.keys == 'an argument, no method'", True),
        ("args.in == 3", True),
        ("args.0 == 'zero'", True),
        ("args.note == null", True),
        ("args.amount != null", True),
        ("principal.user == 'ana' && tenant == 'acme' && session == 's-1'", True),
        ("env.now >= 1e3 && args.rate == 0.5 && -1 < args.rate", True),
        ("startswith(args.currency, 'E') && endswith(args.currency, 'R')", True),
        ("contains(args.currency, 'U')", True),
        ("contains([1, 2], 3)", False),
        ("len(args.items) == 2 && len(args.currency) == 3 && len([]) == 0", True),
        ("args.huge > 1.5", True),
        (r"'it\'s' == " + '"it\'s"', True),
        ("args.urgent", True),
    ],
)
def test_meaning(source: str, expected: bool) -> None:
    """Every construct of the language means what the reference says."""
    assert parse(source).holds(FACTS) is expected


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("args.absent == 1", "args.absent is missing"),
        ("args.items.7.id == 'x'", "args.items.7 is missing"),
        ("args.currency.upper == 'x'", "args.currency.upper is missing"),
        ("args.amount == '120'", "a number cannot be compared with a string"),
        ("args.urgent == 1", "a truth value cannot be compared with a number"),
        ("args.urgent < false", "a truth value has no order"),
        ("args.nan == args.nan", "a NaN cannot be compared"),
        ("args.nan < 1", "a NaN cannot be compared with a number"),
        ("args.amount", "a number is neither true nor false"),
        ("args.amount in ['1']", "a number cannot be compared with a string"),
        ("args.amount not in ['1']", "a number cannot be compared with a string"),
        ("args.amount in args.currency", "`in` needs a list, not a string"),
        ("args.items == args.items", "a list cannot be compared"),
        ("args.note < 1", "null cannot be compared with a number"),
        ("startswith(args.amount, '1')", "a number cannot be compared with a string"),
        ("len(args.amount) == 1", "a number has no length"),
        ("!(args.absent == 1)", "args.absent is missing"),
        ("args.absent == 1 || true", "args.absent is missing"),
    ],
)
def test_no_answer(source: str, why: str) -> None:
    """A missing fact or mixed types are never false by accident: the condition has no answer, and says why."""
    with pytest.raises(Unevaluable, match=f"^{why}$".replace("[", r"\[")):
        parse(source).holds(FACTS)


@pytest.mark.parametrize(
    ("source", "problem", "caret"),
    [
        ("", "a value is expected here, not the end", 0),
        ("args.amount <= (500", "')' is expected here", 19),
        ("args.amount = 5", "'=' is not part of the language", 12),
        ("arg.amount == 5", "'arg' is no fact", 0),
        ("upper(args.x) == 'a'", "'upper' is no function", 0),
        ("args.a[b] == 1", "a name in quotes is expected here", 7),
        ("args['a' == 1", "']' is expected here", 9),
        ("principal.usr == 'ana'", "'usr' is no fact of principal, there are user, agent, chain", 0),
        ("tenant.name == 'x'", "tenant is a string with nothing inside", 0),
        ("env.now.hour == 1", "env.now is a number with nothing inside", 0),
        ("principal.chain.first == 'x'", "principal.chain is a list, only a position can follow", 0),
        ("has(1)", "a path is expected here", 4),
        ("matches(args.a, args.b)", "a pattern in quotes is expected here", 16),
        ("matches(args.a, 'x(y')", "the pattern is not good: missing ): x(y", 17),
        ("matches(args.a, 'xy(?=z)')", "the pattern is not good: invalid perl operator", 19),
        (r"matches(args.a, '(a)\\1')", "the pattern is not good: invalid escape sequence", 20),
        (r"matches(args.a, '(\\pL{1,99}){9}')", "too large when its repetitions are written out", 16),
        ("within(args.a, 'public')", "the folder is not good: it does not begin with a slash", 15),
        ("within(args.a, '/a/../b')", "the folder is not good: it holds ..", 15),
        ("hour() == 1", "hour takes 1 value, not 0", 0),
        ("len(args.x, 1) == 1", "len takes 1 value, not 2", 0),
        ("startswith(args.x)", "startswith takes 2 values, not 1", 0),
        ("args.a < args.b < args.c", "comparisons cannot be chained", 16),
        ("args.amount && 5", "this value is neither true nor false", 15),
        ("500", "this value is neither true nor false", 0),
        ("args. == 1", "a name or a position is expected", 6),
        ("args.x == 'open", "the string has no end", 10),
        (r"args.x == '\d'", "may follow a backslash", 12),
        ("args.x == 1e999", "the number is too large", 10),
        ("args.x not 1", "'in' is expected here", 11),
        ("true true", "'true' is not expected here", 5),
        ("args.__class__", "", -1),
        ("args.x == 1; import os", "';' is not part of the language", 11),
        ("args.x =~ 'a.*'", "'=' is not part of the language", 7),
    ],
)
def test_refused_at_build(source: str, problem: str, caret: int) -> None:
    """What cannot mean anything is refused when the policy is built, with place and caret."""
    if caret < 0:
        # Not refused: a step is a key of the facts, whatever it is called, and never a Python attribute.
        with pytest.raises(Unevaluable, match=r"args\.__class__ is missing"):
            parse(source).holds(FACTS)
        return
    with pytest.raises(PolicyError) as caught:
        parse(source, place=Place(Path("handrail.toml"), 12), of="condition of rule r")
    text = str(caught.value)
    assert text.startswith("handrail.toml:12: The condition of rule r is not understood: ")
    assert problem in text
    assert f"\n    {source}\n    {' ' * caret}^\n" in text


def test_bounds() -> None:
    """Length and depth are bounded at exactly the documented figures."""
    parse("(" * MAX_DEPTH + "true" + ")" * MAX_DEPTH)
    parse("true" + " " * (MAX_SOURCE - 4))
    for source in (
        "(" * (MAX_DEPTH + 1) + "true" + ")" * (MAX_DEPTH + 1),
        "!" * (MAX_DEPTH + 1) + "true",
        "true == " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "true" + " " * (MAX_SOURCE - 3),
    ):
        with pytest.raises(PolicyError, match="not understood: it is"):
            parse(source)


def test_paths_are_known() -> None:
    """A condition says which facts it reads, so that others can check that a tool has such an argument."""
    assert parse("args.a.b == 1 && tenant == 'x'").paths == (("args", "a", "b"), ("tenant",))


def test_lying_objects() -> None:
    """Subclasses and foreign objects never get to answer for themselves, and their exceptions do not escape."""

    class Liar(str):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    class Trap(dict[str, object]):
        def get(self, *_: object) -> object:
            raise RuntimeError("secret")

    with pytest.raises(Unevaluable):
        parse("args.x == 'admin'").holds({"args": {"x": Liar("eve")}})
    with pytest.raises(Unevaluable) as caught:
        parse("args.x == 'admin'").holds({"args": Trap()})
    assert "secret" not in str(caught.value)


_PARTS = r"""args .amount . , ( ) [ ] && || ! and or not in == != < <= > >= true false null 1 0.5 'x' "y" len
startswith contains tenant args.items.0.id \ ' é - -3 1e5"""
_WORDS = st.sampled_from([*_PARTS.split(), "\u0660", "\x00", "\n"])


@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=25).map(" ".join), st.lists(_WORDS).map("".join)))
@example("\u0660 == 1")
def test_only_its_own_error(source: str) -> None:
    """The parser raises PolicyError and nothing else; what it accepts raises Unevaluable and nothing else, and
    leaves the facts as they were."""
    before = copy.deepcopy(FACTS["env"]), json.dumps(FACTS["args"])
    try:
        condition = parse(source)
    except PolicyError:
        return
    with contextlib.suppress(Unevaluable):
        assert condition.holds(FACTS) in (True, False)
    assert (FACTS["env"], json.dumps(FACTS["args"])) == before


@dataclass(frozen=True)
class Node:
    """One part of a random condition, as text and as the answer of the oracle."""

    text: str
    answer: Callable[[dict[str, object]], object]


class NoAnswer(Exception):
    """The oracle's own way to say that there is none."""


_VALUES: st.SearchStrategy[object] = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, -1.5, "a", "ab", "b", True, False, None])
)


def _literal(value: object) -> Node:
    text = (
        {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else repr(value)
    )
    return Node(text, lambda _: value)


def _argument(name: str) -> Node:
    def answer(args: dict[str, object]) -> object:
        if name not in args:
            raise NoAnswer
        return args[name]

    return Node(f"args.{name}", answer)


def _scalar_kind(value: object) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def _compared(sign: str, left: object, right: object) -> bool:
    if sign in ("==", "!=") and (left is None or right is None):
        return (left is right) == (sign == "==")
    if _scalar_kind(left) != _scalar_kind(right) or (
        sign not in ("==", "!=") and _scalar_kind(left) in ("bool", "NoneType")
    ):
        raise NoAnswer
    signs: dict[str, Callable[..., object]] = {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
    return bool(signs[sign](left, right))


def _member(item: object, members: list[object]) -> bool:
    answers: list[bool | None] = []
    for member in members:
        try:
            answers.append(_compared("==", item, member))
        except NoAnswer:
            answers.append(None)
    if True in answers:
        return True
    if None in answers:
        raise NoAnswer
    return False


_scalars = st.one_of(_VALUES.map(_literal), st.sampled_from(["x", "y", "z"]).map(_argument))


def _comparison(parts: tuple[Node, str, Node]) -> Node:
    left, sign, right = parts
    return Node(f"{left.text} {sign} {right.text}", lambda args: _compared(sign, left.answer(args), right.answer(args)))


def _membership(parts: tuple[Node, list[object], bool]) -> Node:
    item, members, negated = parts
    text = f"{item.text} {'not in' if negated else 'in'} [{', '.join(_literal(one).text for one in members)}]"
    return Node(text, lambda args: _member(item.answer(args), members) is not negated)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise NoAnswer
    return value


def _joined(parts: tuple[list[Node], bool, bool]) -> Node:
    nodes, is_or, words = parts
    sign = {(True, True): " or ", (True, False): "||", (False, True): " and ", (False, False): "&&"}[is_or, words]

    def answer(args: dict[str, object]) -> object:
        for node in nodes:
            if _truth(node.answer(args)) is is_or:
                return is_or
        return not is_or

    return Node(sign.join(f"({node.text})" for node in nodes), answer)


def _negated(node: Node) -> Node:
    return Node(f"!({node.text})", lambda args: not _truth(node.answer(args)))


_leaves = st.one_of(
    st.tuples(_scalars, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _scalars).map(_comparison),
    st.tuples(_scalars, st.lists(_VALUES, max_size=4), st.booleans()).map(_membership),
    st.sampled_from(["x", "y"]).map(_argument),
)
_conditions = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(st.lists(inner, min_size=2, max_size=3), st.booleans(), st.booleans()).map(_joined),
        inner.map(_negated),
    ),
    max_leaves=8,
)


@given(_conditions, st.dictionaries(st.sampled_from(["x", "y", "z"]), _VALUES))
def test_agrees_with_a_plain_oracle(node: Node, args: dict[str, object]) -> None:
    """Random conditions over random arguments give the answer of a direct evaluation in Python, or none where it
    has none."""
    condition = parse(node.text)
    try:
        expected = _truth(node.answer(args))
    except NoAnswer:
        with pytest.raises(Unevaluable):
            condition.holds({"args": args})
        return
    assert condition.holds({"args": args}) is expected
