"""What the documentation says a decision is, written as plainly as can be, to hold the real one against.

A world is the content of a handrail.toml as a dictionary, and under ``live`` what was granted and revoked since.
Written from DESIGN and docs/, without a look at the code: no index, no cache, no Casbin, no parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.policy.worlds import CONDITIONS

World = Mapping[str, Any]
Args = Mapping[str, object]
MAX_CHAIN = 8


def like(pattern: str, name: str) -> bool:
    """Whether a pattern, in which `*` stands for any characters, is the whole name."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def covers(world: World, names: str | Iterable[str], tool: str) -> bool:
    """Whether one of the names, groups or patterns is the tool's."""
    groups, every = world.get("groups", {}), [names] if isinstance(names, str) else names
    return any(covers(world, groups[name], tool) if name in groups else like(name, tool) for name in every)


def roles(world: World, tenant: str, user: str) -> set[str]:
    """Every role that a user has in a tenant, with the roles that those include, but for what was revoked."""
    users = {key if "/" in key else f"default/{key}": held for key, held in world.get("users", {}).items()}
    found, taken = set(users.get(f"{tenant}/{user}", ())), set[str]()
    for change in world.get("live", ()):
        if (change["tenant"], change["user"]) == (tenant, user) and "role" in change:
            found, taken = found - {change["role"]}, taken - {change["role"]}
            (found if change["what"] == "grant" else taken).add(change["role"])
    while more := {each for role in found for each in world.get("roles", {}).get(role, ())} - found - taken:
        found |= more
    return found


def rules(world: World) -> list[dict[str, Any]]:
    """The rules of the file, and those that grants of calls and suspensions are."""
    more = [dict(change) for change in world.get("live", ()) if "role" not in change]
    for one in more:
        who = one["user"] if ":" in one["user"] else f"user:{one['user']}"
        one |= {"call": one.get("call", "*"), "deny" if one["what"] == "revoke" else "allow": who}
    return [*world.get("rule", ()), *more]


def is_one(world: World, tenant: str, principal: str, subject: str) -> bool:
    """Whether a subject of a rule means the principal."""
    kind, _, name = principal.partition(":")
    if subject in ("*", principal, f"{kind}:*"):
        return True
    return kind == "user" and ":" not in subject and subject in roles(world, tenant, name)


def may(world: World, tenant: str, principal: str, tool: str, args: Args) -> bool:
    """Whether one principal may make the call: something allows it, and nothing denies it."""
    matching = [
        rule
        for rule in rules(world)
        if is_one(world, tenant, principal, rule.get("allow") or rule["deny"])
        and like(rule.get("tenant", "*"), tenant)
        and covers(world, rule["call"], tool)
    ]
    holds = {rule["id"]: CONDITIONS[rule.get("when", "")](args) for rule in matching}
    if any("deny" in rule and holds[rule["id"]] is not False for rule in matching):
        return False
    allowing = any("allow" in rule and holds[rule["id"]] is True for rule in matching)
    return allowing or any(acts(world, tenant, one, tool, to=principal) for one in world.get("delegate", ()))


def acts(world: World, tenant: str, one: World, tool: str, *, to: str) -> bool:
    """Whether a delegation lets ``to`` make the call."""
    to_it = is_one(world, tenant, to, one["to"])
    return to_it and like(one.get("tenant", "*"), tenant) and covers(world, one["call"], tool)


def linked(world: World, tenant: str, before: str, after: str, tool: str) -> bool:
    """Whether some delegation lets ``after`` make the call on behalf of ``before``."""
    every = world.get("delegate", ())
    return any(is_one(world, tenant, before, one["from"]) and acts(world, tenant, one, tool, to=after) for one in every)


def decide(
    world: World, tenant: str, chain: Sequence[str], tool: str, args: Args | None = None,
    scopes: Iterable[Iterable[str]] = (),
) -> bool:  # fmt: skip
    """Whether everybody of the chain may, everybody's link holds, and every scope covers it."""
    if len(chain) > MAX_CHAIN or len(set(chain)) < len(chain) or chain[0] == "user:anonymous":
        return False
    if not all(any(like(pattern, tool) for pattern in scope) for scope in scopes):
        return False
    everybody = all(may(world, tenant, principal, tool, args or {}) for principal in chain)
    return everybody and all(linked(world, tenant, *link, tool) for link in pairwise(chain))
