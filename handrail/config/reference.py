"""The reference page of handrail.toml, made from its JSON Schema and the table of environment variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from handrail.config.document import json_schema
from handrail.config.environment import SOURCES

_INTRODUCTION = """\
# handrail.toml

This page is made from the JSON Schema that Handrail ships (`handrail schema` prints it for your editor;
`handrail schema --format markdown` prints this page).

The file is checked before anything runs. A misspelled key, an unknown role or tool, a rule without a subject: each is
refused with file, line and the nearest right name.
"""
_WORDS = """\
A **subject** is a role, `user:NAME`, `agent:NAME`, `agent:*` (every agent), `user:*` (every user) or `*` (everybody).
A role is known when somebody has it in `[users]` or when it stands in `[roles]`.

A call is allowed when for every principal of the chain (the user, then each agent) an allow rule
or a delegation to it matches and no deny rule does, and when every link of the chain is covered by a delegation.
What nothing allows is denied.
"""


def render() -> str:
    """The whole page as Markdown."""
    schema = json_schema()
    tables = [(name, part) for name, part in schema["properties"].items() if _is_table(part)]
    plain = {name: part for name, part in schema["properties"].items() if not _is_table(part)}
    top = {**schema, "properties": plain}
    sections = ["## Top of the file\n\n" + _keys(top), *(_section(name, part) for name, part in tables)]
    return "\n".join([_INTRODUCTION, _environment(), "## Words\n", _WORDS, *sections])


def _is_table(part: Mapping[str, Any]) -> bool:
    return part.get("type") in ("object", "array")


def _section(name: str, part: Mapping[str, Any]) -> str:
    none: dict[str, Any] = {}
    inner: Mapping[str, Any] = part.get("items") or part.get("additionalProperties") or none
    keyed = inner if "properties" in inner else part if "properties" in part else None
    title = f"[[{name}]]" if part["type"] == "array" else f"[{name}.NAME]" if keyed is inner else f"[{name}]"
    text = f"## `{title}`\n\n{part['description']}\n"
    if keyed:
        text += "\n" + _keys(keyed)
    for example in part.get("examples", []):
        text += "\n```toml\n" + "\n".join(_example(name, example)) + "\n```\n"
    return text


def _keys(table: Mapping[str, Any]) -> str:
    required = table.get("required", [])
    rows = [_row(key, part, key in required) for key, part in table["properties"].items()]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _row(key: str, part: Mapping[str, Any], required: bool) -> str:
    default = "required" if required else f"`{json.dumps(part['default'])}`" if "default" in part else ""
    return f"| `{key}` | {_type(part)} | {default} | {part['description']} |"


def _type(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        part = json_schema()["$defs"][part["$ref"].rpartition("/")[2]]
    if "enum" in part:
        return " or ".join(f'`"{choice}"`' for choice in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    kind: str | list[str] = part["type"]
    kinds = [kind] if isinstance(kind, str) else kind
    return " or ".join({"array": "list of strings", "object": "table"}.get(one, one) for one in kinds)


def _environment() -> str:
    rows = [
        f"| {f'`{one.argument}`' if one.argument else ''} | `{one.variable}` | {f'`{one.key}`' if one.key else ''} "
        f"| {one.default} | {one.meaning} |"
        for one in SOURCES
    ]
    head = ["## Where a setting comes from", "", "Argument before environment before file before default.", ""]
    table = ["| argument | environment | key in the file | default | meaning |", "|---|---|---|---|---|", *rows]
    return "\n".join([*head, *table]) + "\n"


def _example(name: str, example: Any) -> Iterator[str]:
    """An example of the schema as TOML lines."""
    if isinstance(example, list):
        for entry in cast("list[dict[str, Any]]", example):
            yield f"[[{name}]]"
            yield from _pairs(entry)
    elif all(isinstance(value, dict) for value in example.values()):
        for inner, values in example.items():
            yield f"[{name}.{inner}]"
            yield from _pairs(values)
    else:
        yield f"[{name}]"
        yield from _pairs(example)


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    # JSON's strings, booleans and lists of strings are TOML's too.
    return (f"{key if key.isidentifier() else json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())
