"""May this chain of principals make this call? One verdict over every principal and every link, with its reason."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from typing import cast

from handrail.config.settings import Settings
from handrail.policy.builtin import BuiltinModel
from handrail.policy.casbin_files import CasbinFiles
from handrail.policy.decision import Decision, PolicyRequest
from handrail.policy.engine import Answer, refuse_two_distributions
from handrail.policy.facts import RequestFacts
from handrail.policy.links import RolesOf, settings_roles
from handrail.policy.rows import PREFIXES, RuleSet, rule_set

logger = logging.getLogger(__name__)


class Policy:
    """A fixed set of rules. Thread-safe; `decide` never raises. Make one with `handrail.policy.build`."""

    def __init__(self, settings: Settings) -> None:
        """Check and compile everything; raises PolicyError with file and line."""
        refuse_two_distributions()
        rules = rule_set(settings)
        own = self._own = CasbinFiles(settings.casbin) if settings.casbin else None
        self._model = BuiltinModel(rules, _roles(settings, own))
        self._failures: set[str] = set()
        self._links_checked = own is None or bool(rules.delegations)
        self.digest = _digest(settings, rules, (self._model.model_text, *(own.texts if own else ())))
        """SHA-256 (hex) over everything that decisions depend on; places and comments in handrail.toml do not count."""

    def decide(self, request: PolicyRequest) -> Decision:
        """Allowed when every principal and every link is; an exception inside is a denial."""
        try:
            return self._malformed(request) or self._chain(request)
        except Exception as error:
            return self._failed(type(error).__name__)

    def _failed(self, kind: str) -> Decision:
        # The text of the exception may quote arguments, so only its kind is kept.
        if kind not in self._failures:
            self._failures.add(kind)
            logger.warning("deciding raised %s: the call is denied, further ones are not logged", kind)
        return Decision("deny", None, f"The policy could not decide ({kind}), which is a denial.")

    def _malformed(self, request: PolicyRequest) -> Decision | None:
        # Frameworks and callers fill these, and types are not checked at run time.
        names = cast("tuple[object, ...]", (request.tenant, request.tool, request.action, *request.principals))
        if not all(isinstance(name, str) and name for name in names) or not request.principals:
            return Decision("deny", None, "The request names no tenant, no tool or no principal.")
        for name in request.principals:
            if not name.startswith(PREFIXES) or name in PREFIXES:
                reason = f"{_shown(name)} is neither a user nor an agent."
                return Decision("deny", None, reason, name)
        if self._own is None and request.action != "call":
            return Decision("deny", None, f"{_shown(request.action)} is no action, there is only call.")
        return None

    def _chain(self, request: PolicyRequest) -> Decision:
        before: str | None = None
        first: str | None = None
        links: list[str] = []
        for principal in request.principals:
            if before is not None and self._links_checked:
                allowed, row = self._model.link(request.tenant, before, principal, request.tool)
                if not allowed:
                    return _unlinked(request, before, principal)
                links.append(f"{_shown(principal)} acts for {_shown(before)} by {row[0]}")
            facts = RequestFacts({**request.facts, "tenant": request.tenant})
            allowed, row = self._ask(request, principal, facts)
            rule = row[0] if row else None
            if not allowed:
                return Decision("deny", rule, _refusal(request, principal, rule, facts), principal)
            first, before = (rule if before is None else first), principal
        return Decision("allow", first, _permission(request, first, links))

    def _ask(self, request: PolicyRequest, principal: str, facts: RequestFacts) -> Answer:
        if self._own is not None:
            return self._own.principal(request, principal)
        return self._model.principal(request.tenant, principal, request.tool, facts=facts)


def _roles(settings: Settings, own: CasbinFiles | None) -> RolesOf:
    """Roles of handrail.toml, and those of the team's own Casbin policy where there is one."""
    named = settings_roles(settings)
    if own is None:
        return named
    theirs: Callable[[str, str], frozenset[str]] = own.roles_of
    return lambda tenant, subject: named(tenant, subject) | theirs(tenant, subject)


def _unlinked(request: PolicyRequest, before: str, principal: str) -> Decision:
    reason = f"{_shown(principal)} may not act for {_shown(before)}: no [[delegate]] covers {_shown(request.tool)}"
    return Decision("deny", None, f"{reason} in tenant {_shown(request.tenant)}.", principal)


def _refusal(request: PolicyRequest, principal: str, rule: str | None, facts: RequestFacts) -> str:
    doubts = "; ".join(f"`{when}` could not be evaluated: {why}" for when, why in facts.doubts.items())
    after = f" ({doubts})" if doubts else ""
    if rule:
        return f"Rule {rule} denies {_shown(principal)} the call {_shown(request.tool)}{after}."
    return (
        f"No rule allows {_shown(principal)} to call {_shown(request.tool)} in tenant "
        f"{_shown(request.tenant)}: default deny{after}."
    )


def _permission(request: PolicyRequest, rule: str | None, links: list[str]) -> str:
    by = f"Rule {rule} allows" if rule else "The policy allows"
    acting = f"; {'; '.join(links)}" if links else ""
    return f"{by} {_shown(request.principals[0])} to call {_shown(request.tool)}{acting}."


def _shown(name: str) -> str:
    """A name from a request, as it may stand in a sentence."""
    return name if len(name) <= 80 and name.isprintable() else ascii(name[:80]) + "..." * (len(name) > 80)


def _digest(settings: Settings, rules: RuleSet, texts: tuple[str, ...]) -> str:
    content = {
        "texts": texts,
        "rules": [
            (rule.id, rule.verdict, rule.subject, rule.tenant, [call.text for call in rule.calls], rule.when)
            for rule in rules.rules
        ],
        "delegations": [
            (one.id, one.delegator, one.delegate, one.tenant, [call.text for call in one.calls])
            for one in rules.delegations
        ],
        "users": {user: sorted(roles) for user, roles in settings.users.items()},
        "roles": {role: sorted(included) for role, included in settings.roles.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()
