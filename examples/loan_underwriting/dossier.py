"""The dossier of one decision, from the journal alone: nothing in it comes from the memory of the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handrail.audit.index import Index
from handrail.audit.traces import Contents

Row = dict[str, Any]

UNFINISHED = """
    SELECT session, arg_max(run, started_at) AS run FROM runs GROUP BY session HAVING arg_max(outcome, started_at) <> 'ok'
    ORDER BY max(started_at) DESC LIMIT 1
"""
RUNS = """
    SELECT run, started_at, ended_at, outcome, tenant, "user", channel, policy, validators, config FROM runs
    WHERE session = $case ORDER BY started_at
"""
CALLS = """
    SELECT run, step, started_at, agent, chain, name, effect, verdict, decided_by, rule, outcome, ran, findings,
           args, result
    FROM decisions WHERE session = $case AND NOT starts_with(name, 'ask_') ORDER BY started_at, n
"""
APPROVALS = """
    SELECT noted_at, event, tool, decision, a."user", a.channel, waited_ms FROM approvals a JOIN runs USING (run)
    WHERE session = $case ORDER BY noted_at
"""
ANSWERS = """
    SELECT asked.args, said.decision FROM approvals said JOIN runs ON runs.run = said.run
    JOIN approvals asked ON asked.event = 'asked' AND asked.id = said.id AND asked.n = said.n
    WHERE said.event = 'answered' AND session = $case ORDER BY said.noted_at
"""
DATA = ("read_documents", "pull_credit", "check_fraud")


def unfinished(data: Path) -> tuple[str, str]:
    """The newest case whose last run did not come to its end, and that run. Raises SystemExit where there is none."""
    rows = index_of(data).query(UNFINISHED)
    if not rows:
        raise SystemExit("No application was left unfinished.")
    return str(rows[0]["session"]), str(rows[0]["run"])


def answers(data: Path, case: str) -> list[Row]:
    """What a person has decided in ``case``: the arguments of the call, and the decision."""
    rows = index_of(data).query(ANSWERS, {"case": case})
    with Contents(data) as contents:
        return [{"args": contents.get(row["args"]).value, "decision": row["decision"]} for row in rows]


def dossier(data: Path, case: str) -> Row:
    """Everything that is recorded of ``case``, as JSON."""
    index = index_of(data)
    runs = index.query(RUNS, {"case": case})
    with Contents(data) as contents:
        calls = [_call(row, contents) for row in index.query(CALLS, {"case": case})]
    done = [call for call in calls if call["ran"] and call["outcome"] == "ok"]
    booked = [call for call in done if call["tool"] == "book_decision"]
    return {
        "case": case,
        "applicant": case.partition("-")[0],
        "decision": booked[-1]["arguments"] if booked else None,
        "booked_as": booked[-1]["result"] if booked else None,
        "on_behalf_of": f"{runs[0]['tenant']}/{runs[0]['user']}",
        "data_used": {call["tool"]: call["result"] for call in done if call["tool"] in DATA},
        "steps": calls,
        "human": [_plain(row) for row in index.query(APPROVALS, {"case": case})],
        "runs": [_plain(row) for row in runs],
    }


def text(found: Row) -> str:
    """The dossier for people."""
    return "\n".join(_lines(found))


def _lines(found: Row) -> Iterator[str]:
    decision = found["decision"] or {"decision": "none yet", "amount": 0, "reasons": []}
    yield f"DOSSIER {found['case']}: {found['applicant']}, {decision['amount']:,.2f} USD"
    yield f"Decision: {decision['decision']}, booked as {found['booked_as']}, on behalf of {found['on_behalf_of']}"
    yield f"Principal reasons: {', '.join(decision['reasons']) or 'none needed'}"
    yield "Data used"
    yield from (f"  {tool}: {json.dumps(result)}" for tool, result in found["data_used"].items())
    yield "Steps"
    yield from (_step(call) for call in found["steps"])
    yield "A person"
    yield from (f"  {_answer(row)}" for row in found["human"] or [{"event": "was not asked"}])
    yield "Runs"
    yield from (f"  {row['started_at']}  {row['outcome']}, policy {row['policy'][:12]}" for row in found["runs"])


def _step(call: Row) -> str:
    why = ", ".join([call["rule"] or call["decided_by"], *call["findings"]])
    return f"  {call['at']}  {call['tool']:16} by {call['agent']:9} {call['verdict']} ({why}): {call['outcome']}"


def _answer(row: Row) -> str:
    if row["event"] != "answered":
        return f"{row['event']}" + (f" about {row['tool']}" if "tool" in row else "")
    return f"{row['decision']} of {row['tool']} by {row['user']} at the {row['channel']}"


def _call(row: Row, contents: Contents) -> Row:
    result = contents.get(row["result"]).value
    content = result.get("content") if isinstance(result, dict) else result
    return {
        "at": str(row["started_at"]),
        "run": row["run"],
        "tool": row["name"],
        "effect": row["effect"],
        "agent": row["agent"],
        "chain": json.loads(row["chain"]),
        "verdict": row["verdict"],
        "decided_by": row["decided_by"],
        "rule": row["rule"],
        "findings": [finding["code"] for finding in json.loads(row["findings"] or "[]")],
        "ran": row["ran"],
        "outcome": row["outcome"],
        "arguments": contents.get(row["args"]).value,
        "result": _read(content),
    }


def _read(content: object) -> object:
    try:
        return json.loads(str(content))
    except ValueError:
        return content


def _plain(row: dict[str, object]) -> Row:
    kept = (str, int, float, type(None))
    return {name: value if isinstance(value, kept) else str(value) for name, value in row.items()}


def index_of(data: Path) -> Index:
    """The index over the journal in ``data``, as of now."""
    index = Index(data)
    index.refresh(block=True)
    return index
