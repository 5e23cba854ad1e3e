"""Measured hazards of stock Casbin, each shown not to be ours: growth, depth, parsing, threads, logging."""

from __future__ import annotations

import ast
import gc
import logging
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from handrail.config.settings import Settings
from handrail.policy import PolicyRequest, build
from handrail.policy.builtin import BuiltinModel
from handrail.policy.casbin.program import MAX_REMEMBERED
from handrail.policy.casbin.tables import MAX_REMEMBERED_NAME
from handrail.policy.facts import Arguments, Items, RequestFacts
from handrail.policy.links import CasbinLinks, reach
from handrail.policy.rows import rule_set
from tests.policy.settings_for import allows, ask, casbin_policy, delegate, rule

SETTINGS = Settings(
    users={"acme/ana": ("r",)},
    rules=(rule("r", "allow", "r", "read_*"), rule("c", "allow", "r", "pay_*", when="args.x == 1")),
    delegates=(delegate("*", "agent:a", "read_*"),),
)


def test_unknown_subjects_do_not_stay() -> None:
    """Hazard 15: what is remembered of requests is bounded, whatever names they invent."""
    model = BuiltinModel(rule_set(SETTINGS), lambda tenant, subject: frozenset())
    assert model._calls is not None
    assert model._links is not None
    for number in range(MAX_REMEMBERED + 2_000):
        model.principal("acme", f"user:u{number}", "call", f"tool_{number}", facts=RequestFacts({}, "acme"))
        if number % 10 == 0:
            model.link("acme", f"user:u{number}", "agent:a", "call", f"read_{number}")
    for program in (model._calls, model._links):
        assert 0 < len(program._known) <= MAX_REMEMBERED


def test_long_names_are_not_remembered() -> None:
    """A name of megabytes is decided and forgotten."""
    model = BuiltinModel(rule_set(SETTINGS), lambda tenant, subject: frozenset({"role:r"}))
    long = "read_" + "x" * MAX_REMEMBERED_NAME
    assert model.principal("acme", "user:u", "call", long, facts=RequestFacts({}, "acme")) == (True, ("r",))
    assert model.link("acme", "user:u", "agent:a", "call", long) == (True, ("delegate-1",))
    assert model._calls is not None
    assert model._links is not None
    assert not model._calls._known
    assert not model._links._known


def test_casbin_files_do_not_grow_either(tmp_path: Path) -> None:
    """Hazard 15 for a team's own files: unknown names and domains leave nothing behind in the role managers."""
    model = (
        "[request_definition]\nr = sub, dom, obj\n[policy_definition]\np = sub, dom, obj\n[role_definition]\n"
        "g = _, _, _\n[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\n"
        "m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj\n"
    )
    policy = casbin_policy(tmp_path, model, "p, admin, acme, t\ng, ana, admin, acme\n")
    allows(policy, "user:warm", "t")
    gc.collect()
    before = len(gc.get_objects())
    for number in range(2_000):
        assert not allows(policy, f"user:u{number}", "t", tenant=f"tenant-{number}")
    gc.collect()
    assert len(gc.get_objects()) - before < 500
    assert allows(policy, "user:ana", "t")


@pytest.mark.parametrize("depth", [1, 9, 10, 200])
def test_roles_of_any_depth_deny(depth: int) -> None:
    """Hazard 13: a deny on a far role holds, where stock Casbin stops looking after nine steps."""
    settings = Settings(
        users={"acme/ana": ("role-0",)},
        roles={f"role-{step}": (f"role-{step + 1}",) for step in range(depth)},
        rules=(rule("all", "allow", "*", "t"), rule("far", "deny", f"role-{depth}", "t")),
    )
    assert ask(build(settings), "user:ana", "t").rule == "far"


def test_reach_ends_in_a_loop() -> None:
    """Roles that include each other are followed once."""
    assert reach({"a": ["b"], "b": ["c"], "c": ["a", "b"]}, "a") == {"b", "c"}
    assert reach({"a": ["b"], "b": ["c"]}, "a", hops=1) == {"b"}
    assert not CasbinLinks([("a", "b", "d1")], domains=True).has_link("a", "b", "d2")


def test_one_bad_condition_hurts_nobody_else() -> None:
    """Hazard 7: a condition that cannot be evaluated does not stop a later rule from allowing."""
    settings = Settings(
        rules=(
            rule("broken", "allow", "*", "t", when="args.absent.deep > 1"),
            rule("good", "allow", "*", "t", when="args.x == 1"),
        )
    )
    assert ask(build(settings), "user:u", "t", x=1).rule == "good"


def test_deny_wins_wherever_it_stands() -> None:
    """Before, between or after allows: one matching deny decides, and is the rule that is named."""
    rules = [
        rule("a", "allow", "*", "t"),
        rule("b", "allow", "*", "*"),
        rule("no", "deny", "*", "t", when="args.x == 1"),
    ]
    for order in ((0, 1, 2), (0, 2, 1), (2, 0, 1)):
        policy = build(Settings(rules=tuple(rules[place] for place in order)))
        assert ask(policy, "user:u", "t", x=1).rule == "no"
        assert ask(policy, "user:u", "t", x=2).rule == "a"
    both = Settings(rules=(rule("late", "deny", "*", "x"), rule("d1", "deny", "*", "t"), rule("d2", "deny", "*", "t")))
    assert ask(build(both), "user:u", "t").rule == "d1"


def test_nothing_is_parsed_while_deciding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard 5: Python's parser fails in parallel use, and the warnings filter is global: neither is touched."""
    policy = build(SETTINGS)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("used while deciding")

    monkeypatch.setattr(ast, "parse", forbidden)
    monkeypatch.setattr(warnings, "catch_warnings", forbidden)
    assert allows(policy, "user:ana", "read_x")
    assert allows(policy, "user:ana", "pay_x", x=1)
    assert not allows(policy, "user:ana", "pay_x", x=2)
    assert allows(policy, "user:ana agent:a", "read_y" + "z" * 300)


def test_conditions_under_a_short_switch_interval() -> None:
    """Hazard 4: threads that decide with different facts at once never see each other's facts."""
    policy = build(SETTINGS)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(x: int) -> set[bool]:
        return {allows(policy, "user:ana", "pay_x", x=x) for _ in range(300)}

    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, [1, 2, 1, 2, 1, 2, 1, 2])) == [{True}, {False}] * 4
    finally:
        sys.setswitchinterval(interval)


def test_casbin_never_logs_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """Stock Casbin logs each denied request with its values: nothing is logged, even where others switched it on."""
    policy = build(SETTINGS)
    assert not allows(policy, "user:ana", "pay_x", x=2)
    names = ("casbin", "casbin.enforcer", "casbin.policy", "casbin.role")
    for name in names:
        logging.getLogger(name).disabled = False
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG):
            assert not allows(policy, "user:ana", "pay_x", secret="hunter2")
            assert not allows(policy, "user:ana", "other", secret="hunter2")
        assert caplog.records == []
    finally:
        for name in names:
            logging.getLogger(name).disabled = True


def test_large_arguments_are_not_walked() -> None:
    """simpleeval walks every container at every node: here a deep and wide argument is never looked into."""
    deep: object = None
    for _ in range(5_000):
        deep = [deep]
    args = {"x": 1, "deep": deep, "wide": [0] * 100_000}
    assert (
        build(SETTINGS).decide(PolicyRequest("acme", ("user:ana",), "pay_x", facts={"args": args})).verdict == "allow"
    )


def test_views_are_read_only() -> None:
    """Hazard 9: the views that a team's matcher gets have no methods, and cannot be written to."""
    args = Arguments({"items": [1, {"a": 2}], "n": 1})
    assert args.n == 1
    items = cast("Items", args.items)
    assert (items[0], len(items), 1 in items) == (1, 2, True)
    for view in (args, items):
        with pytest.raises(AttributeError):
            view.n = 2
        with pytest.raises(AttributeError):
            _ = view.clear  # type: ignore[union-attr]
        assert "2" not in repr(view)
