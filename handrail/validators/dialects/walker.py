"""Goes through a value beside its schema, as jsonschema's validators do, and counts the work.

A walker stands in for a jsonschema validator: jsonschema's keyword functions are called with it and come back to
``descend``, ``evolve`` and ``is_valid``, so that nothing happens that is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonschema import ValidationError
from jsonschema.validators import validator_for
from referencing.jsonschema import DRAFT202012, lookup_recursive_ref, specification_with

from handrail.config.ecma import Pattern
from handrail.validators.dialects.short import size_of
from handrail.validators.plain_schema import Plain

MAX_WORK = 9_000
"""Work that one check may take: a unit is about a microsecond."""
_DESCEND, _KEYWORD, _ERROR, _LOOKUP = 5, 2, 6, 12

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class Spent(Exception):
    """A check took more work than it may."""


@dataclass(slots=True)
class Work:
    """What one check may still do."""

    left: int = MAX_WORK

    def spend(self, units: int) -> None:
        """Raises Spent where nothing is left."""
        self.left -= units
        if self.left < 0:
            raise Spent


@dataclass(frozen=True, eq=False)
class Dialect:
    """One draft of JSON Schema."""

    stock: Any
    """jsonschema's validator class."""
    id: str = field(init=False)
    """Its ``$schema``."""
    keywords: Mapping[str, Keyword] = field(init=False)
    specification: Any = field(init=False)
    applicable: Callable[[Any], Iterable[tuple[str, Any]]] = field(init=False)
    """(keyword, its value) of a schema: beside a ``$ref`` the older drafts see nothing."""

    def __post_init__(self) -> None:
        """Look up what belongs to it."""
        from handrail.validators.dialects.keywords import bounded

        name = str(self.stock.ID_OF(self.stock.META_SCHEMA))
        object.__setattr__(self, "id", name)
        object.__setattr__(self, "keywords", {**self.stock.VALIDATORS, **bounded(name, self.stock.VALIDATORS)})
        object.__setattr__(self, "specification", specification_with(name, default=DRAFT202012))
        object.__setattr__(self, "applicable", self.stock._APPLICABLE_VALIDATORS)


@cache
def dialect(stock: Any) -> Dialect:
    """The dialect that jsonschema's class ``stock`` evaluates."""
    return Dialect(stock)


class Walker:
    """One schema at one place. Looks like a validator of jsonschema to its keyword functions."""

    __slots__ = ("_resolver", "dialect", "quick", "schema", "settings", "work")

    def __init__(
        self, dialect: Dialect, schema: Any, resolver: Any, work: Work, quick: Mapping[int, Plain], settings: Settings
    ) -> None:
        self.dialect, self.schema, self._resolver = dialect, schema, resolver
        self.work, self.quick, self.settings = work, quick, settings

    def is_type(self, instance: object, type: str) -> bool:
        """Whether ``instance`` is of the JSON type; raises jsonschema's UndefinedTypeCheck."""
        found: bool = self.dialect.stock.TYPE_CHECKER.is_type(instance, type)
        return found

    def evolve(self, *, schema: Any, _resolver: Any = None) -> Walker:
        """A walker for another schema, in its own dialect where it names one."""
        own: bool = self.is_type(schema, "object") and "$schema" in schema
        which = dialect(validator_for(schema, default=self.dialect.stock)) if own else self.dialect
        return Walker(which, schema, _resolver or self._resolver, self.work, self.quick, self.settings)

    def is_valid(self, instance: object) -> bool:
        """Whether nothing is wrong."""
        return next(self.iter_errors(instance), None) is None

    def iter_errors(self, instance: object) -> Iterator[ValidationError]:
        """What is wrong with ``instance``."""
        return self._errors(instance, self.dialect)

    def descend(
        self, instance: Any, schema: Any, path: Any = None, schema_path: Any = None, resolver: Any = None
    ) -> Iterator[ValidationError]:
        """What is wrong with ``instance``, a part of the value, by ``schema``, a part of the schema."""
        if resolver is None:
            resolver = self.entered(schema)
        for error in self.evolve(schema=schema, _resolver=resolver)._errors(instance, self.dialect):
            if path is not None:
                error.path.appendleft(path)
            yield error

    def entered(self, schema: Any) -> Any:
        """The resolver inside ``schema``, whose ``$id`` references may be relative to."""
        if not isinstance(schema, dict) or not ("$id" in schema or "id" in schema):
            return self._resolver
        self.work.spend(_LOOKUP)
        return self._resolver.in_subresource(self.dialect.specification.create_resource(schema))

    def found(self, reference: str) -> Any:
        """Where ``reference`` leads: ``contents`` and ``resolver``."""
        self.work.spend(_LOOKUP + len(reference) // 16 + 4 * len(self._resolver._previous))
        return self._resolver.lookup(reference)

    def recursed(self) -> Any:
        """Where ``$recursiveRef`` of 2019-09 leads: ``contents`` and ``resolver``."""
        self.work.spend(20 * (1 + len(self._resolver._previous)))
        return lookup_recursive_ref(self._resolver)

    def _validate_reference(self, ref: str, instance: object) -> Iterator[ValidationError]:
        found = self.found(ref)
        return self.descend(instance, found.contents, resolver=found.resolver)

    def _errors(self, instance: Any, outer: Dialect) -> Iterator[ValidationError]:
        self.work.spend(_DESCEND)
        schema = self.schema
        if schema is True or self._accepted(instance):
            return
        if schema is False:
            self.work.spend(_ERROR)
            yield ValidationError(f"False schema does not allow {instance!r}", instance=instance)
            return
        self.work.spend(len(schema) // 8)
        for name, value in outer.applicable(schema):
            keyword = self.dialect.keywords.get(name)
            if keyword is None:
                continue
            self.work.spend(_KEYWORD + size_of(value) // 16)
            for error in keyword(self, value, instance, schema) or ():
                self.work.spend(_ERROR)
                _say(error, name, instance)
                yield error

    def _accepted(self, instance: object) -> bool:
        plain = self.quick.get(id(self.schema))
        if plain is None or type(instance) in plain.types:
            return plain is not None
        if plain.look is None:
            return False
        # What it looks at is paid for: four of its units are one of ours.
        left = [4 * self.work.left]
        accepted = plain.look(instance, left)
        self.work.spend(self.work.left - max(left[0], 0) // 4)
        return accepted


def _say(error: Any, keyword: str, instance: object) -> None:
    """Which keyword found it, unless that is said already."""
    error._set(validator=keyword, instance=instance)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a whole check."""

    formats: bool = True
    """Whether ``format`` is checked."""
    patterns: Mapping[str, Pattern] = field(default_factory=dict[str, "Pattern"])
    """Those of the schema, compiled."""
