"""Somebody's own SQL over the documented views: one SELECT, on a private copy, in a process of its own.

DuckDB's limit of memory does not hold for everything that one expression can do, and some expressions cannot be
interrupted. So the query runs in a child that the system limits, and that is killed when its time is over.
What the child allows: query_child.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any, cast

from handrail.audit.index import Index
from handrail.errors import IndexFailure

MAX_SQL = 100_000
"""Most characters of a query."""
_START_SECONDS = 20.0
"""Time for the child to start, on top of the time for the query."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take."""

    rows: int = 1_000
    """Most rows of the answer; that there were more is said."""
    seconds: float = 30.0
    """Most time, wall clock."""
    memory_bytes: int = 1 << 30
    """Most memory for tables, joins and sorts."""
    answer_bytes: int = 64 << 20
    """Most bytes of the answer, as JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query. Moments and other values that JSON lacks are text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool
    """Whether there were more rows than the limit."""


def ask(index: Index, sql: str, limits: Limits | None = None) -> Answer:
    """Answer one SELECT over the documented views. Reads a copy of the index as it is now.

    Raises IndexFailure where the query is not allowed, is wrong, or takes more than ``limits``.
    """
    limits = limits or Limits()
    if len(sql) > MAX_SQL:
        raise IndexFailure(f"The query has {len(sql):,} characters; {MAX_SQL:,} are allowed.")
    with index.copy() as path:
        told = _in_a_child({"path": str(path), "sql": sql, **asdict(limits)}, limits)
    if "problem" in told:
        raise IndexFailure(str(told["problem"]))
    return Answer(tuple(told["columns"]), tuple(map(tuple, told["rows"])), bool(told["more"]))


def _in_a_child(request: dict[str, object], limits: Limits) -> dict[str, Any]:
    # -P: nothing in the working directory is imported
    command = [sys.executable, "-P", "-m", "handrail.audit.query_child"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        out, _ = child.communicate(json.dumps(request).encode(), timeout=limits.seconds + _START_SECONDS)
    except subprocess.TimeoutExpired:
        raise IndexFailure(_too_long(limits.seconds)) from None
    finally:
        child.kill()
        child.wait()
    try:
        return cast("dict[str, Any]", json.loads(out))
    except ValueError:
        raise IndexFailure(
            f"The query ended DuckDB (exit code {child.returncode}): it needs more than the "
            f"{limits.memory_bytes >> 20:,} MiB that it may have, or more time. Ask for less."
        ) from None


def _too_long(seconds: float) -> str:
    return f"The query took more than {seconds:g} seconds. Ask for less, or give it more time."
