"""Roles given and taken while agents run, as changes to the text of a team's own Casbin policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from handrail.config.settings import CasbinSettings
from handrail.errors import PolicyError

_ROLES = re.compile(r"(?m)^\s*g\s*=\s*([^#\n]*)")
Row = tuple[str, ...]


def with_changes(settings: CasbinSettings, model: str, policy: str, read: Callable[[str], Row | None]) -> str:
    """``policy`` with the roles of ``settings.live``: a row is added at the end, or its line is emptied.

    ``read`` reads one line as Casbin does. Raises PolicyError where the model has no such roles.
    """
    if not settings.live:
        return policy
    definition = _ROLES.search(model)
    width = definition[1].count("_") if definition else 0
    if width not in (2, 3):
        problem = "A role was granted or revoked while running, and the model defines no roles `g = _, _`."
        raise PolicyError(problem, file=settings.model, hint="Take the change back with `handrail policy withdraw`.")
    lines = policy.split("\n")
    for given, tenant, user, role in settings.live:
        row = ("g", user, role, tenant)[: width + 1]
        lines = ["" if line.strip() and _read(read, line) == row else line for line in lines]
        lines += [_line(settings, row, read)] if given else []
    return "\n".join(lines)


def still_held(settings: CasbinSettings, held: Callable[[str, str], Iterable[str]]) -> None:
    """Raise PolicyError for a revoked role that somebody holds through another role all the same."""
    latest = {(tenant, user, role): given for given, tenant, user, role in settings.live}
    for (tenant, user, role), given in latest.items():
        if not given and role in held(tenant, user):
            problem = f'"{user}" holds the role "{role}" through another role: it cannot be revoked alone.'
            raise PolicyError(problem, file=settings.policy, hint="Revoke the other role.")


def _read(read: Callable[[str], Row | None], line: str) -> Row | None:
    try:
        return read(line.strip())
    except IndexError:  # brackets that do not match: whoever checks the lines says so
        return None


def _line(settings: CasbinSettings, row: Row, read: Callable[[str], Row | None]) -> str:
    line = ", ".join(row)
    if _read(read, line) != row:
        problem = f"Casbin cannot read the user {row[1]!r} or the role {row[2]!r} in a row of its policy."
        raise PolicyError(problem, file=settings.policy, hint="Use names without commas, quotes and brackets.")
    return line
