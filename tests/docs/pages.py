"""The documentation's pages and the code blocks in them. Nothing is run here.

What the word after the fence means, on every page:

    python              run in order, all blocks of a page in one namespace; a `text` block right after it is its output
    python title="F"    the file F, for the commands and imports that follow (also toml, ini, csv, json)
    toml                a piece of handrail.toml: it loads by itself
    console             `$ command` and what it prints, `...` standing for anything; `$ echo $?` shows its exit code
    sh                  not run: installs, servers and programs of the reader; options of `handrail` are checked
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
GENERATED = (
    "docs/reference/handrail-toml.md",
    "docs/reference/command-line.md",
    "docs/reference/views.md",
    "docs/reference/validators.md",
)
"""Pages made from the code; other tests hold them against it."""
RUNNABLE = frozenset({"python", "console", "toml", "sh"})
_FENCE = re.compile(r"^```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    kind: str
    """First word after the fence."""
    title: str
    """Name of the file that the block is; empty when it is none."""
    text: str
    line: int
    """Line of the page (1-based) on which the text begins."""
    next_line: int
    """Line of the page after the closing fence."""


def pages() -> list[Path]:
    """Every page that people read, relative to the repository."""
    top = [REPO / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")]
    return [page.relative_to(REPO) for page in (*top, *sorted((REPO / "docs").rglob("*.md")))]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page. Raises ValueError for a fence that is not understood or never closed."""
    lines = text.splitlines()
    start: int | None = None
    for number, line in enumerate(lines, 1):
        if start is None and line.startswith("```"):
            if _FENCE.match(line) is None:
                raise ValueError(f"line {number}: a fence needs a kind, and at most a title: {line}")
            start = number
        elif start is not None and line == "```":
            found = _FENCE.match(lines[start - 1])
            assert found is not None
            body = "\n".join(lines[start : number - 1]) + "\n"
            yield Block(found["kind"], found["title"] or "", body, start + 1, number + 1)
            start = None
    if start is not None:
        raise ValueError(f"line {start}: the fence is never closed")


def runnable() -> list[str]:
    """Pages with something to run or check, as POSIX paths."""
    found = [page for page in pages() if page.as_posix() not in GENERATED]
    return [
        page.as_posix()
        for page in found
        if any(block.kind in RUNNABLE for block in blocks((REPO / page).read_text("utf-8")))
    ]
