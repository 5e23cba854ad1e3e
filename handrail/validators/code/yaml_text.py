"""Whether a text is well-formed YAML, from the parser's events alone: no value is built, no alias followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, cast

from handrail.validators.code.source_text import CodeCheck, needed
from handrail.validators.context import Context
from handrail.validators.findings import Finding

MAX_DEPTH = 100
"""Levels of lists and mappings: libyaml takes time in the square of them."""
MAX_EXPANDED = 10_000
"""Values that a document stands for, with every alias counted as all that it repeats."""
_PYTHON = "tag:yaml.org,2002:python/"


@dataclass(frozen=True)
class Yaml(CodeCheck):
    """Whether a text is one well-formed YAML document. Nothing is built from it.

    Findings: ``yaml.syntax``, ``yaml.duplicate`` (a key twice), ``yaml.alias`` (of no anchor), ``yaml.expansion`` (its
    aliases stand for more than 10,000 values), ``yaml.tag`` (a tag that makes Python objects), ``yaml.documents`` (not
    exactly one), ``yaml.depth`` (more than 100 levels).
    """

    many: bool = False
    """Whether several documents, or none, may stand in it."""

    source: ClassVar[str] = "YAML 1.1, as libyaml reads it"
    extra: ClassVar[str] = "code"
    name: ClassVar[str] = "yaml"
    language: ClassVar[str] = "YAML"
    max_chars: ClassVar[int] = 10_000

    def __post_init__(self) -> None:
        """Raise ConfigError where the extra is missing."""
        needed("yaml.cyaml", "yaml()", "code")

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        yaml = import_module("yaml")
        reader = _Reader(self, text)
        try:
            for event in _events(text):
                reader.take(event)
                if reader.deep:
                    break
        except yaml.MarkedYAMLError as error:
            line, column = (error.problem_mark.line, error.problem_mark.column) if error.problem_mark else (0, 0)
            reader.said.append(self.broken(text, error.problem or "it cannot be read", line + 1, column + 1))
        except (yaml.YAMLError, UnicodeEncodeError):
            reader.said.append(self.broken(text, "it holds a character that YAML has not", 1, 1))
        else:
            if not self.many and reader.documents != 1 and not reader.deep:
                said = f"It has {reader.documents} documents, and should have one."
                reader.said.append(self.found("documents", said, text))
        yield from reader.said


def _events(text: str) -> Iterator[Any]:
    parser = import_module("yaml.cyaml").CParser(text)
    while parser.check_event():
        yield parser.get_event()


@dataclass
class _Level:
    """A list or a mapping that is being read."""

    anchor: str | None
    mapping: bool
    size: int = 1
    """Values in it so far, aliases counted as what they repeat."""
    items: int = 0
    keys: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


@dataclass
class _Reader:
    """What the events so far amount to."""

    check: Yaml
    text: str
    said: list[Finding] = field(default_factory=list[Finding])
    documents: int = 0
    deep: bool = False
    levels: list[_Level] = field(default_factory=list[_Level])
    anchors: dict[str, int] = field(default_factory=dict[str, int])
    """Anchor -> values that an alias of it stands for."""

    def take(self, event: Any) -> None:
        """Go on by one event."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self.documents += 1
            self.anchors.clear()
        elif kind == "ScalarEvent":
            self._scalar(event)
        elif kind == "AliasEvent":
            self._alias(event)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self._open(event, kind == "MappingStartEvent")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._close()

    def _scalar(self, event: Any) -> None:
        self._tag(event)
        level = self.levels[-1] if self.levels else None
        if level and level.mapping and not level.items % 2:
            key = (_kind(event), event.value)
            if key in level.keys:
                self._say("duplicate", f"The key {event.value[:100]!r} stands twice in one mapping.", event)
            level.keys.add(key)
        self._add(1, event.anchor)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self._say("alias", f"The alias *{event.anchor[:100]} has no anchor before it.", event)
        self._add(self.anchors.get(event.anchor, 1), None)

    def _open(self, event: Any, mapping: bool) -> None:
        self._tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = MAX_EXPANDED  # an alias inside of its own anchor has no end
        self.levels.append(_Level(event.anchor, mapping))
        if len(self.levels) > MAX_DEPTH:
            self.deep = True
            self._say("depth", f"It nests deeper than {MAX_DEPTH} levels. Write it flatter.", event)

    def _close(self) -> None:
        level = self.levels.pop()
        self._add(level.size, level.anchor)

    def _add(self, size: int, anchor: str | None) -> None:
        size = min(size, MAX_EXPANDED + 1)
        if anchor is not None:
            self.anchors[anchor] = size
        if not self.levels:
            if size > MAX_EXPANDED:
                said = f"Its aliases stand for more than {MAX_EXPANDED} values. Write the values out."
                self.said.append(self.check.found("expansion", said, self.text))
            return
        self.levels[-1].size += size
        self.levels[-1].items += 1

    def _tag(self, event: Any) -> None:
        if event.tag and event.tag.startswith(_PYTHON):
            self._say("tag", f"The tag {event.tag[:100]} makes Python objects, which is not allowed.", event)

    def _say(self, problem: str, message: str, event: Any) -> None:
        if len(self.said) < 20:
            span = (event.start_mark.index, event.end_mark.index)
            place = f"Line {event.start_mark.line + 1}: {message}"
            self.said.append(self.check.found(problem, place, self.text, span))


def _kind(event: Any) -> str:
    """What a scalar is resolved to: ``1`` and ``"1"`` are two keys, ``a`` and ``"a"`` are one."""
    if event.tag and event.tag != "!":
        return cast("str", event.tag)
    return cast("str", _resolver().resolve(_scalar_node(), event.value, event.implicit))


@cache
def _resolver() -> Any:
    return import_module("yaml.resolver").Resolver()


@cache
def _scalar_node() -> Any:
    return import_module("yaml.nodes").ScalarNode
