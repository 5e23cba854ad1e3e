"""One run as its steps, read from the index in bounded memory: what ``handrail traces`` shows and compares."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from handrail.audit.index import Queries
from handrail.audit.reader import Payloads
from handrail.audit.schema import statement
from handrail.audit.tree import Place, in_tree_order
from handrail.errors import JournalError

Row = Mapping[str, Any]

LAST = "last"
"""Names the run that started last."""
JSON_COLUMNS = frozenset(
    {
        "chain", "findings", "args", "result", "messages", "facts", "scopes", "framework", "causes", "links", "detail",
        "ends", "calls",
    }
)  # fmt: skip
"""Columns of ``runs`` and ``steps`` that hold JSON text."""
DEEPEST = 10_000
"""Most levels of steps below one another that are followed."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which steps of a run to read."""

    limit: int = 1_000
    """Most steps; of more, those that began first."""
    depth: int | None = None
    """Most levels below the outermost step; None for all."""
    top: str | None = None
    """Only this step and those below it; None for the whole run."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A run with the steps of it that were asked for."""

    run: Row
    """The run's row of the view ``runs``."""
    steps: Mapping[str, Row]
    """Rows of the view ``steps``, by id."""
    places: tuple[Place, ...]
    """The same steps in tree order."""
    total: int
    """Steps that the run has in all, its outermost among them."""
    below: Mapping[str, int]
    """Step -> steps directly below it in the journal; those without any are left out."""
    shown_below: Mapping[str, int]
    """Step -> steps directly below it that were read."""
    notes: Mapping[str, Sequence[Row]]
    """Step -> what was noted about it: rows with ``kind`` and ``body``, at most 5,000 of all steps."""

    @property
    def elided(self) -> int:
        """Steps that were not read."""
        return self.total - len(self.places)


@dataclass(frozen=True, slots=True)
class Content:
    """One payload as the journal has it now."""

    value: Any = None
    """The decoded JSON value; None where ``missing`` is set."""
    missing: str = ""
    """Why there is nothing to show; empty when there is."""


def find_run(index: Queries, named: str) -> str:
    """The id of the run that ``named`` means: an id, the beginning of only one, or ``last``.

    Raises JournalError where it means no run or several.
    """
    if named == LAST:
        rows = index.query(statement("traces", "newest"))
    else:
        rows = index.query(statement("traces", "beginning_with"), {"begin": named.lower()})
    found = [str(row["run"]) for row in rows]
    if not found:
        raise JournalError("No run is recorded yet." if named == LAST else f"No run's id begins with {named}.")
    if len(found) > 1 and named.lower() not in found:
        more = " ..." if len(found) > 5 else ""
        raise JournalError(f"Several runs begin with {named}: {', '.join(found[:5])}{more}. Write more of the id.")
    return named.lower() if named.lower() in found else found[0]


def load(index: Queries, run: str, part: Part | None = None) -> Trace:
    """Read ``part`` (by default the first thousand steps) of the run with the id ``run``. Raises JournalError."""
    part = part or Part()
    facts = index.query(statement("traces", "run"), {"run": run})
    if not facts:
        raise JournalError(f"No run {run} is recorded.")
    rows = _steps(index, run, part)
    if part.top is not None and not rows:
        raise JournalError(f"Run {run} has no step {part.top}.")
    steps = {str(row["step"]): row for row in rows}
    places = in_tree_order([(str(row["step"]), cast("str | None", row["parent"])) for row in rows])
    total = cast("int", index.query(statement("traces", "count"), {"run": run})[0]["steps"])
    below = index.query(statement("traces", "below"), {"run": run, "steps": list(steps)})
    counted = {str(row["parent"]): cast("int", row["steps"]) for row in below}
    shown_below = Counter(str(row["parent"]) for row in rows)
    notes: dict[str, list[Row]] = {}
    for note in index.query(statement("traces", "notes"), {"run": run, "steps": list(steps)}):
        notes.setdefault(str(note["step"]), []).append(note)
    return Trace(facts[0], steps, tuple(places), total, counted, shown_below, notes)


def _steps(index: Queries, run: str, part: Part) -> list[dict[str, object]]:
    if part.depth is None and part.top is None:
        return index.query(statement("traces", "first"), {"run": run, "most": part.limit})
    depth = DEEPEST if part.depth is None else part.depth
    params = {"run": run, "most": part.limit, "depth": depth, "top": part.top}
    return index.query(statement("traces", "shallow"), params)


class Contents:
    """Reads what steps refer to: arguments, results, messages. Use it as a context."""

    def __init__(self, data: Path) -> None:
        """``data`` is the folder with the journal."""
        self._payloads = Payloads(data)

    def __enter__(self) -> Contents:
        self._payloads.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._payloads.__exit__(*raised)

    def get(self, ref: object) -> Content:
        """What ``ref``, an object of the journal or its JSON, refers to, or a sentence why it is not there."""
        found = as_object(ref)
        if not found:
            return Content(missing="not kept")
        if "f" not in found:
            return Content(missing="not kept: payloads were switched off")
        try:
            body = self._payloads.get(found)
        except JournalError as error:
            return Content(missing=f"cannot be read: {error}")
        return Content(missing="erased") if body is None else Content(decoded(body.decode()))

    def of(self, step: Row) -> Iterator[tuple[str, Content]]:
        """Name and value of everything that a row of the view ``steps`` refers to."""
        if step["args"] is not None:
            yield "arguments", self.get(step["args"])
        for ref in as_array(as_object(step["messages"]).get("add")):
            yield "message", self.get(ref)
        told = as_object(step["detail"]) | as_object(step["ends"])
        yield from ((name, self.get(value)) for name, value in told.items() if is_ref(value) and name != "result")
        if step["result"] is not None:
            yield "result", self.get(step["result"])


def chain_of(step: Row) -> tuple[str, ...]:
    """Who acts for whom in a step, outermost first; empty where the journal does not say."""
    return tuple(str(link) for link in as_array(step["chain"]))


def is_ref(value: object) -> bool:
    """Whether a field of a record refers to a payload."""
    return not isinstance(value, str) and "c" in as_object(value)


def as_object(value: object) -> dict[str, Any]:
    """``value`` decoded where it is a JSON object; else an empty one."""
    found = decoded(value)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def as_array(value: object) -> Sequence[Any]:
    """``value`` decoded where it is a JSON array; else an empty one."""
    found = decoded(value)
    return [*found] if isinstance(found, list) else []


def decoded(value: object) -> object:
    """JSON text decoded; None where it is none; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
