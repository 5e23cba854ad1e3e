"""A recorded decision as the question that was asked: so that it can be explained, or decided, again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from handrail.audit import policies
from handrail.audit.index import Index
from handrail.audit.reader import Payloads
from handrail.audit.schema import statement
from handrail.config import Settings
from handrail.errors import JournalCorrupt, JournalError
from handrail.policy.decision import Action, PolicyRequest
from handrail.policy.facts import COUNTS, facts_of
from handrail.tracing.identity import Principal

_BY_A_POLICY = ("policy", "schema", "validator")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One decision of a policy, from its record."""

    request: PolicyRequest
    settings: Settings
    """What the policy in force was made of."""
    verdict: str
    """As recorded: ``allow``, ``deny`` or ``would_deny``, or what a validator said of a call that was allowed."""
    rule: str | None


def recorded_call(index: Index, data: Path, step: str) -> RecordedCall:
    """The decision on ``step``, written as its id or as ``RUN/STEP``. ``data`` is the folder with the journal.

    Raises JournalError where there is none, or where its arguments or the text of its policy were not kept.
    """
    row = _row(index, step)
    if row["decided_by"] not in _BY_A_POLICY:
        raise JournalError(f"No policy decided on step {step}: {row['reason'] or row['decided_by']}.")
    settings = policies.load(data, str(row["policy"]))
    return RecordedCall(_request(row, data, step), settings, str(row["verdict"]), cast("str | None", row["rule"]))


def _row(index: Index, step: str) -> dict[str, object]:
    run, slash, name = step.rpartition("/")
    rows = index.query(statement("recorded_calls", "by_step"), {"run": run if slash else None, "step": name})
    if not rows:
        raise JournalError(f"No decision on a step {step} is recorded. The explorer shows the ids of steps.")
    if len(rows) > 1:
        runs = ", ".join(f"{row['run']}/{row['step']}" for row in rows[:5])
        raise JournalError(f"Several runs have a step {step}. Write one of: {runs}.")
    return rows[0]


def _request(row: Mapping[str, object], data: Path, step: str) -> PolicyRequest:
    if row["facts"] is None or row["chain"] is None:
        raise JournalError(f"The record of step {step} is of a release that did not keep the facts of a decision.")
    chain = tuple(map(str, json.loads(str(row["chain"]))))
    kept: Mapping[str, Any] = json.loads(str(row["facts"]))
    action = cast("Action", row["action"] or "call")
    tenant, session, channel = (str(row[name] or "") for name in ("tenant", "session", "channel"))
    principal = Principal(tenant, chain[0].removeprefix("user:"), session, channel, chain[1:])
    counts: Mapping[str, int | None] = kept.get("run") or {}
    moment = {"now": kept["now"], "run": {name: counts.get(name) or 0 for name in COUNTS}}
    facts = facts_of(principal, action, _args(row, data, step), moment)
    scopes: list[list[str]] = json.loads(str(row["scopes"])) if row["scopes"] is not None else []
    return PolicyRequest(tenant, chain, str(row["name"]), action, facts, tuple(map(tuple, scopes)))


def _args(row: Mapping[str, object], data: Path, step: str) -> Mapping[str, Any]:
    ref = json.loads(str(row["args"])) if row["args"] is not None else None
    if ref is not None and ref.get("r"):
        raise JournalError(f"The arguments of step {step} were redacted before they were kept: decide on others.")
    try:
        with Payloads(data) as payloads:
            body = payloads.get(ref) if ref is not None else None
    except JournalCorrupt:
        body = None
    if body is None:
        raise JournalError(f"The arguments of step {step} were not kept, were erased, or are damaged.")
    found = json.loads(body)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
