"""The options by which the commands of ``handrail policy`` name a request and find a policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import click

from handrail.audit.safe_text import visible
from handrail.config import Settings, load
from handrail.config.expectations import principals_of, seconds_of
from handrail.config.tools import matches
from handrail.errors import ConfigError
from handrail.policy import Policy, build

_Command = TypeVar("_Command", bound=Callable[..., object])


def json_option(function: _Command) -> _Command:
    """``--json``"""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")(function)


def tenant_option(function: _Command) -> _Command:
    """``--tenant T``"""
    return click.option("--tenant", help='Tenant [default: of "TENANT/USER", else the one called default].')(function)


def agents_option(function: _Command) -> _Command:
    """``--agent NAME``, many times"""
    return click.option(
        "--agent", "agents", multiple=True, help="Agent that acts for the user; again for a sub-agent, outermost first."
    )(function)


def chain(user: str, agents: tuple[str, ...], tenant: str | None) -> tuple[str, tuple[str, ...]]:
    """Tenant and principals; raises click.UsageError."""
    links = [name if name.startswith(("agent:", "user:")) else f"agent:{name}" for name in agents]
    try:
        return principals_of([user, *links], tenant)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None


def policy_of(path: Path | None) -> tuple[Settings, Policy]:
    """The settings and their policy. Raises ConfigError where there is none."""
    settings = load(path)
    if not settings.has_policy:
        what = "This file has no policy." if settings.file else "There is no handrail.toml here."
        hint = (
            "Add a [[rule]], or [casbin]." if settings.file else "Name one with --config, or write it: handrail init."
        )
        raise ConfigError(what, file=settings.file, hint=hint)
    return settings, build(settings)


def note_slips(settings: Settings, *, tool: str = "", user: str = "", tenant: str = "") -> None:
    """Say on stderr where ``tool`` or ``user`` is nearly a name of the configuration."""
    from handrail.config.nearest import nearest
    from handrail.config.vocabulary import tools

    users = [key.partition("/")[2] for key in settings.users if key.startswith(f"{tenant}/")]
    for kind, name, known in (("tool", tool, tools(settings)), ("user", user, users)):
        hint = nearest(name, known, cutoff=0.8) if name and name not in known else None
        if hint is not None and not any(matches(one, name) for one in known):
            show(f'note: no {kind} "{name}" is named here. {hint}', err=True)


def json_object(ctx: click.Context, param: click.Parameter, value: str) -> dict[str, object]:
    """A click callback: the JSON object that an option was given."""
    try:
        found = json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        text = f"not JSON ({problem}). Write an object in quotes: '{{\"amount\": 900}}'."
        raise click.BadParameter(text, ctx=ctx, param=param) from None
    if not isinstance(found, dict):
        text = "not a JSON object. Write it in braces and quotes: '{\"amount\": 900}'."
        raise click.BadParameter(text, ctx=ctx, param=param)
    return cast("dict[str, object]", found)


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A click callback: ISO text or seconds since the Unix epoch, as seconds."""
    if value is None:
        return None
    try:
        return seconds_of(float(value) if value.replace(".", "", 1).isdigit() else value)
    except (ValueError, OverflowError) as problem:
        raise click.BadParameter(str(problem), ctx=ctx, param=param) from None


def show(text: str = "", *, bold: bool = False, err: bool = False) -> None:
    """One line, in which nothing can reach the terminal as a command."""
    click.secho(visible(text), bold=bold or None, err=err)


def shown_json(found: object) -> str:
    """Indented JSON in plain ASCII, so that no text in it can reach the terminal as a command."""
    return json.dumps(found, indent=2, ensure_ascii=True)
