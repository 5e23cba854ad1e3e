"""The rules of one policy, looked at by a person: who holds which role by which path, which group covers what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handrail.conditions import MISSING, Condition, Unevaluable, trace
from handrail.conditions import of_tree as condition_of
from handrail.conditions.syntax import AllOf, AnyOf, Node, Not, unparse
from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.policy.decision import Action, PolicyRequest
from handrail.policy.explain.shapes import FactRead, Part, RuleTrail, readable
from handrail.policy.links import reach
from handrail.policy.patterns import Pattern
from handrail.policy.rows import Delegation, Rule, RuleSet, rule_set


def named(settings: Settings) -> Settings:
    """``settings`` in which every delegation has its id, so that taking one away renames none."""
    ids = ((one, one.id or f"delegate-{number}") for number, one in enumerate(settings.delegates, 1))
    return replace(settings, delegates=tuple(replace(one, id=name) for one, name in ids))


class Book:
    """Finds how rules stand to requests. Decides by the same reading of the file as the engine, one rule at a time."""

    def __init__(self, settings: Settings) -> None:
        """Raises PolicyError where the settings have no readable rules."""
        self.settings = named(settings)
        self.rules: RuleSet = rule_set(self.settings)
        self._written: dict[str, RuleSettings | DelegateSettings] = {one.id: one for one in self.settings.rules}
        self._written |= {one.id: one for one in self.settings.delegates}

    def in_order(self) -> list[Rule]:
        """The rules as they are asked: every denial before every allowance."""
        return sorted(self.rules.rules, key=lambda rule: rule.verdict == "allow")

    def place(self, id: str) -> Place:
        """Where a rule or delegation stands."""
        found = self._written.get(id)
        return found.place if found else Place()

    def trail(self, rule: Rule, principal: str, request: PolicyRequest) -> RuleTrail:
        """How ``rule`` stands to ``principal`` and the request."""
        condition = self.rules.conditions[rule.when] if rule.when else None
        part = weighed(condition.tree, facts_of(request)) if condition else None
        return RuleTrail(
            rule.id, rule.verdict, rule.subject, rule.tenant, *_where(self.place(rule.id)),
            held_by=self.held(principal, rule.subject, request.tenant),
            in_tenant=Pattern(rule.tenant).covers(request.tenant),
            covered_by=self.covered(rule, request),
            when=rule.when,
            condition=part,
            applies=holds(condition, request, deny=rule.verdict == "deny"),
        )  # fmt: skip

    def matches(self, rule: Rule, principal: str, request: PolicyRequest) -> bool:
        """Whether ``rule`` matches, without saying why."""
        return (
            any(action == request.action and pattern.covers(request.tool) for action, pattern in rule.covers)
            and Pattern(rule.tenant).covers(request.tenant)
            and self.held(principal, rule.subject, request.tenant) is not None
            and holds(self.rules.conditions.get(rule.when), request, deny=rule.verdict == "deny")
        )

    def covered(self, rule: Rule | Delegation, request: PolicyRequest) -> tuple[str, ...] | None:
        """The groups and the pattern by which the object is covered."""
        written = self._written[rule.id]
        calls = {"call": written.call, "read": written.read, "write": written.write}.get(request.action, ())
        return next(filter(None, (self._through(call, request.tool, ()) for call in calls)), None)

    def _through(self, name: str, tool: str, seen: tuple[str, ...]) -> tuple[str, ...] | None:
        members = self.settings.groups.get(name)
        if members is None:
            return (*seen, name) if Pattern(name).covers(tool) else None
        inner = (self._through(one, tool, (*seen, name)) for one in members if one not in seen)
        return next(filter(None, inner), None)

    def held(self, principal: str, subject: str, tenant: str) -> tuple[str, ...] | None:
        """The path from ``principal`` to ``subject``: names and roles; None when it is not the subject."""
        kind, _, name = principal.partition(":")
        if subject in ("*", principal, f"{kind}:*"):
            return (name,) if subject == principal else (name, subject)
        if kind != "user" or not subject.startswith("role:"):
            return None
        return self.role_path(tenant, name, subject.removeprefix("role:"))

    def direct_roles(self, tenant: str, user: str) -> tuple[str, ...]:
        """Roles that [users] gives."""
        found = self.settings.users.get(f"{tenant}/{user}")
        return found if found is not None else self._bare(tenant, user)

    def _bare(self, tenant: str, user: str) -> tuple[str, ...]:
        return self.settings.users.get(user, ()) if tenant == "default" and "/" not in user else ()

    def role_path(self, tenant: str, user: str, role: str) -> tuple[str, ...] | None:
        """The shortest path from ``user`` to ``role``."""
        trails: list[tuple[str, ...]] = [(user, first) for first in self.direct_roles(tenant, user)]
        seen = set[str]()
        for trail in trails:  # grows while it is walked: breadth first
            if trail[-1] == role:
                return trail
            if trail[-1] not in seen:
                seen.add(trail[-1])
                trails.extend((*trail, next_role) for next_role in self.settings.roles.get(trail[-1], ()))
        return None

    def leads_to(self, first: str, role: str) -> bool:
        """Whether holding ``first`` is holding ``role``."""
        return first == role or role in reach(self.settings.roles, first)

    def delegation(self, before: str, principal: str, request: PolicyRequest) -> Delegation | None:
        """The first delegation by which ``principal`` may act for ``before``."""
        return next((one for one in self.rules.delegations if not self.gaps(one, before, principal, request)), None)

    def gaps(self, one: Delegation, before: str, principal: str, request: PolicyRequest) -> tuple[str, ...]:
        """What keeps a delegation from covering the link, of ``from to tenant object``."""
        found = {
            "from": self.held(before, one.delegator, request.tenant) is not None,
            "to": self.held(principal, one.delegate, request.tenant) is not None,
            "tenant": Pattern(one.tenant).covers(request.tenant),
            "object": self.covered(one, request) is not None,
        }
        return tuple(name for name, met in found.items() if not met)


def _where(place: Place) -> tuple[str | None, int | None]:
    return (str(place.file) if place.file else None), place.line


def facts_of(request: PolicyRequest) -> Mapping[str, object]:
    """The facts as conditions read them."""
    return {**request.facts, "tenant": request.tenant}


def holds(condition: Condition | None, request: PolicyRequest, *, deny: bool) -> bool:
    """Whether a rule's condition lets it match."""
    if condition is None:
        return True
    try:
        return condition.holds(facts_of(request))
    except Unevaluable:
        return deny


def weighed(node: Node, facts: Mapping[str, object]) -> Part:
    """What ``node`` and each of its parts say of ``facts``."""
    condition = condition_of(node)
    inner: Sequence[Node] = ()
    if isinstance(node, (AllOf, AnyOf)):
        inner = node.parts
    elif isinstance(node, Not) and isinstance(node.operand, (AllOf, AnyOf)):
        inner = (node.operand,)
    holds, problem = _result(condition, facts)
    reads = tuple(_read(path, value) for path, value in trace(condition, facts))
    return Part(unparse(node), holds, problem, reads, tuple(weighed(part, facts) for part in inner))


def _result(condition: Condition, facts: Mapping[str, object]) -> tuple[bool | None, str]:
    try:
        return condition.holds(facts), ""
    except Unevaluable as error:
        return None, error.problem


def _read(path: str, value: object) -> FactRead:
    return FactRead(path, None, missing=True) if value is MISSING else FactRead(path, readable(value))


def acted(action: Action | str) -> str:
    """The action as a verb in a sentence."""
    return {"call": "call", "read": "read", "write": "write to"}.get(action, action)
