"""Two runs compared: equal to oneself, the same both ways, and one change found where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit.run_diff import UNKNOWN, Moment, compare, paths

WORDS = st.sampled_from(("a", "b", "c"))
MOMENTS = st.builds(
    Moment, st.uuids().map(str), st.integers(0, 3), st.sampled_from(("tool", "model", "plan")), WORDS,
    st.sampled_from(("", "1", "2", UNKNOWN)), st.sampled_from(("", "x", UNKNOWN)),
    st.sampled_from(("", "allow", "deny")), WORDS, st.sampled_from(("ok", "error")), st.sampled_from(("", "E")),
)  # fmt: skip
RUNS = st.lists(MOMENTS, max_size=30)
KNOWN = RUNS.map(lambda run: [replace(one, arguments=one.arguments.strip(UNKNOWN), facts="") for one in run])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


def fresh(run: list[Moment]) -> list[Moment]:
    """The same steps under other ids and depths."""
    return [replace(one, step=f"{number}", depth=one.depth + 1) for number, one in enumerate(run)]


@given(RUNS)
def test_a_run_against_itself_is_equal(run: list[Moment]) -> None:
    """Claim: ids and places in the tree do not count, and what cannot be read differs from nothing."""
    found = compare(run, fresh(run))
    assert found.equal
    assert [line.a for line in found.lines] == run


@settings(max_examples=300)
@given(RUNS, RUNS)
def test_every_step_stands_once_on_its_side_and_in_order(a: list[Moment], b: list[Moment]) -> None:
    """Claim: nothing is lost, doubled or moved by the alignment."""
    lines = compare(a, b).lines
    assert [line.a for line in lines if line.a is not None] == a
    assert [line.b for line in lines if line.b is not None] == b


@settings(max_examples=300)
@given(RUNS, RUNS)
def test_both_ways_say_the_same(a: list[Moment], b: list[Moment]) -> None:
    """Claim: exchanging the runs exchanges the sides, and nothing else."""
    other = {"only_a": "only_b", "only_b": "only_a"}
    one = [(line.a, line.b, line.how) for line in compare(a, b).lines]
    two = [(line.b, line.a, tuple(other.get(how, how) for how in line.how)) for line in compare(b, a).lines]
    assert sorted(map(repr, one)) == sorted(map(repr, two))
    assert compare(a, b).first == compare(b, a).first


@settings(max_examples=300)
@given(KNOWN, st.data())
def test_one_changed_step_is_found_at_its_place(run: list[Moment], data: st.DataObject) -> None:
    """Claim: whatever field of whatever step is changed, the first difference is there, and is that field."""
    if not run:
        run = [Moment("s", 0, "tool", "a")]
    place = data.draw(st.integers(0, len(run) - 1))
    field = data.draw(st.sampled_from(("name", "arguments", "facts", "verdict", "rule", "outcome", "error")))
    changed = fresh(run)
    words: dict[str, Any] = {field: "another"}
    changed[place] = replace(changed[place], **words)
    found = compare(run, changed)
    assert found.first == place
    line = found.lines[place]
    assert line.a == run[place] or line.a is None
    assert field in line.how or line.how in {("only_a",), ("only_b",)}
    if field in ("verdict", "rule", "outcome", "error"):
        assert line.how == (field,) and sum(bool(line.how) for line in found.lines) == 1


@given(KNOWN, st.data())
def test_one_step_more_is_found_at_its_place(run: list[Moment], data: st.DataObject) -> None:
    """Claim: a step that only one run has is the only difference, and is said to be only there."""
    place = data.draw(st.integers(0, len(run)))
    longer = fresh(run)
    longer.insert(place, Moment("new", 0, "tool", "unheard of"))
    found = compare(run, longer)
    assert found.first == place
    assert [line.how for line in found.lines if line.how] == [("only_b",)]


@given(JSON, JSON)
def test_paths_lead_to_every_difference(a: object, b: object) -> None:
    """Claim: two values have no paths exactly when they are equal, and comparing the other way gives the same."""
    same = json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    assert (paths(a, b) == []) == same
    assert paths(a, b) == paths(b, a)


def test_paths_are_json_pointers() -> None:
    """Claim: names with `/` and `~` are escaped, and missing keys and other lengths count as differences."""
    assert paths({"a/b": {"~": 1}}, {"a/b": {"~": 2}}) == ["/a~1b/~0"]
    assert paths({"x": [1, 2], "y": 1}, {"x": [1], "z": 1}) == ["/x", "/y", "/z"]
    assert paths(1, True) == ["/"] and paths({"a": 0}, {"a": False}) == ["/a"]


def test_long_runs_of_the_same_few_steps_are_compared_a_piece_at_a_time() -> None:
    """Claim: where aligning the whole would take the cube of it, every step still stands once, both ways alike."""
    one = [Moment(str(n), 0, "model", "m" if n % 2 else "t") for n in range(1_500)]
    two = [Moment(str(n), 0, "model", "m" if n % 3 else "t") for n in range(1_200)]
    a, b = [*one[:700], Moment("x", 0, "tool", "a"), *one[700:]], [*one[:700], Moment("y", 0, "tool", "b"), *two]
    found = compare(a, b)
    assert [line.a for line in found.lines if line.a] == a
    assert [line.b for line in found.lines if line.b] == b
    assert found.first == 700
    assert [(line.b, line.a) for line in compare(b, a).lines] == [(line.a, line.b) for line in found.lines]


def test_a_long_part_that_only_one_run_has_is_found() -> None:
    """Claim: of two long runs that begin and end alike, only what lies between them differs."""
    loop = [Moment(str(n), 0, "model", "m") for n in range(400)]
    more = [Moment(str(n), 0, "tool", "t") for n in range(1_000)]
    lines = compare([*loop, *loop], [*loop, *more, *loop]).lines
    assert sum(line.how == () for line in lines) == 800
    assert sum(line.how == ("only_b",) for line in lines) == 1_000
