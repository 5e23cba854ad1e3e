"""Text of traces made safe to show: nothing in it is ever read as markdown, HTML, or direction marks."""

from __future__ import annotations

import re

from handrail.audit.safe_text import visible

MAX_NAME = 80
"""Characters shown of a name."""
MAX_BLOCK = 200_000
"""Characters shown of one payload."""


def name(value: object, *, limit: int = MAX_NAME) -> str:
    """One line of at most ``limit`` characters for a table cell or a label; empty for None."""
    text = "" if value is None else visible(str(value)[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def block(text: str) -> str:
    """Text of several lines for a code block, cut at :data:`MAX_BLOCK` characters with a sentence that says so."""
    shown = "\n".join(visible(line.expandtabs(4)) for line in text[:MAX_BLOCK].split("\n"))
    left = len(text) - MAX_BLOCK
    return shown if left <= 0 else f"{shown}\n… {left:,} more characters are in the journal."


def chip(value: object, *, limit: int = MAX_NAME) -> str:
    """``value`` as a markdown code span, in which markdown means nothing, whatever backticks it holds."""
    text = name(value, limit=limit)
    if not text.strip():
        return "–"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or text != text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def duration(milliseconds: float | None) -> str:
    """A duration for people: ``340 µs``, ``12 ms``, ``3.4 s``, ``2 min 05 s``, ``1 h 02 min``; a dash for None."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
