"""Ways in which an indexed engine goes wrong, one by one: ours and stock Casbin must answer every request alike."""

from __future__ import annotations

import threading
from itertools import permutations, product
from typing import Any

import casbin
import pytest

from handrail.policy.casbin.model import Model
from handrail.policy.casbin.program import Program, compile, load
from handrail.policy.links import CasbinLinks
from tests.policy.differential.stock import Outcome, outcome
from tests.policy.differential.words import BROKEN_CONDITIONS, BROKEN_PATTERNS, NO_TEXTS, ODD_NAMES, RISKY_OBJECTS

ALLOW = "some(where (p.eft == allow))"
FIRST = "priority(p.eft) || deny"
EFFECTS = (ALLOW, "!some(where (p.eft == deny))", f"{ALLOW} && !some(where (p.eft == deny))", FIRST)
PATTERNS = ("keyMatch", "keyMatch2", "keyMatch3", "keyMatch4", "keyMatch5", "regexMatch", "globMatch")


LIKE = (
    "/a/*", "/a/:x", "/a/{x}", "/{x}/{x}", "a*b", "*", "", "a.b", "a", "ab", "a/**/b", "[ab]", "a|b", "^a$", "a/b",
    "/a", "a/x/*", "ab?", "ab*", "ab{2}", "a/{x}/b", "(a)b", "a+", "ab|b", "(?i)A", "a b", "/a/*/c", "/:x/b", "é*",
)  # fmt: skip
NAMES = (
    "/a/b", "/a/", "/a", "/a/b/c", "/b/b", "ab", "axxb", "a.b", "acb", "a", "b", "*", "", "/a/*", "a/x/b", "A", "é",
    "abb", "a//b", "//a", "a/", "/a//b", "axb/", "./a", "aab", "bb", "a/b?c", "a\n", "éa", "/a/b/", "a b", "ab\n",
)  # fmt: skip


class Pair:
    """One policy, loaded by ours and by stock Casbin."""

    def __init__(self, matcher: str, *lines: str, **model: str) -> None:
        """``lines`` are those of a policy.csv; ``model`` are the parts of a model that are not the usual ones."""
        text, policy = _model(matcher, **model), "\n".join(lines) or "\n"
        self.ours: Program = load(Model(text), policy)
        self._stock: Any = casbin.Enforcer(
            casbin.Enforcer.new_model(text=text), casbin.persist.adapters.StringAdapter(policy)
        )

    @classmethod
    def of_rows(cls, matcher: str, *rows: list[str], **model: str) -> Pair:
        """A policy whose rows no file could hold."""
        pair, text = cls(matcher, **model), _model(matcher, **model)
        pair.ours = compile(Model(text), [tuple(row) for row in rows], links={"g": CasbinLinks([], domains=False)})
        pair._stock.get_model()["p"]["p"].policy = [*rows]
        return pair

    def ask(self, *request: object) -> Outcome:
        """The answer of both; fails where they differ."""
        theirs = outcome(lambda: self._stock.enforce_ex(*request))
        assert outcome(lambda: self.ours.ask(*request)) == theirs, request
        return theirs

    def allows(self, *request: object) -> bool:
        """Whether both allow."""
        return self.ask(*request).verdict == "allow"


def _model(
    matcher: str, *, request: str = "sub, obj", policy: str = "sub, obj", effect: str = ALLOW, g: str = "_, _"
) -> str:
    return (
        f"[request_definition]\nr = {request}\n[policy_definition]\np = {policy}\n[role_definition]\ng = {g}\n"
        f"[policy_effect]\ne = {effect}\n[matchers]\nm = {matcher}\n"
    )


@pytest.mark.parametrize("domain", ["", ", d"])
def test_roles_reach_nine_links(domain: str) -> None:
    """A role nine links away counts, one ten links away does not; with domains and without."""
    for length in range(6, 13):
        links = [f"g, c{n}, c{n + 1}{domain}" for n in range(length)]
        if domain:
            pair = Pair("g(r.sub, p.sub, r.dom)", f"p, c{length}, o", *links, request="sub, dom, obj", g="_, _, _")
            assert pair.allows("c0", "d", "o") is (length <= 9)
        else:
            pair = Pair("g(r.sub, p.sub) && r.obj == p.obj", f"p, c{length}, o", *links)
            assert pair.allows("c0", "o") is (length <= 9)


def test_role_cycles_and_twins() -> None:
    """Roles that include each other or themselves, and links written twice, are followed once."""
    links = ("g, a, b", "g, b, c", "g, c, a", "g, d, d", "g, a, b", "g, x, a")
    pair = Pair("g(r.sub, p.sub) && r.obj == p.obj", "p, c, o", "p, d, o2", "p, c, o", *links)
    for who, what in product(("a", "b", "c", "d", "x", "nobody", "", "*"), ("o", "o2", "*")):
        pair.ask(who, what)
    assert pair.allows("x", "o") and not pair.allows("nobody", "o")


def test_a_shorter_way_counts() -> None:
    """Of two ways to a role, the one within reach counts."""
    links = [f"g, c{n}, c{n + 1}" for n in range(12)] + ["g, c0, c9"]
    pair = Pair("g(r.sub, p.sub) && r.obj == p.obj", "p, c11, o", *links)
    assert pair.allows("c0", "o")


def test_domains_are_separate() -> None:
    """A role in one domain is none in another; `*` is a domain of that name."""
    rows = ("p, role, d1, o", "p, role, d2, o", "p, role, *, o", "g, a, role, d1", "g, b, role, d2", "g, c, role, *")
    for matcher in (
        "g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj",
        "r.dom == p.dom && r.obj == p.obj && !g(r.sub, p.sub, r.dom)",
        "g(r.sub, p.sub, p.dom) && r.obj == p.obj",
        'g(r.sub, p.sub, "d1") && r.obj == p.obj',
        "g(r.sub, p.sub) && r.obj == p.obj",
    ):
        pair = Pair(matcher, *rows, request="sub, dom, obj", policy="sub, dom, obj", g="_, _, _")
        for who, domain in product(("a", "b", "c", "role", "nobody"), ("d1", "d2", "d3", "*", "", None, 3)):
            pair.ask(who, domain, "o")


def test_the_policy_side_may_stand_first() -> None:
    """g() with its sides exchanged, between two policy fields, or with a fixed name, asks what it says."""
    for matcher in ("g(p.sub, r.sub)", "g(p.obj, p.sub)", "g(r.sub, r.obj)", 'g("a", p.sub)', 'g(r.sub, "role")'):
        pair = Pair(f"{matcher} && r.obj == p.obj", "p, role, a", "p, a, role", "p, role, role", "g, a, role")
        for request in product(("a", "role", "b"), repeat=2):
            pair.ask(*request)


@pytest.mark.parametrize("matcher", [
    "r.sub == p.sub && eval(p.cond)", "eval(p.cond) && r.sub == p.sub", "eval(p.cond)", "!eval(p.cond)",
    "r.sub == p.sub && eval(p.cond) && r.obj == p.obj", "eval(p.cond) || r.sub == p.sub",
    "r.sub == p.sub && (eval(p.cond) || eval(p.cond))",
])  # fmt: skip
def test_eval_is_substitution(matcher: str) -> None:
    """A condition that escapes its parentheses, or is no expression, does to ours what it does to stock."""
    conditions = ('r.sub == "a" || False', "1 < 2", "p.sub == r.sub", "r.x", "True", "0", "r.obj", "g(r.sub, p.sub)")
    for condition in (*BROKEN_CONDITIONS, *conditions):
        pair = Pair.of_rows(matcher, ["a", "o", condition], ["b", "o", "True"], policy="sub, obj, cond")
        for request in (("a", "o"), ("b", "o"), ("c", "o"), ("a", "zz"), ("b", 1)):
            pair.ask(*request)


def test_eval_without_rows_raises() -> None:
    """Stock cannot evaluate eval() over an empty policy, so neither do we."""
    assert Pair("eval(p.cond)", policy="sub, obj, cond").ask("a", "o").verdict == "raised"


@pytest.mark.parametrize("function", PATTERNS)
def test_patterns_that_raise_raise_in_turn(function: str) -> None:
    """A broken pattern raises for those requests that reach it, and for no others, wherever it stands."""
    for matcher in (f"{function}(r.obj, p.obj) && r.sub == p.sub", f"r.sub == p.sub && {function}(r.obj, p.obj)"):
        for bad in (*BROKEN_PATTERNS, *RISKY_OBJECTS, "/x/{a}/{a}", "/:", "?", "*"):
            if bad.count("[") != bad.count("]") or bad.count("(") != bad.count(")"):
                continue
            pair = Pair(matcher, "p, a, x", f"p, b, {bad}", "p, a, /x/1/1", "p, a, ")
            for who, what in product(("a", "b", "c"), ("x", "/x/1/1", "/x/1/2", "", "*", "a", "A", "aa", "/", 5, None)):
                pair.ask(who, what)


@pytest.mark.parametrize("function", PATTERNS)
def test_patterns_match_alike(function: str) -> None:
    """Wildcards, parameters, dots, prefixes and stars in the request are read as stock reads them."""
    matcher = f"r.sub == p.sub && {function}(r.obj, p.obj)"
    # One value that is no pattern sends the whole policy to stock, which would prove nothing here.
    patterns = [text for text in LIKE if Pair(matcher, f"p, a, {text}").ours.report().mode == "indexed"]
    assert len(patterns) >= 15
    rows = [f"p, u{n}, {pattern}" for n, pattern in enumerate(patterns)]
    every, by_subject = Pair(f"{function}(r.obj, p.obj)", *rows), Pair(matcher, *rows)
    turned = Pair(f"r.sub == p.sub && {function}(p.obj, r.obj)", *rows)
    assert every.ours.report().mode == by_subject.ours.report().mode == "indexed"
    for name in NAMES:
        every.ask("u", name)
        for number in range(len(patterns)):
            by_subject.ask(f"u{number}", name)
            turned.ask(f"u{number}", name)


def test_addresses() -> None:
    """ipMatch takes networks and addresses, and raises for what is neither on either side."""
    for rows in (("p, 10.0.0.0/8, o", "p, 192.168.1.7, o2"), ("p, nonsense, o", "p, 10.0.0.0/8, o2")):
        pair = Pair("ipMatch(r.sub, p.sub) && r.obj == p.obj", *rows)
        for who, what in product(("10.1.2.3", "192.168.1.7", "11.0.0.1", "::1", "x", ""), ("o", "o2", "o3")):
            pair.ask(who, what)


@pytest.mark.parametrize("effect", EFFECTS)
def test_order_decides(effect: str) -> None:
    """Every order of rows that allow, deny and do neither gives stock's verdict and stock's row."""
    rows = ("p, a, o, allow", "p, r, o, deny", "p, s, o, allow", "p, r, o, indeterminate")
    for order in permutations(rows):
        pair = Pair(
            "g(r.sub, p.sub) && r.obj == p.obj", *order, "g, a, r", "g, a, s", policy="sub, obj, eft", effect=effect
        )
        for who in ("a", "r", "s", "z"):
            pair.ask(who, "o")
            pair.ask(who, "other")


@pytest.mark.parametrize("effect", EFFECTS)
def test_twin_rows(effect: str) -> None:
    """Rows that are written twice, or differ in their effect only, name the row that stock names."""
    rows = ("p, a, o, allow", "p, a, o, allow", "p, a, o, deny", "p, a, o, allow", "p, b, o, deny", "p, b, o, deny")
    pair = Pair("r.sub == p.sub && r.obj == p.obj", *rows, policy="sub, obj, eft", effect=effect)
    for who in "abc":
        pair.ask(who, "o")


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_empty_policy(effect: str) -> None:
    """Without rows stock tries the matcher with empty texts once; a request of empty texts may match."""
    for matcher in ("r.sub == p.sub && r.obj == p.obj", "keyMatch(r.obj, p.obj)", "g(r.sub, p.sub)", "r.sub", "1 < 2"):
        pair = Pair(matcher, effect=effect)
        for request in product(("", "a", "*", 5, None), repeat=2):
            pair.ask(*request)


@pytest.mark.parametrize("matcher", [
    "r.sub == p.sub && r.obj", "r.obj && r.sub == p.sub", "r.obj", "not r.obj && r.sub == p.sub", "p.obj",
    "p.obj && r.sub == p.sub", "r.sub == p.sub && p.obj", "(r.sub == p.sub || p.obj)", "(r.sub == p.sub || r.obj)",
])  # fmt: skip
def test_a_matcher_may_have_a_value(matcher: str) -> None:
    """What is neither true nor false ends as in stock: a float counts, anything else raises where a row is reached."""
    pair = Pair(matcher, "p, a, o", "p, b, o")
    for who, what in product(("a", "b", "c"), (0, 1, True, False, 0.0, 1.5, "", "s", None, (), ("x",), float("nan"))):
        pair.ask(who, what)


def test_requests_of_any_kind() -> None:
    """Numbers, truth values, lists and dicts in a request are compared as stock compares them."""
    rows = ("p, 1, o", "p, True, o", "p, alice, 5", "p, None, *", "p, , o")
    for matcher in (
        "r.sub == p.sub && r.obj == p.obj", "keyMatch(r.obj, p.obj) && r.sub == p.sub", "g(r.sub, p.sub)",
        "r.sub in (p.sub, 'x')", "r.sub != p.sub && r.obj == p.obj", "r.sub == p.sub || r.obj == 5",
        "not (r.sub == p.sub)", "g(p.sub, r.sub) && r.obj == p.obj", "!g(r.sub, 'x') && r.obj == p.obj",
        "(g(p.sub, r.sub) || r.sub == p.obj) && r.obj == p.obj", "keyMatch(r.sub) && r.obj == p.obj",
    ):  # fmt: skip
        pair = Pair(matcher, *rows, "g, alice, 1")
        for who, what in product((*NO_TEXTS, "alice", "1", "", "True"), (*NO_TEXTS, "o", "5", "")):
            pair.ask(who, what)


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_row_of_the_wrong_width_raises_when_it_is_reached(effect: str) -> None:
    """Rows before a broken one decide where they end the search; behind it every request raises."""
    rows = ("p, a, o, allow", "p, b, o", "p, c, o, deny")
    pair = Pair("r.sub == p.sub && r.obj == p.obj", *rows, policy="sub, obj, eft", effect=effect)
    for who in "abcd":
        pair.ask(who, "o")


def test_a_request_of_the_wrong_width_raises() -> None:
    """Too few or too many values are stock's error."""
    pair = Pair("r.sub == p.sub", "p, a, o")
    for request in ((), ("a",), ("a", "o", "x")):
        assert pair.ask(*request).verdict == "raised"


def test_alternatives_outside() -> None:
    """``||`` at the outside may match rows that the other side does not pin, or every row."""
    for tail in (
        'r.sub == "root"',
        'p.sub == "root"',
        "r.obj == p.sub",
        "g(r.sub, p.sub)",
        "r.obj.nothing == 1",
        "1 < 2",
    ):
        for matcher in (f"r.sub == p.sub && r.obj == p.obj || {tail}", f"{tail} || r.sub == p.sub && r.obj == p.obj"):
            pair = Pair(matcher, "p, a, o", "p, root, x", "p, o, o", "p, role, o", "g, a, role")
            for request in product(("a", "root", "z", "role"), ("o", "x", "root", "z")):
                pair.ask(*request)


def test_explicit_priorities_sort_the_rows() -> None:
    """Rows with a priority are asked in its order, equal ones in the order of the file."""
    rows = ("p, 10, a, o, deny", "p, 2, a, o, allow", "p, 2, a, o, deny", "p, 1, b, o, deny", "p, 3, b, o, allow")
    for order in permutations(rows):
        pair = Pair(
            "g(r.sub, p.sub) && r.obj == p.obj", *order, "g, c, a", policy="priority, sub, obj, eft", effect=FIRST
        )
        for who in "abcz":
            pair.ask(who, "o")


def test_subject_priorities_sort_the_rows() -> None:
    """With subjectPriority the row of the nearest subject decides."""
    rows = (
        "p, root, o, deny",
        "p, admin, o, deny",
        "p, jane, o, allow",
        "g, jane, admin",
        "g, admin, root",
        "g, x, admin",
    )
    pair = Pair(
        "g(r.sub, p.sub) && r.obj == p.obj", *rows, policy="sub, obj, eft", effect="subjectPriority(p.eft) || deny"
    )
    assert pair.allows("jane", "o")
    assert not pair.allows("x", "o")


def test_odd_names_are_names() -> None:
    """Look-alikes, quotes, other scripts, stars and invisible characters equal themselves only."""
    names = [name for name in ODD_NAMES if name.strip() == name and not name.startswith("#")]
    pair = Pair("g(r.sub, p.sub) && r.obj == p.obj", *(f"p, {name}, {name}" for name in names), "g, alice, Alice")
    for request in product((*names, "alice", "*"), repeat=2):
        pair.ask(*request)


def test_either_of_several_pins() -> None:
    """Alternatives about one field, in parentheses, each narrow: by equality, roles, a list, a pattern."""
    for matcher in (
        '(r.sub == p.sub || p.sub == "*") && r.obj == p.obj', '(p.sub == "*" || r.sub == p.sub) && r.obj == p.obj',
        '(g(r.sub, p.sub) || p.sub in ("any", "*")) && r.obj == p.obj', "(r.obj == p.obj || keyMatch(r.obj, p.obj))",
        "(r.obj == p.obj || g(r.obj, p.obj)) && (r.sub == p.sub || p.sub == 'any')", "p.sub in ('any', '*', 'a')",
        "r.sub == p.sub && g(r.sub, p.sub) && p.sub in ('a', 'role') && p.sub != 'b'",
        "keyMatch(r.obj, p.obj) && p.obj != 'x' && p.obj != r.sub",
        "r.sub == p.sub && g(r.sub, p.sub) && keyMatch(r.obj, p.obj) && r.obj == p.obj",
        "r.sub == p.sub && p.sub != 'a'",
    ):  # fmt: skip
        pair = Pair(matcher, "p, a, o", "p, *, x", "p, any, o*", "p, role, o", "p, b, x", "g, c, role", "g, o, x")
        assert pair.ours.report().mode == "indexed"
        for request in product(("a", "b", "c", "*", "any", "role", "z"), ("o", "x", "ox", "*", "")):
            pair.ask(*request)


def test_nested_and_chained_comparisons() -> None:
    """Several fields in one comparison, conjunctions in parentheses and double negation narrow as they should."""
    for matcher in (
        'r.sub == p.sub == "a"', "p.sub in (r.sub, r.obj)", "(r.sub == p.sub && (r.obj == p.obj))", "p.sub == p.obj",
        "(r.sub == p.sub) == (r.obj == p.obj)", "r.sub == p.sub && r.sub == p.obj", "p.sub in [r.obj]",
        "not not r.sub == p.sub",
        "(r.sub == p.sub || r.obj == p.obj) && (p.sub == 'a' || p.obj == 'b')", "r.sub < p.sub && r.obj == p.obj",
        "(r.sub if r.obj == 'a' else p.sub) == 'a'", "p.sub == 'a' && r.sub == p.obj", "r.sub in p.sub", "p.sub != 'a'",
    ):  # fmt: skip
        pair = Pair(matcher, "p, a, a", "p, a, b", "p, b, a", "p, b, b", "p, ab, b")
        for request in product(("a", "b", "ab", "", 1), repeat=2):
            pair.ask(*request)


def test_a_conjunct_that_raises_hides_those_behind_it() -> None:
    """`a && b` does not reach b where a is false, and raises where a does, for every row in turn."""
    for matcher in (
        "r.sub.x == 1 && r.obj == p.obj", "r.obj == p.obj && r.sub.x == 1", "r.sub + 1 == p.obj && r.obj == p.obj",
        "r.obj == p.obj && r.sub < 3", "r.obj[9] == 'x' && r.sub == p.sub", "r.sub == p.sub && r.obj.y == p.obj",
        "g(r.sub, p.sub) && r.obj.y == 1 && r.obj == p.obj", "r.obj == 'o' && r.sub.x == 1 && r.obj == p.obj",
        "r.sub.items == 3 && r.obj == p.obj",
    ):  # fmt: skip
        pair = Pair(matcher, "p, a, o", "p, b, o2", "p, a, o3")
        askers: tuple[object, ...] = ("a", "z", {"x": 1, "items": 3}, {}, 2, ["l"])
        for who, what in product(askers, ("o", "o2", "zz", {"y": "o"}, {"y": 1}, 4)):
            pair.ask(who, what)


def test_what_is_remembered_depends_on_all_that_was_asked() -> None:
    """The same names with other facts get their own answer, whatever was answered before."""
    for matcher in (
        "r.obj.n < 5 && r.sub == p.sub", "r.sub == p.sub && r.obj.n < 5", "r.obj.n < 5 && r.obj.m == 1 && 'a' == p.sub",
        "r.obj.n < 5 && r.sub == p.sub || r.obj.m == 1 && p.sub == 'b'",
    ):  # fmt: skip
        pair = Pair(matcher, "p, a, o", "p, b, o")
        for n, m, who in product((1, 9, 1, "x"), (1, 2), ("a", "b", "c")):
            pair.ask(who, {"n": n, "m": m})
        assert pair.allows("a", {"n": 1, "m": 1})
        assert not pair.allows("a", {"n": 9, "m": 2})


def test_many_patterns_with_one_beginning() -> None:
    """A thousand patterns that begin alike are told apart, by every function that knows patterns."""
    rows = [f"p, u{n % 7}, /api/v1/thing{n}/*" for n in range(500)] + [f"p, u{n % 7}, /api/v{n}*" for n in range(500)]
    for function in ("keyMatch", "keyMatch2", "regexMatch"):
        pair = Pair(f"{function}(r.obj, p.obj) && r.sub == p.sub", *rows)
        for name in (
            "/api/v1/thing7/x",
            "/api/v1/thing77/x",
            "/api/v499",
            "/api/v4999",
            "/api/v",
            "/",
            "/api/v1/thing499/",
        ):
            pair.ask("u0", name)
            pair.ask("u6", name)


def test_threads_get_the_same_answers() -> None:
    """Sixteen threads over one program answer as one thread does."""
    rows = [f"p, r{n % 5}, o{n}*" for n in range(60)] + [f"g, u{n}, r{n % 5}" for n in range(20)]
    pair = Pair("g(r.sub, p.sub) && keyMatch(r.obj, p.obj)", *rows)
    requests = [(f"u{n % 23}", f"o{n % 61}x") for n in range(400)]
    expected = [pair.ask(*request) for request in requests]
    found: list[list[Outcome]] = []

    def work() -> None:
        found.append([outcome(lambda request=request: pair.ours.ask(*request)) for request in requests])  # type: ignore[misc]

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 16
