"""Explanations for a team's own Casbin files: the line that decided, the role path through its ``g`` rows, and for a
denial the line with the most fields that fit. Verdicts are asked of the policy; lines are read here for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from handrail.config.settings import CasbinSettings, Settings
from handrail.policy.decision import Decision, PolicyRequest
from handrail.policy.explain import changes
from handrail.policy.explain.book import Book
from handrail.policy.explain.changes import Change
from handrail.policy.explain.nearest import least, turns
from handrail.policy.explain.shapes import (
    Explanation,
    LinkTrail,
    Nearest,
    PrincipalTrail,
    RuleTrail,
    Suggestion,
)
from handrail.policy.explain.trails import link_trail, scope_trails
from handrail.policy.patterns import Pattern
from handrail.policy.policy import Policy

_WHO, _TENANT = ("sub", "subject", "user"), ("dom", "domain", "tenant")
_WHAT, _DOING = ("obj", "object", "resource", "tool"), ("act", "action")
_DEFINITION = re.compile(r"^\s*p\s*=(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the policy file."""

    number: int
    """1-based."""
    key: str
    """``p``, ``g``, ..."""
    values: tuple[str, ...]
    text: str


class Lines:
    """The rows of a policy file, and who reaches which role by them."""

    def __init__(self, casbin: CasbinSettings) -> None:
        self.file = casbin.policy
        self.model, self.text = casbin.texts or (casbin.model.read_text("utf-8"), casbin.policy.read_text("utf-8"))
        self.rows = tuple(_rows(self.text))
        found = _DEFINITION.search(self.model)
        self.fields = tuple(name.strip() for name in found[1].split(",")) if found else ()

    def of(self, rule: str | None) -> Line | None:
        """The row that a decision names as ``policy.csv:7``."""
        number = (rule or "").rpartition(":")[2]
        return next((row for row in self.rows if str(row.number) == number), None)

    def allowing(self) -> list[Line]:
        """The ``p`` rows that allow."""
        return [row for row in self.rows if row.key == "p" and self.value(row, ("eft",)) != "deny"]

    def value(self, row: Line, names: tuple[str, ...]) -> str | None:
        """What a row says in the field that has one of ``names``; None where the model has no such field."""
        named = dict(zip(self.fields, row.values, strict=False))
        return next((named[name] for name in names if name in named), None)

    def names(self) -> tuple[set[str], set[str], set[str]]:
        """Tenants, subjects and objects that the rows name; a role is a subject that nobody is."""
        policies = [row for row in self.rows if row.key == "p"]
        links = [row.values for row in self.rows if row.key == "g" and len(row.values) >= 2]
        roles = {row[1] for row in links}
        tenants = {self.value(row, _TENANT) or "" for row in policies} | {row[2] for row in links if len(row) > 2}
        subjects = {self.value(row, _WHO) or "" for row in policies} | {row[0] for row in links}
        objects = {self.value(row, _WHAT) or "" for row in policies}
        return tenants - {""}, {name for name in subjects - roles if name and "*" not in name}, objects - {""}

    def role_path(self, name: str, role: str, tenant: str) -> tuple[str, ...] | None:
        """The shortest way from ``name`` to ``role`` through the ``g`` rows."""
        trails: list[tuple[str, ...]] = [(name,)]
        seen = set[str]()
        for trail in trails:  # grows while it is walked: breadth first
            if trail[-1] == role:
                return trail
            if trail[-1] not in seen:
                seen.add(trail[-1])
                trails.extend((*trail, above) for above in self.above(trail[-1], tenant))
        return None

    def above(self, name: str, tenant: str) -> list[str]:
        """The roles that a ``g`` row gives to ``name`` itself."""
        rows = (row.values for row in self.rows if row.key == "g" and len(row.values) >= 2)
        return [row[1] for row in rows if row[0] == name and (len(row) == 2 or row[2] == tenant)]


def _rows(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            key, *values = (value.strip() for value in stripped.split(","))
            yield Line(number, key, tuple(values), stripped)


def explain_lines(policy: Policy, request: PolicyRequest, decision: Decision) -> Explanation:
    """Explain a decision by a team's own Casbin files."""
    assert policy.settings.casbin is not None
    lines = Lines(policy.settings.casbin)
    chain = request.principals
    return Explanation(
        decision.verdict, decision.rule, decision.reason, request.tenant, request.action, request.tool,
        tuple(_principal(policy, lines, one, request) for one in chain),
        tuple(_link(policy.settings, lines, *pair, request) for pair in pairwise(chain)),
        scope_trails(request),
        _nearest(policy, lines, request, decision) if decision.verdict == "deny" else None,
    )  # fmt: skip


def _principal(policy: Policy, lines: Lines, principal: str, request: PolicyRequest) -> PrincipalTrail:
    alone = policy.decide(replace(request, principals=(principal,), scopes=()))
    row = lines.of(alone.rule)
    if row is None:
        return PrincipalTrail(principal, alone.verdict, None)
    return PrincipalTrail(principal, alone.verdict, _trail(lines, row, principal, request), row.text)


def _trail(lines: Lines, row: Line, principal: str, request: PolicyRequest) -> RuleTrail:
    subject, tenant = lines.value(row, _WHO) or "*", lines.value(row, _TENANT) or "*"
    name = principal.removeprefix("user:")
    return RuleTrail(
        f"{lines.file.name}:{row.number}", "deny" if lines.value(row, ("eft",)) == "deny" else "allow", subject, tenant,
        str(lines.file), row.number, lines.role_path(name, subject, request.tenant) or (name,), True,
        (lines.value(row, _WHAT) or "*",),
    )  # fmt: skip


def _link(settings: Settings, lines: Lines, before: str, principal: str, request: PolicyRequest) -> LinkTrail:
    if not settings.delegates:
        # Without any [[delegate]] a team's own files alone decide.
        return LinkTrail(before, principal, True, None)
    return link_trail(_book(settings, lines, before, request.tenant), before, principal, request)


def _book(settings: Settings, lines: Lines, before: str, tenant: str) -> Book:
    """The delegations, with the roles of the ``g`` rows beside those of handrail.toml."""
    name = before.removeprefix("user:")
    key = f"{tenant}/{name}"
    users = {**settings.users, key: (*settings.users.get(key, ()), *lines.above(name, tenant))}
    graph = {row.values[0]: tuple(lines.above(row.values[0], tenant)) for row in lines.rows if row.key == "g"}
    return Book(replace(settings, users=users, roles={**settings.roles, **graph}))


# For a denial.


def _nearest(policy: Policy, lines: Lines, request: PolicyRequest, decision: Decision) -> Nearest | None:
    if decision.principal is None or decision.principal not in request.principals:
        return None
    place = request.principals.index(decision.principal)
    told, tries = _told(policy, lines, request, decision, place)
    world = (policy.settings, request)
    found = next((step for step in tries if turns(world, step)), ())
    return replace(told, changes=tuple(change.shown for change in least(world, found)))


def _told(
    policy: Policy, lines: Lines, request: PolicyRequest, decision: Decision, place: int
) -> tuple[Nearest, list[tuple[Change, ...]]]:
    if any(not scope.covers for scope in scope_trails(request)):
        return Nearest(None, None, None, ("the delegation token on the way does not cover it",)), [
            (changes.widen_scopes(),)
        ]
    before = request.principals[place - 1]
    principal = request.principals[place]
    if place and not _link(policy.settings, lines, before, principal, request).allowed:
        told = Nearest(None, None, None, (f"no [[delegate]] lets {principal} act for {before}",))
        return told, [(changes.add_delegation(before, principal, request),)]
    return _told_line(lines, request, decision, principal)


def _told_line(
    lines: Lines, request: PolicyRequest, decision: Decision, principal: str
) -> tuple[Nearest, list[tuple[Change, ...]]]:
    struck = lines.of(decision.rule)
    if struck is not None:
        without = "\n".join("" if n == struck.number else t for n, t in enumerate(lines.text.split("\n"), 1))
        told = Nearest(decision.rule, str(lines.file), struck.number, (f"it denies: {struck.text}",))
        return told, [(_texts(lines, f"without the line {struck.number}: {struck.text}", without),)]
    ranked = sorted(lines.allowing(), key=lambda row: len(_misfits(lines, row, principal, request)))
    if not ranked:
        return Nearest(None, None, None, (f"no line of {lines.file.name} allows anything",)), []
    near = ranked[0]
    misfits = _misfits(lines, near, principal, request)
    told = Nearest(f"{lines.file.name}:{near.number}", str(lines.file), near.number, tuple(misfits.values()))
    return told, list(_lines_to_add(lines, near, misfits, principal, request))


def _misfits(lines: Lines, row: Line, principal: str, request: PolicyRequest) -> dict[str, str]:
    """Field -> how a row differs from the request."""
    name = principal.removeprefix("user:")
    found: dict[str, str] = {}
    for names, asked in ((_WHO, name), (_TENANT, request.tenant), (_WHAT, request.tool), (_DOING, request.action)):
        said = lines.value(row, names)
        if said is None or Pattern(said).covers(asked):
            continue
        if names is _WHO and lines.role_path(name, said, request.tenant) is not None:
            continue
        found[names[0]] = f"{names[0]} is {said}, not {asked}"
    return found


def _lines_to_add(
    lines: Lines, near: Line, misfits: dict[str, str], principal: str, request: PolicyRequest
) -> Iterator[tuple[Change, ...]]:
    name = principal.removeprefix("user:")
    if list(misfits) == ["sub"]:
        wide = any(row.key == "g" and len(row.values) > 2 for row in lines.rows)
        link = ", ".join(("g", name, lines.value(near, _WHO) or "", *((request.tenant,) if wide else ())))
        yield (_texts(lines, f"the line: {link}", f"{lines.text}\n{link}"),)
    asked = {_WHO: name, _TENANT: request.tenant, _WHAT: request.tool, _DOING: request.action}
    fields = {field: value for names, value in asked.items() for field in names}
    values = (fields.get(field, old) for field, old in zip(lines.fields, near.values, strict=False))
    row = ", ".join(("p", *values))
    yield (_texts(lines, f"the line: {row}", f"{lines.text}\n{row}"),)


def _texts(lines: Lines, said: str, policy: str) -> Change:
    def apply(world: changes.World) -> changes.World:
        settings, request = world
        assert settings.casbin is not None
        return replace(settings, casbin=replace(settings.casbin, texts=(lines.model, policy))), request

    return Change(said, 3.0, Suggestion("rule", said), apply)
