"""Who holds which role: closures computed once. They stand in for Casbin's role managers, which keep every unknown
subject for ever, follow ten levels only, and change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from handrail.config.settings import Settings

STOCK_HOPS = 9
"""As far as Casbin's own role manager follows roles in roles."""

RolesOf = Callable[[str, str], frozenset[str]]
"""(tenant, subject) -> every role that the subject holds, as Casbin's policy names it."""


class RoleLinks(Protocol):
    """What a Casbin matcher calls as ``g(subject, role, domain)``."""

    def has_link(self, name1: str, name2: str, *domain: str) -> bool:
        """Whether ``name1`` is, or holds, ``name2`` in the domain."""
        ...

    def names(self, name1: str, *domain: str) -> Collection[str]:
        """Every ``name2`` for which `has_link` is true, each once."""
        ...


class SubjectLinks:
    """Links of the built-in model: prefixed subjects, ``*`` for everybody, ``agent:*`` for every agent."""

    def __init__(self, roles_of: RolesOf) -> None:
        self._roles_of = roles_of

    def has_link(self, name1: str, name2: str, *domain: str) -> bool:
        """Whether the policy's subject ``name2`` covers the request's subject ``name1`` in the tenant."""
        if name2 in ("*", name1):
            return True
        if name2.endswith(":*"):
            return name1.startswith(name2[:-1])
        return name2 in self._roles_of(domain[0], name1)

    def names(self, name1: str, *domain: str) -> Collection[str]:
        """As `RoleLinks`; of patterns those that subjects of rules can have."""
        kind, colon, _ = name1.partition(":")
        return dict.fromkeys((name1, "*", f"{kind}{colon}*", *self._roles_of(domain[0], name1)))


class CasbinLinks:
    """Links of a team's own ``g`` rows, with the reach of Casbin's role manager and none of its growth."""

    def __init__(self, rows: Iterable[Sequence[str]], *, domains: bool) -> None:
        """``rows`` are (name, role) or, with ``domains``, (name, role, domain)."""
        graphs: dict[str, dict[str, list[str]]] = {}
        for name, role, *domain in rows:
            graphs.setdefault(domain[0] if domains else "", {}).setdefault(name, []).append(role)
        self._domains, self._graphs = domains, graphs
        self._reached: dict[tuple[str, str], frozenset[str]] = {}

    def has_link(self, name1: str, name2: str, *domain: str) -> bool:
        """As `RoleLinks`: equality, or a row of at most nine links."""
        return name1 == name2 or name2 in self.roles_of(domain[0] if domain else "", name1)

    def names(self, name1: str, *domain: str) -> Collection[str]:
        """As `RoleLinks`."""
        return self.roles_of(domain[0] if domain else "", name1) | {name1}

    def roles_of(self, domain: str, name: str) -> frozenset[str]:
        """Every role that ``name`` reaches in ``domain``, followed when first asked for."""
        domain = domain if self._domains else ""
        graph = self._graphs.get(domain, _NOBODY)
        if name not in graph:
            return _NONE
        # Only names of the policy get here, so this is bounded by it.
        found = self._reached.get((domain, name))
        if found is None:
            found = self._reached[domain, name] = reach(graph, name, hops=STOCK_HOPS)
        return found


_NOBODY: dict[str, list[str]] = {}
_NONE: frozenset[str] = frozenset()


def reach(graph: Mapping[str, Sequence[str]], start: str, *, hops: int | None = None) -> frozenset[str]:
    """Everything that can be reached from ``start`` in at most ``hops`` steps, without ``start`` itself."""
    found: dict[str, None] = {start: None}
    edge = [start]
    while edge and hops != 0:
        edge = [role for role in dict.fromkeys(role for name in edge for role in graph.get(name, ()))]
        edge = [role for role in edge if role not in found]
        found.update(dict.fromkeys(edge))
        hops = None if hops is None else hops - 1
    return frozenset(found) - {start}


def _without(graph: Mapping[str, Sequence[str]], lost: frozenset[str]) -> Mapping[str, Sequence[str]]:
    return {role: [one for one in inner if one not in lost] for role, inner in graph.items()}


def settings_roles(settings: Settings) -> RolesOf:
    """Roles from ``[users]`` and ``[roles]``, per tenant and user, with the ``role:`` prefix."""
    held: dict[tuple[str, str], frozenset[str]] = {}
    for written, roles in settings.users.items():
        tenant, _, user = written.partition("/") if "/" in written else ("default", "", written)
        lost = frozenset(settings.taken.get(written, ()))
        graph = _without(settings.roles, lost) if lost else settings.roles
        every = {role for role in roles}.union(*(reach(graph, role) for role in roles))
        held[tenant, f"user:{user}"] = frozenset(f"role:{role}" for role in every)
    return lambda tenant, subject: held.get((tenant, subject), _NONE)
