"""``handrail policy check``: every rule beside the tools' real arguments, before anything runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import click

from handrail.cli.store_options import config_option
from handrail.errors import ConfigError

if TYPE_CHECKING:
    from handrail.config import Settings
    from handrail.policy import Policy
    from handrail.policy.check import Complaint, ToolSchema

COLOURS = {"error": "red", "warning": "yellow"}
"""Severity -> its colour."""


@click.command("check")
@config_option
@click.option(
    "--agent",
    "references",
    metavar="MODULE:ATTRIBUTE",
    multiple=True,
    help="Agent whose tools are looked at. Name every agent that the file governs.",
)
@click.option(
    "--tools",
    "tools_file",
    type=click.Path(path_type=Path),
    help="JSON file with the tools: name -> JSON Schema of the arguments, or null.",
)
@click.option(
    "--write-tools",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the agents' tools there, for --tools where the agents cannot be imported.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    path: Path | None,
    references: tuple[str, ...],
    tools_file: Path | None,
    output: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Check every rule, and with --agent or --tools every condition against the tools' real arguments.

    Imports the agents' modules, runs no agent and records nothing. The last line says how the rules are decided, and
    what a decision is expected to cost.

    Exit code 0: no error. 1: an error, or with --strict a warning. 2: a file or an agent cannot be read.
    """
    tools = {**_from_file(tools_file), **_from_agents(references)}
    if output is not None:
        from handrail.cli.init import write

        write(json.dumps(tools, indent=2, sort_keys=True) + "\n", output, replace=True)
    found, settings = _found(path, tools, complete=bool(references or tools_file))
    policy = _built(settings)
    click.echo(_json(found, settings, policy) if as_json else _text(found, settings, len(tools), policy))
    bad = found if strict else [one for one in found if one.severity == "error"]
    sys.exit(1 if bad else 0)


def _from_file(file: Path | None) -> dict[str, ToolSchema]:
    """Name -> schema; raises ConfigError."""
    if file is None:
        return {}
    try:
        tools: Any = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else "it is not valid JSON"
        raise ConfigError(f"The tools cannot be read: {said}.", file=file, hint=_FORM) from problem
    if not _are_tools(tools):
        raise ConfigError("The tools cannot be read: a value is neither an object nor null.", file=file, hint=_FORM)
    return tools


def _are_tools(value: Any) -> TypeGuard[dict[str, ToolSchema]]:
    if not isinstance(value, dict):
        return False
    members = cast("dict[str, Any]", value).values()
    return all(one is None or isinstance(one, dict) for one in members)


_FORM = "It is one JSON object: name -> JSON Schema of the arguments, or null. --write-tools makes one."


def _from_agents(references: Sequence[str]) -> dict[str, ToolSchema]:
    from handrail.cli.init import imported
    from handrail.frameworks.discover import tools_of

    found: dict[str, ToolSchema] = {}
    for reference in references:
        found.update({tool.name: dict(tool.schema) or None for tool in tools_of(imported(reference))})
    return found


def _found(
    path: Path | None, tools: Mapping[str, ToolSchema], *, complete: bool
) -> tuple[list[Complaint], Settings | None]:
    """Every complaint, and the settings where they could be loaded. Raises ConfigError for a file that is not there."""
    from handrail import config
    from handrail.policy.check import check, of_error

    try:
        # The mode may ask for a policy that is not there, which says nothing of what is there.
        settings = config.load(path, mode="observe")
    except ConfigError as error:
        if error.line is None:
            raise
        return [of_error(error)], None
    if settings.file is None:
        raise ConfigError("There is no handrail.toml here or in a folder above.", hint="Name one with --config.")
    return check(settings, tools, complete=complete), settings


def _built(settings: Settings | None) -> Policy | None:
    """The policy, where there is one that can be built; why it cannot is among the complaints."""
    from handrail.policy import build

    try:
        return build(settings) if settings is not None and settings.has_policy else None
    except ConfigError:
        return None


def _json(found: Sequence[Complaint], settings: Settings | None, policy: Policy | None) -> str:
    listed = [
        {**asdict(one), "severity": one.severity, "file": str(one.file) if one.file else None} for one in found
    ]  # fmt: skip
    file = str(settings.file) if settings is not None else None
    told: dict[str, object] = {"file": file, "ok": not _count(found, "error"), "complaints": listed}
    report = policy.report() if policy is not None else None
    if report is not None:
        stock = [{"row": row, "why": why} for row, why in report.rows]
        told["decided"] = {
            "mode": report.mode, "why": report.why, "rows": report.size, "microseconds": report.microseconds,
            "stock": stock,
        }  # fmt: skip
    return json.dumps(told, indent=2)


def _text(found: Sequence[Complaint], settings: Settings | None, tools: int, policy: Policy | None) -> str:
    lines: list[str] = []
    for one in found:
        head, mark, message = str(one).partition(f"{one.severity}[{one.code}]")
        lines.append(f"{head}{click.style(mark, fg=COLOURS[one.severity])}{message}")
        lines += [f"    {line}" for line in one.hint.splitlines()]
    return "\n".join([*lines, _summary(found, settings, tools), *_decided(policy)])


_HOW = {"indexed": "by an index", "scan": "row by row", "stock": "by stock Casbin"}


def _decided(policy: Policy | None) -> Iterator[str]:
    """How the rules are decided, and each one that is not looked up in the index."""
    report = policy.report() if policy is not None else None
    if report is None:
        return
    stock = f"; by stock Casbin where a call reaches it: {_many(len(report.rows), 'rule')}" if report.rows else ""
    why = f" ({'; '.join(report.why)})" if report.mode != "indexed" and report.why else ""
    cost = f"about {report.microseconds:,.0f} microseconds for each principal"
    yield f"decided {_HOW[report.mode]}{why}: {_many(report.size, 'row')}, {cost}{stock}"


def _summary(found: Sequence[Complaint], settings: Settings | None, tools: int) -> str:
    errors, warnings = _count(found, "error"), _count(found, "warning")
    counted = f"{_many(errors, 'error')}, {_many(warnings, 'warning')}"
    if settings is None:
        return counted
    rules = "Casbin files" if settings.casbin else _many(len(settings.rules), "rule")
    return f"{counted}: {rules}, {_many(len(settings.delegates), 'delegation')}, {_many(tools, 'tool')}"


def _count(found: Sequence[Complaint], severity: str) -> int:
    return sum(one.severity == severity for one in found)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
