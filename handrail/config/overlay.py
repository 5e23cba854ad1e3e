"""Changes made while agents run, laid over the settings of a handrail.toml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from handrail.config.live import LiveChange, live_file
from handrail.config.settings import Place, RuleSettings, Settings
from handrail.errors import ConfigError


def lay_over(settings: Settings, changes: tuple[LiveChange, ...]) -> Settings:
    """``settings`` with ``changes``, all of them in force, laid over. Raises ConfigError for what cannot be done."""
    if not changes:
        return settings
    users = {user: list(roles) for user, roles in settings.users.items()}
    taken: dict[str, list[str]] = {}
    for change in changes:
        if "/" in change.tenant:  # the rest would be read as part of a user's name in another tenant
            hint = "Name the tenant without a slash."
            raise ConfigError(f'The change {change.id} is for the tenant "{change.tenant}".', hint=hint)
        key = f"{change.tenant}/{change.user}"
        if change.role:
            held, lost = users.setdefault(key, []), taken.setdefault(key, [])
            into, out = (held, lost) if change.what == "grant" else (lost, held)
            out[:] = [role for role in out if role != change.role]
            into[:] = [*(role for role in into if role != change.role), change.role]
    over = replace(
        settings,
        users={user: tuple(roles) for user, roles in users.items()},
        taken={user: tuple(roles) for user, roles in taken.items() if roles},
        rules=(*settings.rules, *_rules(settings, changes)),
        live=changes,
        live_until=min((change.until for change in changes if change.until is not None), default=None),
        digest=_digest(settings, changes),
    )
    return _over_casbin(over, changes) if settings.casbin else over


def _rules(settings: Settings, changes: Iterable[LiveChange]) -> list[RuleSettings]:
    place = Place(live_file(settings.data))
    rules: list[RuleSettings] = []
    for one in changes:
        if one.what == "suspend":
            everything = ("*",)
            rules.append(
                RuleSettings(
                    one.id, "deny", one.subject, everything, "", one.tenant, place, read=everything, write=everything
                )
            )
        elif one.call:
            rules.append(RuleSettings(one.id, "allow", one.subject, one.call, "", one.tenant, place))
    return rules


def _over_casbin(settings: Settings, changes: tuple[LiveChange, ...]) -> Settings:
    """A team's own Casbin policy has no rules to add: its roles change, and suspensions stand before it."""
    assert settings.casbin is not None
    for change in changes:
        if change.call:
            problem = f"The grant {change.id} names calls, and a policy in Casbin files has only roles."
            raise ConfigError(problem, file=live_file(settings.data), hint="Grant a role that may make them.")
    roles = tuple((one.what == "grant", one.tenant, one.user, one.role) for one in changes if one.role)
    suspended = tuple((one.tenant, one.subject, one.id) for one in changes if one.what == "suspend")
    return replace(settings, rules=(), suspended=suspended, casbin=replace(settings.casbin, live=roles))


def _digest(settings: Settings, changes: tuple[LiveChange, ...]) -> str:
    return hashlib.sha256(settings.digest.encode() + msgspec.json.encode(changes)).hexdigest()
