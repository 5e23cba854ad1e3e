"""Whether something is a JSON Schema that can be checked against, without a network. Imports jsonschema lazily."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from referencing import Registry, Resource

MAX_DEPTH = 100
"""Levels of nesting that a schema, or a value to check, may have."""


def schema_problem(schema: object) -> str | None:
    """What keeps ``schema`` from being used, as a sentence without a full stop; None when it is a good JSON Schema.

    A ``$ref`` must lead into the schema itself or to a JSON Schema dialect: nothing is ever fetched.
    """
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping):
        return "a JSON Schema is an object"
    known = cast("Mapping[str, Any]", schema)
    if too_deep(known):
        return f"it nests deeper than {MAX_DEPTH} levels"
    try:
        json.dumps(known, allow_nan=False)
        validator_class(known).check_schema(known)
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


def too_deep(value: object, *, limit: int = MAX_DEPTH) -> bool:
    """Whether ``value`` nests mappings and lists deeper than ``limit``."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True


def children(node: object) -> list[object]:
    """The values directly inside a mapping or list; nothing for any other value."""
    if isinstance(node, Mapping):
        return list(cast("Mapping[object, object]", node).values())
    return cast("list[object]", node) if isinstance(node, list) else []


def _bad_patterns(schema: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with patterns: one that cannot run in linear time could hold the process."""
    from handrail.config import ecma
    from handrail.config.regex import BadPattern

    named = [contents for contents in _subschemas(schema) if contents.get("patternProperties")]
    if named and any("unevaluatedProperties" in contents for contents in _subschemas(schema)):
        yield "unevaluatedProperties and patternProperties in one schema cannot be bounded"
    for contents in _subschemas(schema):
        alone = [contents["pattern"]] if isinstance(contents.get("pattern"), str) else []
        for written in (*alone, *contents.get("patternProperties", ())):
            try:
                ecma.pattern(written)
            except BadPattern as problem:
                yield f"its pattern {written!r} cannot be run in linear time: {problem}"


def _subschemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    todo = [_resource(schema)]
    while todo:
        resource = todo.pop()
        contents = cast("Mapping[str, Any] | bool", resource.contents)
        if not isinstance(contents, bool):
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
    for keyword in ("$ref", "$dynamicRef"):
        reference = None if isinstance(contents, bool) else contents.get(keyword)
        if not isinstance(reference, str):
            continue
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError):
            yield f'its {keyword} "{reference}" leads nowhere (nothing is fetched from elsewhere)'
    for inner in resource.subresources():
        yield from _dead_in(inner, resolver.in_subresource(inner))
