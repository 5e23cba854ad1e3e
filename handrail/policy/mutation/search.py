"""A request on which a policy and its weaker copy differ, found by trying; or the proof that there is none.

The proof is a decision table: where the values that are tried stand for all values, and every combination was
decided alike, the two policies are the same. Where either is not so, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

from handrail.config.settings import Settings
from handrail.policy.decision import Action, Decision, PolicyRequest
from handrail.policy.explain.book import Book
from handrail.policy.explain.solve import changed
from handrail.policy.mutation.classes import facts_for, names_for
from handrail.policy.mutation.weaken import Mutant
from handrail.policy.patterns import Pattern
from handrail.policy.questions import request
from handrail.policy.rows import Rule

MOST_REQUESTS = 10_000
"""Requests that are decided for one pair of policies before giving up."""

_NOBODY, _NO_AGENT = "user:somebody", "agent:another"

Decide = Callable[[PolicyRequest], tuple[Decision, Decision]]
"""What the policy and its copy say of a request."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that the two decide differently."""

    request: PolicyRequest
    expected: Decision
    """What the policy itself says."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the search came to."""

    difference: Difference | None
    equivalent: bool
    """Whether it is proven that no request differs."""


class Search:
    """Finds differences between a policy and its copies."""

    def __init__(self, settings: Settings, tools: frozenset[str], *, tries: int = MOST_REQUESTS) -> None:
        """``tools`` are further names worth asking for; ``tries`` requests are decided at most."""
        self._book, self._tools, self._tries = Book(settings), tools, tries

    def find(self, mutant: Mutant, changed_book: Book, decide: Decide) -> Found:
        """The first request with two verdicts; else the first with two rules; else whether that is proof."""
        asked = _Asked(self._book, changed_book, mutant)
        other_rule: Difference | None = None
        for count, one in enumerate(asked.requests(self._tools)):
            if count == self._tries:
                return Found(other_rule, False)
            expected, got = decide(one)
            if expected.verdict != got.verdict and _can_be_written(one):
                return Found(Difference(one, expected), False)
            if (expected.verdict, expected.rule) != (got.verdict, got.rule):
                asked.whole = False
                other_rule = other_rule or (Difference(one, expected) if _can_be_written(one) else None)
        return Found(other_rule, asked.whole and other_rule is None)


class _Asked:
    """The requests that are worth asking because of one change."""

    def __init__(self, book: Book, changed_book: Book, mutant: Mutant) -> None:
        self._books, self._mutant = (book, changed_book), mutant
        self.whole = True

    def requests(self, extra: frozenset[str]) -> Iterator[PolicyRequest]:
        """In a fixed order; ``whole`` is true afterwards if they stand for all requests."""
        tenants, objects = self._tenants(), self._objects(extra)
        for action, name in objects:
            for tenant, chain in product(tenants, self._chains(tenants)):
                if self._touches(tenant, chain, action, name):
                    yield from self._with_facts(request(tenant, chain, name, action))

    def _tenants(self) -> tuple[str, ...]:
        settings = self._books[0].settings
        written = [*(one.tenant for one in settings.rules), *(one.tenant for one in settings.delegates)]
        users = (name.partition("/")[0] if "/" in name else "default" for name in settings.users)
        found = names_for((*users, *written, "default"))
        self.whole = self.whole and found.whole
        return found.names

    def _objects(self, extra: frozenset[str]) -> list[tuple[Action, str]]:
        book = self._books[0]
        covers = [*(one.covers for one in book.rules.rules), *(one.covers for one in book.rules.delegations)]
        found: list[tuple[Action, str]] = []
        for action in cast("tuple[Action, ...]", ("call", "read", "write")):
            known = extra if action == "call" else frozenset[str]()
            names = names_for((*sorted(known), *(p.text for one in covers for act, p in one if act == action)))
            self.whole = self.whole and names.whole
            found.extend((action, name) for name in names.names)
        return found

    def _chains(self, tenants: tuple[str, ...]) -> list[tuple[str, ...]]:
        book = self._books[0]
        subjects = [rule.subject for rule in book.rules.rules]
        subjects += [name for one in book.rules.delegations for name in (one.delegator, one.delegate)]
        named = [name for name in subjects if name.startswith(("user:", "agent:")) and not name.endswith("*")]
        singles = dict.fromkeys((*self._users(tenants), *named, _NOBODY, _NO_AGENT))
        pairs: list[tuple[str, ...]] = []
        if self._mutant.id in {one.id for one in book.settings.delegates}:
            pairs = [(one, other) for one in singles for other in singles if one != other]
        return [*pairs, *((one,) for one in singles)]

    def _users(self, tenants: tuple[str, ...]) -> list[str]:
        """One user for each different set of roles in the tenants."""
        book = self._books[0]
        names = dict.fromkeys(written.partition("/")[2] or written for written in book.settings.users)
        kinds: dict[tuple[Any, ...], str] = {}
        for name in names:
            kinds.setdefault(tuple(tuple(book.direct_roles(tenant, name)) for tenant in tenants), f"user:{name}")
        return list(kinds.values())

    def _touches(self, tenant: str, chain: tuple[str, ...], action: Action, name: str) -> bool:
        """Whether the changed entry can count, as it was or as it is: elsewhere the two are the same."""
        asked = request(tenant, chain, name, action)
        for book in self._books:
            for rule in book.rules.rules:
                if rule.id == self._mutant.id and any(_reaches(book, rule, one, asked) for one in chain):
                    return True
            for one in book.rules.delegations:
                if one.id == self._mutant.id and len(chain) == 2 and not book.gaps(one, chain[0], chain[1], asked):
                    return True
        return False

    def _with_facts(self, asked: PolicyRequest) -> Iterator[PolicyRequest]:
        rules = {
            (rule.id, rule.when): rule
            for book in reversed(self._books)
            for rule in book.rules.rules
            if rule.when and any(_reaches(book, rule, one, asked) for one in asked.principals)
        }
        first = sorted(rules.values(), key=lambda rule: rule.id != self._mutant.id)
        known = self._books[0].rules.conditions | self._books[1].rules.conditions
        trees = [known[rule.when].tree for rule in first]
        values, whole = facts_for(trees, asked.facts)
        self.whole = self.whole and whole
        for chosen in product(*values.values()):
            pairs = tuple(zip(values, chosen, strict=True))
            yield replace(asked, facts=changed(asked.facts, pairs))


def _reaches(book: Book, rule: Rule, principal: str, asked: PolicyRequest) -> bool:
    """Whether everything but the condition of a rule matches."""
    return (
        any(action == asked.action and pattern.covers(asked.tool) for action, pattern in rule.covers)
        and Pattern(rule.tenant).covers(asked.tenant)
        and book.held(principal, rule.subject, asked.tenant) is not None
    )


def _can_be_written(asked: PolicyRequest) -> bool:
    """Whether a case in TOML can hold these facts."""
    if ("args" in asked.facts) != (asked.action == "call"):
        return False
    roots = ("args", "session", "channel", "run", "env", "doc", "memory")
    return all(_writable(asked.facts[root]) for root in roots if root in asked.facts)


def _writable(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(map(_writable, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list):
        return all(map(_writable, cast("list[object]", value)))
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    if isinstance(value, str):
        return value.isprintable()
    return isinstance(value, (bool, int))
