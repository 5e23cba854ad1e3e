"""What a request could make slow is refused when a team's files are loaded, or denied when it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.errors import PolicyError
from handrail.policy import Policy, PolicyRequest
from handrail.policy.casbin.bounds import MAX_TEXT, explosive
from handrail.policy.facts import MAX_ITEMS
from tests.policy.settings_for import allows, casbin_policy

MODEL = """[request_definition]
r = sub, obj, args
[policy_definition]
p = sub, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = {0}
"""


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)*b", "(a*)*", "(.*a){20}", "a?" * 40 + "a" * 40, ".*a.*b.*c.*d", "(\\w+\\s?)*$"]
)
def test_explosive_patterns_are_refused_with_their_line(tmp_path: Path, pattern: str) -> None:
    """A pattern whose work grows faster than with the cube of the text stops the load."""
    assert explosive(pattern)
    model = MODEL.format("r.sub == p.sub && regexMatch(r.obj, p.obj)")
    with pytest.raises(PolicyError, match=r"policy\.csv:2: The line has a pattern that is refused"):
        casbin_policy(tmp_path, model, f"p, ana, ok\np, ana, {pattern}\n")


@pytest.mark.parametrize(
    "pattern", ["^/a/.*", "read_[a-z]+", "(foo|bar)*", "/a/[^/]+/b/[^/]+", "a{2,4}b*", "(", ".*", "^(?:x|y)$"]
)
def test_ordinary_patterns_are_not(pattern: str) -> None:
    """What people write passes, and so does what is no regular expression at all: it never matches."""
    assert explosive(pattern) == ""


@pytest.mark.parametrize(
    ("matcher", "problem"),
    [
        ("r.sub == p.sub && [x for x in r.args.list] == []", "it goes through a list"),
        ("r.sub == p.sub && r.args.text.ljust(r.args.n) == 'x'", "the method 'ljust'"),
        ("r.sub == p.sub && regexMatch(r.obj, '(a+)+$')", "repeats a repetition"),
        ("r.sub == p.sub && f'{r.args.n:>9}' == 'x'", "it formats a text"),
    ],
)
def test_dear_matchers_are_refused(tmp_path: Path, matcher: str, problem: str) -> None:
    """The message has file and line of the matcher."""
    with pytest.raises(PolicyError, match=r"model\.conf:8: The matcher may take any amount of time") as caught:
        casbin_policy(tmp_path, MODEL.format(matcher), "p, ana, t\n")
    assert problem in str(caught.value)


def _with_arguments(policy: Policy, **args: object) -> bool:
    return policy.decide(PolicyRequest("acme", ("user:ana",), "t", facts={"args": args})).verdict == "allow"


@pytest.mark.parametrize(
    ("condition", "fine", "dear"),
    [
        ("regexMatch(r.args.x, 'a.*b')", "ab", "a" * MAX_TEXT + "b"),
        ("r.args.x % 2 == 0", 4, "%999999999d"),
        ("r.args.x ** 2 == 4", 2, 10**3_000),
        ("2 ** r.args.x > 1", 9, 10**9),
        ("'x' in r.args.x", ["x"], ["x"] * (MAX_ITEMS + 1)),
        ("regexMatch('" + "a" * 30 + "b', r.args.x)", "a+b", "(a+)+$"),
    ],
)
def test_dear_values_are_denied(tmp_path: Path, condition: str, fine: object, dear: object) -> None:
    """Long texts, formats, powers, long lists and explosive patterns of a request: a denial, at once."""
    policy = casbin_policy(tmp_path, MODEL.format(f"r.sub == p.sub && {condition}"), "p, ana, t\n")
    assert _with_arguments(policy, x=fine)
    assert not _with_arguments(policy, x=dear)


def test_long_names_are_denied(tmp_path: Path) -> None:
    """A name longer than any that is compared with patterns is nobody's."""
    policy = casbin_policy(tmp_path, MODEL.format("keyMatch(r.obj, p.obj)"), "p, ana, *\n")
    assert allows(policy, "user:ana", "x" * MAX_TEXT)
    assert not allows(policy, "user:ana", "x" * (MAX_TEXT + 1))
    assert not allows(policy, "user:" + "a" * (MAX_TEXT + 1), "x")
