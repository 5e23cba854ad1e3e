"""What two settings differ in, by names: ids of rules, users, roles, tools, and the lines of Casbin files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from handrail.config.settings import CasbinSettings, Place, Settings

MOST_NAMES = 200
"""Names of one kind that a difference lists; the others are counted."""

_LISTS = {"rules": "id", "delegates": "id", "validates": "id", "trusts": "id"}
_TABLES = ("users", "roles", "groups", "tools", "taken")
_ELSEWHERE = {"mode", "written_mode", "digest", "file", "sources", "casbin", "group_places", "live", "live_until"}


def difference(before: Settings, after: Settings) -> dict[str, Any]:
    """What was added, removed and changed from ``before`` to ``after``; empty where nothing was."""
    found: dict[str, Any] = {}
    live = {change.id for change in (*before.live, *after.live)}
    for name, key in _LISTS.items():
        old, new = ({getattr(one, key): one for one in getattr(of, name)} for of in (before, after))
        found[name] = _changes(*({id: one for id, one in of.items() if id not in live} for of in (old, new)))
    for name in _TABLES:
        found[name] = _changes(getattr(before, name), getattr(after, name))
    found["live"] = _changes(*({change.id: change for change in of.live} for of in (before, after)))
    found["casbin"] = _casbin(before.casbin, after.casbin)
    if before.written_mode != after.written_mode:
        found["mode"] = [before.written_mode, after.written_mode]
    found["settings"] = _others(before, after)
    return {name: value for name, value in found.items() if value}


def _bare(value: Any) -> Any:
    """A setting without the line on which it stands."""
    return replace(value, place=Place()) if is_dataclass(value) and not isinstance(value, type) else value


def _differ(old: object, new: object) -> bool:
    # most of a policy stays as it is, and calls wait for the one that is being put in force
    return old is not new and _bare(old) != _bare(new)


def _changes(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, Any]:
    changed = [name for name in old.keys() & new.keys() if _differ(old[name], new[name])]
    sets = {"added": new.keys() - old.keys(), "removed": old.keys() - new.keys(), "changed": changed}
    return {name: _names(names) for name, names in sets.items() if names}


def _names(names: Iterable[str]) -> list[str]:
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMES
    return [*ordered[:MOST_NAMES], *([f"... and {more} more"] if more > 0 else [])]


def _casbin(old: CasbinSettings | None, new: CasbinSettings | None) -> dict[str, Any]:
    before, after = (_lines(of) for of in (old, new))
    found = _changes(dict.fromkeys(before - after), dict.fromkeys(after - before))
    models = [of.texts[0] if of and of.texts else None for of in (old, new)]
    return {**found, **({"model": True} if models[0] != models[1] else {})}


def _lines(casbin: CasbinSettings | None) -> set[str]:
    text = casbin.texts[1] if casbin and casbin.texts else ""
    return {line.strip() for line in text.split("\n")} - {""}


def _others(before: Settings, after: Settings) -> list[str]:
    told = {*_LISTS, *_TABLES, *_ELSEWHERE}
    names = [field.name for field in fields(Settings) if field.name not in told]
    return [name for name in names if getattr(before, name) != getattr(after, name)]
