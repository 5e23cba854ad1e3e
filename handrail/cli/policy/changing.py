"""What the commands share that change rights while agents run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from handrail.cli.policy.asking import tenant_option
from handrail.cli.store_options import config_option
from handrail.errors import ConfigError, HandrailError

if TYPE_CHECKING:
    from handrail.config import Settings
    from handrail.config.live import LiveChange

_Command = TypeVar("_Command", bound=Callable[..., object])
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType[float]):
    """``90s``, ``30m``, ``2h``, ``7d`` as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of ``value``; fails on anything else."""
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if not found or not int(found[1]):
            self.fail(f"{value!r} is no time. Write 90s, 30m, 2h or 7d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


def plain_text(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A click callback: text that can be kept, which bytes that are no UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("not UTF-8.", ctx=ctx, param=param) from None
    return value


def options(function: _Command) -> _Command:
    """``--tenant``, ``--for``, ``--reason``, ``--new``, ``--config``"""
    for option in (
        config_option,
        click.option(
            "--new", is_flag=True, help="The user, role or tool may be one that the configuration never names."
        ),
        click.option("--reason", "why", required=True, callback=plain_text, help="Why; it goes into the record."),
        click.option(
            "--for", "seconds", type=Duration(), help="Ends by itself after 90s, 30m, 2h, 7d [default: never]."
        ),
        tenant_option,
    ):
        function = option(function)
    return function


def user_of(written: str, tenant: str | None) -> tuple[str, str]:
    """Tenant and user of ``USER``, ``TENANT/USER`` or ``agent:NAME``. Raises click.UsageError for two tenants."""
    from handrail.config.expectations import principals_of

    if tenant == "":
        raise click.UsageError("--tenant names no tenant: leave it out, or write its name.")
    try:
        found, (principal,) = principals_of(written, tenant)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    return found, principal.removeprefix("user:")


def settings_at(path: Path | None) -> Settings:
    """The configuration with the changes in force. Raises ConfigError, also where there is no file."""
    from handrail.config import load

    settings = load(path)
    if settings.file is None:
        raise ConfigError("There is no handrail.toml here.", hint="Write one with `handrail init`, or use --config.")
    return settings


def make(
    settings: Settings,
    change: Callable[[str, float | None], LiveChange],
    *,
    what: str,
    seconds: float | None,
    new: bool,
) -> None:
    """Put a change in force, or propose it where a second person must approve; says which. ``change`` gets id and end.

    Raises ConfigError for what cannot be done, before anything is written.
    """
    import msgspec

    from handrail.audit import rights
    from handrail.config.vocabulary import check_change

    try:
        made = change(rights.new_id(what), time.time() + seconds if seconds else None)
        msgspec.json.encode(made)
    except ValueError as problem:
        hint = "Name a user, a tenant, and a role or calls, in UTF-8."
        raise ConfigError(f"This change cannot be made: {problem}.", hint=hint) from None
    if not new:
        check_change(settings, made)
    put(settings, made)


def put(settings: Settings, change: LiveChange) -> None:
    """Put a complete change in force, or propose it. Raises ConfigError and JournalError."""
    from handrail.audit import approvals

    _try_out(settings, change)
    if needs_approval(settings):
        approvals.propose(settings, change.why, change)
        click.echo(f"{change.id}: proposed; another user of this system puts it in force:")
        click.echo(f"  handrail policy approve {change.id}")
        return
    write(settings, change)


def needs_approval(settings: Settings) -> bool:
    """Whether a second person must approve: by what is in force, not by what the file says now."""
    from handrail.audit import in_force

    assert settings.file is not None
    approved = in_force.current(settings.data, settings.file)
    return (approved or settings).two_person


def write(settings: Settings, change: LiveChange) -> None:
    """Write a change that may be in force from now on, and record it."""
    from handrail.audit import rights

    record(settings, quiet=True)  # what was in force before, so that this is a change of it
    rights.edit(settings.data, lambda changes: (*changes, change))
    record(settings)
    end = "" if change.until is None else f" until {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(change.until))} UTC"
    click.echo(f"{change.id}: in force{end}, from the next call of every agent on this host.")


def record(settings: Settings, *, quiet: bool = False) -> None:
    """Record what was changed, unless an agent on this host has done so already."""
    from handrail.audit import in_force, policies
    from handrail.audit.recorder import Recorder
    from handrail.config import load
    from handrail.rulebook import snapshot

    try:
        rules = snapshot(load(settings.file))
        recorder = Recorder(settings.data, payloads=settings.payloads)
        if rules.policy is not None:
            policies.keep(settings.data, rules.settings, rules.policy)
        in_force.put(settings.data, rules.settings, rules.policy_digest, lambda entry: recorder.write(entry, must=True))
    except HandrailError as error:
        # the change holds all the same: the first agent that reads it records it
        if not quiet:
            click.echo(f"Not recorded yet: {error}", err=True)


def _try_out(settings: Settings, change: LiveChange) -> None:
    """Build the policy as it would be; raises ConfigError where that cannot be done."""
    from handrail.audit import rights
    from handrail.config import load
    from handrail.config.live import in_force
    from handrail.config.overlay import lay_over
    from handrail.policy import build

    changes = in_force((*rights.read(settings.data), change), time.time())
    build(lay_over(load(settings.file, live=False), changes))
