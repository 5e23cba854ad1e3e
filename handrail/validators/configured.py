"""The validators that handrail.toml asks for, built once and found by what they check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from handrail.config.settings import Last, Settings, Then, Unchecked, ValidateSettings
from handrail.config.tools import matches
from handrail.errors import ConfigError
from handrail.validators.combining import both
from handrail.validators.context import On
from handrail.validators.expression import parse
from handrail.validators.protocol import Check
from handrail.validators.running import Named
from handrail.validators.schema import SchemaValidator

_DEFAULTS: tuple[On, ...] = ("arguments", "result", "documents", "answer")
"""Where the default checks look. An output that is no answer becomes arguments, or a later output."""
_OF_AGENTS = (".answer", ".output", ".input")
_MOST_KNOWN = 1_000


@dataclass(frozen=True, slots=True)
class Configured:
    """One check, and what is done about what it finds."""

    check: Named
    then: Then = "reject"
    rounds: int = 3
    last: Last = "refuse"
    unchecked: Unchecked = "reject"

    @property
    def id(self) -> str:
        """Its id."""
        return self.check.id


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one check is made: on what, under which names."""

    on: On
    names: tuple[str, ...]
    """Names, or patterns with ``*``."""
    what: Configured

    def covers(self, on: On, name: str) -> bool:
        return self.on == on and any(name == one or ("*" in one and matches(one, name)) for one in self.names)


@dataclass(frozen=True, slots=True)
class Validators:
    """Every ``[[validate]]`` of one handrail.toml, in the order in which it is written, then the default checks."""

    digest: str = ""
    """SHA-256 (hex) of what was configured; empty when nothing was."""
    places: tuple[_Place, ...] = ()
    needs_run: bool = False
    """Whether one of them looks at what the run has seen and done."""
    ons: frozenset[On] = frozenset()
    """What is checked at all."""
    _known: dict[tuple[On, str], tuple[Configured, ...]] = field(
        default_factory=dict[tuple[On, str], tuple[Configured, ...]], repr=False, compare=False
    )

    @property
    def targets(self) -> list[str]:
        """Everything that is checked, as ``on`` of a ``[[validate]]`` says it."""
        named = {f"{name}.{place.on}" for place in self.places for name in place.names}
        return sorted({one.removeprefix("*.") if one.endswith(_OF_AGENTS) else one for one in named})

    def of(self, on: On, name: str) -> tuple[Configured, ...]:
        """What checks ``on`` of the tool, retriever or agent called ``name``."""
        if on not in self.ons:
            return ()
        found = self._known.get((on, name))
        if found is None:
            if len(self._known) >= _MOST_KNOWN:  # a model can make up names without end
                self._known.clear()
            found = self._known[on, name] = tuple(place.what for place in self.places if place.covers(on, name))
        return found


def build(settings: Settings) -> Validators:
    """The validators that ``settings`` ask for. Raises ConfigError, with file and line, for one that cannot be made."""
    places = [*(_place(settings, one) for one in settings.validates), *_defaults(settings)]
    if not places:
        return Validators()
    needs_run = any(place.what.check.needs_run for place in places)
    return Validators(_digest(settings), tuple(places), needs_run, frozenset(place.on for place in places))


def _place(settings: Settings, one: ValidateSettings) -> _Place:
    try:
        check = Named(one.id, _check(one))
    except ConfigError as problem:
        where = one.place
        text = f'Validator "{one.id}": {problem.problem}' if one.check else problem.problem
        raise ConfigError(text, file=where.file, line=where.line, hint=problem.hint) from problem
    names = tuple(_members(settings.groups, one.tool or "*"))
    return _Place(one.on, names, Configured(check, one.then, one.rounds, one.last, one.unchecked))


def _check(one: ValidateSettings) -> Check:
    return SchemaValidator(one.schema, id=one.id) if one.schema is not None else both(*map(parse, one.check))


def _defaults(settings: Settings) -> Iterator[_Place]:
    if (then := settings.validators.defaults) != "off":
        what = Configured(Named("defaults", parse("default()")), then, unchecked="record")
        yield from (_Place(on, ("*",), what) for on in _DEFAULTS)


def _members(groups: Mapping[str, tuple[str, ...]], name: str) -> Iterable[str]:
    """The names and patterns that ``name`` stands for; no group includes itself: that was checked."""
    if name not in groups:
        return (name,)
    return [inner for member in groups[name] for inner in _members(groups, member)]


def _digest(settings: Settings) -> str:
    facts = [
        [one.id, one.on, one.tool, one.schema, one.check, one.then, one.rounds, one.last, one.unchecked]
        for one in settings.validates
    ]
    return hashlib.sha256(json.dumps([facts, settings.validators.defaults], sort_keys=True).encode()).hexdigest()
