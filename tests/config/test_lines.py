"""The locator of TOML keys against documents whose lines are known, and against tomllib."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.config.lines import Lines, Path

TRICKY = '''\
# [not] = "a table"
title = "a # b ] } = [x]"   # "quote" in a comment
"quoted key" = 1
'literal.key' = 2
"\\u00e9\\"x" = 3
a.b."c.d".e = 4
multi = """
[fake]
key = "no" \\""" still
"""
literal = \'\'\'
[[fake]] = '' \'
\'\'\'
array = [ # comment ]
  "]", # [
  [1, 2],

  {inner = [1], "x y".z = 2},
]
when = 1979-05-27 07:32:00
after = true

[ table . "sub.table" ]
k = { p.q = "}", r = [ { s = 1 } ] }
[[rule]]
id = "one"
[rule.deep]
x = 1
[[ rule ]]

call = [
  "a",
  "b" ]
[[rule.nested]]
y = 1
[[rule.nested]]
y = 2
[late.child]
z = 1
[late]
w = 1
'''


def _all_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _all_paths(inner, (*path, key))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key",), 3),
        (("literal.key",), 4),
        (('é"x',), 5),
        (("a", "b", "c.d", "e"), 6),
        (("multi",), 7),
        (("literal",), 11),
        (("array",), 14),
        (("array", 0), 15),
        (("array", 1, 1), 16),
        (("array", 2, "inner", 0), 18),
        (("array", 2, "x y", "z"), 18),
        (("when",), 20),
        (("after",), 21),
        (("table", "sub.table"), 23),
        (("table", "sub.table", "k", "r", 0, "s"), 24),
        (("rule",), 25),
        (("rule", 0, "id"), 26),
        (("rule", 0, "deep"), 27),
        (("rule", 1), 29),
        (("rule", 1, "call"), 31),
        (("rule", 1, "call", 1), 33),
        (("rule", 1, "nested", 1), 36),
        (("rule", 1, "nested", 1, "y"), 37),
        (("late",), 40),
        (("late", "child"), 38),
    ],
)
def test_tricky_document(path: Path, line: int) -> None:
    """Strings, comments, dotted and quoted keys, inline tables and arrays of tables do not fool the locator."""
    assert Lines(TRICKY).of(*path) == line


def test_tricky_document_is_covered() -> None:
    """Every path that tomllib finds has a line of its own, and no path is invented."""
    assert set(Lines(TRICKY).paths) == set(_all_paths(tomllib.loads(TRICKY)))


def test_nearest_parent() -> None:
    """A key that is missing is located at the table that lacks it; the whole document has no line."""
    lines = Lines('a = 1\n[[rule]]\nid = "x"\n')
    assert lines.of("rule", 0, "call") == 2
    assert lines.of("nothing") is None
    assert lines.of() is None


_keys = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x2FFF), min_size=1, max_size=6)
_scalars = st.one_of(
    st.integers(-99, 99).map(str),
    st.sampled_from(["true", "1.5", "1979-05-27", "07:32:00"]),
    st.sampled_from(["'it # [\"'", '"""\n[x]\n\n= 1"""', "'''\n[[y]]'''", '""']),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(lambda text: _basic(text)),
)
_noise = st.sampled_from(["", "\n", "# [x]\n", "  \n# k = 1\n", "\t"])


def _basic(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _written_key(key: str, quoted: bool) -> str:
    bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if bare and not quoted else _basic(key)


@dataclass
class _Writer:
    """A TOML text under construction, with the line of everything in it."""

    draw: st.DrawFn
    text: str = ""
    lines: dict[Path, int] = field(default_factory=dict[Path, int])

    def mark(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def key(self, key: str) -> None:
        self.text += _written_key(key, self.draw(st.booleans()))

    def pair(self, path: Path, depth: int) -> None:
        self.mark(path)
        self.key(str(path[-1]))
        if self.draw(st.booleans()) and depth:
            dotted = (*path, self.draw(_keys))
            self.text += " . "
            self.mark(dotted)
            self.key(str(dotted[-1]))
            path = dotted
        self.text += self.draw(st.sampled_from(["=", " = ", "\t="]))
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "array", "inline"])) if depth else "scalar"
        if kind == "scalar":
            self.text += self.draw(_scalars)
        elif kind == "array":
            self.array(path, depth - 1)
        else:
            self.inline(path, depth - 1)

    def array(self, path: Path, depth: int) -> None:
        self.text += "["
        for index in range(self.draw(st.integers(0, 3))):
            noise = self.draw(_noise)
            self.text += ("," if index else "") + noise
            self.mark((*path, index))
            self.value((*path, index), depth)
        self.text += self.draw(st.sampled_from(["]", "\n]", " # ]\n]"]))

    def inline(self, path: Path, depth: int) -> None:
        self.text += "{ "
        for index, key in enumerate(self.draw(st.lists(_keys, unique=True, max_size=3))):
            self.text += ", " if index else ""
            self.pair((*path, key), depth)
        self.text += " }"

    def body(self, path: Path) -> None:
        for key in self.draw(st.lists(_keys, unique=True, max_size=3)):
            noise = self.draw(_noise)
            self.text += noise
            self.pair((*path, key), 2)
            self.text += self.draw(st.sampled_from(["\n", " # ] = \n", "\n\n"]))


def _unused(used: set[str], key: str) -> bool:
    return key not in used


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    writer = _Writer(draw)
    writer.body(())
    top = {str(path[0]) for path in writer.lines}
    for name in draw(st.lists(_keys.filter(lambda key: key not in top), unique=True, max_size=3)):
        for index in range(draw(st.integers(0, 3))):
            writer.mark((name,))
            writer.mark((name, index))
            writer.text += "[[ "
            writer.key(name)
            writer.text += " ]]\n"
            writer.body((name, index))
            used = {str(path[2]) for path in writer.lines if path[:2] == (name, index) and len(path) > 2}
            inner = draw(_keys.filter(partial(_unused, used)))
            writer.mark((name, index, inner))
            writer.text += "["
            writer.key(name)
            writer.text += "."
            writer.key(inner)
            writer.text += "] # [[x]]\n"
            writer.body((name, index, inner))
    return writer.text, writer.lines


@settings(deadline=None)
@given(_documents())
def test_generated_documents(document: tuple[str, dict[Path, int]]) -> None:
    """In any generated document every table, key and element is located on the line where it was written."""
    text, expected = document
    assert set(_all_paths(tomllib.loads(text))) == set(expected)
    assert dict(Lines(text).paths) == expected
