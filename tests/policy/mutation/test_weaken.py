"""Weaker copies of a policy: which there are."""

from __future__ import annotations

import pytest

from handrail.conditions import parse
from handrail.conditions.syntax import unparse
from handrail.config.settings import Settings
from handrail.policy.mutation.weaken import applied, looser, mutants, tighter
from tests.policy.settings_for import delegate, rule


@pytest.mark.parametrize(
    ("when", "loose", "tight"),
    [
        ("args.a < 5", ["args.a <= 5"], ["args.a < 4"]),
        ("args.a <= 5", ["args.a <= 6"], ["args.a < 5"]),
        ("args.a > 5", ["args.a >= 5"], ["args.a > 6"]),
        ("args.a >= 2.5", ["args.a >= 2.49"], ["args.a > 2.5"]),
        ("5 >= args.a", ["6 >= args.a"], ["5 > args.a"]),
        ("args.a == 'x'", ["args.a != 'x'"], ["args.a != 'x'"]),
        ("args.a in [1, 2]", ["args.a not in [1, 2]"], ["args.a not in [1, 2]", "args.a in [2]", "args.a in [1]"]),
        ("args.a && args.b", ["args.b", "args.a"], []),
        ("args.a || args.b", ["true"], ["args.b", "args.a"]),
        ("!(args.a < 5)", ["args.a < 5", "!(args.a < 4)"], ["args.a < 5", "!(args.a <= 5)"]),
        ("args.a < 5 && args.b", ["args.b", "args.a < 5", "args.a <= 5 && args.b"], ["args.a < 4 && args.b"]),
        ("startswith(args.a, 'x')", [], []),
    ],
)  # fmt: skip
def test_conditions(when: str, loose: list[str], tight: list[str]) -> None:
    """An allowance's condition gets looser, a denial's tighter, and each comparison in it is changed."""
    assert [unparse(node) for _, node in looser(parse(when).tree)] == loose
    assert [unparse(node) for _, node in tighter(parse(when).tree)] == tight


def test_entries() -> None:
    """Every entry is weakened in each of its fields; an allowance is also taken away, which is another kind."""
    settings = Settings(
        users={"acme/ana": ("r",)},
        rules=(rule("a", "allow", "r", "t", when="args.n < 5", tenant="acme"), rule("d", "deny", "*", "t", "u")),
        delegates=(delegate("r", "agent:m", "t", tenant="acme"),),
    )
    found = [(one.id, one.what, one.kind) for one in mutants(settings)]
    assert found == [
        ("a", "condition dropped", "weakened"),
        ("a", "`args.n < 5` with <=", "weakened"),
        ("a", 'allow = "r" widened to "*"', "weakened"),
        ("a", 'call widened to "*"', "weakened"),
        ("a", 'tenant = "acme" widened to "*"', "weakened"),
        ("a", "rule dropped", "removed"),
        ("d", "rule dropped", "weakened"),
        ("d", '"t" dropped from call', "weakened"),
        ("d", '"u" dropped from call', "weakened"),
        ("delegate-1", 'from = "r" widened to "*"', "weakened"),
        ("delegate-1", 'to = "agent:m" widened to "agent:*"', "weakened"),
        ("delegate-1", 'call widened to "*"', "weakened"),
        ("delegate-1", 'tenant = "acme" widened to "*"', "weakened"),
        ("delegate-1", "delegation dropped", "removed"),
    ]
    assert len({repr(applied(settings, one)) for one in mutants(settings)}) == len(found), "each is a policy of its own"
