"""Changes of rights that were made while agents run: ``live.json`` in the data folder, laid over handrail.toml.

A list of changes, oldest first; where two concern the same right, the later one holds. Here they are read and checked;
overlay.py lays them over the settings, audit/ writes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from handrail.errors import ConfigError

What = Literal["grant", "revoke", "suspend", "withdraw"]


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who changed something, as the operating system knows him."""

    uid: int
    name: str


class LiveChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change of somebody's rights."""

    id: str
    """Name of the change in records and explanations; also the id of the rule that it makes."""
    what: What
    """``grant`` a role or calls, ``revoke`` a role, ``suspend`` (everything is denied), or ``withdraw`` a change."""
    by: Actor
    why: str
    at: float
    """When it was made, in seconds since the epoch."""
    tenant: str = "default"
    user: str = ""
    """Whose rights: a user's name, or ``agent:NAME``; empty for ``withdraw``."""
    role: str = ""
    call: tuple[str, ...] = ()
    """Tools, groups or patterns, for a grant without a role."""
    until: float | None = None
    """When it ends by itself, in seconds since the epoch; None for never."""
    of: str = ""
    """Id of the change that is withdrawn."""

    def __post_init__(self) -> None:
        """Refuse what says nothing. Raises ValueError."""
        needs = {
            "grant": bool(self.role) != bool(self.call),
            "revoke": bool(self.role) and not self.call,
            "suspend": not self.role and not self.call,
            "withdraw": bool(self.of),
        }
        if not self.id or not self.tenant or not needs[self.what] or bool(self.user) == (self.what == "withdraw"):
            raise ValueError(f"the change {self.id!r} is not complete")
        if self.until is not None and not math.isfinite(self.until):
            raise ValueError(f"the change {self.id!r} has no end that can be")

    @property
    def subject(self) -> str:
        """The principal it concerns: ``user:NAME`` or ``agent:NAME``."""
        return self.user if self.user.startswith("agent:") else f"user:{self.user}"


class LiveFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of live.json."""

    changes: tuple[LiveChange, ...]
    v: Literal[1] = 1


def live_file(data: Path) -> Path:
    """Where the changes lie in a data folder."""
    return data / "policy" / "live.json"


def parse_changes(content: bytes, file: Path) -> tuple[LiveChange, ...]:
    """The changes in a live.json. Raises ConfigError."""
    try:
        changes = msgspec.json.decode(content, type=LiveFile).changes
        if len({change.id for change in changes}) < len(changes):
            raise ValueError("two changes have one id")
    except (msgspec.DecodeError, ValueError) as problem:
        hint = "Restore it from a copy, or remove it and make the changes again with `handrail policy`."
        raise ConfigError(
            f"The changes made while running cannot be read: {problem}.", file=file, hint=hint
        ) from problem
    return changes


def in_force(changes: Iterable[LiveChange], now: float) -> tuple[LiveChange, ...]:
    """Those of ``changes`` that count at ``now`` (seconds since the epoch): neither over nor withdrawn."""
    running = [change for change in changes if change.until is None or change.until > now]
    withdrawn = {change.of for change in running if change.what == "withdraw"}
    return tuple(one for one in running if one.id not in withdrawn and one.what != "withdraw")
