"""Whether a text is well-formed JavaScript, as tree-sitter's grammar has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from handrail.validators.code.source_text import CodeCheck, Lines, needed
from handrail.validators.context import Context
from handrail.validators.findings import Finding


@dataclass(frozen=True)
class Javascript(CodeCheck):
    """Whether a text is JavaScript. The grammar takes JSX as well, and does not look for errors beyond it.

    Findings: ``javascript.syntax``.
    """

    source: ClassVar[str] = "ECMAScript, as tree-sitter-javascript reads it"
    extra: ClassVar[str] = "code"
    name: ClassVar[str] = "javascript"
    language: ClassVar[str] = "JavaScript"
    max_chars: ClassVar[int] = 3_000

    def __post_init__(self) -> None:
        """Raise ConfigError where the extra is missing."""
        for module in ("tree_sitter", "tree_sitter_javascript"):
            needed(module, "javascript()", "code")

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        try:
            root = import_module("tree_sitter").Parser(_grammar()).parse(text.encode()).root_node
        except UnicodeEncodeError as error:
            yield self.broken(text, "it holds half of a surrogate pair", 1, error.start + 1)
            return
        if root.has_error:
            node = _first_fault(root)
            row, column = node.start_point
            line = Lines(text.replace("\r", " "))  # tree-sitter ends lines with LF alone
            at = line.at_byte(row + 1, column)
            problem = f"{node.type} is missing" if node.is_missing else "this cannot be read"
            yield self.broken(text, problem, 1, at + 1) if row == 0 else self._at(text, problem, row, at)

    def _at(self, text: str, problem: str, row: int, at: int) -> Finding:
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        message = f"Line {row + 1}, column {column}: this is not well-formed JavaScript: {problem}."
        end = text.find("\n", at)
        return self.found("syntax", message, text, (at, len(text) if end < 0 else end))


def _first_fault(node: Any) -> Any:
    while not (node.is_error or node.is_missing):
        inner = next((one for one in node.children if one.has_error or one.is_missing), None)
        if inner is None:
            return node
        node = inner
    return node


@cache
def _grammar() -> Any:
    return import_module("tree_sitter").Language(import_module("tree_sitter_javascript").language())
