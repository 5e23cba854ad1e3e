"""Checks whose options were written to do harm: patterns and schemas that explode. Refused when made, or bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.errors import ConfigError
from handrail.validators import Check, SchemaValidator, parse
from tests.validators.cases import Cases

_APPLICATORS = ("allOf", "anyOf", "oneOf", "dependentSchemas")
PATTERNS = (
    "(a+)+$", "(a|a)*b", "(a|aa)+$", "([a-zA-Z]+)*!", "(.*a){12}", "(?:.*){40}b", "(x+x+)+y", "a{0,1000}a{1000}",
    "(?:a?){500}a{500}", "[^!]*[^?]*[^.]*[^,]*$", "(?i)(?:ſ|K)*x", r"(\pL|\pN|\pS)+\z.", ".*.*.*.*.*.*=.*",
    r"^(?:[\w.-]+)+@(?:[\w.-]+)+\.\w+$", "(?:(?:(?:a{9}){9}){9})", "\\p{Han}{1,900}[\\p{L}\\p{M}]*x",
)  # fmt: skip


def bomb(applicator: str, levels: int = 40) -> dict[str, object]:
    """A small schema whose references double at each of ``levels``."""

    def twice(name: str) -> object:
        inner = {"$ref": f"#/$defs/{name}"}
        return {"x": inner, "y": inner, "0": inner} if applicator == "dependentSchemas" else [inner, inner]

    defs: dict[str, object] = {f"a{i}": {applicator: twice(f"a{i + 1}")} for i in range(levels)}
    return {"$defs": defs | {f"a{levels}": {"type": "object"}}, "$ref": "#/$defs/a0"}


def _doubling(keyword: str) -> dict[str, Any]:
    inner = {"$ref": "#/$defs/n"}
    return {"$defs": {"n": {keyword: inner, "allOf": [inner, inner]}}, "$ref": "#/$defs/n"}


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Schemas that double, repeat, backtrack, or compare everything with everything."""
    for applicator in _APPLICATORS:
        yield f"{applicator} bomb", bomb(applicator)
        yield f"{applicator} bomb, unevaluated", {"unevaluatedProperties": False, **bomb(applicator)}
    for keyword in ("items", "additionalProperties", "contains", "propertyNames", "not", "if"):
        yield f"{keyword} doubling", _doubling(keyword)
    yield "unique", {"uniqueItems": True}
    yield "unique, inside", {"items": {"uniqueItems": True}, "additionalProperties": {"uniqueItems": True}}
    yield "long enumeration", {"items": {"enum": [{"a": [n]} for n in range(3_000)]}}
    yield "constant", {"items": {"const": list(range(3_000))}}
    yield "many properties", {"properties": {f"k{n}": {"type": "string"} for n in range(3_000)}}
    yield "many required", {"required": [f"q{n}" for n in range(3_000)]}
    yield "many patterns", {"patternProperties": {f"^(k+)+{n}$": {"type": "string"} for n in range(60)}}
    yield "contains", {"contains": {"enum": [{"b": n} for n in range(300)]}, "minContains": 3_000}
    yield "unevaluated items", {"anyOf": [{"contains": {"minimum": n}} for n in range(60)], "unevaluatedItems": False}
    yield "multiple", {"items": {"multipleOf": 1e-300}, "multipleOf": 1e-300}
    yield "lengths", {"additionalProperties": {"maxLength": 10**400}, "items": {"minimum": 10**400}}
    yield "every format", {"anyOf": [{"format": name} for name in FORMATS]}
    for name in FORMATS:
        yield f"format {name}", {"format": name}
    for number, written in enumerate(PATTERNS):
        yield f"pattern {number}", {"pattern": written, "propertyNames": {"pattern": written}}


FORMATS = (
    "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "iri-reference", "uuid", "uri-template", "json-pointer", "relative-json-pointer", "regex",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hostile:
    """Checks of one kind with options that were written to do harm."""

    name: str
    makers: Sequence[Callable[[], Check]]
    says: str
    cases: Cases = field(default_factory=lambda: Cases(""))

    def made(self) -> Iterator[Check]:
        """Those that are not refused."""
        for make in self.makers:
            try:
                yield make()
            except ConfigError:
                continue


def _schema(name: str, schema: dict[str, Any]) -> Callable[[], Check]:
    return lambda: SchemaValidator(schema, id=name)


def _text(written: str) -> Callable[[], Check]:
    return lambda: parse(written)


HOSTILE: tuple[Hostile, ...] = (
    *(Hostile(f"schema: {name}", [_schema(name, schema)], "schema") for name, schema in schemas()),
    *(
        Hostile(
            f"matches: pattern {number}", [_text(f"matches({one!r})"), _text(f"matches({one!r}, search=true)")], one
        )
        for number, one in enumerate(PATTERNS)
    ),
)
