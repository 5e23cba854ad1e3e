"""The syntax tree of a condition: what is in it, and that it can be written as text again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.conditions import (
    FUNCTIONS,
    MISSING,
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    parse,
    trace,
    unparse,
    walk,
)


def test_tree() -> None:
    """Every construct has its node, each with the first character that it stands on."""
    tree = parse("args.a == 1 && (!tenant in ['x'] || startswith(args[\"b c\"].0, 'y'))").tree
    assert tree == AllOf(
        (
            Compare("==", Path(("args", "a")), Constant(1)),
            AnyOf(
                (
                    Not(Compare("in", Path(("tenant",)), ListOf((Constant("x"),)))),
                    Call("startswith", (Path(("args", "b c", "0")), Constant("y"))),
                )
            ),
        )
    )
    assert [node.at for node in walk(tree)] == [0, 0, 0, 10, 16, 16, 17, 17, 27, 28, 36, 47, 62]


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("args.a==1 and(args.b or not args.c)", "args.a == 1 && (args.b || !args.c)"),
        ("(args.a == 1) == true", "(args.a == 1) == true"),
        ("(args.a || args.b) || args.c", "(args.a || args.b) || args.c"),
        ("not (args.a == 1)", "!(args.a == 1)"),
        ("!args.a == 1", "!(args.a == 1)"),
        ('args["it\'s"].b["1 2"][\'0\'] == "\\n"', "args['it\\'s'].b['1 2'].0 == '\\n'"),
        ("args.x in [1, 'a', [2.5, null], (true)]", "args.x in [1, 'a', [2.5, null], true]"),
    ],
)
def test_unparse(source: str, written: str) -> None:
    """The text has one form: signs for words, and only the parentheses that are needed."""
    assert unparse(parse(source).tree) == written


def test_trace() -> None:
    """Every fact that a condition names is told once, with its value or that it is missing."""
    condition = parse("args.a == 1 && args.b.c == args.a && args['d e'] == tenant")
    facts = {"args": {"a": 1, "b": [2], "d e": None}, "tenant": "acme"}
    assert trace(condition, facts) == (
        ("args.a", 1), ("args.b.c", MISSING), ("args['d e']", None), ("tenant", "acme"),
    )  # fmt: skip


_names = st.one_of(st.sampled_from(["a", "in", "0", "007", "a b", "", "'", "\\", '"', "é", "\n"]), st.text(max_size=5))
_paths = st.builds(
    lambda root, steps: Path((root, *steps)), st.sampled_from(["args"]), st.lists(_names, max_size=3)
) | st.just(Path(("tenant",)))
_constants = st.builds(
    Constant,
    st.one_of(
        st.integers(-(10**18), 10**18), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
        st.booleans(), st.none(),
    ),
)  # fmt: skip


def _calls(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    plain = [name for name, function in FUNCTIONS.items() if not {"path", "pattern", "folder"} & {*function.takes}]
    return st.sampled_from(plain).flatmap(
        lambda name: st.tuples(*[inner] * len(FUNCTIONS[name].takes)).map(lambda given: Call(name, given))
    )


def _nodes(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
    truths = inner.filter(_may_be_true)
    several = st.lists(truths, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Compare, signs, inner, inner),
        st.builds(AllOf, several),
        st.builds(AnyOf, several),
        st.builds(Not, truths),
        st.builds(ListOf, st.lists(inner, max_size=3).map(tuple)),
        _calls(inner),
    )


def _may_be_true(node: Node) -> bool:
    if isinstance(node, Constant):
        return isinstance(node.value, bool)
    return not isinstance(node, ListOf) and not (isinstance(node, Call) and FUNCTIONS[node.function].gives != "bool")


trees = st.recursive(st.one_of(_paths, _constants), _nodes, max_leaves=10)


def _shape(node: Node) -> list[object]:
    """What two equal trees share; unlike ``==`` it tells 1 from 1.0 from true."""
    return [(type(one), repr(one.value) if isinstance(one, Constant) else None) for one in walk(node)]


@settings(deadline=None)
@given(trees.filter(_may_be_true))
def test_round_trip(tree: Node) -> None:
    """The text of any tree is read as that tree again."""
    again = parse(unparse(tree)).tree
    assert again == tree
    assert _shape(again) == _shape(tree)
