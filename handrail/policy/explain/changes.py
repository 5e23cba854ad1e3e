"""What could be otherwise: one small change each to a request or to a policy, said in words and applied for trying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from handrail.conditions import MISSING
from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy.decision import PolicyRequest
from handrail.policy.explain.shapes import Suggestion, readable
from handrail.policy.explain.solve import changed

_Entry = TypeVar("_Entry", RuleSettings, DelegateSettings)
World = tuple[Settings, PolicyRequest]


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Two with the same key are the same."""

    key: str
    cost: float
    """How much is asked for: another value costs least, another policy most."""
    shown: Suggestion
    apply: Callable[[World], World]


def set_fact(steps: tuple[str, ...], path: str, before: object, after: object, why: str) -> Change:
    """Another value of one fact."""

    def apply(world: World) -> World:
        settings, request = world
        return settings, replace(request, facts=changed(request.facts, ((steps, after),)))

    old = "missing" if before is MISSING else _literal(before)
    new = "left out" if after is MISSING else _literal(after)
    text = f"{path}: {old} -> {new}" + (f" ({why})" if why else "")
    shown = Suggestion("fact", text, path, readable(before), None if after is MISSING else readable(after))
    cost = 1.0 if steps[0] == "args" else 1.5
    return Change(f"fact {path}", cost, shown, apply)


def hold_role(tenant: str, user: str, role: str) -> Change:
    """One more role for a user."""

    def apply(world: World) -> World:
        settings, request = world
        return replace(
            settings, users=_with_roles(settings, tenant, user, (*_roles(settings, tenant, user), role))
        ), request

    text = f"{user} holds the role {role} in tenant {tenant}"
    return Change(f"hold {tenant}/{user} {role}", 3.0, Suggestion("role", text), apply)


def lose_roles(tenant: str, user: str, roles: tuple[str, ...]) -> Change:
    """Roles taken from a user."""

    def apply(world: World) -> World:
        settings, request = world
        left = tuple(role for role in _roles(settings, tenant, user) if role not in roles)
        return replace(settings, users=_with_roles(settings, tenant, user, left)), request

    text = f"{user} does not hold {' and '.join(roles)} in tenant {tenant}"
    return Change(f"lose {tenant}/{user} {roles}", 4.0, Suggestion("role", text), apply)


def act_in(tenant: str) -> Change:
    """The same request in another tenant."""

    def apply(world: World) -> World:
        settings, request = world
        facts = {**request.facts, "tenant": tenant}
        return settings, replace(request, tenant=tenant, facts=facts)

    return Change("tenant", 3.0, Suggestion("tenant", f"the request is made in tenant {tenant}"), apply)


def widen_scopes() -> Change:
    """Delegation tokens that cover the object too."""

    def apply(world: World) -> World:
        settings, request = world
        return settings, replace(request, scopes=tuple((*scope, request.tool) for scope in request.scopes))

    return Change("scope", 2.0, Suggestion("scope", "the delegation token covers it too"), apply)


def add_delegation(before: str, principal: str, request: PolicyRequest) -> Change:
    """A [[delegate]] for exactly this link."""
    new = DelegateSettings(
        before, principal, *_call(request), tenant=request.tenant, id=_free_id(before, principal, request),
        read=(request.tool,) if request.action == "read" else (),
        write=(request.tool,) if request.action == "write" else (),
    )  # fmt: skip
    text = f'a [[delegate]] with from = "{before}", to = "{principal}", {request.action} = "{request.tool}"'

    def apply(world: World) -> World:
        settings, asked = world
        return replace(settings, delegates=(*settings.delegates, new)), asked

    return Change(f"delegate {before} {principal}", 4.0, Suggestion("delegate", text), apply)


def add_rule(principal: str, request: PolicyRequest) -> Change:
    """A [[rule]] that allows exactly this."""
    new = RuleSettings(
        _free_id("rule", principal, request), "allow", principal, *_call(request), tenant=request.tenant,
        read=(request.tool,) if request.action == "read" else (),
        write=(request.tool,) if request.action == "write" else (),
    )  # fmt: skip
    text = f'a [[rule]] with allow = "{principal}", {request.action} = "{request.tool}"'

    def apply(world: World) -> World:
        settings, asked = world
        return replace(settings, rules=(*settings.rules, new)), asked

    return Change(f"rule {principal}", 6.0, Suggestion("rule", text), apply)


def widen_object(id: str, kind: str, request: PolicyRequest) -> Change:
    """A rule or delegation that covers one name more."""

    def apply(world: World) -> World:
        settings, asked = world
        rules = tuple(_wider(one, request) if one.id == id else one for one in settings.rules)
        delegates = tuple(_wider(one, request) if one.id == id else one for one in settings.delegates)
        return replace(settings, rules=rules, delegates=delegates), asked

    text = f"{request.tool} under `{request.action}` of {id}"
    return Change(f"widen {id}", 5.0, Suggestion(kind, text), apply)


def _wider(one: _Entry, request: PolicyRequest) -> _Entry:
    names: dict[str, tuple[str, ...]] = {"call": one.call, "read": one.read, "write": one.write}
    names[request.action] = (*names[request.action], request.tool)
    return replace(one, call=names["call"], read=names["read"], write=names["write"])


def drop_rule(id: str) -> Change:
    """A rule less."""

    def apply(world: World) -> World:
        settings, request = world
        return replace(settings, rules=tuple(one for one in settings.rules if one.id != id)), request

    return Change(f"drop {id}", 7.0, Suggestion("rule", f"without the rule {id}"), apply)


def _call(request: PolicyRequest) -> tuple[tuple[str, ...]]:
    return ((request.tool,) if request.action == "call" else (),)


def _free_id(*parts: object) -> str:
    """An id that nobody writes: it must not be taken."""
    return "suggested\x00" + "\x00".join(part.tool if isinstance(part, PolicyRequest) else str(part) for part in parts)


def _roles(settings: Settings, tenant: str, user: str) -> tuple[str, ...]:
    found = settings.users.get(f"{tenant}/{user}")
    return found if found is not None else settings.users.get(user, ()) if tenant == "default" else ()


def _with_roles(settings: Settings, tenant: str, user: str, roles: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    bare = {user} if tenant == "default" else set[str]()
    return {name: held for name, held in settings.users.items() if name not in bare} | {f"{tenant}/{user}": roles}


def _literal(value: object) -> str:
    shown = readable(value)
    return f'"{shown}"' if isinstance(shown, str) else str(shown)
