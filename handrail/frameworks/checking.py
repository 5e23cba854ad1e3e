"""The policy beside the tools that governed agents really have: at ``govern()``, and again when a file changes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.config import Settings
from handrail.config.live import live_file
from handrail.errors import PolicyError
from handrail.gate import Gate
from handrail.rulebook import Rulebook

if TYPE_CHECKING:
    from handrail.policy.check import Complaint, ToolSchema

log = logging.getLogger(__name__)

_SHOWN = 5
_QUIET = {"not-known", "uncovered-tool"}
"""Warnings that are told otherwise here, or not at all: a tool that no rule covers is denied, as often meant."""


def check_agent(gate: Gate, agent: object) -> None:
    """Refuse a policy that does not fit the tools of ``agent``; in observe mode only say so. Remembers the tools."""
    from handrail.frameworks.discover import tools_of

    rulebook = gate.rulebook
    settings = rulebook.now.settings
    if settings.file is None:
        return
    # a tool whose arguments are not known has an empty schema
    tools = {tool.name: dict(tool.schema) or None for tool in tools_of(agent)}
    if all(name in rulebook.tools and rulebook.tools[name] == schema for name, schema in tools.items()):
        return
    check_tools(settings, {**rulebook.tools, **tools})
    rulebook.tools = {**rulebook.tools, **tools}


def check_again(rulebook: Rulebook, settings: Settings) -> None:
    """Whether changed files fit the tools that are known so far. Raises what `check_tools` raises.

    Nothing keeps a change of rights out that was made while agents run, only the team's own files are looked at; and
    errors that only narrow rights are logged, so that a denial is in force at once whatever it shadows.
    """
    from handrail.policy.check import HARMLESS

    if rulebook.tools and _written(settings) != _written(rulebook.now.settings):
        check_tools(settings, rulebook.tools, harmless=HARMLESS)


def _written(settings: Settings) -> dict[Path, bytes | None]:
    live = live_file(settings.data)
    return {path: content for path, content in settings.sources.items() if path != live}


def check_tools(
    settings: Settings, tools: Mapping[str, ToolSchema], *, harmless: Collection[str] = frozenset()
) -> None:
    """Raise PolicyError for the first error of the policy beside ``tools``.

    Warnings, errors whose code is ``harmless``, and everything in observe mode are logged.
    """
    try:
        from handrail.policy.check import check

        found = check(settings, tools)
    except Exception:
        if settings.mode == "enforce":
            raise
        log.exception("The policy could not be checked beside the tools.")  # observing goes on
        return
    errors = [one for one in found if one.severity == "error"]
    grave = [one for one in errors if one.code not in harmless]
    if grave and settings.mode == "enforce":
        raise _error(grave)
    for one in errors:
        log.error("%s %s In enforce mode this is refused at start.", one, one.hint)
    _warn(settings, [one for one in found if one.severity == "warning"])


def _error(errors: Sequence[Complaint]) -> PolicyError:
    first = errors[0]
    more = f" There are {len(errors) - 1} more: `handrail policy check` shows them." if len(errors) > 1 else ""
    return PolicyError(first.message, file=first.file, line=first.line, hint=f"{first.hint}{more}".strip())


def _warn(settings: Settings, warnings: Sequence[Complaint]) -> None:
    strangers = [one.message.split('"')[1] for one in warnings if one.code == "not-known"]
    if strangers:
        log.warning(
            "%s names tools that this agent does not have: %s. If another agent has them, declare them under [tools]; "
            "`handrail doctor --agent MODULE:ATTRIBUTE` shows the lines.", settings.file, _some(strangers)
        )  # fmt: skip
    rest = [one for one in warnings if one.code not in _QUIET]
    others = [f"line {one.line}: {one.message}" if one.line else one.message for one in rest]
    if others:
        log.warning("%s: %s `handrail policy check` shows what to do.", settings.file, _some(others, " "))


def _some(texts: Sequence[str], joint: str = ", ") -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return joint.join(texts[:_SHOWN]) + more
