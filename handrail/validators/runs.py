"""What validators ask of a run: which calls it made, how they ended, and what cannot be known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from handrail.errors import ConfigError
from handrail.validators.context import Call, Context, Run
from handrail.validators.findings import Finding
from handrail.validators.paths import Path, compiled
from handrail.validators.protocol import Check

MAX_CALLS = 2_000
"""Calls of a run that a check looks at, the newest."""
MAX_SOURCES = 500
"""Texts of a run that a check reads, the newest."""
MAX_SOURCE_CHARS = 150_000
"""Characters of them, all together."""
_SCALARS = (str, int, float, bool, type(None))


def unknown(what: str) -> Finding:
    """The finding that ``what`` cannot be said of a run of which only a part is known."""
    return Finding("unchecked.run", f"Only a part of this run is known, so it cannot be checked {what}.")


def calls_of(run: Run) -> tuple[Sequence[Call], bool]:
    """The calls of a run, oldest first, and whether these are all that it made."""
    if len(run.calls) > MAX_CALLS:
        return run.calls[-MAX_CALLS:], False
    return run.calls, run.complete


def proposed(context: Context) -> str:
    """The tool whose call is checked before it is made; empty where something else is checked."""
    return context.tool if context.on == "arguments" else ""


def same(one: object, other: object) -> bool:
    """Whether two plain values (text, number, true, false, null) are equal; true is not 1. Anything else is not."""
    if type(one) not in _SCALARS or type(other) not in _SCALARS:
        return False
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def plain_path(written: str) -> Path:
    """Read a path that leads to one place. Raises ConfigError for any other."""
    path = compiled(written)
    if None in path.steps:
        raise ConfigError(f"The path {written!r} leads to several places.", hint="Here it must lead to one: no [*].")
    return path


def at(path: Path, value: object) -> tuple[object, ...]:
    """What stands at a path that leads to one place: one value or none."""
    return tuple(found for _, found in path.places(value))


@dataclass(frozen=True, slots=True)
class Success:
    """When a call counts as one that succeeded: it ended ``ok``, and its result says so."""

    says: tuple[tuple[Path, object], ...] = ()

    @classmethod
    def of(cls, result: object) -> Success:
        """Read an option such as ``{"$.verified": true}``. Raises ConfigError."""
        if not isinstance(result, Mapping):
            raise ConfigError(f"`result` is {result!r:.50}.", hint='Write it like {"$.verified": true}.')
        return cls(
            tuple((plain_path(str(at)), wanted) for at, wanted in cast("Mapping[object, object]", result).items())
        )

    def __call__(self, call: Call) -> bool:
        """Whether it succeeded."""
        return call.outcome == "ok" and all(
            any(same(found, wanted) for found in at(path, call.result)) for path, wanted in self.says
        )


@dataclass(frozen=True)
class RunCheck(Check):
    """A check of what the run did."""

    @property
    def needs_run(self) -> bool:
        """It looks at the run."""
        return True


def names(option: str, given: object, *, least: int = 1) -> None:
    """Raise ConfigError unless ``given`` is a list of at least ``least`` names."""
    if not isinstance(given, tuple) or not all(isinstance(one, str) and one for one in cast("tuple[object]", given)):
        raise ConfigError(
            f"`{option}` is {given!r:.50}, which is no list of names.", hint=f'Write {option}=["a", "b"].'
        )
    if len(cast("tuple[object]", given)) < least:
        raise ConfigError(f"`{option}` needs at least {least} of them.")
