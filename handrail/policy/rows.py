"""Rules and delegations of handrail.toml as rows for Casbin, found by the tool that they cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.errors import PolicyError
from handrail.policy.conditions import Condition, parse
from handrail.policy.patterns import Pattern, expand

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
    calls: tuple[Pattern, ...]
    """Groups are expanded."""
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
    """Subject on whose behalf calls may be made."""
    delegate: str
    """Subject who may make them."""
    tenant: str
    """Name or pattern."""
    calls: tuple[Pattern, ...]
    """Groups are expanded."""


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
    conditions = {
        rule.when: parse(rule.when, place=rule.place, of=f"condition of rule {rule.id}")
        for rule in settings.rules
        if rule.when
    }
    return RuleSet((*rules, *map(_allowance, delegations)), delegations, conditions)


def _named(index: int, delegate: DelegateSettings) -> DelegateSettings:
    if delegate.id:
        return delegate
    one = delegate
    return DelegateSettings(one.from_, one.to, one.call, one.tenant, f"delegate-{index}", one.place)


def _refuse_twins(entries: Iterable[RuleSettings | DelegateSettings]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise _error(f"Two rules or delegations have the id {entry.id!r}.", entry.place, "Rename one of them.")
        seen.add(entry.id)


def _rule(index: int, rule: RuleSettings, groups: dict[str, tuple[str, ...]]) -> Rule:
    calls = _calls(rule.call, groups, rule.place)
    subject = _subject(rule.subject, rule.place)
    return Rule(f"rule-{index}", rule.id, rule.verdict, subject, _tenant(rule.tenant, rule.place), calls, rule.when)


def _delegation(index: int, one: DelegateSettings, groups: dict[str, tuple[str, ...]]) -> Delegation:
    delegate = _subject(one.to, one.place)
    if not delegate.startswith(PREFIXES):
        hint = 'Write to = "agent:NAME", "agent:*" or "user:NAME".'
        raise _error(f"The delegation {one.id} goes to {one.to!r}, which is no agent and no user.", one.place, hint)
    calls = _calls(one.call, groups, one.place)
    tenant = _tenant(one.tenant, one.place)
    return Delegation(f"delegate-{index}", one.id, _subject(one.from_, one.place), delegate, tenant, calls)


def _allowance(one: Delegation) -> Rule:
    return Rule(one.key, one.id, "allow", one.delegate, one.tenant, one.calls, "")


def _calls(calls: tuple[str, ...], groups: dict[str, tuple[str, ...]], place: Place) -> tuple[Pattern, ...]:
    patterns = expand(calls, groups)
    if not patterns or any(not pattern.text for pattern in patterns):
        raise _error("A rule or delegation covers no call.", place, 'Write call = "TOOL", a group, or a pattern.')
    return patterns


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


class Coverage:
    """Which rows cover a tool. Names are looked up, patterns are tried one after the other."""

    def __init__(self, calls: Iterable[tuple[Pattern, ...]]) -> None:
        """``calls`` has the patterns of each entry, in order."""
        self._named: dict[str, list[tuple[int, int]]] = {}
        self._patterns: list[tuple[Pattern, tuple[int, int]]] = []
        for entry, patterns in enumerate(calls):
            for number, pattern in enumerate(patterns):
                if pattern.is_literal:
                    self._named.setdefault(pattern.text, []).append((entry, number))
                else:
                    self._patterns.append((pattern, (entry, number)))

    def of(self, tool: str) -> tuple[tuple[int, int], ...]:
        """(entry, first of its patterns that covers ``tool``) for every entry that does, in order of entries."""
        found = [*self._named.get(tool, ())]
        found += [where for pattern, where in self._patterns if pattern.covers(tool)]
        return tuple(sorted({entry: (entry, number) for entry, number in sorted(found, reverse=True)}.values()))
