"""The names that a configuration knows: users, roles, tools. A change that names another one is refused."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.config.live import LiveChange
from handrail.config.nearest import nearest
from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.config.tools import matches
from handrail.errors import PolicyError


def check_change(settings: Settings, change: LiveChange) -> None:
    """Raise PolicyError for a user, role or tool of ``change`` that nothing in ``settings`` names."""
    if change.user and not change.user.startswith("agent:"):
        users = [key.partition("/")[2] for key in settings.users if key.startswith(f"{change.tenant}/")]
        known = [*users, *_casbin_names(settings)]
        _known("user", f'"{change.user}" of the tenant "{change.tenant}"', change.user, known, settings)
    if change.role:
        _known("role", f'"{change.role}"', change.role, [*roles(settings), *_casbin_names(settings)], settings)
    for name in change.call:
        known = tools(settings)
        if not any(name == one or matches(one, name) or matches(name, one) for one in known):
            _known("tool", f'"{name}"', name, known, settings)


def roles(settings: Settings) -> list[str]:
    """Every role that somebody has, that is declared, or that a rule names."""
    held = [role for names in (*settings.users.values(), *settings.roles.values()) for role in names]
    subjects = [*(rule.subject for rule in settings.rules), *(one.from_ for one in settings.delegates)]
    named = [subject for subject in subjects if subject != "*" and ":" not in subject]
    return sorted({*held, *settings.roles, *named})


def tools(settings: Settings) -> list[str]:
    """Every tool, group and pattern that is named; ``*`` alone names nothing."""
    calls = [name for covered in (*_calls(settings.rules), *_calls(settings.delegates)) for name in covered]
    groups = [name for group, members in settings.groups.items() for name in (group, *members)]
    return sorted({*calls, *groups, *settings.tools} - {"*"})


def _calls(entries: Iterable[RuleSettings | DelegateSettings]) -> Iterable[tuple[str, ...]]:
    return (entry.call for entry in entries)


def _casbin_names(settings: Settings) -> list[str]:
    text = settings.casbin.texts[1] if settings.casbin and settings.casbin.texts else ""
    return sorted({name.strip() for line in text.split("\n") for name in line.split(",")[1:]} - {""})


def _known(kind: str, shown: str, name: str, known: Iterable[str], settings: Settings) -> None:
    names = list(known)
    if name not in names:
        hint = nearest(name, names) or "Say --new if that is meant."
        raise PolicyError(f"No {kind} {shown} is named here.", file=settings.file, hint=hint)
