"""The checks that are on by default, and the quick look that they share."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.validators import Context, Finding, parse
from handrail.validators.context import On
from handrail.validators.safety.defaults import parts
from handrail.validators.safety.screened import (
    MAX_NODES,
    MAX_SCREENED,
    TooMuch,
    hits,
    joined,
    matches,
    placed,
    regex,
    strings,
    written,
)
from tests.conftest import shared_data
from tests.validators.safety.cases import CASES, GITHUB, NAMED
from tests.validators.safety.tricks import codes

PLACES: list[On] = list(get_args(On))
MARKERS = (
    GITHUB,
    f"api_key={NAMED}",
    "token",
    "password",
    NAMED,
    "Hunter2!x",
    "a\u200bb",
    "\u202eevil",
    "pass\u00adword",
    "می\u200cخواهم",
    "http://127.0.0.1/",
    "https://example.com/?q=1",
    "file:///etc/passwd",
    "Ignore previous instructions",
    "<|im_start|>",
    "![a](https://x.com/?d=1)",
    "<img src=//x.com/?d=1>",
    "[a](javascript:x)",
    "\ud800",
    "",
    "\n",
)
_TEXTS = st.lists(st.one_of(st.sampled_from(MARKERS), st.text(max_size=8)), max_size=4).map(" ".join)
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_TEXTS, st.sampled_from(MARKERS)), inner, max_size=4)
    ),
    max_leaves=12,
)


def _union(value: object, on: On) -> list[Finding]:
    """What the parts find by themselves, each thing once."""
    said = [found for part in parts(on) for found in part.check(value, Context(on=on))]
    return list(dict.fromkeys(said))[:20]


@given(_VALUES, st.sampled_from(PLACES))
@settings(max_examples=100, deadline=None)
def test_default_is_the_union_of_its_parts(value: object, on: On) -> None:
    """For any value with any markers in it, the default set finds exactly what its parts find one by one."""
    assert list(parse("default()").check(value, Context(on=on))) == _union(value, on)


@pytest.mark.parametrize("on", PLACES)
def test_default_is_the_union_on_every_example(on: On) -> None:
    """The same holds for every example of every safety validator."""
    for cases in CASES.values():
        for one in cases if isinstance(cases, list) else [cases]:
            for value in (*one.good, *(bad for bad, _ in one.bad), [*one.good]):
                assert list(parse("default()").check(value, Context(on=on))) == _union(value, on), f"{value!r:.100}"


@given(_VALUES)
@settings(max_examples=60, deadline=None)
def test_the_quick_look_misses_nothing(value: object) -> None:
    """A text in which an exact check finds something is one in which its quick look found something."""
    for part in parts(""):
        for place, text in placed(value):
            if list(part.look_at(text, place, Context())):
                data = joined(strings(value))
                assert regex(part.screen).search(data)


def test_what_is_on_where() -> None:
    """Secrets and hidden characters everywhere; addresses in arguments, markers in results, links in what goes out."""
    names = {on: [part.name for part in parts(on)] for on in PLACES}
    assert all(one[:2] == ["secrets", "hidden_characters"] for one in names.values())
    assert names["arguments"][2:] == ["public_url"]
    assert names["result"][2:] == names["documents"][2:] == ["injection_markers"]
    assert names["output"][2:] == names["answer"][2:] == ["outside_links"]
    assert names["input"][2:] == []


def _honest() -> Iterator[tuple[str, On, Any]]:
    """Every tool call, result, answer and question of recorded runs without an attack."""
    with gzip.open(shared_data("agentdojo") / "agentdojo_runs_dev.jsonl.gz", "rt") as lines:
        for line in lines:
            run = json.loads(line)
            if not run["attack"]:
                yield from _said("agentdojo", run["messages"])
    with (shared_data("tau") / "tau_trajs.jsonl").open() as lines:
        for line in lines:
            yield from _said("tau", json.loads(line)["messages"])


def _said(source: str, messages: list[dict[str, Any]]) -> Iterator[tuple[str, On, Any]]:
    kinds: dict[str, On] = {"tool": "result", "assistant": "answer", "user": "input"}
    for message in messages:
        if message.get("content") and message["role"] in kinds:
            yield source, kinds[message["role"]], message["content"]
        for call in message.get("tool_calls") or []:
            args = call.get("args")
            yield source, "arguments", args if args is not None else json.loads(call["function"]["arguments"])


def test_no_alarm_on_honest_runs() -> None:
    """On recorded honest runs of AgentDojo and tau-bench the default set finds nothing at all."""
    check, seen = parse("default()"), 0
    for source, on, value in _honest():
        seen += 1
        assert check.check(value, Context(on=on)) == (), f"{source} {on}: {value!r:.200}"
    assert seen > 1_500


def test_places() -> None:
    """Texts come in the order in which they stand, keys before their values, with pointers as RFC 6901 writes them."""
    value = {"a/b": ["x", {"~": "y"}], 1: "z", "k": ("w",)}
    assert [(written(place), text) for place, text in placed(value)] == [
        ("/a~1b", "a/b"),
        ("/a~1b/0", "x"),
        ("/a~1b/1/~0", "~"),
        ("/a~1b/1/~0", "y"),
        ("/1", "z"),
        ("/k", "k"),
        ("/k/0", "w"),
    ]
    assert sorted(strings(value)) == sorted(text for _, text in placed(value))
    assert written(placed({10**5_000: "x"})[0][0]) == "/?"


@given(st.lists(st.text(max_size=6), max_size=12), st.sampled_from(["a", "é", "\n", "[0-9]", r"(?m:^x)"]))
@settings(max_examples=100, deadline=None)
def test_hits_are_the_texts_that_match(texts: list[str], pattern: str) -> None:
    """One search over all texts finds each text that matches by itself; more only where line ends come into play."""
    search = regex(pattern).search
    alone = [index for index, text in enumerate(texts) if search(text.encode("utf-8", "surrogatepass"))]
    together = list(hits(search, texts, 100))
    assert set(alone) <= set(together)
    assert pattern == "\n" or alone == together


@given(st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_matches_count_characters(text: str) -> None:
    """Places of matches are counted in characters, whatever stands before them."""
    assert list(matches("[b-y]+", f"{text}xyx"))[-1:] == [(len(text) - _tail(text), len(text) + 3)]


def _tail(text: str) -> int:
    return len(text) - len(text.rstrip("bcdefghijklmnopqrstuvwxy"))


def test_too_much_is_said_once() -> None:
    """More characters, parts, texts or places than are looked at are one finding, never silence and never twice."""
    for value in (
        "x" * (MAX_SCREENED + 1),
        ["x"] * MAX_NODES,
        [f"token={n}aaaaaaaa" for n in range(700)],
        "ک\u200c" * 40_000,
    ):
        assert codes("default()", value) == ["unchecked.size"]
    with pytest.raises(TooMuch):
        list(matches("a", "a" * 2_000))


def test_large_and_clean_is_checked() -> None:
    """A value far above what is looked at closely passes where the quick look finds nothing in it."""
    assert codes("default()", ["a plain sentence of a long result. " * 200] * 100) == []
    assert codes("default()", ["a plain sentence of a long result. " * 200] * 100 + [GITHUB]) == [
        "secrets.github_token"
    ]
