"""Checks made of checks: both, either, at a path, each, under a condition; and what may stand for a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Call, Context, Finding, Named, Run, as_check, at, both, each, either, parse, when
from handrail.validators.mending import redacted, repaired
from handrail.validators.protocol import NOWHERE, Check


def says(*codes: str, severity: Any = "error") -> Check:
    """A check that finds ``codes`` in everything."""
    return as_check(lambda value: tuple(Finding(code, "Wrong.", severity=severity) for code in codes))


def codes(check: Check, value: object = 1, context: Context = NOWHERE) -> list[str]:
    """The codes that ``check`` finds."""
    return [finding.code for finding in check.check(value, context)]


FINE = as_check(lambda value: True)


def test_both_say_what_each_finds() -> None:
    """``&`` says everything in order; ``|`` says nothing where one side is content, and everything where none is."""
    assert codes(says("a") & says("b") & FINE) == ["a", "b"]
    assert codes(says("a") | FINE | says("b")) == []
    assert codes(says("a") | says("b")) == ["a", "b"]
    assert codes(both(says("a"), {"type": "string"})) == ["a", "schema.type"]
    assert codes(either({"type": "string"}, says("b"))) == ["schema.type", "b"]


def test_a_warning_is_content() -> None:
    """A side that only warns makes ``|`` content, and its warning is still said."""
    assert codes(says("a") | says("w", severity="warning")) == ["w"]


@given(st.lists(st.integers(0, 5), max_size=4), st.lists(st.integers(0, 5), max_size=4))
def test_composition_is_that_of_the_findings(first: list[int], second: list[int]) -> None:
    """Whatever two checks find, ``&`` finds both, and ``|`` nothing as soon as one finds nothing."""
    one, other = says(*map(str, first)), says(*map(str, second))
    assert codes(one & other) == [*map(str, first), *map(str, second)]
    assert codes(one | other) == ([] if not first or not second else [*map(str, first), *map(str, second)])


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("$", [""]),
        ("$.a.b[0]", ["/a/b/0"]),
        ("a.b[-1]", ["/a/b/1"]),
        ("$.a.b[*]", ["/a/b/0", "/a/b/1"]),
        ("$.a.*", ["/a/b", "/a/c~1d"]),
        ("$['a']['c/d']", ["/a/c~1d"]),
        ('$.a["c/d"]', ["/a/c~1d"]),
        ("$.a.b.c", []),
        ("$.nothing[*].x", []),
    ],
)
def test_at_a_path(path: str, places: list[str]) -> None:
    """A check at a path looks at what stands there and says where; where nothing stands, nothing is wrong."""
    value = {"a": {"b": [1, 2], "c/d": 3}}
    assert [finding.path for finding in at(path, says("x")).check(value, NOWHERE)] == places


@pytest.mark.parametrize("path", ["$.", "$..a", "$[", "$[1:2]", "$[?(@.a)]", "$.a b", "$['a", "$[999999999999]"])
def test_a_path_that_cannot_be_read(path: str) -> None:
    """What is no path of ours is an error that shows where, never a path that leads nowhere."""
    with pytest.raises(ConfigError, match="cannot be read at"):
        at(path, FINE)


def test_each_and_nothing_hides_behind_many() -> None:
    """Every element and every value of an object is checked; of too many places it says so."""
    assert [one.path for one in each(says("x")).check([1, 2], NOWHERE)] == ["/0", "/1"]
    assert [one.path for one in says("x").each().check({"a": 1, "b": 2}, NOWHERE)] == ["/a", "/b"]
    assert codes(each(FINE), [0] * 20_000) == ["unchecked.size"]
    assert len(codes(each(says("x")), [0] * 1_000)) == 20


def test_many_dear_checks_end() -> None:
    """A check of each element ends though each takes its time: the rest is said not to be checked."""
    assert codes(each(parse("python()")), ["a = [b, c, d]\n" * 200] * 1_000) == ["unchecked.time"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (lambda value, context: context.tool == "pay", True),
        (lambda value, context: False, False),
        (FINE, True),
        (says("x"), False),
        (says("x", severity="warning"), True),
    ],
)
def test_when(condition: Any, holds: bool) -> None:
    """A check under a condition speaks only where that holds: a function, or a check that is content."""
    assert codes(when(condition, says("y")), context=Context(tool="pay")) == (["y"] if holds else [])


@pytest.mark.parametrize(
    ("text", "args", "found"),
    [
        ("args.amount > 100", {"amount": 200}, ["schema.type"]),
        ("args.amount > 100", {"amount": 1}, []),
        ("args.amount > 100", {}, ["schema.type"]),
        ("tenant == 'acme'", {}, ["schema.type"]),
        ("principal.user == 'bo'", {}, []),
    ],
)
def test_when_of_a_text(text: str, args: dict[str, object], found: list[str]) -> None:
    """A condition of handrail.toml reads arguments, tenant and principal; what it cannot evaluate is checked."""
    check = parse(f"when({text!r}, schema({{'type': 'string'}}))")
    assert codes(check, 1, Context(args=args, tenant="acme", user="ana")) == found


def test_a_condition_on_what_no_check_knows() -> None:
    """A condition that could never hold is an error when it is read."""
    with pytest.raises(ConfigError, match=r"reads 'run\.steps', which no check knows"):
        parse("when('run.steps > 3', iban())")


def _raises(error: Exception) -> Callable[[object], object]:
    def function(value: object) -> object:
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda value: None, []),
        (lambda value: True, []),
        (lambda value: False, ["<lambda>"]),
        (lambda value: "Too late.", ["<lambda>"]),
        (lambda value: Finding("own.code", "Wrong."), ["own.code"]),
        (lambda value: [Finding("a", "A."), "b"], ["a", "<lambda>"]),
        (lambda value, context: context.run.calls[0].tool, ["<lambda>"]),
        (_raises(ValueError("no")), ["function"]),
        (_raises(AssertionError()), ["function"]),
        (_raises(KeyError("SENTINEL")), ["unchecked.error"]),
        (lambda value: 3, ["unchecked.error"]),
    ],
)
def test_functions(function: Any, found: list[str]) -> None:
    """A function says by its answer, or by ValueError, what is wrong; anything else it does is a failed check."""
    context = Context(run=Run(calls=(Call("pay"),)))
    said = Named("v", as_check(function)).check(1, context)
    assert [one.code for one in said] == found
    assert "SENTINEL" not in str(said)


@pytest.mark.parametrize("thing", [3, None, "iban()", object()])
def test_what_is_no_check(thing: Any) -> None:
    """What cannot check is refused when it is named, not when it is needed."""
    with pytest.raises(ConfigError, match="is no validator"):
        as_check(thing)


SPANS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda two: (min(two), max(two))), max_size=5)


@given(st.text("abc", min_size=12, max_size=12), SPANS)
def test_nothing_of_a_span_is_left(text: str, spans: list[tuple[int, int]]) -> None:
    """Of a redacted text exactly those characters are left that no span covers, whatever overlaps what."""
    findings = [Finding("x.y", "Wrong.", span=span) for span in spans]
    left = "".join(letter for at, letter in enumerate(text) if not any(start <= at < end for start, end in spans))
    assert str(redacted(text, findings)).replace("[REDACTED:x.y]", "") == left


def test_the_value_that_was_checked_stays() -> None:
    """Redacting and repairing make a copy of what is on the way; keys with slashes and tildes are found."""
    value = {"a/b": {"c~d": ["SENTINEL", 2]}, "e": [1]}
    finding = Finding("x.y", "Wrong.", path="/a~1b/c~0d/0")
    made: Any = redacted(value, [finding])
    assert made == {"a/b": {"c~d": ["[REDACTED:x.y]", 2]}, "e": [1]}
    assert made["e"] is value["e"]
    assert value["a/b"] == {"c~d": ["SENTINEL", 2]}
    assert repaired(value, [finding]) == value
