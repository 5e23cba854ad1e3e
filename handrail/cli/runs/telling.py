"""How the commands of ``handrail runs`` say things: states, moments, columns, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from handrail.cli.traces.columns import cells, filled


def state(row: Mapping[str, Any]) -> str:
    """What became of a logical run, in a word or two."""
    if row["finished"] or row["outcome"] == "running":
        word = "finished" if row["finished"] else "running"
    elif row["open_questions"]:
        word = "waits"
    elif row["mode"] != "enforce":
        word = f"{row['outcome']}, observed"
    else:
        word = {"lost": "died", "error": "failed"}.get(row["outcome"], str(row["outcome"]))
    return f"{word}, erased" if row["forgotten"] else word


def moment(at: object) -> str:
    """A moment to the second; a dash where there is none."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if isinstance(at, datetime) else "-"


def aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lines of columns that are as wide as they must be, two blanks between them."""
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(filled(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def plain(row: Mapping[str, Any]) -> dict[str, object]:
    """A row of a view as JSON types."""
    return {name: f"{value.isoformat()}Z" if isinstance(value, datetime) else value for name, value in row.items()}


def json_or_text(written: str) -> object:
    """What an option means: JSON where it is some, else the text itself."""
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written
