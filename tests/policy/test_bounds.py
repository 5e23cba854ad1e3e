"""Facts cannot make a decision expensive: what they cost is counted, and there is an end to it. No clock is read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import pytest

from handrail.conditions import MAX_STEPS, Reading, Unevaluable, parse
from handrail.config.settings import Settings
from handrail.policy import build
from tests.policy.settings_for import ask, delegate, rule

Facts = Callable[[int], Mapping[str, object]]

GROWING: dict[str, tuple[str, Facts]] = {
    "list of numbers": ("1 in args.x", lambda n: {"x": [2] * n}),
    "list of texts": ("'a' in args.x", lambda n: {"x": ["b"] * n}),
    "list of mixed types": ("'a' in args.x", lambda n: {"x": [1] * n}),
    "list of spellings": ("contains(args.x, 'a')", lambda n: {"x": ["A"] * n}),
    "constant list, unusual text": ("args.x in ['a', 'b']", lambda n: {"x": "é" * n}),
    "search": ("contains(args.x, 'ab')", lambda n: {"x": "ac" * n}),
    "search that is hard": (f"contains(args.x, '{'a' * 50}b{'a' * 48}')", lambda n: {"x": "a" * n}),
    "search in unusual text": ("contains(args.x, 'a')", lambda n: {"x": "\ufdfa" * n}),
    "search among control characters": ("contains(args.x, 'b')", lambda n: {"x": "a\0" * n}),
    "search for a long text": ("contains(args.x, args.y)", lambda n: {"x": "a" * n, "y": "a" * (n // 2) + "b"}),
    "prefix": ("startswith(args.x, 'b')", lambda n: {"x": "a" * n}),
    "suffix": ("endswith(args.x, 'b')", lambda n: {"x": "é" * n}),
    "equal texts": ("args.x == args.y", lambda n: {"x": "a" * n, "y": "a" * n}),
    "texts that differ at the end": ("args.x == args.y", lambda n: {"x": "é" * n + "a", "y": "é" * n + "b"}),
    "texts in order": ("args.x < args.y", lambda n: {"x": "é" * n, "y": "é" * n + "b"}),
    "equal huge numbers": ("args.x == args.y", lambda n: {"x": 1 << (64 * n), "y": (1 << (64 * n)) + 1}),
    "lower": ("lower(args.x) == 'a'", lambda n: {"x": "İ" * n}),
    "pattern": ("matches(args.x, '(a+)+b')", lambda n: {"x": "a" * n}),
    "large pattern": (r"matches(args.x, '(?:[a-q][^u-z]{400}x|.)*y')", lambda n: {"x": "abc" * n}),
    "keys": ("args.x == 1", lambda n: {str(number): 1 for number in range(n)}),
}
"""What an attacker makes larger: condition, and arguments of a size."""


def _spent(condition: str, args: Mapping[str, object]) -> int:
    reading = Reading({"args": args})
    with contextlib.suppress(Unevaluable):
        parse(condition).holds(reading)
    return MAX_STEPS - reading.left


@pytest.mark.parametrize(("condition", "facts"), GROWING.values(), ids=GROWING)
def test_every_growing_cost_is_counted(condition: str, facts: Facts) -> None:
    """Twice the size costs about twice the steps: nothing that grows with the facts is free."""
    once, twice = _spent(condition, facts(8_000)), _spent(condition, facts(16_000))
    assert 1.7 * once < twice < 2.5 * once
    assert once >= 1


@pytest.mark.parametrize(("condition", "facts"), GROWING.values(), ids=GROWING)
def test_too_large_is_no_answer(condition: str, facts: Facts) -> None:
    """Beyond the budget there is no answer, said as such, and none of what would go beyond is done."""
    size, reading = 1_000, Reading({"args": {}})
    while reading.left >= 0:
        size, reading = size * 4, Reading({"args": facts(size)})
        try:
            parse(condition).holds(reading)
        except Unevaluable as error:
            assert reading.left >= 0 or error.problem == "the facts are too large to be decided"
    again = Reading({"args": facts(size)})
    with pytest.raises(Unevaluable, match="too large to be decided"):
        parse(condition).holds(again)


@pytest.mark.parametrize("path", ["args.x", "has(args.x)", "len(args.l) == 0", "args.l.0 == 1", "within(args.t, '/a')"])
def test_what_is_not_looked_at_costs_nothing(path: str) -> None:
    """Deep, wide and long arguments that no condition searches are no cost."""
    deep: object = None
    for _ in range(10_000):
        deep = [deep]
    args = {"x": True, "deep": deep, "l": [0] * 100_000, "t": "/a" * 1_000_000, "d": dict.fromkeys("abc", deep)}
    assert _spent(path, args) <= len(args) + 1


def test_many_rules_share_one_budget() -> None:
    """A thousand rules over one text are a denial together, where each alone would answer; a small text is decided."""
    rules = [rule(f"r{number}", "deny", "*", "t", when=f"contains(args.x, 'w{number}')") for number in range(1_000)]
    policy = build(Settings(rules=(rule("all", "allow", "*", "t"), *rules)))
    assert ask(policy, "user:u", "t", x="a" * 100_000).verdict == "deny"
    assert "too large to be decided" in ask(policy, "user:u", "t", x="a" * 100_000).reason
    assert ask(policy, "user:u", "t", x="a" * 1_000).rule == "all"
    single = build(Settings(rules=(rule("all", "allow", "*", "t"), rules[0])))
    assert ask(single, "user:u", "t", x="a" * 100_000).rule == "all"


def test_a_chain_shares_one_budget() -> None:
    """Eight principals do not make eight budgets: what one principal may cost is well within it, eight times is not."""
    when = " || ".join(f"contains(args.x, 'w{number}')" for number in range(65))
    rules = rule("r", "allow", "*", "t"), rule("no", "deny", "*", "t", when=when)
    policy = build(Settings(rules=rules, delegates=(delegate("*", "agent:*", "*"),)))
    chain = " ".join(["user:u", *(f"agent:a{number}" for number in range(7))])
    assert ask(policy, "user:u", "t", x="a" * 50_000).rule == "r"
    assert ask(policy, chain, "t", x="a" * 500).rule == "r"
    assert "too large to be decided" in ask(policy, chain, "t", x="a" * 50_000).reason


def test_the_same_facts_cost_the_same() -> None:
    """A decision that is made again spends the same steps, whatever was decided before it."""
    condition, facts = GROWING["search in unusual text"]
    assert len({_spent(condition, facts(500)) for _ in range(3)}) == 1
