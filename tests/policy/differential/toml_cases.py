"""Random settings as handrail.toml would give them, with requests, and a plain reading of their few conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy import PolicyRequest
from handrail.policy.decision import ACTIONS

USERS = ("ana", "bob", "cy", "support", "*", "Ana", "é")
AGENTS = ("x", "y", "z")
TENANTS = ("acme", "umbrella", "default")
ROLES = ("support", "lead", "boss", "intern")
GROUPS = {"money": ("pay", "refund", "inner"), "inner": ("wire_*",), "readers": ("read_*",)}

_SUBJECTS = (*ROLES, *ROLES, "*", "user:ana", "user:bob", "agent:x", "agent:y", "agent:*", "user:*")
_CALLS = (
    "read_a",
    "read_*",
    "*_a",
    "pay",
    "refund",
    "a.b",
    "*",
    "money",
    "inner",
    "readers",
    "p*y",
    "w*e*t",
    "é*",
    "**",
)
_TOOLS = ("read_a", "read_b", "pay", "refund", "wire_out", "a.b", "*", "money", "writ", "PAY", "pay ", "é1", "", "x")
_ARGS: tuple[dict[str, object], ...] = (
    {}, {"n": 1}, {"n": 5, "m": 1}, {"n": 6, "m": 2}, {"n": "five"}, {"n": 5.0, "m": "1"}, {"n": True}, {"n": None},
    {"n": [1, 5], "m": 1}, {"m": 1}, {"n": {"a": 1}},
)  # fmt: skip


class _NoAnswer(Exception):
    """A condition that cannot be evaluated."""


def _number(args: Mapping[str, object], name: str) -> float:
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _NoAnswer
    return value


def _text(args: Mapping[str, object], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str):
        raise _NoAnswer
    return value


CONDITIONS: dict[str, Callable[[Mapping[str, object]], bool]] = {
    "args.n <= 5": lambda args: _number(args, "n") <= 5,
    # Null may be compared with anything.
    "args.n == 'five'": lambda args: args.get("n", 0) is not None and _text(args, "n") == "five",
    "args.m == 1 || args.n > 5": lambda args: _number(args, "m") == 1 or _number(args, "n") > 5,
    "args.m == 1 && args.n > 5": lambda args: _number(args, "m") == 1 and _number(args, "n") > 5,
    "!(args.n < 2)": lambda args: not _number(args, "n") < 2,
    "startswith(args.n, 'fi')": lambda args: _text(args, "n").startswith("fi"),
    "true": lambda args: True,
    "false": lambda args: False,
}
"""Condition -> Python's own reading of it."""


def holds(when: str, effect: str, args: Mapping[str, object]) -> bool:
    """Whether a rule's condition holds; one without an answer holds for a denial only."""
    try:
        return not when or CONDITIONS[when](args)
    except _NoAnswer:
        return effect == "deny"


@dataclass(frozen=True, slots=True)
class TomlCase:
    """Settings and questions to them."""

    settings: Settings
    requests: tuple[PolicyRequest, ...]


def toml_case(random: Random, requests: int) -> TomlCase:
    """One policy with ``requests`` requests."""
    users = {
        f"{random.choice(TENANTS)}/{random.choice(USERS[:4])}": tuple(
            random.choice(ROLES) for _ in range(random.randint(0, 2))
        )
        for _ in range(random.randint(0, 5))
    }
    roles = {role: (included,) for role, included in (("lead", "support"), ("boss", "lead")) if random.random() < 0.5}
    settings = Settings(
        users=users,
        roles=roles,
        groups=GROUPS,
        rules=tuple(_rule(random, n) for n in range(random.choice((0, 1, 2, 4, 8, 16, 40)))),
        delegates=tuple(_delegate(random, n) for n in range(random.choice((0, 1, 2, 4)))),
    )
    return TomlCase(settings, tuple(_request(random) for _ in range(requests)))


def _rule(random: Random, number: int) -> RuleSettings:
    when = random.choice(("", *CONDITIONS)) if random.random() < 0.6 else ""
    verdict: Literal["allow", "deny"] = "deny" if random.random() < 0.3 else "allow"
    rule = RuleSettings(f"r{number}", verdict, random.choice(_SUBJECTS), _calls(random), when, _tenant(random))
    return replace(rule, **_more(random)) if random.random() < 0.2 else rule


def _delegate(random: Random, number: int) -> DelegateSettings:
    to = random.choice(("agent:x", "agent:y", "agent:*", "user:bob"))
    one = DelegateSettings(random.choice(_SUBJECTS), to, _calls(random), _tenant(random), f"d{number}")
    return replace(one, **_more(random)) if random.random() < 0.2 else one


def _more(random: Random) -> dict[str, Any]:
    """What a rule covers besides calls, or in place of them."""
    more = {name: _calls(random) for name in ("read", "write") if random.random() < 0.6} or {"read": ("*",)}
    return {**more, "call": ()} if random.random() < 0.3 else more


def _calls(random: Random) -> tuple[str, ...]:
    return tuple(random.choice(_CALLS) for _ in range(random.randint(1, 3)))


def _tenant(random: Random) -> str:
    return random.choice(("*", "*", "*", *TENANTS, "a*", "*e*"))


def _request(random: Random) -> PolicyRequest:
    first = f"user:{random.choice(USERS)}" if random.random() < 0.85 else f"agent:{random.choice(AGENTS)}"
    more = [
        f"agent:{random.choice(AGENTS)}" if random.random() < 0.85 else f"user:{random.choice(USERS)}"
        for _ in range(random.choice((0, 0, 0, 1, 1, 2, 3)))
    ]
    if random.random() < 0.01:
        more = [f"agent:a{n}" for n in range(random.choice((7, 8)))]
    action = random.choice(ACTIONS) if random.random() < 0.2 else "call"
    tenant = random.choice((*TENANTS, *TENANTS, "*", "a", ""))
    scopes = tuple(_calls(random) for _ in range(random.randint(1, 2))) if random.random() < 0.1 else ()
    facts = {"args": random.choice(_ARGS)}
    return PolicyRequest(tenant, (first, *more), random.choice(_TOOLS), action, facts, scopes)
