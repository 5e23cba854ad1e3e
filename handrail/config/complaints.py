"""What is wrong with the structure of a handrail.toml, in words for the person who wrote it. Imports jsonschema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from handrail.config.lines import Lines
from handrail.config.nearest import nearest

_Error = Any
"""A jsonschema ValidationError; its stubs leave open what it carries."""

_KINDS = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "array": "an array of strings",
    "object": "a table",
}
_ARRAYS_OF_TABLES = ("rule", "delegate", "validate", "trust", "expect")
_TABLES = ("principal", "policy", "audit", "content", "users", "roles", "groups", "tools", "casbin", "validators")
_FORMS = {
    "role": "A role's name has no `*` and no `:`.",
    "subject": 'A subject is a role, "user:NAME", "agent:NAME", "agent:*" or "*".',
    "to": 'Write "agent:NAME", "agent:*" or "user:NAME".',
    "on": 'Write "TOOL.arguments", "TOOL.result", "RETRIEVER.documents", "answer", "output" or "input".',
    "key": "A name has at least one character and no `*`.",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One structural mistake."""

    problem: str
    path: tuple[str | int, ...]
    """Where it stands in the document."""
    hint: str | None = None


def complaint(values: dict[str, Any], schema: dict[str, Any], lines: Lines) -> Complaint | None:
    """The mistake to report first: a misspelled key before what follows from it, then by line."""
    validator: Any = Draft202012Validator(schema)
    found = [_explained(error) for error in validator.iter_errors(values) if _to_the_point(error)]
    return min(found, key=lambda one: (one[0], lines.of(*one[1].path) or 0), default=(0, None))[1]


def _to_the_point(error: _Error) -> bool:
    """Whether it is more than the echo of a wrong type: `oneOf`, `anyOf` and `not` look into anything."""
    return isinstance(error.instance, dict) or error.validator not in ("oneOf", "anyOf", "not")


def _explained(error: _Error) -> tuple[int, Complaint]:
    rank = 0 if error.validator == "additionalProperties" else 1
    path: tuple[str | int, ...] = tuple(error.absolute_path)
    explain = _EXPLAIN.get(str(error.validator), _other)
    return rank, explain(error, path)


def name_of(path: Sequence[str | int]) -> str:
    """How a person calls the setting at ``path``: ``call in [[rule]] number 2``."""
    if not path:
        return "The file"
    head, rest = path[0], list(path[1:])
    if head in _TABLES and not rest:
        return f"[{head}]"
    if head in _ARRAYS_OF_TABLES and rest and isinstance(rest[0], int):
        table, keys = f"[[{head}]] number {rest[0] + 1}", rest[1:]
    elif rest and not isinstance(rest[0], int):
        table, keys = (f"[{head}.{rest[0]}]", rest[1:]) if head == "tools" else (f"[{head}]", rest)
    else:
        table, keys = "", [head, *rest]
    names = [key for key in keys if isinstance(key, str)]
    spelled = ".".join(names)
    return f"`{spelled}` in {table}" if spelled and table else f"`{spelled}`" if spelled else table


def _unknown_key(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    known: list[str] = list(error.schema["properties"])
    unknown = next(key for key in error.instance if key not in known)
    hint = nearest(unknown, known) or f"Known here: {', '.join(known)}."
    if path[:1] == ("tools",) and isinstance(error.instance[unknown], dict):
        hint = f'A tool whose name has a dot needs quotes: [tools."{path[1]}.{unknown}"].'
    where = f" in {name_of(path)}" if path else ""
    return Complaint(f'Unknown key "{unknown}"{where}.', (*path, unknown), hint)


def _missing(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    missing = next(key for key in error.validator_value if key not in error.instance)
    hint = f"Add `{missing} = 1` as the first line." if missing == "version" else None
    return Complaint(f"{name_of(path)} needs `{missing}`.", path, hint)


def _wrong_type(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    wanted: str | list[str] = error.validator_value
    kinds: list[str] = [wanted] if isinstance(wanted, str) else list(wanted)
    words = " or ".join(_KINDS[kind] for kind in kinds)
    hint = None
    if kinds == ["array"] and path[0] in _ARRAYS_OF_TABLES:
        words, hint = f"a list of tables [[{path[0]}]]", "Use two brackets."
    elif kinds == ["array"] and isinstance(error.instance, str):
        hint = f'Write ["{error.instance}"].'
    return Complaint(f"{name_of(path)}{_element(path)} must be {words}, not {_kind(error.instance)}.", path, hint)


def _element(path: tuple[str | int, ...]) -> str:
    """Which element of an array of strings is meant; a table of an array has its number in its name already."""
    last = path[-1]
    of_tables = len(path) == 2 and path[0] in _ARRAYS_OF_TABLES
    return f" (element {last + 1})" if isinstance(last, int) and not of_tables else ""


def _kind(value: object) -> str:
    names: dict[type, str] = {
        str: "a string", bool: "a boolean", int: "an integer", float: "a float", list: "an array", dict: "a table"
    }  # fmt: skip
    return names.get(type(value), "a date or time")


def _not_one_of(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    choices: list[str] = error.validator_value
    words = " or ".join(f'"{choice}"' for choice in choices)
    hint = nearest(error.instance, choices) if isinstance(error.instance, str) else None
    return Complaint(f"{name_of(path)} must be {words}, not {error.instance!r}.", path, hint)


def _version(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    text = f"version {error.instance!r} is not known to this release, which reads version {error.validator_value}."
    return Complaint(text, path, "Write `version = 1`, or upgrade handrail.")


def _not_exactly_one(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    count = {"expect": _action_count, "validate": _check_count}.get(str(path[0]), _subject_count)
    return count(error, path)


def _check_count(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    if "check" in error.instance:
        hint = "Make it two validators, or use schema(...) in `check`."
        return Complaint(f"{name_of(path)} has both `check` and `schema`.", (*path, "schema"), hint)
    return Complaint(f"{name_of(path)} checks nothing.", path, 'Add `check = "..."` or `schema = ...`.')


def _action_count(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    given = [action for action in ("call", "read", "write") if action in error.instance]
    if not given:
        hint = 'Add `call = "TOOL"`, or `read` or `write` with a name.'
        return Complaint(f"{name_of(path)} asks for nothing: no `call`, `read` or `write`.", path, hint)
    return Complaint(
        f"{name_of(path)} has both `{given[0]}` and `{given[1]}`.", (*path, given[1]), "Make it two cases."
    )


def _subject_count(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    if "allow" in error.instance:
        return Complaint(f"{name_of(path)} has both `allow` and `deny`.", (*path, "deny"), "Make it two rules.")
    hint = 'Add `allow = "ROLE"` or `deny = "ROLE"`.'
    return Complaint(f"{name_of(path)} has no subject: neither `allow` nor `deny`.", path, hint)


def _nothing_covered(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    hint = 'Add `call = "TOOL"`, or `read` or `write` with a name, a group or a pattern.'
    return Complaint(f"{name_of(path)} needs `call`, `read` or `write`.", path, hint)


def _both_policies(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    hint = "Keep one of them: Casbin files replace the rules."
    return Complaint("[casbin] and [[rule]] cannot stand together.", (*path, "casbin"), hint)


def _empty(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    return Complaint(f"{name_of(path)} must not be empty.", path)


def _malformed(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    place = list(error.absolute_schema_path)
    if "propertyNames" in place:
        hint = _FORMS["role" if path == ("roles",) else "key"]
        return Complaint(f'"{error.instance}" is not a name for {name_of(path)}.', (*path, error.instance), hint)
    key = path[-1] if isinstance(path[-1], str) else "role"
    form = "subject" if key in ("allow", "deny", "from") else str(key)
    hint = _FORMS.get(form, "A name has no `*` here.")
    return Complaint(f"{name_of(path)} cannot be {error.instance!r}.", path, hint)


def _other(error: _Error, path: tuple[str | int, ...]) -> Complaint:
    return Complaint(f"{name_of(path)}: {error.message}.", path)


_EXPLAIN: dict[str, Callable[[_Error, tuple[str | int, ...]], Complaint]] = {
    "additionalProperties": _unknown_key,
    "required": _missing,
    "type": _wrong_type,
    "enum": _not_one_of,
    "const": _version,
    "oneOf": _not_exactly_one,
    "anyOf": _nothing_covered,
    "not": _both_policies,
    "minLength": _empty,
    "minItems": _empty,
    "pattern": _malformed,
}
