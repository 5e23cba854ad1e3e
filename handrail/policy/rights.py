"""Who may do what: the effective rights of users, alone and through agents, asked of the policy itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from handrail.config.settings import Settings
from handrail.policy.decision import ACTIONS, Action, PolicyRequest
from handrail.policy.explain.book import Book
from handrail.policy.mutation.classes import names_for
from handrail.policy.patterns import Pattern
from handrail.policy.policy import Policy
from handrail.policy.reasons import unlinked
from handrail.policy.rows import Rule

OTHERS = "(any other)"
"""How everybody and everything without a name of its own is shown."""

Right = Literal["always", "depends", "never"]


@dataclass(frozen=True, slots=True)
class Via:
    """One rule that has a say."""

    rule: str
    verdict: Literal["allow", "deny"]
    held_by: tuple[str, ...]
    """Names and roles from the subject to the rule's own."""
    when: str
    """Its condition; empty means always."""
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What one subject may do with one object."""

    tenant: str
    subject: str
    """A user, an agent on its own account, or `OTHERS`."""
    action: Action
    object: str
    """A name; or a pattern, for everything under it that has no line of its own."""
    right: Right
    """``depends``: some facts are allowed and some may not be."""
    reason: str
    """Why, in a sentence, where no fact counts; empty where the facts decide."""
    via: tuple[Via, ...]
    """The rules of handrail.toml that have a say; none for a team's own Casbin files."""
    agents: tuple[str, ...] = ()
    """Agents that may do it for the user, at least for some facts."""


class Rights:
    """Asks one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy, self._settings = policy, policy.settings
        self._book = Book(policy.settings)
        self._own_names = _own_names(policy.settings)
        self._about: dict[tuple[str, str], list[Rule]] = {}

    def who_can(self, name: str, action: Action = "call", tenant: str | None = None) -> list[Standing]:
        """Every user, and every agent that may do it on its own account; by tenant."""
        found: list[Standing] = []
        for one in [tenant] if tenant else self._tenants():
            for subject in self._users(one):
                found.append(self._standing(one, (subject,), name, action, name))
            own = (self._standing(one, (subject,), name, action, name) for subject in self._agents())
            found += [standing for standing in own if standing.right != "never"]
        return found

    def what_can(self, user: str, tenant: str, agents: tuple[str, ...] = ()) -> list[Standing]:
        """What the user may do, through these agents where there are any; every name and pattern of the policy."""
        chain = (user, *agents)
        return [
            self._standing(tenant, chain, witness, action, shown)
            for action in ACTIONS
            for shown, witness in self._objects(action)
        ]

    def right(self, tenant: str, chain: tuple[str, ...], name: str, action: Action) -> Right:
        """Whether it is allowed for all facts, for some, or for none."""
        settled = self._policy.settled(tenant, chain, name, action)
        if settled is not None:
            return "always" if settled.verdict == "allow" else "never"
        return "depends" if self._policy.visible(tenant, chain, name, action=action) else "never"

    def _standing(self, tenant: str, chain: tuple[str, ...], name: str, action: Action, shown: str) -> Standing:
        right = self.right(tenant, chain, name, action)
        agents: tuple[str, ...] = ()
        if len(chain) == 1 and chain[0].startswith("user:") and right != "never":
            through = ((agent, self.right(tenant, (*chain, agent), name, action)) for agent in self._agents())
            agents = tuple(_shown(agent) for agent, right in through if right != "never")
        asked = PolicyRequest(tenant, chain, name, action)
        via = tuple(self._via(asked)) if self._settings.casbin is None else ()
        return Standing(tenant, _shown(chain[0]), action, shown, right, self._reason(asked, right, action), via, agents)

    def _reason(self, asked: PolicyRequest, right: Right, action: Action) -> str:
        chain, name = asked.principals, asked.tool
        settled = self._policy.settled(asked.tenant, chain, name, action)
        if settled is not None or right != "never":
            return settled.reason if settled else ""
        for place, (before, principal) in enumerate(pairwise(chain), 2):
            # Facts decide of somebody before, and whatever they are, it ends here.
            if self._policy.visible(asked.tenant, chain[:place], name, action=action):
                continue
            alone = self._policy.visible(asked.tenant, (principal,), name, action=action)
            return unlinked(asked, before, principal) if alone else f"{principal} may not, whatever the arguments."
        return "No arguments would be allowed."

    def _via(self, asked: PolicyRequest) -> Iterator[Via]:
        """The rules that decide: the first without a condition ends it, as in deciding."""
        for principal in asked.principals:
            for rule in self._covering(asked.action, asked.tool):
                held = self._book.held(principal, rule.subject, asked.tenant)
                if held is None or not Pattern(rule.tenant).covers(asked.tenant):
                    continue
                place = self._book.place(rule.id)
                file = str(place.file) if place.file else None
                yield Via(rule.id, rule.verdict, tuple(map(_shown, held)), rule.when, file, place.line)
                if not rule.when:
                    break

    def _covering(self, action: str, name: str) -> list[Rule]:
        """The rules about an object, in the order in which they are asked."""
        found = self._about.get((action, name))
        if found is None:
            rules = self._book.in_order()
            found = [one for one in rules if any(act == action and pattern.covers(name) for act, pattern in one.covers)]
            self._about[action, name] = found
        return found

    def _tenants(self) -> list[str]:
        written = [*(one.tenant for one in self._settings.rules), *(one.tenant for one in self._settings.delegates)]
        users = [user.partition("/")[0] if "/" in user else "default" for user in self._settings.users]
        found = {name for name in (*users, *written, *self._own_names[0]) if "*" not in name}
        return sorted(found) or [self._settings.tenant]

    def _users(self, tenant: str) -> list[str]:
        keyed = (user.partition("/") if "/" in user else ("default", "/", user) for user in self._settings.users)
        here = {f"user:{name}" for home, _, name in keyed if home == tenant}
        named = {name for name in self._subjects() if name.startswith("user:") and name != "user:*"}
        others = sorted({*here, *named, *(f"user:{name}" for name in self._own_names[1])})
        return [*others, f"user:{OTHERS}"]

    def _agents(self) -> list[str]:
        named = {name for name in self._subjects() if name.startswith("agent:") and name != "agent:*"}
        return [*sorted(named | {name for name in self._own_names[1] if name.startswith("agent:")}), f"agent:{OTHERS}"]

    def _subjects(self) -> Iterator[str]:
        yield from (rule.subject for rule in self._book.rules.rules)
        for one in self._book.rules.delegations:
            yield from (one.delegator, one.delegate)

    def _objects(self, action: Action) -> list[tuple[str, str]]:
        """(as shown, a name that stands for it)."""
        covers = [*(rule.covers for rule in self._book.rules.rules)]
        covers += (one.covers for one in self._book.rules.delegations)
        written = {pattern.text for each in covers for act, pattern in each if act == action}
        if action == "call":
            written |= set(self._settings.tools) | set(self._own_names[2])
        texts = sorted(written)
        witnesses = names_for(texts).names
        found = [(text, text) for text in texts if "*" not in text]
        for text in (text for text in texts if "*" in text):
            fitting = (name for name in witnesses if name not in written and Pattern(text).covers(name))
            narrow = sorted(fitting, key=lambda name: sum(Pattern(one).covers(name) for one in texts))
            found += [(text, name) for name in narrow[:1]]
        return found


def _own_names(settings: Settings) -> tuple[set[str], set[str], set[str]]:
    """Tenants, subjects and objects that a team's own Casbin files name."""
    if settings.casbin is None:
        return set(), set(), set()
    from handrail.policy.explain.casbin_lines import Lines

    return Lines(settings.casbin).names()


def _shown(name: str) -> str:
    return OTHERS if name == f"user:{OTHERS}" else name.removeprefix("user:")
