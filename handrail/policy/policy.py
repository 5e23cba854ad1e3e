"""May this chain of principals make this call? One verdict over every principal and every link, with its reason."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import cast

from handrail.config.settings import Settings
from handrail.policy.builtin import BuiltinModel
from handrail.policy.casbin.model import Answer, refuse_two_distributions
from handrail.policy.casbin.report import Report
from handrail.policy.casbin_files import CasbinFiles
from handrail.policy.casbin_rows import with_rows
from handrail.policy.decision import ACTIONS, MAX_CHAIN, Action, Decision, PolicyRequest
from handrail.policy.facts import RequestFacts
from handrail.policy.links import RolesOf, settings_roles
from handrail.policy.patterns import Pattern
from handrail.policy.reasons import permission, refusal, shown, unlinked
from handrail.policy.rows import PREFIXES, Covers, RuleSet, rule_set

logger = logging.getLogger(__name__)


_NOBODY = Decision("deny", None, "The request names no tenant, no tool or no principal, or its facts are none.")
_UNSETTLED = Decision("deny", None, "The policy had no answer, which is a denial.")


class Policy:
    """A fixed set of rules. Thread-safe; `decide` never raises. Make one with `handrail.policy.build`."""

    def __init__(self, settings: Settings) -> None:
        """Check and compile everything; raises PolicyError with file and line."""
        refuse_two_distributions()
        settings = with_rows(settings)
        self.settings = settings
        """What it was built from."""
        rules = self.rules = rule_set(settings)
        """What the built-in model decides by: rules, delegations, conditions."""
        own = self._own = CasbinFiles(settings.casbin) if settings.casbin else None
        self._model = BuiltinModel(rules, _roles(settings, own))
        self._suspensions = {(tenant, name): by for tenant, name, by in settings.suspended}
        self._failures: set[str] = set()
        self._links_checked = own is None or bool(rules.delegations)
        self.digest = _digest(settings, rules, (self._model.model_text, *(own.texts if own else ())))
        """SHA-256 (hex) over everything that decisions depend on; places and comments in handrail.toml do not count."""

    def decide(self, request: PolicyRequest) -> Decision:
        """Allowed when every principal and every link is; an exception inside is a denial."""
        try:
            exact = _exact(request)
            if exact is None:
                return _NOBODY
            return self._malformed(exact) or self._chain(exact, self._ask) or _UNSETTLED
        except Exception as error:
            return self._failed(type(error).__name__)

    def settled(
        self,
        tenant: str,
        principals: tuple[str, ...],
        tool: str,
        action: Action = "call",
        scopes: tuple[tuple[str, ...], ...] = (),
    ) -> Decision | None:
        """What `decide` answers whatever the facts are; None where they count. Never raises."""
        try:
            request = _exact(PolicyRequest(tenant, principals, tool, action, scopes=scopes))
            if request is None:
                return _NOBODY
            return self._malformed(request) or self._chain(request, self._ask_settled)
        except Exception as error:
            return self._failed(type(error).__name__)

    def visible(
        self,
        tenant: str,
        principals: tuple[str, ...],
        tool: str,
        scopes: tuple[tuple[str, ...], ...] = (),
        action: Action = "call",
    ) -> bool:
        """Whether some arguments could be allowed, each condition taken as open. Never raises."""
        try:
            request = _exact(PolicyRequest(tenant, principals, tool, action, scopes=scopes))
            return request is not None and self._malformed(request) is None and self._could_allow(request)
        except Exception as error:
            self._failed(type(error).__name__)
            return False

    def report(self) -> Report | None:
        """How decisions are made and what one costs; None where there is nothing to decide by."""
        return self._own.report() if self._own is not None else self._model.report()

    def _failed(self, kind: str) -> Decision:
        # The text of the exception may quote arguments, so only its kind is kept.
        if kind not in self._failures:
            self._failures.add(kind)
            logger.warning("deciding raised %s: the call is denied, further ones are not logged", kind)
        return Decision("deny", None, f"The policy could not decide ({kind}), which is a denial.")

    def _malformed(self, request: PolicyRequest) -> Decision | None:
        for name in request.principals:
            if not name.startswith(PREFIXES) or name in PREFIXES:
                return Decision("deny", None, f"{shown(name)} is neither a user nor an agent.", name)
        if self._own is None and request.action not in ACTIONS:
            return Decision("deny", None, f"{shown(request.action)} is no action: there are {', '.join(ACTIONS)}.")
        if self._suspensions and (suspended := self._suspended(request)):
            return suspended
        if len(request.principals) > 1 and (bad := _bad_chain(request.principals)):
            return bad
        return _out_of_scope(request) if request.scopes else None

    def _suspended(self, request: PolicyRequest) -> Decision | None:
        for name in request.principals:
            if change := self._suspensions.get((request.tenant, name)):
                return Decision("deny", change, f"{shown(name)} is suspended by {change}.", name)
        return None

    def _chain(
        self, request: PolicyRequest, ask: Callable[[PolicyRequest, str, RequestFacts], Answer | None]
    ) -> Decision | None:
        """The decision over all principals and links; None as soon as ``ask`` has no answer."""
        before: str | None = None
        first: str | None = None
        links: list[str] = []
        # One for the whole chain: what conditions may spend on the facts is spent once.
        facts = RequestFacts(request.facts, request.tenant)
        for principal in request.principals:
            if before is not None and self._links_checked:
                link = self._link(request, before, principal)
                if isinstance(link, Decision):
                    return link
                links.append(link)
            if facts.doubts:
                facts.doubts = {}
            answer = ask(request, principal, facts)
            if answer is None:
                return None
            allowed, row = answer
            rule = row[0] if row else None
            if not allowed:
                return Decision("deny", rule, refusal(request, principal, rule, facts), principal)
            first, before = (rule if before is None else first), principal
        return Decision("allow", first, permission(request, first, links))

    def _could_allow(self, request: PolicyRequest) -> bool:
        linked = not self._links_checked or not any(
            isinstance(self._link(request, before, after), Decision) for before, after in pairwise(request.principals)
        )
        return linked and all(self._ask_open(request, principal) for principal in request.principals)

    def _link(self, request: PolicyRequest, before: str, principal: str) -> str | Decision:
        """How ``principal`` acts for ``before``, or the denial."""
        allowed, row = self._model.link(request.tenant, before, principal, request.action, request.tool)
        if not allowed:
            return Decision("deny", None, unlinked(request, before, principal), principal)
        return f"{shown(principal)} acts for {shown(before)} by {row[0]}"

    def _ask(self, request: PolicyRequest, principal: str, facts: RequestFacts) -> Answer:
        if self._own is not None:
            return self._own.principal(request, principal)
        return self._model.principal(request.tenant, principal, request.action, request.tool, facts=facts)

    def _ask_settled(self, request: PolicyRequest, principal: str, _: RequestFacts) -> Answer | None:
        if self._own is not None:
            return self._own.settled(request, principal)
        return self._model.settled(request.tenant, principal, request.action, request.tool)

    def _ask_open(self, request: PolicyRequest, principal: str) -> bool:
        if self._own is not None:
            return self._own.could_allow(request, principal)
        return self._model.could_allow(request.tenant, principal, request.action, request.tool)


def _exact(request: PolicyRequest) -> PolicyRequest | None:
    """The request with names that are exactly texts; None where one is missing or is none.

    Frameworks and callers fill these, and types are not checked at run time. What inherits from ``str`` may lie about
    being equal to another name, so it is taken for the text that it holds.
    """
    names: tuple[object, ...] = (request.tenant, request.tool, request.action, *request.principals)
    if not request.principals or not isinstance(request.facts, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return None
    exact = True
    for name in names:
        if type(name) is not str:
            exact = False
            if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                return None
        if not name:
            return None
    return request if exact else _as_texts(request)


def _as_texts(request: PolicyRequest) -> PolicyRequest:
    tenant, tool, action, *principals = map(
        str.__str__, (request.tenant, request.tool, request.action, *request.principals)
    )
    return replace(request, tenant=tenant, tool=tool, action=cast("Action", action), principals=tuple(principals))


def _bad_chain(principals: tuple[str, ...]) -> Decision | None:
    if len(principals) > MAX_CHAIN:
        reason = f"The chain has {len(principals)} principals, and {MAX_CHAIN} is the most."
        return Decision("deny", None, reason, principals[MAX_CHAIN])
    if len(set(principals)) == len(principals):
        return None
    twice = next(name for place, name in enumerate(principals) if name in principals[:place])
    return Decision("deny", None, f"{shown(twice)} stands twice in the chain.", twice)


def _out_of_scope(request: PolicyRequest) -> Decision | None:
    """A denial where a delegation token does not cover the object."""
    for scope in request.scopes:
        if not any(_pattern(text).covers(request.tool) for text in scope):
            reason = f"A delegation token on the way does not cover {shown(request.tool)}."
            return Decision("deny", None, reason, request.principals[-1])
    return None


@lru_cache(1_024)
def _pattern(text: str) -> Pattern:
    return Pattern(text)


def _roles(settings: Settings, own: CasbinFiles | None) -> RolesOf:
    """Roles of handrail.toml, and those of the team's own Casbin policy where there is one."""
    named = settings_roles(settings)
    if own is None:
        return named
    theirs: Callable[[str, str], frozenset[str]] = own.roles_of
    return lambda tenant, subject: named(tenant, subject) | theirs(tenant, subject)


def _texts(covers: Covers) -> list[tuple[str, str]]:
    return [(action, pattern.text) for action, pattern in covers]


def _digest(settings: Settings, rules: RuleSet, texts: tuple[str, ...]) -> str:
    content = {
        "texts": texts,
        "rules": [
            (rule.id, rule.verdict, rule.subject, rule.tenant, _texts(rule.covers), rule.when) for rule in rules.rules
        ],
        "delegations": [
            (one.id, one.delegator, one.delegate, one.tenant, _texts(one.covers)) for one in rules.delegations
        ],
        "users": {user: sorted(roles) for user, roles in settings.users.items()},
        "roles": {role: sorted(included) for role, included in settings.roles.items()},
    }
    if settings.taken or settings.suspended:
        taken = {user: sorted(roles) for user, roles in settings.taken.items()}
        content |= {"taken": taken, "suspended": sorted(settings.suspended)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
