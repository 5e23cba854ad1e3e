"""Compiled programs beside stock Casbin: the ways in which an index goes wrong, each shown not to be ours."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import casbin
import pytest

from handrail.config.settings import Settings
from handrail.policy import Policy, build
from handrail.policy.casbin.model import Model, Row
from handrail.policy.casbin.program import MAX_REMEMBERED, Program, compile, load
from handrail.policy.casbin.tables import indexed_functions
from handrail.policy.links import CasbinLinks
from tests.policy.settings_for import allows, rule

EFFECTS = (
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "priority(p.eft) || deny",
)


class Pair:
    """Our program and stock Casbin, with its own role managers, over the same rows."""

    def __init__(
        self,
        matcher: str,
        rows: Iterable[Sequence[str]],
        *,
        request: str = "sub, obj",
        policy: str = "sub, obj",
        roles: str = "",
        links: Iterable[Sequence[str]] = (),
        effect: str = EFFECTS[0],
    ) -> None:
        definition = f"[role_definition]\ng = {roles}\n" if roles else ""
        text = (
            f"[request_definition]\nr = {request}\n[policy_definition]\np = {policy}\n{definition}"
            f"[policy_effect]\ne = {effect}\n[matchers]\nm = {matcher}\n"
        )
        kept, linked = [tuple(row) for row in rows], [tuple(link) for link in links]
        model = casbin.Enforcer.new_model(text=text)
        self.stock: Any = casbin.Enforcer(model)
        self.stock.get_model()["p"]["p"].policy = [list(row) for row in kept]
        for link in linked:
            self.stock.get_role_manager().add_link(*link)
        closures = {"g": CasbinLinks(linked, domains=roles.count("_") > 2)} if roles else {}
        self.ours: Program = compile(Model(text), kept, links=closures)

    def same(self, *requests: tuple[object, ...]) -> tuple[bool, Row] | str:
        """Assert equal answers, twice, and return the last one: (allowed, row) or the class of the error."""
        said: tuple[bool, Row] | str = ""
        for request in requests:
            said = _outcome(self.stock.enforce_ex, request)
            assert _outcome(self.ours.ask, request) == said, request
            assert _outcome(self.ours.ask, request) == said, "the second time, from memory"
        return said


def _outcome(ask: Any, request: tuple[object, ...]) -> tuple[bool, Row] | str:
    try:
        allowed, row = ask(*request)
    except Exception as error:
        return type(error).__name__
    return bool(allowed), tuple(row)


@pytest.mark.parametrize("domain", [False, True])
@pytest.mark.parametrize("hops", range(7, 12))
def test_roles_are_followed_nine_hops(hops: int, domain: bool) -> None:
    """Hazard 13: as far as stock Casbin follows a row of roles, and not one further."""
    more = ("d",) if domain else ()
    links = [("u", "c0", *more), *((f"c{step}", f"c{step + 1}", *more) for step in range(hops - 1))]
    matcher = "g(r.sub, p.sub, r.dom) && r.obj == p.obj" if domain else "g(r.sub, p.sub) && r.obj == p.obj"
    request = "sub, dom, obj" if domain else "sub, obj"
    roles = "_, _, _" if domain else "_, _"
    pair = Pair(matcher, [(f"c{hops - 1}", "o")], request=request, roles=roles, links=links)
    said = pair.same(("u", *more, "o"), ("c3", *more, "o"), ("u", *more, "x"))
    assert pair.ours.ask("u", *more, "o")[0] is (hops <= 9)
    assert said == (False, ())


def test_domains_are_separate() -> None:
    """A role in one domain is none in another, also where the matcher negates it."""
    links = [("a", "role", "d1"), ("b", "role", "d2")]
    rows = [("role", "d1", "o"), ("role", "d2", "o")]
    for negation in ("", "!"):
        matcher = f"r.dom == p.dom && r.obj == p.obj && {negation}g(r.sub, p.sub, r.dom)"
        pair = Pair(matcher, rows, request="sub, dom, obj", policy="sub, dom, obj", roles="_, _, _", links=links)
        pair.same(*((sub, dom, "o") for sub, dom in itertools.product("ab", ("d1", "d2", "d3"))))


@pytest.mark.parametrize("effect", EFFECTS)
def test_effects_take_rows_in_order(effect: str) -> None:
    """Every order of an allow, a deny and a meaningless effect gives stock's verdict and stock's row."""
    rows = [("a", "o", "allow"), ("r", "o", "deny"), ("s", "o", "allow"), ("r", "o", "maybe")]
    for order in itertools.permutations(rows):
        pair = Pair(
            "g(r.sub, p.sub) && r.obj == p.obj", order,
            policy="sub, obj, eft", roles="_, _", links=[("a", "r"), ("a", "s")], effect=effect,
        )  # fmt: skip
        pair.same(("a", "o"), ("r", "o"), ("s", "o"), ("z", "o"))


@pytest.mark.parametrize(
    "matcher",
    [
        "r.sub == p.sub && r.obj.n > 1 && r.act == p.act",
        "r.obj.n > 1 && r.sub == p.sub && r.act == p.act",
        "r.sub == p.sub || r.obj.n > 1",
        "r.act == p.act && (r.sub == p.sub || p.sub == '*') && r.obj.n",
        "r.sub == 'root' || r.sub == p.sub && r.act == p.act",
        "!(r.act == p.act) && r.sub != p.sub",
        "r.sub in ('a', 'b') && p.act in ('read', 'x') && r.act == p.act",
        "r.sub.startswith(p.sub) && r.act == p.act",
        "r.obj.n + 1 == 3 && r.act == p.act",
        "r.act && r.sub == p.sub",
        "keyMatch(r.sub, p.sub) && !(p.sub == '*')",
        "r.sub == p.sub && r.obj.n % 2 == 0",
    ],
)
def test_what_may_raise_is_asked_before_anything_is_left_out(matcher: str) -> None:
    """Hazard 7: an error, a value that is neither true nor false, or an odd request is what stock makes of it."""
    rows = [("a", "read"), ("b", "write"), ("*", "read"), ("a*", "x"), ("", "read")]
    pair = Pair(matcher, rows, request="sub, obj, act", policy="sub, act")
    subjects: list[object] = ["a", "b", "root", "abc", "*", "", 5, None, ["a"], True]
    things: list[object] = [{}, {"n": 2}, {"n": 1}, {"n": "x"}, {"n": None}, "text", None]
    for sub, obj, act in itertools.product(subjects, things, ("read", "x", "", 7)):
        pair.same((sub, obj, act))


@pytest.mark.parametrize("function", sorted({*indexed_functions()} - {"ipMatch"}))
@pytest.mark.parametrize("order", ["{0} && r.sub == p.sub", "r.sub == p.sub && {0}"])
def test_patterns(function: str, order: str) -> None:
    """Whatever stands in a pattern, broken ones too: the same match or the same error."""
    matcher = order.format(f"{function}(r.obj, p.obj)")
    patterns = ("(", "[", "*", "a{2", "/x/{a}/{a}", "/:", "?", "+", "", "/x/*", "x*z", "a|b", "^x$", "*/x", "/x/:id")
    names: tuple[object, ...] = ("", "x", "xyz", "x*z", "*", "/x/1/1", "/x/1/2", "/x/", "/x/1?q=2", "b", 7, None)
    for pattern in patterns:
        pair = Pair(matcher, [("a", "x"), ("b", pattern), ("a", "/x/1/1")])
        pair.same(*((sub, name) for sub in "abc" for name in names))


def test_conditions_in_rows() -> None:
    """Hazard 8: a condition that is no expression of its own is left to stock Casbin, whatever it does with it."""
    for condition in ("False) or (True", "True", "r.sub == 'a' || False", "True # c", "(True", "1 < 2", "r.x", "r.sub"):
        for matcher in (
            "r.sub == p.sub && eval(p.cond)",
            "eval(p.cond) && r.sub == p.sub",
            "eval(p.cond) || r.obj == 'x'",
        ):
            rows = [("a", "o", condition), ("b", "o", "True")]
            pair = Pair(matcher, rows, policy="sub, obj, cond")
            pair.same(("a", "o"), ("b", "o"), ("c", "o"), ("a", "x"))


def test_reports() -> None:
    """The mode, what pins the rows, why there is no index, and a cost that grows with the rows only where it does."""
    rows = [("a", f"o{number}") for number in range(1_000)]
    indexed = Pair("r.sub == p.sub && keyMatch(r.obj, p.obj)", rows).ours.report()
    assert (indexed.mode, indexed.why) == ("indexed", ())
    assert indexed.levels == ("obj by keyMatch", "sub by ==")
    scanned = Pair("r.sub.startswith(p.sub) && r.obj == p.obj", rows).ours.report()
    assert scanned.mode == "scan"
    assert "every row" in scanned.why[0]
    stock = Pair("r.sub == p.sub && [x for x in r.obj] == []", rows).ours.report()
    assert (stock.mode, stock.why) == ("stock", ("it uses ListComp",))
    assert indexed.microseconds < 20 < scanned.microseconds < stock.microseconds == 20 + 1.4 * 1_000
    conditions = [("a", "o", "True"), ("b", "o", "[x for x in r.obj] == []")]
    mixed = Pair("r.sub == p.sub && eval(p.cond)", conditions, policy="sub, obj, cond")
    assert mixed.ours.report().rows == ((conditions[1], "it uses ListComp"),)
    assert mixed.same(("b", "o"), ("a", "o")) == (True, conditions[0])


def test_loaded_text_is_sorted_as_casbin_sorts_it() -> None:
    """Explicit priorities decide by their number, whatever the order in the file."""
    model = Model(
        "[request_definition]\nr = sub\n[policy_definition]\np = priority, sub, eft\n[policy_effect]\n"
        "e = priority(p.eft) || deny\n[matchers]\nm = r.sub == p.sub\n"
    )
    assert load(model, "p, 10, a, allow\np, 2, a, deny\n").ask("a") == (False, ("2", "a", "deny"))


def test_roles_are_followed_when_asked_for() -> None:
    """No closure is made for users who do not come, and none stays for names that the policy does not have."""
    links = CasbinLinks([(f"u{n}", f"r{n % 50}", "d") for n in range(3_000)], domains=True)
    assert links.names("u7", "d") == {"u7", "r7"}
    for number in range(2_000):
        assert links.names(f"x{number}", f"d{number}") == {f"x{number}"}
    assert len(links._reached) == 1


def test_memory_is_bounded() -> None:
    """Hazard 15: what is remembered of requests does not grow beyond its bound."""
    pair = Pair("r.sub == p.sub && r.obj == p.obj", [("a", "o")])
    for number in range(MAX_REMEMBERED + 100):
        pair.ours.ask(f"u{number}", "o")
    assert 0 < len(pair.ours._known) <= MAX_REMEMBERED


def test_no_wrong_answer_while_snapshots_are_swapped() -> None:
    """Hazard 1: eight threads decide while 300 policies are built and put in place, and none sees a mixture."""

    def version(number: int) -> Policy:
        return build(
            Settings(
                users={"acme/ana": ("staff", f"team-{number % 7}")},
                rules=(
                    rule("all", "allow", "staff", "t*", when="args.n < 9"),
                    rule("no", "deny", "staff", f"t{number % 3}"),
                    rule("other", "allow", f"team-{number % 7}", f"x{number % 5}"),
                ),
            )
        )

    now, done, wrong = [(0, version(0))], [False], list[object]()

    def decide(_: int) -> int:
        count = 0
        while not done[0]:
            number, policy = now[0]
            for tool in ("t0", "t1", "t2"):
                if allows(policy, "user:ana", tool, n=1) is (tool == f"t{number % 3}"):
                    wrong.append((number, tool))
            if not allows(policy, "user:ana", f"x{number % 5}") or allows(policy, "user:ana", "t9", n=9):
                wrong.append(number)
            count += 1
        return count

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        with ThreadPoolExecutor(8) as pool:
            counts = pool.map(decide, range(8))
            for number in range(300):
                now[0] = (number, version(number))
            done[0] = True
            assert min(counts) > 0
    finally:
        done[0] = True
        sys.setswitchinterval(interval)
    assert wrong == []
