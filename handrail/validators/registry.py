"""Every validator by name: those of this package, and those that others register as ``handrail.validators``.

The names of a room stand in the table ``VALIDATORS`` of its ``__init__``; a module is loaded when a name of it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from handrail.config.nearest import nearest
from handrail.errors import ConfigError

ROOMS = ("structure", "code", "grounding", "data", "safety", "conduct")
"""Packages of this one: what holds the validators of one kind."""
GROUP = "handrail.validators"
"""Entry points of other packages: name -> a validator's class, or a function that makes one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One known name."""

    name: str
    home: str
    """``MODULE:NAME`` of what makes the validator."""
    room: str
    """Which room of this package; empty for somebody else's."""
    package: str = ""
    """Distribution that registered it; empty for this one."""

    def load(self) -> Callable[..., Any]:
        """What makes the validator. Raises ConfigError where its module cannot be loaded."""
        module, _, name = self.home.partition(":")
        try:
            found: Callable[..., Any] = getattr(import_module(module), name)
        except Exception as error:
            whose = f"of the package {self.package} " if self.package else ""
            problem = f'The validator "{self.name}" {whose}cannot be loaded: {type(error).__name__}: {error}'
            raise ConfigError(problem, hint="Install what it needs, or leave it out.") from error
        return found


def known() -> Mapping[str, Entry]:
    """Every name. Where somebody else's name is one of ours, ours stays; write ``PACKAGE.NAME`` for theirs."""
    return {**_others(), **_ours()}


def find(name: str) -> Entry:
    """The entry of ``name``; raises ConfigError, with the nearest name, where there is none."""
    found = _ours().get(name) or _others().get(name)
    if found is None:
        hint = nearest(name, list(known())) or "`handrail validate --list` prints every name."
        raise ConfigError(f'No validator is called "{name}".', hint=hint)
    return found


@cache
def _ours() -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for room in ROOMS:
        package = f"{__package__}.{room}"
        for name, home in import_module(package).VALIDATORS.items():
            found[name] = Entry(name, f"{package}.{home}", room)
    return found


def _others() -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for point in entry_points(group=GROUP):
        entry = Entry(point.name, point.value, "", _package(point))
        found[point.name] = found[f"{entry.package}.{point.name}"] = entry
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""
