"""For a denial: what came nearest to allowing it, and the smallest change that turns it round. Each change is tried."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from handrail.conditions import Condition
from handrail.conditions.syntax import AllOf, path_text
from handrail.config.settings import Settings
from handrail.errors import HandrailError
from handrail.policy.decision import MAX_CHAIN, PolicyRequest
from handrail.policy.explain import changes
from handrail.policy.explain.book import Book, acted, facts_of, weighed
from handrail.policy.explain.changes import Change, World
from handrail.policy.explain.shapes import Nearest, Part
from handrail.policy.explain.solve import solutions
from handrail.policy.explain.values import Steps, value_of
from handrail.policy.explain.words import bound
from handrail.policy.patterns import Pattern
from handrail.policy.policy import Policy
from handrail.policy.rows import Rule

MOST_WORLDS = 80
"""How many changed policies and requests are looked at before giving up."""

_NEAR, _VALUES = 4, 4
_HARDNESS = {"condition": 1.0, "subject": 2.0, "tenant": 2.5, "object": 4.0, "identity": 6.0}

Step = tuple[Change, ...]
"""Changes that belong together: everything that one rule misses."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One rule and what it misses to allow a principal's request."""

    rule: Rule
    unmet: tuple[str, ...]
    """Of ``subject`` (a role), ``identity``, ``tenant``, ``object``; and ``condition`` once for each untrue part."""

    @property
    def size(self) -> tuple[float, int]:
        """Few and mild ones first: another argument, a role, another tenant, a wider rule, being somebody else."""
        return sum(_HARDNESS[one] for one in self.unmet), len(self.unmet)


def nearest(book: Book, request: PolicyRequest) -> Nearest | None:
    """What came nearest; None where nothing does, as for a request that names nobody."""
    told = _told(_Look(book, request))
    if told is None:
        return None
    return replace(told, changes=tuple(change.shown for change in smallest_change(book, request)))


def smallest_change(book: Book, request: PolicyRequest) -> Step:
    """The cheapest changes found that, all together, turn the denial round; empty where none was found."""
    return _smallest(_slice(book, request), request, book.settings)


@dataclass(frozen=True, slots=True)
class _Look:
    """One denied request, looked at."""

    book: Book
    request: PolicyRequest

    def obstacle(self) -> tuple[str, int] | None:
        """What stops it first: ``scope``, ``link`` or ``principal``, and which principal."""
        request = self.request
        if not _well_formed(request):
            return None
        if any(not _covers(scope, request.tool) for scope in request.scopes):
            return "scope", 0
        for place, principal in enumerate(request.principals):
            before = request.principals[place - 1]
            if place and self.book.delegation(before, principal, request) is None:
                return "link", place
            rule = self.deciding(principal)
            if rule is None or rule.verdict == "deny":
                return "principal", place
        return None

    def deciding(self, principal: str) -> Rule | None:
        """The rule that decides of a principal."""
        return next((one for one in self.book.in_order() if self.book.matches(one, principal, self.request)), None)

    def gaps(self, principal: str) -> list[Gap]:
        """The allow rules, nearest first."""
        found = [self._gap(rule, principal) for rule in self.book.rules.rules if rule.verdict == "allow"]
        return sorted(found, key=lambda gap: gap.size)

    def _gap(self, rule: Rule, principal: str) -> Gap:
        book, request = self.book, self.request
        unmet: list[str] = []
        if book.held(principal, rule.subject, request.tenant) is None:
            unmet.append("subject" if rule.subject.startswith("role:") else "identity")
        if not Pattern(rule.tenant).covers(request.tenant):
            unmet.append("tenant")
        if book.covered(rule, request) is None:
            unmet.append("object")
        if rule.when:
            unmet += ["condition"] * len(self.unmet_parts(book.rules.conditions[rule.when]))
        return Gap(rule, tuple(unmet))

    def unmet_parts(self, condition: Condition) -> list[Part]:
        """The parts of a condition that are not true."""
        tree = condition.tree
        parts = tree.parts if isinstance(tree, AllOf) else (tree,)
        weights = [weighed(part, facts_of(self.request)) for part in parts]
        return [part for part in weights if part.holds is not True]


def _well_formed(request: PolicyRequest) -> bool:
    chain = request.principals
    return len(chain) <= MAX_CHAIN and len(set(chain)) == len(chain) and request.action in ("call", "read", "write")


def _covers(scope: Sequence[str], name: str) -> bool:
    return any(Pattern(text).covers(name) for text in scope)


# In words.


def _told(look: _Look) -> Nearest | None:
    obstacle = look.obstacle()
    if obstacle is None:
        return None
    kind, place = obstacle
    if kind == "scope":
        return Nearest(None, None, None, ("the delegation token on the way does not cover it",))
    return _told_link(look, place) if kind == "link" else _told_principal(look, look.request.principals[place])


def _told_principal(look: _Look, principal: str) -> Nearest | None:
    struck = look.deciding(principal)
    if struck is not None:
        return _nearest(look.book, struck.id, (_strikes(look, struck, principal),))
    near = next(iter(look.gaps(principal)), None)
    return _nearest(look.book, near.rule.id, _unmet(look, near, principal)) if near else Nearest(None, None, None, ())


def _nearest(book: Book, id: str, unmet: tuple[str, ...]) -> Nearest:
    place = book.place(id)
    return Nearest(id, str(place.file) if place.file else None, place.line, unmet)


def _strikes(look: _Look, rule: Rule, principal: str) -> str:
    always = f"it denies {rule.subject} to {acted(look.request.action)} {look.request.tool}"
    return f"{always} when {rule.when}" if rule.when else f"{always}, whatever the arguments"


def _unmet(look: _Look, gap: Gap, principal: str) -> tuple[str, ...]:
    rule, request = gap.rule, look.request
    said = {
        "subject": f"it is for {rule.subject}, which {principal} does not hold",
        "identity": f"it is for {rule.subject}, and {principal} is somebody else",
        "tenant": f"it is for the tenant {rule.tenant}, not {request.tenant}",
        "object": f"it does not cover {acted(request.action)} {request.tool}",
    }
    told = [said[one] for one in gap.unmet if one in said]
    if "condition" in gap.unmet:
        parts = look.unmet_parts(look.book.rules.conditions[rule.when])
        told += [f"{part.text} is not true{_because(part)}" for part in parts]
    return tuple(told)


def _because(part: Part) -> str:
    if part.problem:
        return f": {part.problem}"
    values = ", ".join(f"{fact.path} is {fact.value!r}" for fact in part.facts if not fact.missing)
    return f": {values}" if values else ""


def _told_link(look: _Look, place: int) -> Nearest:
    before, principal = look.request.principals[place - 1 : place + 1]
    ranked = _near_delegations(look, before, principal)
    if not ranked:
        return Nearest(None, None, None, (f"no [[delegate]] lets {principal} act for {before}",))
    missing, id = ranked[0]
    said = {
        "from": f"it is not from {before}",
        "to": f"it is not to {principal}",
        "tenant": f"it is not for the tenant {look.request.tenant}",
        "object": f"it does not cover {acted(look.request.action)} {look.request.tool}",
    }
    return _nearest(look.book, id, tuple(said[one] for one in missing))


def _near_delegations(look: _Look, before: str, principal: str) -> list[tuple[tuple[str, ...], str]]:
    found = [(look.book.gaps(one, before, principal, look.request), one.id) for one in look.book.rules.delegations]
    return sorted(found, key=lambda one: len(one[0]))


# The search: cheapest worlds first, until one is allowed.


def _slice(book: Book, request: PolicyRequest) -> Settings:
    """The part of the settings that can count for the request, and what is nearest to it: small enough to try with."""
    look = _Look(book, request)
    kept = {rule.id for rule in book.rules.rules if book.covered(rule, request) is not None}
    kept |= {one.id for one in book.rules.delegations if book.covered(one, request) is not None}
    for place, principal in enumerate(request.principals):
        kept |= {gap.rule.id for gap in look.gaps(principal)[:_NEAR]}
        if place:
            kept |= {id for _, id in _near_delegations(look, request.principals[place - 1], principal)[:_NEAR]}
    users = tuple(name.removeprefix("user:") for name in request.principals)
    settings = book.settings
    return replace(
        settings,
        rules=tuple(one for one in settings.rules if one.id in kept),
        delegates=tuple(one for one in settings.delegates if one.id in kept),
        users={name: held for name, held in settings.users.items() if name in users or name.partition("/")[2] in users},
    )


def _smallest(part: Settings, request: PolicyRequest, whole: Settings) -> Step:
    """The cheapest changes that turn the denial round; empty where none is found."""
    start: World = (part, request)
    queue: list[tuple[float, int, int, Step]] = [(0.0, 0, 0, ())]
    seen = set[frozenset[str]]()
    count = 0
    while queue and len(seen) < MOST_WORLDS:
        taken = heapq.heappop(queue)[3]
        mark = frozenset(change.shown.text for change in taken)
        if mark in seen:
            continue
        seen.add(mark)
        world = _applied(start, taken)
        look = _look(world)
        if look is None:
            continue
        obstacle = look.obstacle()
        if obstacle is None:
            if turns((whole, request), taken):
                return least((whole, request), taken)
            continue
        for step in islice(_steps(look, obstacle), 24):
            count += 1
            merged = _merged(taken, step)
            heapq.heappush(queue, (sum(one.cost for one in merged), len(merged), count, merged))
    return ()


def _look(world: World) -> _Look | None:
    try:
        return _Look(Book(world[0]), world[1])
    except HandrailError:
        return None


def _applied(world: World, step: Step) -> World:
    for change in step:
        world = change.apply(world)
    return world


def turns(world: World, step: Step) -> bool:
    """Whether the changes, all together, make the policy itself allow the request."""
    settings, request = _applied(world, step)
    try:
        return Policy(settings).decide(request).verdict == "allow"
    except HandrailError:
        return False


def _merged(taken: Step, step: Step) -> Step:
    """Both, where a later value of a fact takes the place of an earlier one."""
    keys = {change.key for change in step}
    return (*(change for change in taken if change.key not in keys), *step)


def least(world: World, step: Step) -> Step:
    """``step`` without what is not needed to turn the denial round."""
    for change in sorted(step, key=lambda one: -one.cost):
        fewer = tuple(one for one in step if one is not change)
        if fewer and turns(world, fewer):
            step = fewer
    return step


def _steps(look: _Look, obstacle: tuple[str, int]) -> Iterator[Step]:
    kind, place = obstacle
    if kind == "scope":
        yield (changes.widen_scopes(),)
    elif kind == "link":
        yield from _link_steps(look, place)
    else:
        yield from _principal_steps(look, look.request.principals[place])


def _link_steps(look: _Look, place: int) -> Iterator[Step]:
    before, principal = look.request.principals[place - 1 : place + 1]
    yield (changes.add_delegation(before, principal, look.request),)
    for missing, id in _near_delegations(look, before, principal)[:_NEAR]:
        if missing == ("object",):
            yield (changes.widen_object(id, "delegate", look.request),)


def _principal_steps(look: _Look, principal: str) -> Iterator[Step]:
    struck = look.deciding(principal)
    if struck is not None:
        yield from _past(look, struck, principal)
        return
    for gap in look.gaps(principal)[:_NEAR]:
        yield from _met(look, gap, principal)
    yield (changes.add_rule(principal, look.request),)


def _past(look: _Look, rule: Rule, principal: str) -> Iterator[Step]:
    """Ways past a denial."""
    if rule.when:
        yield from _other_facts(look, look.book.rules.conditions[rule.when], holds=False)
    kind, _, user = principal.partition(":")
    if kind == "user" and rule.subject.startswith("role:"):
        role, tenant = rule.subject.removeprefix("role:"), look.request.tenant
        held = look.book.direct_roles(tenant, user)
        yield (changes.lose_roles(tenant, user, tuple(one for one in held if look.book.leads_to(one, role))),)
    if rule.id in {one.id for one in look.book.settings.rules}:
        yield (changes.drop_rule(rule.id),)


def _met(look: _Look, gap: Gap, principal: str) -> Iterator[Step]:
    """Ways to give one allow rule everything that it misses."""
    ways: list[list[Step]] = []
    for need in dict.fromkeys(gap.unmet):
        if need == "condition":
            ways.append(list(_other_facts(look, look.book.rules.conditions[gap.rule.when], holds=True)))
        else:
            ways.append(list(_other_policy(look, gap.rule, need, principal)))
    # A need without a way leaves nothing to yield.
    for chosen in product(*ways):
        yield tuple(change for step in chosen for change in step)


def _other_policy(look: _Look, rule: Rule, need: str, principal: str) -> Iterator[Step]:
    kind, _, name = principal.partition(":")
    if need == "subject" and kind == "user":
        if rule.subject.startswith("role:"):
            yield (changes.hold_role(look.request.tenant, name, rule.subject.removeprefix("role:")),)
        yield from ((changes.act_in(tenant),) for tenant in _tenants_of(look, rule, name))
    elif need == "tenant" and "*" not in rule.tenant:
        yield (changes.act_in(rule.tenant),)
    elif need == "object":
        kind = "rule" if rule.id in {one.id for one in look.book.settings.rules} else "delegate"
        yield (changes.widen_object(rule.id, kind, look.request),)


def _tenants_of(look: _Look, rule: Rule, user: str) -> list[str]:
    """Other tenants in which ``user`` is the rule's subject."""
    named = (written.partition("/") for written in look.book.settings.users)
    tenants = dict.fromkeys(tenant for tenant, slash, name in named if slash and name == user)
    return [
        one for one in tenants if look.book.held(f"user:{user}", rule.subject, one) and Pattern(rule.tenant).covers(one)
    ]


def _other_facts(look: _Look, condition: Condition, *, holds: bool) -> Iterator[Step]:
    facts = facts_of(look.request)
    for assignment in solutions(condition, facts, holds=holds)[:_VALUES]:
        yield tuple(_set(condition, facts, steps, value, holds=holds) for steps, value in assignment)


def _set(condition: Condition, facts: Mapping[str, object], steps: Steps, value: object, *, holds: bool) -> Change:
    limit = bound(condition.tree, steps, value, holds)
    return changes.set_fact(steps, path_text(steps), value_of(facts, steps), value, limit)
