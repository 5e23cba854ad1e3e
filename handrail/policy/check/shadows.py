"""Rules that other rules leave nothing to do: shadowed, written twice, or needless; and delegations of no rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handrail.policy.check.complaint import Complaint, at
from handrail.policy.check.context import Context
from handrail.policy.check.subjects import contains, overlap, patterns_meet, wider_subjects
from handrail.policy.rows import Delegation, Rule

_Key = tuple[str, str, str, str, str]


def shadows(context: Context) -> Iterator[Complaint]:
    """What is wrong with rules because of other rules."""
    index = _Index(context)
    order = {rule.key: number for number, rule in enumerate(context.rows.rules)}
    for rule in context.rows.rules:
        found = _denied(context, index, rule) or _repeated(context, index, rule, order)
        if found is not None:
            yield found


def inert_delegations(context: Context) -> Iterator[Complaint]:
    """Delegations whose delegator no rule allows anything of what they cover."""
    if context.settings.casbin is not None or not context.settings.rules:
        return
    for one, entry in zip(context.rows.delegations, context.settings.delegates, strict=True):
        if not any(_allows(context, rule, one) for rule in context.rows.rules if rule.key != one.key):
            yield at(
                entry.place,
                "inert-delegation",
                f'Delegation "{one.id}" is of rights that {entry.from_} can never have: no rule allows {entry.from_} '
                "anything of it.",
                "Allow it with a [[rule]], or remove the delegation.",
            )


class _Index:
    """Rules by what must be equal, or be a star, in every rule that is wider than another."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._literal: dict[_Key, list[Rule]] = {}
        self._starred: dict[tuple[str, str, str], list[Rule]] = {}
        for rule in context.rows.rules:
            asks = context.asks(rule)
            for action, pattern in rule.covers:
                if pattern.is_literal:
                    key = rule.verdict, rule.subject, asks, action, pattern.text
                    self._literal.setdefault(key, []).append(rule)
            if any(not pattern.is_literal for _, pattern in rule.covers):
                self._starred.setdefault((rule.verdict, rule.subject, asks), []).append(rule)

    def wider(self, rule: Rule, verdict: str) -> Iterator[Rule]:
        """Rules of ``verdict`` that match wherever ``rule`` does, by subject, tenant, object and condition."""
        action, first = rule.covers[0]
        conditions = {"", self._context.asks(rule)}
        for subject in sorted(wider_subjects(self._context, rule.subject, rule.tenant)):
            for asks in conditions:
                yield from _wider(self._literal.get((verdict, subject, asks, action, first.text), ()), rule)
                yield from _wider(self._starred.get((verdict, subject, asks), ()), rule)


def _wider(rules: Iterable[Rule], rule: Rule) -> Iterator[Rule]:
    return (one for one in rules if one.key != rule.key and contains(one, rule))


def _denied(context: Context, index: _Index, rule: Rule) -> Complaint | None:
    if rule.verdict == "deny":
        return None
    for one in index.wider(rule, "deny"):
        line = context.place(one).line
        problem = f'{context.name(rule)} never allows anything: rule "{one.id}" in line {line} denies all of it.'
        return at(context.place(rule), "shadowed", problem, "Remove it, or narrow the denial: a deny always wins.")
    return None


def _repeated(context: Context, index: _Index, rule: Rule, order: dict[str, int]) -> Complaint | None:
    if order[rule.key] >= len(context.written):
        return None  # what a delegation allows may well be allowed by a rule too
    needless: Complaint | None = None
    for one in index.wider(rule, rule.verdict):
        if order[one.key] >= len(context.written):
            continue
        line = context.place(one).line
        same = one.subject == rule.subject and contains(rule, one) and context.asks(one) == context.asks(rule)
        if same and order[one.key] < order[rule.key]:
            problem = f'{context.name(rule)} says the same as rule "{one.id}" in line {line}.'
            return at(context.place(rule), "duplicate", problem, "Remove one of them.")
        if not same and needless is None:
            problem = f'{context.name(rule)} is needless: rule "{one.id}" in line {line} covers all of it.'
            needless = at(context.place(rule), "redundant", problem, "Remove it, or narrow the other one.")
    return needless


def _allows(context: Context, rule: Rule, one: Delegation) -> bool:
    """Whether ``rule`` may allow the delegator of ``one`` something of what it delegates."""
    if rule.verdict == "deny" or not patterns_meet(rule.tenant, one.tenant) or not overlap(rule.covers, one.covers):
        return False
    return rule.subject in _held(context, one)


def _held(context: Context, one: Delegation) -> frozenset[str]:
    """Subjects of rules that may be about the delegator."""
    delegator = one.delegator
    every = {rule.subject for rule in context.rows.rules}
    if delegator == "*":
        return frozenset(every)
    if delegator in ("user:*", "agent:*"):
        other = "agent:" if delegator == "user:*" else "user:"
        return frozenset(one for one in every if not one.startswith((other, "role:" if other == "user:" else other)))
    found = set(wider_subjects(context, delegator, one.tenant))
    for written in {**context.settings.users, **context.settings.taken}:
        tenant, _, user = written.partition("/") if "/" in written else ("default", "", written)
        name = f"user:{user}"
        # A right that was taken while agents ran does not make the file wrong.
        taken = (f"role:{role}" for role in context.settings.taken.get(written, ()))
        held = context.roles_of(tenant, name).union(taken)
        if delegator == name or delegator in held:
            found |= {name, *held}
    return frozenset(found)
