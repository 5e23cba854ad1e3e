"""One handrail.toml as text: read, parsed, checked against the shipped JSON Schema, with lines for complaints."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from handrail.config.lines import Lines
from handrail.config.settings import Place
from handrail.errors import ConfigError, PolicyError

_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
Grammar = Literal["config", "tests"]
"""Which file: handrail.toml, or the handrail.test.toml beside it."""

_SCHEMAS: dict[Grammar, str] = {"config": "handrail.schema.json", "tests": "handrail.test.schema.json"}
_POLICY_TABLES = frozenset({"users", "roles", "groups", "rule", "delegate", "casbin", "expect"})


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed handrail.toml that has the right structure."""

    file: Path
    content: bytes
    """The file's bytes, as they were when it was parsed."""
    values: dict[str, Any]
    lines: Lines

    def place(self, *path: str | int) -> Place:
        """Where ``path`` stands."""
        return Place(self.file, self.lines.of(*path))

    def error(self, problem: str, *path: str | int, hint: str | None = None) -> ConfigError:
        """The error to raise for what stands at ``path``: a PolicyError inside users, roles, groups and rules."""
        kind = PolicyError if path and path[0] in _POLICY_TABLES else ConfigError
        return kind(problem, file=self.file, line=self.lines.of(*path) or 1, hint=hint)


def json_schema_text(of: Grammar = "config") -> str:
    """The JSON Schema of handrail.toml, or of its tests, as it is shipped."""
    return files("handrail.config").joinpath(_SCHEMAS[of]).read_text(encoding="utf-8")


@cache
def json_schema(of: Grammar = "config") -> dict[str, Any]:
    """The JSON Schema of handrail.toml, or of its tests. Shared: do not change it."""
    return cast("dict[str, Any]", json.loads(json_schema_text(of)))


def parse(file: Path, content: bytes, of: Grammar = "config") -> Document:
    """Parse and check what was read from ``file``. Raises ConfigError with file and line."""
    text = _decoded(content, file)
    document = Document(file, content, *_parsed(text, file))
    _check_structure(document, of)
    return document


def _decoded(content: bytes, file: Path) -> str:
    try:
        # Some editors put a byte order mark in front, which TOML does not know.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise ConfigError("The file is not UTF-8.", file=file, line=line, hint="Save it as UTF-8.") from problem


def _parsed(text: str, file: Path) -> tuple[dict[str, Any], Lines]:
    try:
        return tomllib.loads(text), Lines(text)
    except RecursionError as problem:
        raise ConfigError("The file nests values too deeply.", file=file, line=1) from problem
    except ValueError as problem:
        # A TOMLDecodeError, or the plain ValueError of an integer with thousands of digits.
        found = _AT_LINE.search(str(problem))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1 if found else None
        sentence = _AT_LINE.sub("", str(problem))
        raise ConfigError(f"Not valid TOML: {sentence}.", file=file, line=line) from problem


def _check_structure(document: Document, of: Grammar) -> None:
    from handrail.config.complaints import complaint

    if found := complaint(document.values, json_schema(of), document.lines):
        raise document.error(found.problem, *found.path, hint=found.hint)
