"""Rules and delegations of handrail.toml, resolved: what the rows of the built-in Casbin policy are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from handrail.conditions import Condition, parse
from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.errors import PolicyError
from handrail.policy.decision import ACTIONS, Action
from handrail.policy.patterns import Pattern, expand

Covers = tuple[tuple[Action, Pattern], ...]
"""What is done, and a pattern for the names of what it is done to."""

PREFIXES = ("user:", "agent:")
"""What a principal of a request begins with."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``[[rule]]``, or the allowance that a ``[[delegate]]`` gives to its ``to``, resolved."""

    key: str
    """Unique name inside Casbin; never shown."""
    id: str
    """As written in handrail.toml."""
    verdict: Literal["allow", "deny"]
    subject: str
    """``user:NAME``, ``agent:NAME``, ``role:NAME``, ``user:*``, ``agent:*`` or ``*``."""
    tenant: str
    """Name or pattern."""
    covers: Covers
    """What it is about; groups are expanded."""
    when: str
    """Condition; empty means always."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """One ``[[delegate]]``, resolved."""

    key: str
    """Unique name inside Casbin; never shown."""
    id: str
    """As written in handrail.toml, or by position."""
    delegator: str
    """Subject on whose behalf it may be done."""
    delegate: str
    """Subject who may do it."""
    tenant: str
    """Name or pattern."""
    covers: Covers
    """What it is about; groups are expanded."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything that the built-in model decides by."""

    rules: tuple[Rule, ...]
    """In file order, delegations' own allowances last."""
    delegations: tuple[Delegation, ...]
    """In file order."""
    conditions: dict[str, Condition]
    """Text of every ``when`` -> its compiled form."""


def rule_set(settings: Settings) -> RuleSet:
    """Resolve subjects, groups and conditions; raises PolicyError with file and line."""
    groups = dict(settings.groups)
    delegates = tuple(_named(index, one) for index, one in enumerate(settings.delegates, 1))
    _refuse_twins([*settings.rules, *delegates])
    rules = [_rule(index, rule, groups) for index, rule in enumerate(settings.rules)]
    delegations = tuple(_delegation(index, one, groups) for index, one in enumerate(delegates))
    conditions: dict[str, Condition] = {}
    for rule in settings.rules:
        if rule.when and rule.when not in conditions:
            conditions[rule.when] = parse(rule.when, place=rule.place, of=f"condition of rule {rule.id}")
    return RuleSet((*rules, *map(_allowance, delegations)), delegations, conditions)


def _named(index: int, delegate: DelegateSettings) -> DelegateSettings:
    if delegate.id:
        return delegate
    return replace(delegate, id=f"delegate-{index}")


def _refuse_twins(entries: Iterable[RuleSettings | DelegateSettings]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise _error(f"Two rules or delegations have the id {entry.id!r}.", entry.place, "Rename one of them.")
        seen.add(entry.id)


def _rule(index: int, rule: RuleSettings, groups: dict[str, tuple[str, ...]]) -> Rule:
    covers = _covers(rule, groups)
    subject = _subject(rule.subject, rule.place)
    return Rule(f"rule-{index}", rule.id, rule.verdict, subject, _tenant(rule.tenant, rule.place), covers, rule.when)


def _delegation(index: int, one: DelegateSettings, groups: dict[str, tuple[str, ...]]) -> Delegation:
    delegate = _subject(one.to, one.place)
    if not delegate.startswith(PREFIXES):
        hint = 'Write to = "agent:NAME", "agent:*" or "user:NAME".'
        raise _error(f"The delegation {one.id} goes to {one.to!r}, which is no agent and no user.", one.place, hint)
    covers = _covers(one, groups)
    tenant = _tenant(one.tenant, one.place)
    return Delegation(f"delegate-{index}", one.id, _subject(one.from_, one.place), delegate, tenant, covers)


def _allowance(one: Delegation) -> Rule:
    return Rule(one.key, one.id, "allow", one.delegate, one.tenant, one.covers, "")


def _covers(entry: RuleSettings | DelegateSettings, groups: dict[str, tuple[str, ...]]) -> Covers:
    written: dict[Action, tuple[str, ...]] = {"call": entry.call, "read": entry.read, "write": entry.write}
    covers: Covers = tuple((action, pattern) for action in ACTIONS for pattern in _expanded(written[action], groups))
    if not covers or any(not pattern.text for _, pattern in covers):
        hint = "Write call, read or write with a name, a group, or a pattern."
        raise _error("A rule or delegation covers nothing.", entry.place, hint)
    return covers


def _expanded(names: tuple[str, ...], groups: dict[str, tuple[str, ...]]) -> tuple[Pattern, ...]:
    return expand(names, groups) if names else ()


def _subject(written: str, place: Place) -> str:
    if written == "*":
        return written
    kind, colon, name = written.partition(":")
    if colon and f"{kind}:" not in PREFIXES:
        hint = 'Subjects are a role, "user:NAME", "agent:NAME" or "*".'
        raise _error(f"The subject {written!r} begins with {kind + ':'!r}, which is unknown.", place, hint)
    bare = name if colon else written
    if not bare or ("*" in bare and not (colon and bare == "*")):
        hint = 'Patterns are for calls; a subject is a role, "user:NAME", "agent:NAME", "agent:*" or "*".'
        raise _error(f"The subject {written!r} names nobody.", place, hint)
    return written if colon else f"role:{written}"


def _tenant(written: str, place: Place) -> str:
    if not written:
        raise _error("A rule or delegation names an empty tenant.", place, 'Write a tenant, or leave it out for "*".')
    return written


def _error(problem: str, place: Place, hint: str) -> PolicyError:
    return PolicyError(problem, file=place.file, line=place.line, hint=hint)
