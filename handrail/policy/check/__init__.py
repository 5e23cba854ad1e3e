"""What is wrong with a policy, seen beside the tools that it governs: ``check``. Nothing here decides a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from handrail.config.settings import Place, Settings
from handrail.config.tools import misspelled_tools, undoing_tools, unknown_tools
from handrail.errors import ConfigError
from handrail.policy.check.complaint import CODES, HARMLESS, Complaint, Severity, at
from handrail.policy.check.context import Context, as_written
from handrail.policy.check.facts import ToolSchema
from handrail.policy.check.money import unbounded_money
from handrail.policy.check.rules import RuleCheck
from handrail.policy.check.shadows import inert_delegations, shadows
from handrail.policy.rows import rule_set

__all__ = ["CODES", "HARMLESS", "Complaint", "Severity", "ToolSchema", "check", "of_error"]


def check(settings: Settings, tools: Mapping[str, ToolSchema], *, complete: bool = False) -> list[Complaint]:
    """Everything that is wrong with the policy of ``settings``, by line.

    ``tools`` are those of the governed agents, each with the JSON Schema of its arguments, or None where that is not
    known. ``complete`` says that there are no other agents: then a name unlike any tool is an error too.
    """
    settings = as_written(settings)
    if tools:  # what undoes a tool is called like one, by `handrail runs compensate`
        tools = {**dict.fromkeys(undoing_tools(settings)), **tools}
    found = [*_names(settings, tools, complete)]
    try:
        rows = rule_set(settings)
    except ConfigError as error:
        return [*found, of_error(error)]
    context = Context(settings, rows, tools)
    found += RuleCheck(context).complaints()
    found += shadows(context)
    found += inert_delegations(context)
    found += unbounded_money(context)
    found += _uncovered(context)
    if settings.casbin is not None:
        from handrail.policy.check.casbin import casbin_complaints

        found += casbin_complaints(settings.casbin, context, complete=complete)
    # a condition that is wrong bounds nothing, which need not be said as well
    wrong = {(one.file, one.line) for one in found if one.severity == "error"}
    found = [one for one in found if one.code != "unbounded-money" or (one.file, one.line) not in wrong]
    return sorted(dict.fromkeys(found), key=_order)


def of_error(error: ConfigError, code: str = "load") -> Complaint:
    """An error of the loader or the policy as a complaint."""
    return at(Place(_path(error), error.line), code, error.problem.rstrip("\n"), error.hint or "")


def _path(error: ConfigError) -> Path | None:
    return Path(error.file) if error.file is not None else None


def _order(complaint: Complaint) -> tuple[str, int, str]:
    return str(complaint.file or ""), complaint.line or 0, complaint.severity


def _names(settings: Settings, tools: Mapping[str, ToolSchema], complete: bool) -> Iterator[Complaint]:
    if complete:
        yield from (of_error(error, "unknown-tool") for error in unknown_tools(settings, tools))
        return
    slips, strangers = misspelled_tools(settings, tools)
    yield from (of_error(error, "unknown-tool") for error in slips)
    if tools:
        for name in strangers:
            problem = f'"{name}" is the name of no tool here.'
            hint = "If another agent has it, declare it under [tools]; else correct it."
            yield Complaint("not-known", problem, settings.file, None, hint)


def _uncovered(context: Context) -> Iterator[Complaint]:
    if not context.settings.rules:
        return
    covered = {name for rule in context.written for name in context.covered(rule)}
    for name in context.tools:
        if name not in covered:
            place = context.settings.tool(name).place if name in context.settings.tools else Place()
            where = Place(place.file or context.settings.file, place.line)
            yield at(where, "uncovered-tool", f"Nobody may call {name}: no rule covers it.", "Add an allow, or a deny.")
