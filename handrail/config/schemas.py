"""Whether something is a JSON Schema that can be checked against, without a network. Imports jsonschema lazily."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from referencing import Registry, Resource

MAX_DEPTH = 100
"""Levels of nesting that a schema may have."""
MAX_PARTS = 20_000
"""Values inside a schema, all levels together: one that has more takes seconds to read."""
MAX_PATTERNS = 300
"""Regular expressions in one schema."""
MAX_PROGRAMS = 200_000
"""Size of all its regular expressions together, in RE2's instructions: about half a second to compile."""
_MAX_CHOICES = 100
_SHOWN = 200


def schema_problem(schema: object) -> str | None:
    """What keeps ``schema`` from being used, as a sentence without a full stop; None when it is a good JSON Schema.

    A ``$ref`` must lead into the schema itself or to a JSON Schema dialect: nothing is ever fetched.
    """
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping):
        return "a JSON Schema is an object"
    known = cast("Mapping[str, Any]", schema)
    if large := too_large(known):
        return large
    try:
        json.dumps(known, allow_nan=False)
        # Without its formats: a pattern is compiled below, and by RE2. Choices are cut, because some drafts want them
        # to be unique, and jsonschema compares each with each.
        checker: Any = validator_class(known)
        checker.check_schema(_cut(known), format_checker=None)
        return next(_dead_references(known), None) or next(_bad_patterns(known), None)
    except SchemaError as problem:
        return f"{problem.json_path}: {problem.message}"[:500]
    except RecursionError:
        return "it nests too deeply"
    except (TypeError, ValueError) as problem:
        return f"it holds what JSON cannot ({problem})"


def validator_class(schema: Mapping[str, Any]) -> Any:
    """The jsonschema validator class for the dialect in ``$schema``; 2020-12 where none or an unknown one is named."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    dialect = schema.get("$schema")
    # A tool's own schema often says draft-07; what is no string is refused by check_schema.
    return validator_for(schema, default=Draft202012Validator) if isinstance(dialect, str) else Draft202012Validator


def offline_registry() -> Registry[Any]:
    """The references that resolve: the JSON Schema dialects, and nothing that must be fetched."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    return cast("Registry[Any]", REGISTRY)


def too_large(schema: object) -> str | None:
    """What keeps ``schema`` from being read at all, as a phrase: it nests too deeply, or there is too much of it."""
    level: list[object] = [schema]
    parts = 0
    for _ in range(MAX_DEPTH + 1):
        level = list(islice(chain.from_iterable(map(children, level)), MAX_PARTS + 1))
        parts += len(level)
        if parts > MAX_PARTS:
            return f"it has more than {MAX_PARTS} parts"
        if not level:
            return None
    return f"it nests deeper than {MAX_DEPTH} levels"


def _cut(node: object) -> Any:
    """A copy of a schema with at most 100 of the choices of an ``enum``."""
    if isinstance(node, Mapping):
        known = cast("Mapping[str, object]", node)
        return {key: _cut(_few(inner) if key == "enum" else inner) for key, inner in known.items()}
    return [_cut(inner) for inner in cast("list[object]", node)] if isinstance(node, list) else node


def _few(choices: object) -> object:
    return cast("list[object]", choices)[:_MAX_CHOICES] if isinstance(choices, list) else choices


def children(node: object) -> list[object]:
    """The values directly inside a mapping or list; nothing for any other value."""
    if isinstance(node, Mapping):
        return list(cast("Mapping[object, object]", node).values())
    return cast("list[object]", node) if isinstance(node, list) else []


def _bad_patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with patterns: one that cannot run in linear time could hold the process."""
    from handrail.config import ecma
    from handrail.config.regex import BadPattern

    size = 0
    for count, written in enumerate(patterns(schema)):
        try:
            known = ecma.pattern(written)
        except BadPattern as problem:
            yield f"its pattern {written[:_SHOWN]!r} cannot be run in linear time: {problem}"
            continue
        size += sum(one.size for one in (*known.wanted, *known.unwanted))
        if count >= MAX_PATTERNS or size > MAX_PROGRAMS:
            yield f"it has more than {MAX_PATTERNS} patterns, or ones that are too large together"
            return


def patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    """Every regular expression in a schema, as written."""
    for contents in _subschemas(schema):
        alone = [contents["pattern"]] if isinstance(contents.get("pattern"), str) else []
        yield from (*alone, *contents.get("patternProperties", ()))


def _subschemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    todo = [_resource(schema)]
    while todo:
        resource = todo.pop()
        contents = cast("Mapping[str, Any] | bool", resource.contents)
        if isinstance(contents, Mapping):
            yield contents
            todo.extend(resource.subresources())


def _dead_references(schema: Mapping[str, Any]) -> Iterator[str]:
    root = _resource(schema)
    yield from _dead_in(root, offline_registry().resolver_with_root(root))


def _resource(schema: Mapping[str, Any]) -> Resource[Any]:
    from referencing.jsonschema import DRAFT202012, specification_with

    dialect = validator_class(schema).META_SCHEMA.get("$schema")
    return specification_with(dialect, default=DRAFT202012).create_resource(schema)


def _dead_in(resource: Resource[Any], resolver: Any) -> Iterator[str]:
    from referencing.exceptions import Unresolvable

    contents = cast("Mapping[str, Any] | bool", resource.contents)
    if not isinstance(contents, Mapping):
        return  # true and false; and draft 3 has types by name where others have schemas
    for keyword in ("$ref", "$dynamicRef"):
        reference = contents.get(keyword)
        if not isinstance(reference, str):
            continue
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError):
            yield f'its {keyword} "{reference}" leads nowhere (nothing is fetched from elsewhere)'
    for inner in resource.subresources():
        if isinstance(inner.contents, Mapping):
            yield from _dead_in(inner, resolver.in_subresource(inner))
