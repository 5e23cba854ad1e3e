"""Whether every tool that handrail.toml names exists, asked once the agents' real tools are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from handrail.config.nearest import nearest
from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.errors import PolicyError


@dataclass(frozen=True, slots=True)
class _Mention:
    """One place where a tool, a pattern or a group is named."""

    name: str
    by: str
    place: Place
    many: bool
    """Whether patterns and groups count here."""


def check_tools(settings: Settings, names: Iterable[str]) -> None:
    """Raise PolicyError for the first tool name that no agent has, or pattern that matches none of ``names``.

    ``names`` are the tools of every agent that these settings govern.
    """
    for problem in unknown_tools(settings, names):
        raise problem


def undoing_tools(settings: Settings) -> frozenset[str]:
    """The functions that `compensate` names: whoever undoes a run calls them like tools."""
    return frozenset(tool.compensate.partition(":")[2] for tool in settings.tools.values() if tool.compensate)


def unknown_tools(settings: Settings, names: Iterable[str]) -> list[PolicyError]:
    """Every error of which `check_tools` raises the first, by line."""
    known = frozenset(names) | undoing_tools(settings)
    return [problem for mention in _in_order(settings) if (problem := _problem(mention, settings, known))]


def check_spelling(settings: Settings, names: Iterable[str]) -> list[str]:
    """Raise PolicyError for a tool name that is nearly one of ``names``, the tools of one governed agent.

    The same file may govern agents that are not here, so a name unlike any other is not refused but returned.
    Tools under ``[tools]`` count as known, unless such a table is itself nearly the name of a tool that has none.
    """
    slips, strangers = misspelled_tools(settings, names)
    for problem in slips:
        raise problem
    return strangers


def misspelled_tools(settings: Settings, names: Iterable[str]) -> tuple[list[PolicyError], list[str]]:
    """Every error of which `check_spelling` raises the first, by line, and what it returns."""
    found = frozenset(names) | undoing_tools(settings)
    known = found | {name for name in settings.tools if not _slip(name, found - settings.tools.keys())}
    slips: list[PolicyError] = []
    strangers: dict[str, bool] = {}
    for mention in _in_order(settings):
        if (problem := _problem(mention, settings, known)) is None:
            continue
        if mention.name not in strangers:
            strangers[mention.name] = "*" in mention.name or not _slip(mention.name, known - {mention.name})
        if not strangers[mention.name]:
            slips.append(problem)
    return slips, [name for name, strange in strangers.items() if strange]


def named_tools(settings: Settings) -> frozenset[str]:
    """The tools that rules, delegations, groups, validators and ``[tools]`` name one by one, not by a pattern."""
    names = {mention.name for mention in _mentions(settings) if not (mention.many and "*" in mention.name)}
    return frozenset(names - settings.groups.keys())


def _slip(name: str, names: Iterable[str]) -> bool:
    """Whether ``name`` is so like one of ``names`` that it is taken for a slip of the pen."""
    return bool(get_close_matches(name, sorted(names), n=1, cutoff=0.8))


def matches(pattern: str, name: str) -> bool:
    """Whether ``name`` fits ``pattern``, in which ``*`` stands for any run of characters and all else for itself."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _in_order(settings: Settings) -> list[_Mention]:
    return sorted(_mentions(settings), key=lambda mention: mention.place.line or 0)


def _mentions(settings: Settings) -> Iterator[_Mention]:
    for rule in settings.rules:
        yield from (_Mention(name, f'Rule "{rule.id}"', rule.place, many=True) for name in rule.call)
    for delegate in settings.delegates:
        yield from (_Mention(name, f'Delegation "{delegate.id}"', delegate.place, many=True) for name in delegate.call)
    for group, members in _tool_groups(settings).items():
        place = settings.group_places.get(group, Place(settings.file))
        yield from (_Mention(name, f'Group "{group}"', place, many=True) for name in members)
    for tool in settings.tools.values():
        yield _Mention(tool.name, f"[tools.{tool.name}]", tool.place, many=False)
    for name in settings.content.tools:
        if name != "*":
            yield _Mention(name, "[content]", settings.content.place, many=True)
    for validate in settings.validates:
        if validate.on in ("arguments", "result") and validate.tool != "*":
            yield _Mention(validate.tool, f'Validator "{validate.id}"', validate.place, many=True)


def _tool_groups(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Every group but those that stand only behind ``read`` or ``write``: these hold no tools."""
    entries: list[RuleSettings | DelegateSettings] = [*settings.rules, *settings.delegates]
    called = _reached(settings, (name for entry in entries for name in entry.call))
    others = _reached(settings, (name for entry in entries for name in (*entry.read, *entry.write)))
    return {group: members for group, members in settings.groups.items() if group in called or group not in others}


def _reached(settings: Settings, names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = [name for name in names if name in settings.groups]
    while todo:
        group = todo.pop()
        if group not in found:
            found.add(group)
            todo += [name for name in settings.groups[group] if name in settings.groups]
    return found


def _problem(mention: _Mention, settings: Settings, known: frozenset[str]) -> PolicyError | None:
    name = mention.name
    if name in known and not (mention.many and name in settings.groups):
        return None
    if mention.many and name in settings.groups:
        if name in known:
            hint = "Rename the group."
            return _error(mention, f'{mention.by} names "{name}", which is both a group and a tool.', hint)
        return None
    if mention.many and "*" in name:
        if any(matches(name, tool) for tool in known):
            return None
        return _error(mention, f'{mention.by} has the pattern "{name}", which matches no tool.', _known(known))
    candidates = [*known, *(settings.groups if mention.many else ())]
    hint = nearest(name, candidates) or _known(known)
    return _error(mention, f'{mention.by} names the tool "{name}", which no agent has.', hint)


def _known(known: frozenset[str]) -> str:
    shown = sorted(known)
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    return f"Known tools: {', '.join(shown[:20])}{more}." if shown else "No agent has any tool."


def _error(mention: _Mention, problem: str, hint: str) -> PolicyError:
    return PolicyError(problem, file=mention.place.file, line=mention.place.line, hint=hint)
