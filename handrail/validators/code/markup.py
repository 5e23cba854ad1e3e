"""Whether JSON, TOML and XML are well-formed. Nothing is built from them: no entity, no value that anybody uses."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from xml.parsers import expat

from handrail.config.regex import Regex, compiled
from handrail.validators.code.source_text import CodeCheck
from handrail.validators.context import Context
from handrail.validators.findings import Finding

MAX_KEY_PARTS = 32
"""Parts of one dotted TOML key: reading one takes time in the square of them."""


@dataclass(frozen=True)
class Json(CodeCheck):
    """Whether a text is JSON (RFC 8259), each name of an object once, no NaN. For repairs there is ``strict_json``.

    Findings: ``json.syntax``, ``json.duplicate``, ``json.constant`` (NaN, Infinity), ``json.depth``.
    """

    source: ClassVar[str] = "RFC 8259"
    name: ClassVar[str] = "json"
    language: ClassVar[str] = "JSON"
    max_chars: ClassVar[int] = 50_000

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        said: list[Finding] = []

        def pairs(found: list[tuple[str, object]]) -> None:
            if len(dict(found)) < len(found):
                name = Counter(key for key, _ in found).most_common(1)[0][0]
                said.append(Finding("json.duplicate", f"The name {name[:100]!r} stands twice in one object."))

        def constant(word: str) -> None:
            said.append(Finding("json.constant", f"{word} is no JSON; write null or a number."))

        try:
            json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_int=len, parse_float=len)
        except json.JSONDecodeError as error:
            yield self.broken(text, error.msg, error.lineno, error.colno)
        yield from said


@dataclass(frozen=True)
class Toml(CodeCheck):
    """Whether a text is TOML 1.0, as Python's ``tomllib`` reads it.

    Findings: ``toml.syntax`` (a key that stands twice is one), ``toml.depth`` (more than 32 parts in a key).
    """

    source: ClassVar[str] = "TOML 1.0.0"
    name: ClassVar[str] = "toml"
    language: ClassVar[str] = "TOML"
    max_chars: ClassVar[int] = 12_000

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        import tomllib

        try:
            if _long_key().search(text.encode()):
                yield Finding("toml.depth", f"A key has more than {MAX_KEY_PARTS} parts. Use fewer dots.")
                return
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            yield self._broken(text, str(error))
        except UnicodeEncodeError as error:
            yield self.found("syntax", _SURROGATE, text, (error.start, error.end))
        except ValueError as error:  # numbers that Python does not turn into values
            yield Finding("toml.syntax", f"A value in it cannot be read: {error!s:.200}.")

    def _broken(self, text: str, problem: str) -> Finding:
        where = _TOML_PLACE.search(problem)
        line, column = (int(where[1]), int(where[2])) if where else (text.count("\n") + 1, 1)
        return self.broken(text, problem.partition(" (at ")[0], line, column)


_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")
_SURROGATE = "It holds half of a surrogate pair, which is no character."


@cache
def _long_key() -> Regex:
    part = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
    return compiled(rf"(?:{part}[ \t]*\.[ \t]*){{{MAX_KEY_PARTS}}}")


class _Refused(Exception):
    """The XML has what is not read."""


@dataclass(frozen=True)
class Xml(CodeCheck):
    """Whether a text is well-formed XML with well-used namespaces, and without any document type or entity of its own.

    Findings: ``xml.syntax``, ``xml.doctype`` (a DOCTYPE: it can define entities, and name files and addresses).
    """

    source: ClassVar[str] = "W3C XML 1.0 and Namespaces in XML 1.0"
    name: ClassVar[str] = "xml"
    language: ClassVar[str] = "XML"
    max_chars: ClassVar[int] = 20_000

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        parser = expat.ParserCreate("utf-8", " ")
        for handler in ("StartDoctypeDeclHandler", "EntityDeclHandler", "ExternalEntityRefHandler"):
            setattr(parser, handler, _refuse)
        try:
            parser.Parse(text.encode(), True)
        except _Refused:
            span = (max(text.find("<!DOCTYPE"), 0), len(text))
            yield self.found("doctype", "It has a DOCTYPE, which is not allowed.", text, span, hint="Leave it out.")
        except expat.ExpatError as error:
            yield self.broken(text, expat.ErrorString(error.code), error.lineno, error.offset + 1)
        except UnicodeEncodeError as error:
            yield self.found("syntax", _SURROGATE, text, (error.start, error.end))


def _refuse(*_: object) -> None:
    raise _Refused
