"""Tool descriptions that are nearly JSON Schema, as JSON Schema: ``dict``, ``float``, ``list[str]``.

Many tools are described in the words of a programming language. Read as JSON Schema these say nothing, or are errors;
here they are taken at their word. What has no clear meaning is refused: a converted schema never allows more than was
written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from handrail.config.nearest import nearest
from handrail.config.schemas import schema_problem
from handrail.errors import ConfigError
from handrail.validators.findings import pointer

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("string", "str", "text"), "string"),
    **dict.fromkeys(("integer", "int", "long", "short", "bigint", "int32", "int64"), "integer"),
    **dict.fromkeys(("number", "float", "double", "numeric", "float32", "float64"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("array", "list", "tuple", "arraylist", "sequence"), "array"),
    **dict.fromkeys(("object", "dict", "map", "hashmap", "dictionary", "mapping", "record", "struct"), "object"),
    **dict.fromkeys(("null", "none", "nonetype"), "null"),
    "any": "any",
}
"""What a type is called, in small letters -> what JSON Schema calls it; ``any`` is every value."""
_INSTEAD: Mapping[str, str] = {
    "date": '{"type": "string", "format": "date"}',
    "datetime": '{"type": "string", "format": "date-time"}',
    "timestamp": '{"type": "string", "format": "date-time"}',
    "time": '{"type": "string", "format": "time"}',
    "uuid": '{"type": "string", "format": "uuid"}',
    "url": '{"type": "string", "format": "uri"}',
    "uri": '{"type": "string", "format": "uri"}',
    "email": '{"type": "string", "format": "email"}',
    "enum": '{"enum": ["a", "b"]}',
    "char": '{"type": "string", "maxLength": 1}',
    "decimal": '{"type": "number"}, or {"type": "string", "pattern": "..."}',
    "bytes": '{"type": "string", "contentEncoding": "base64"}',
    "set": '{"type": "array", "uniqueItems": true}',
}
"""What to write for a type that could be meant in several ways."""
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_ONES = (
    "items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_KEPT = (
    "$schema", "$id", "$ref", "$anchor", "$comment", "title", "description", "default", "examples", "example",
    "deprecated", "readOnly", "writeOnly", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "minContains", "maxContains", "minProperties", "maxProperties", "required", "dependentRequired", "dependencies",
    "contentEncoding", "contentMediaType", "nullable",
)  # fmt: skip
_KNOWN = frozenset({"type", "optional", *_MAPS, *_ONES, *_LISTS, *_KEPT})
_GENERIC = re.compile(r"\s*([A-Za-z]+)\s*[\[<](.*)[\]>]\s*", re.DOTALL)
_MAX_DEPTH = 50

_Schema = dict[str, Any]


def strict(raw: Mapping[str, Any], *, closed: bool = True) -> dict[str, Any]:
    """``raw``, a tool's description in nearly JSON Schema, as a JSON Schema of draft 2020-12.

    With ``closed`` an object that lists its properties has no others, unless it says so. Types of Python, Java and
    JavaScript become JSON's; ``list[int]``, ``dict[str, float]``, ``optional[str]`` and ``int | null`` are read;
    ``required: true`` of a property, and ``nullable``, are put where JSON Schema has them.

    Raises ConfigError, with the place and what to write there, for a type or a keyword that JSON Schema has not and
    that has no one meaning, and for what is no schema at all.
    """
    made = _Converter(closed).schema(raw, ())
    if problem := schema_problem(made):
        raise ConfigError(f"The description is not a usable JSON Schema: {problem}.")
    return made


class _Converter:
    def __init__(self, closed: bool) -> None:
        self._closed = closed

    def schema(self, raw: object, at: tuple[str | int, ...]) -> _Schema:
        """One schema. Raises ConfigError."""
        if not isinstance(raw, Mapping):
            raise _refused(at, f"a schema is a table, not {type(raw).__name__}", 'Write {"type": "string"}.')
        if len(at) > _MAX_DEPTH:
            raise _refused(at, f"it nests deeper than {_MAX_DEPTH} levels", "Make it flatter.")
        said = cast("Mapping[str, Any]", raw)
        for key in said:
            if key not in _KNOWN:
                hint = nearest(str(key), sorted(_KNOWN)) or "Leave it out, or say it with a keyword of JSON Schema."
                raise _refused((*at, key), f"JSON Schema has no {key!r}, so it would say nothing", hint)
        made = {
            key: self._part(key, inner, (*at, key)) for key, inner in said.items() if key not in ("type", "optional")
        }
        self._require(said, made, at)
        if "type" in said:
            made = self._typed(said["type"], made, (*at, "type"))
        if made.pop("nullable", False) is True:
            made = {"anyOf": [made, {"type": "null"}]}
        return self._close(made)

    def _part(self, key: str, inner: Any, at: tuple[str | int, ...]) -> Any:
        if key in _MAPS:
            if not isinstance(inner, Mapping):
                raise _refused(at, "it is a table of schemas by name", 'Write {"name": {"type": "string"}}.')
            named = cast("Mapping[str, object]", inner)
            return {name: self.schema(one, (*at, name)) for name, one in named.items()}
        if key in _LISTS or (key == "items" and isinstance(inner, (list, tuple))):
            if not isinstance(inner, (list, tuple)):
                raise _refused(at, "it is a list of schemas", 'Write [{"type": "string"}].')
            return [self.schema(one, (*at, index)) for index, one in enumerate(cast("list[object]", inner))]
        return self.schema(inner, at) if key in _ONES and not isinstance(inner, bool) else inner

    def _require(self, said: Mapping[str, Any], made: _Schema, at: tuple[str | int, ...]) -> None:
        """``required`` as a list of the object, also where properties say it of themselves."""
        if isinstance(made.get("required"), bool):
            del made["required"]  # it is said of this property, and the object around it has read it
        names = list[str](made.get("required") or ())
        for name, one in cast("Mapping[str, Any]", said.get("properties", {})).items():
            own = cast("Mapping[str, Any]", one)
            if own.get("optional") is True and name in names:
                raise _refused((*at, "properties", name, "optional"), "it is required, too", "Say one of the two.")
            if own.get("required") is True and name not in names:
                names.append(name)
        if names:
            made["required"] = names

    def _typed(self, written: object, made: _Schema, at: tuple[str | int, ...]) -> _Schema:
        if isinstance(written, (list, tuple)):
            kinds = [self._kind(one, at) for one in cast("list[object]", written)]
            if not all(kind.keys() <= {"type"} for kind in kinds):
                return {**made, "anyOf": kinds} if "anyOf" not in made else {**made, "allOf": [{"anyOf": kinds}]}
            return made if {} in kinds else {**made, "type": [kind["type"] for kind in kinds]}
        kind = self._kind(written, at)
        for key in kind.keys() & made.keys():
            raise _refused(at, f"{written!r} says {key!r} a second time", "Say it once.")
        both = {**kind, **made}
        if isinstance(both.get("items"), list):  # a tuple: so many items, each with its own schema
            first = cast("list[object]", both.pop("items"))
            both = {**both, "prefixItems": first, "items": False, "minItems": len(first)}
        return both

    def _kind(self, written: object, at: tuple[str | int, ...]) -> _Schema:
        """What a name of a type stands for; nothing for ``any``."""
        if not isinstance(written, str):
            raise _refused(at, f"a type is a name, not {written!r:.50}", 'Write "string".')
        if "|" in written and (parts := _split(written, "|")) != [written.strip()]:
            return {"anyOf": [self._kind(part, at) for part in parts]}
        name = written.strip().lower()
        if name in _NAMES:
            return {} if _NAMES[name] == "any" else {"type": _NAMES[name]}
        if found := _GENERIC.fullmatch(written):
            return self._generic(found[1].lower(), _split(found[2], ","), written, at)
        hint = f"Write {_INSTEAD[name]}." if name in _INSTEAD else nearest(name, sorted(_NAMES))
        known = "Types are string, number, integer, boolean, array, object and null."
        raise _refused(at, f"JSON has no type {written!r:.50}", hint or known)

    def _generic(self, name: str, inner: list[str], written: str, at: tuple[str | int, ...]) -> _Schema:
        makers: Mapping[tuple[str, int], Callable[[], _Schema]] = {
            ("list", 1): lambda: {"type": "array", "items": self._kind(inner[0], at)},
            ("map", 2): lambda: {"type": "object", "additionalProperties": self._kind(inner[1], at)},
            ("optional", 1): lambda: {"anyOf": [self._kind(inner[0], at), {"type": "null"}]},
        }
        kind = {"array": "list", "arraylist": "list", "sequence": "list", "dict": "map", "hashmap": "map"}.get(
            name, name
        )
        maker = makers.get((kind, len(inner)))
        if name == "union":
            return {"anyOf": [self._kind(one, at) for one in inner]}
        if maker is None or (kind == "map" and self._kind(inner[0], at) != {"type": "string"}):
            known = "Read are list[...], dict[str, ...], optional[...] and union[..., ...]."
            raise _refused(at, f"JSON has no type {written!r:.50}", known)
        return maker()

    def _close(self, made: _Schema) -> _Schema:
        open_ended = "additionalProperties" not in made and "patternProperties" not in made
        if self._closed and made.get("type") == "object" and "properties" in made and open_ended:
            # Properties that another part of the schema names would be shut out.
            return (
                made
                if made.keys() & {"allOf", "anyOf", "oneOf", "$ref", "if"}
                else {**made, "additionalProperties": False}
            )
        return made


def _split(text: str, sign: str) -> list[str]:
    """The parts of a type between ``sign``, those in brackets left whole."""
    parts, depth = [""], 0
    for one in text:
        depth += {"[": 1, "<": 1, "]": -1, ">": -1}.get(one, 0)
        if one == sign and depth == 0:
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts]


def _refused(at: tuple[str | int, ...], problem: str, hint: str) -> ConfigError:
    return ConfigError(f"The description cannot be made a JSON Schema: at {pointer(*at) or '/'} {problem}.", hint=hint)
