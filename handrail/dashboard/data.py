"""What the pages ask of the index and the journal: static queries, remembered until something new was folded."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from handrail.audit import reader
from handrail.audit.index import Index
from handrail.dashboard import plain
from handrail.errors import JournalError

Row = Mapping[str, Any]

PAGE_RUNS = 200
"""Runs on one page of the table."""
PAGE_STEPS = 200
"""Steps on one page of the waterfall."""
PERIODS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""Periods to choose from, by their name in the URL."""
_POLL_S = 0.25
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs to show. None means all."""

    tenant: str | None = None
    user: str | None = None
    agent: str | None = None
    outcome: str | None = None
    denials: bool = False
    """Only runs in which a call was, or would have been, denied or rejected."""
    period: str | None = None
    """A key of :data:`PERIODS`: runs that started at most so long ago."""
    text: str | None = None
    """Part of a name, id, rule or reason, whatever its case."""

    def parameters(self, now: datetime) -> tuple[object, ...]:
        """The parameters of ``_CHOSEN``. ``now`` is cut to whole minutes, so that equal questions stay equal."""
        ago = PERIODS.get(self.period or "")
        since = (now.replace(second=0, microsecond=0, tzinfo=None) - ago) if ago else None
        return (self.tenant, self.user, self.agent, self.outcome, self.denials, since, self.text)


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload as the journal has it now."""

    value: Any = None
    """The decoded JSON value; None where ``missing`` is set."""
    missing: str = ""
    """A sentence that says why there is nothing to show; empty when there is."""


_CHOSEN = """
WITH f AS (
    SELECT ?::VARCHAR AS tenant, ?::VARCHAR AS who, ?::VARCHAR AS agent, ?::VARCHAR AS outcome,
           ?::BOOLEAN AS denials, ?::TIMESTAMP AS since, lower(?::VARCHAR) AS text
), hits AS (
    SELECT DISTINCT s.run FROM steps s, f
    WHERE f.text IS NOT NULL AND contains(lower(concat_ws(' ', s.name, s.rule, s.reason)), f.text)
), chosen AS (
    SELECT r.* FROM runs r, f
    WHERE (f.tenant IS NULL OR r.tenant = f.tenant) AND (f.who IS NULL OR r."user" = f.who)
      AND (f.agent IS NULL OR r.agent = f.agent) AND (f.outcome IS NULL OR r.outcome = f.outcome)
      AND (NOT f.denials OR r.denied + r.would_deny > 0) AND (f.since IS NULL OR r.started_at >= f.since)
      AND (f.text IS NULL OR r.run IN (SELECT run FROM hits)
           OR contains(lower(concat_ws(' ', r.run, r.trace, r.agent, r.tenant, r."user", r.session, r.model)),
                       f.text))
)
"""
_SUMMARY = """
SELECT count(*) AS runs, count(*) FILTER (outcome = 'running') AS running, coalesce(sum(denied), 0)::BIGINT AS denied,
       coalesce(sum(would_deny), 0)::BIGINT AS would_deny,
       coalesce(sum(input_tokens + output_tokens), 0)::BIGINT AS tokens, min(started_at) AS first,
       max(started_at) AS last
FROM chosen
"""
_PAGE = """
SELECT run, started_at, tenant, "user", source, agent, outcome, steps, denied, would_deny,
       input_tokens + output_tokens AS tokens, duration_ms
FROM chosen ORDER BY started_at DESC, run LIMIT ? OFFSET ?
"""
_OVER_TIME = """
SELECT time_bucket(to_seconds(?::BIGINT), started_at) AS bucket, outcome, count(*) AS runs
FROM chosen GROUP BY ALL ORDER BY ALL
"""
_VERDICTS = """
SELECT d.verdict, count(*) AS calls FROM decisions d WHERE d.run IN (SELECT run FROM chosen)
GROUP BY d.verdict ORDER BY calls DESC
"""
_DENIED_TOOLS = """
SELECT d.name, d.verdict, count(*) AS calls FROM decisions d
WHERE d.run IN (SELECT run FROM chosen) AND d.verdict <> 'allow'
GROUP BY ALL ORDER BY calls DESC, d.name LIMIT 40
"""
_FINDINGS = """
SELECT validator, action, count(*) AS checks FROM (
    SELECT validator, action FROM validations WHERE run IN (SELECT run FROM chosen) AND action IS NOT NULL
    UNION ALL
    SELECT 'arguments', CASE verdict WHEN 'reject' THEN 'rejected' ELSE 'would_be_rejected' END FROM decisions
    WHERE run IN (SELECT run FROM chosen) AND decided_by = 'schema'
) GROUP BY ALL ORDER BY checks DESC, validator, action LIMIT 100
"""
_SPAN = "SELECT body FROM observed WHERE run = ? AND contains(body, ?)"
_RUNS_PAGE, _RUNS_SUMMARY, _RUNS_OVER_TIME = _CHOSEN + _PAGE, _CHOSEN + _SUMMARY, _CHOSEN + _OVER_TIME
_RUNS_VERDICTS, _RUNS_DENIED_TOOLS, _RUNS_FINDINGS = _CHOSEN + _VERDICTS, _CHOSEN + _DENIED_TOOLS, _CHOSEN + _FINDINGS

_SIGNATURE = """
SELECT (SELECT sum(records) FROM parts) AS records, (SELECT count(*) FROM problems) AS problems,
       (SELECT count(*) FROM writers) AS writers, (SELECT count(*) FROM writers WHERE alive) AS alive
"""
_CHOICES = """
SELECT list_sort(list(DISTINCT tenant))[:500] AS tenant, list_sort(list(DISTINCT "user"))[:500] AS user,
       list_sort(list(DISTINCT agent))[:500] AS agent
FROM runs
"""
_PROBLEMS = "SELECT file, byte_offset, problem FROM problems ORDER BY file, byte_offset LIMIT 20"
_LATEST = """SELECT run FROM runs
ORDER BY epoch_us(started_at) > epoch_us(now()) + 86400000000, started_at DESC, run LIMIT 1"""
_RUN = "SELECT * FROM runs WHERE run = ? LIMIT 1"
_CHAINS = "SELECT DISTINCT chain FROM steps WHERE run = ? AND chain IS NOT NULL LIMIT 200"
_SKELETON = "SELECT step, parent FROM steps WHERE run = ? ORDER BY started_at, n"
_WINDOW = "SELECT * FROM steps WHERE run = ? AND list_contains(?::VARCHAR[], step)"
_STEP = "SELECT * FROM steps WHERE run = ? AND step = ? LIMIT 1"
_LINKS_FROM = "SELECT type, to_run, to_step, to_trace FROM links WHERE run = ? AND step = ? ORDER BY ALL LIMIT 100"
_LINKS_TO = "SELECT type, run, step FROM links WHERE to_run = ? AND to_step = ? ORDER BY ALL LIMIT 100"
_NOTES = """
SELECT kind, at_utc, body FROM notes WHERE run = ? AND step = ? AND kind <> 'tools' ORDER BY at_utc, w, n LIMIT 100
"""
_OFFERED = "SELECT tools FROM tools_offered WHERE run = ? AND step = ? LIMIT 1"
_PARTS = """
SELECT run, outcome, started_at FROM runs
WHERE logical = (SELECT logical FROM runs WHERE run = ? LIMIT 1) ORDER BY started_at, run LIMIT 50
"""
_RELIABILITY = "SELECT * FROM reliability_in(?::TIMESTAMP, NULL, ?::VARCHAR, NULL, ?::VARCHAR) ORDER BY ALL LIMIT 500"
_RELIABILITY_OF_RUNS = """
SELECT * FROM reliability_of_runs_in(?::TIMESTAMP, NULL, ?::VARCHAR, NULL, ?::VARCHAR) ORDER BY ALL LIMIT 500
"""
_RELIABILITY_LENGTHS = """
SELECT * FROM reliability_lengths_in(?::TIMESTAMP, NULL, ?::VARCHAR, NULL, ?::VARCHAR) ORDER BY length
"""
_MESSAGES = "SELECT step, messages FROM steps WHERE run = ? AND step = ? LIMIT 1"

_BUCKETS_S = (1, 5, 15, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000)


class Source:
    """One data folder, shared by every visitor of the explorer. Safe to use from several threads."""

    def __init__(self, data: Path, *, index: Path | None = None) -> None:
        """``data`` holds the journal; the index lies in ``index``, or where Index looks by itself."""
        self.data = data
        self._index = Index(data, folder=index)
        self._lock = threading.Lock()
        self._polled = 0.0
        self._signature: tuple[object, ...] = ()
        self._remembered: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    def poll(self) -> None:
        """Fold what is new, at most twice a second however many pages ask. Raises IndexFailure, JournalError."""
        with self._lock:
            if time.monotonic() - self._polled < _POLL_S:
                return
            self._index.refresh()
            signature = tuple(self._index.query(_SIGNATURE)[0].values())
            if signature != self._signature:
                self._remembered.clear()
            self._signature, self._polled = signature, time.monotonic()

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """The rows of one of this module's queries. An unchanged index answers a repeated question from memory."""
        return self._known(sql, parameters, parameters)

    def query(self, sql: str, params: Mapping[str, object] | Sequence[object] = ()) -> list[dict[str, Any]]:
        """As `rows`, for statements with named parameters: what `handrail.audit.lives` asks."""
        return self._known(sql, params, tuple(sorted(params.items())) if isinstance(params, Mapping) else tuple(params))

    def _known(self, sql: str, params: Any, named: tuple[object, ...]) -> list[dict[str, Any]]:
        key = (self._signature, sql, *named)
        known = self._remembered.get(key)
        if known is None:
            known = self._index.query(sql, params)
            with self._lock:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = known
        return known

    def payload(self, ref: object) -> Payload:
        """What ``ref`` (an object of the journal, or its JSON) refers to, or a sentence why it is not there."""
        found = as_object(ref)
        if not found:
            return Payload(missing="Nothing was recorded here.")
        if "f" not in found:
            return Payload(missing="Payloads were switched off: only a commitment to this content was kept.")
        try:
            content = reader.payload(self.data, found)
        except JournalError as error:
            return Payload(missing=f"This content cannot be shown. {plain.name(error, limit=300)}")
        return Payload(decoded(content)) if content is not None else Payload(missing="This content was erased.")


def decoded(value: object) -> Any:
    """JSON text or bytes decoded; anything else as it is. Text that is no JSON becomes None."""
    if not isinstance(value, (str, bytes)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def as_object(value: object) -> dict[str, Any]:
    """``value`` decoded where it is a JSON object; else an empty one."""
    found = decoded(value)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def as_array(value: object) -> list[Any]:
    """``value`` decoded where it is a JSON array; else an empty one."""
    found = decoded(value)
    return [*found] if isinstance(found, list) else []


def as_count(value: object) -> int:
    """``value`` where it is a whole number from 0 on; else 0."""
    return value if isinstance(value, int) and value >= 0 else 0


def summary(source: Source, filters: Filters) -> Row:
    """Counts over all runs that ``filters`` choose, and when the first and last of them started."""
    return source.rows(_RUNS_SUMMARY, *filters.parameters(datetime.now(UTC)))[0]


def runs(source: Source, filters: Filters, *, page: int) -> list[dict[str, Any]]:
    """One page of runs, newest first. ``page`` counts from 1."""
    offset = (page - 1) * PAGE_RUNS
    return source.rows(_RUNS_PAGE, *filters.parameters(datetime.now(UTC)), PAGE_RUNS, offset)


def bucket_seconds(first: datetime, last: datetime) -> int:
    """Width of a bar, so that about fifty of them cover ``first`` to ``last``."""
    wanted = (last - first).total_seconds() / 50
    return next((width for width in _BUCKETS_S if width >= wanted), _BUCKETS_S[-1])


def over_time(source: Source, filters: Filters, *, bucket_s: int) -> list[dict[str, Any]]:
    """Runs by time bucket and outcome: ``bucket``, ``outcome``, ``runs``."""
    return source.rows(_RUNS_OVER_TIME, *filters.parameters(datetime.now(UTC)), bucket_s)


def verdicts(source: Source, filters: Filters) -> list[dict[str, Any]]:
    """Decisions by verdict: ``verdict``, ``calls``."""
    return source.rows(_RUNS_VERDICTS, *filters.parameters(datetime.now(UTC)))


def denied_tools(source: Source, filters: Filters) -> list[dict[str, Any]]:
    """The tools that were stopped, or would have been, most often: ``name``, ``verdict``, ``calls``."""
    return source.rows(_RUNS_DENIED_TOOLS, *filters.parameters(datetime.now(UTC)))


def findings(source: Source, filters: Filters) -> list[dict[str, Any]]:
    """Validators that found something, by what was done: ``validator``, ``action``, ``checks``, at most 100.

    A tool's own schema is the validator ``arguments``.
    """
    return source.rows(_RUNS_FINDINGS, *filters.parameters(datetime.now(UTC)))


def choices(source: Source) -> Mapping[str, Sequence[str]]:
    """Values to filter by: ``tenant``, ``user``, ``agent``, at most 500 of each."""
    row = source.rows(_CHOICES)[0]
    return {name: [value for value in row[name] or () if value] for name in ("tenant", "user", "agent")}


def problems(source: Source) -> list[dict[str, Any]]:
    """Damaged or refused parts of the journal, at most 20: ``file``, ``byte_offset``, ``problem``."""
    return source.rows(_PROBLEMS)


def latest_run(source: Source) -> str | None:
    """Id of the run that started last, or None for an empty journal."""
    found = source.rows(_LATEST)
    return str(found[0]["run"]) if found else None


def run(source: Source, run_id: str) -> Row | None:
    """One run of the view ``runs``, or None."""
    found = source.rows(_RUN, run_id)
    return found[0] if found else None


def chains(source: Source, run_id: str) -> list[tuple[str, ...]]:
    """The delegation chains of a run that no longer chain of it contains, shortest first."""
    rows = (as_array(row["chain"]) for row in source.rows(_CHAINS, run_id))
    found = {tuple(str(link) for link in chain) for chain in rows if chain}
    whole = [one for one in found if not any(other != one and other[: len(one)] == one for other in found)]
    return sorted(whole, key=lambda chain: (len(chain), chain))


def skeleton(source: Source, run_id: str) -> list[tuple[str, str | None]]:
    """Step and parent of every step of a run, in the order in which they began."""
    return [(row["step"], row["parent"]) for row in source.rows(_SKELETON, run_id)]


def steps(source: Source, run_id: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The steps of a run that are named, by id."""
    return {row["step"]: row for row in source.rows(_WINDOW, run_id, tuple(ids))}


def step(source: Source, run_id: str, step_id: str) -> Row | None:
    """One step of a run, or None."""
    found = source.rows(_STEP, run_id, step_id)
    return found[0] if found else None


def links_from(source: Source, run_id: str, step_id: str) -> list[dict[str, Any]]:
    """Steps that a step points to, at most 100: ``type``, ``to_run``, ``to_step``, ``to_trace``."""
    return source.rows(_LINKS_FROM, run_id, step_id)


def links_to(source: Source, run_id: str, step_id: str) -> list[dict[str, Any]]:
    """Steps that point to a step, at most 100: ``type``, ``run``, ``step``."""
    return source.rows(_LINKS_TO, run_id, step_id)


def notes(source: Source, run_id: str, step_id: str) -> list[dict[str, Any]]:
    """What was noted about a step, oldest first, at most 100: ``kind``, ``at_utc``, ``body``."""
    return source.rows(_NOTES, run_id, step_id)


def offered(source: Source, run_id: str, step_id: str) -> list[str]:
    """The tools that a model step could choose from; empty where that was not recorded."""
    found = source.rows(_OFFERED, run_id, step_id)
    return [str(tool) for tool in found[0]["tools"] or ()] if found else []


def parts(source: Source, run_id: str) -> list[dict[str, Any]]:
    """The runs that go on with one another, this one among them, oldest first: ``run``, ``outcome``, ``started_at``."""
    return source.rows(_PARTS, run_id)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Figures of the views of these names: see docs/reference/views.md."""

    steps: Sequence[Row]
    runs: Sequence[Row]
    lengths: Sequence[Row]


def reliability(source: Source, filters: Filters) -> Reliability:
    """How often steps and runs succeed; of ``filters`` count tenant, agent and period."""
    tenant, _, agent, _, _, since, _ = filters.parameters(datetime.now(UTC))
    wanted = (_RELIABILITY, _RELIABILITY_OF_RUNS, _RELIABILITY_LENGTHS)
    steps, runs_, lengths = (source.rows(sql, since, tenant, agent) for sql in wanted)
    return Reliability(steps, runs_, lengths)


def span_of(source: Source, step: Row) -> object:
    """The reference of the whole span that an observed step was told by; None where no span tells of it."""
    for row in source.rows(_SPAN, step["run"], step["step"]):
        found = as_object(row["body"])
        if found.get("step") == step["step"]:
            return found.get("otlp")
    return None


def earlier_messages(source: Source, run_id: str, messages: Row, *, limit: int = 200) -> list[Any]:
    """References of the messages that a model was sent again, oldest first; of more than ``limit`` the last ones.

    ``messages`` is what a step added to the call of an earlier step: ``{prev, keep, add}``.
    """
    found: list[Any] = []
    seen: set[str] = set()
    prev, keep = messages.get("prev"), as_count(messages.get("keep"))
    while prev and keep > 0 and prev not in seen and len(found) < limit:
        seen.add(prev)
        rows = source.rows(_MESSAGES, run_id, prev)
        above = as_object(rows[0]["messages"]) if rows else {}
        inherited = as_count(above.get("keep"))
        found[:0] = as_array(above.get("add"))[: max(0, keep - inherited)]
        prev, keep = above.get("prev"), min(keep, inherited)
    return found[-limit:]
