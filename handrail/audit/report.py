"""What a report says: activity, decisions and denials of a window of time, read from a private copy of the index.

How it looks as HTML, CSV, JSON or Parquet is in report_formats.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from handrail.audit.schema import statement

Row = Mapping[str, object]
"""One line of a table: column name -> value."""


class Queries(Protocol):
    """Where the figures come from: the index, or a private copy of it."""

    def query(self, sql: str, params: Mapping[str, object] = {}) -> list[dict[str, object]]:
        """The rows of a static statement, with ``params`` bound by name."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """What a report is about."""

    since: datetime
    """First moment, timezone-aware."""
    until: datetime
    """First moment that no longer counts, timezone-aware."""
    tenant: str | None = None
    user: str | None = None
    agent: str | None = None

    def params(self) -> dict[str, object]:
        """The window as parameters of the statements; moments as naive UTC, as the index keeps them."""
        return {
            "since": self.since.astimezone(UTC).replace(tzinfo=None),
            "until": self.until.astimezone(UTC).replace(tzinfo=None),
            "tenant": self.tenant,
            "user": self.user,
            "agent": self.agent,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All that an auditor reads, as plain tables."""

    window: Window
    generated_at: datetime
    """When the figures were read, UTC."""
    journal: Row
    """writers, writers_alive, records, records_dropped of the whole journal."""
    problems: tuple[Row, ...]
    """Damaged or refused parts of the journal: file, byte_offset, problem."""
    versions: tuple[Row, ...]
    """Digests of policy, config and validators under which the window's runs stood: what, digest."""
    activity: Row
    """runs, steps, model_calls, tool_calls, denied, would_deny, errors, input_tokens, output_tokens."""
    outcomes: tuple[Row, ...]
    """How the runs ended: outcome, runs."""
    verdicts: tuple[Row, ...]
    """Decisions: verdict, decided_by, calls."""
    denials: tuple[Row, ...]
    """Every call that was, or in observe mode would have been, stopped; newest first."""
    agents: tuple[Row, ...]
    tools: tuple[Row, ...]
    users: tuple[Row, ...]
    reliability: tuple[Row, ...]
    """Success of steps: rows of the view of that name, by dimension."""
    reliability_of_runs: tuple[Row, ...]
    """Success of logical runs, likewise."""
    reliability_lengths: tuple[Row, ...]
    """Success of runs by length, beside what the steps' success rate compounds to."""


def gather(queries: Queries, window: Window) -> Report:
    """Read a report's figures. Raises IndexFailure when the index cannot be read."""
    params = window.params()

    def rows(name: str) -> tuple[Row, ...]:
        sql = statement("report", name)
        return tuple(queries.query(sql, {name: value for name, value in params.items() if f"${name}" in sql}))

    return Report(
        window=window,
        generated_at=datetime.now(UTC),
        journal=rows("journal")[0],
        problems=rows("problems"),
        versions=rows("versions"),
        activity=rows("activity")[0],
        outcomes=rows("outcomes"),
        verdicts=rows("verdicts"),
        denials=rows("denials"),
        agents=rows("by_agent"),
        tools=rows("by_tool"),
        users=rows("by_user"),
        reliability=rows("reliability"),
        reliability_of_runs=rows("reliability_of_runs"),
        reliability_lengths=rows("reliability_lengths"),
    )
