"""The dossier of one decision, from the journal alone: nothing in it comes from the memory of the program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.audit.index import Index, Queries
from handrail.audit.traces import Contents

Row = dict[str, Any]

UNFINISHED = """
    SELECT session, arg_max(run, started_at) AS run FROM runs
    GROUP BY session HAVING arg_max(outcome, started_at) <> 'ok' ORDER BY max(started_at) DESC LIMIT 1
"""
ANSWERS = """
    SELECT asked.args, said.decision FROM approvals said JOIN runs ON runs.run = said.run
    JOIN approvals asked ON asked.event = 'asked' AND asked.id = said.id AND asked.n = said.n
    WHERE said.event = 'answered' AND session = $case ORDER BY said.noted_at
"""
RUNS = """
    SELECT run, started_at, ended_at, outcome, tenant, "user", channel, policy, validators, model_calls, input_tokens
    FROM runs WHERE session = $case ORDER BY started_at
"""
CALLS = """
    SELECT run, started_at, agent, chain, name AS tool, effect, verdict, decided_by, rule, policy, outcome, ran,
           findings, args, result
    FROM decisions WHERE session = $case ORDER BY started_at, n
"""
EFFECTS = """
    SELECT tool, effect, key, attempts, how, status, resolved_by, replays, orphan FROM effects
    WHERE session = $case ORDER BY started_at, key
"""
APPROVALS = """
    SELECT noted_at, event, tool, decision, a."user", a.channel FROM approvals a JOIN runs USING (run)
    WHERE session = $case ORDER BY noted_at
"""
DATA = ("read_documents", "pull_credit", "check_fraud")


def index_of(data: Path) -> Index:
    """The index over the journal in ``data``, as of now."""
    index = Index(data)
    index.refresh(block=True)
    return index


@dataclass(frozen=True, slots=True)
class Left:
    """What was left unfinished."""

    case: str = ""
    run: str = ""
    """The run that did not come to its end; empty where nothing was left."""
    said: Sequence[Row] = ()
    """What a person has decided in the case: the arguments of each call, and the decision."""


def unfinished(data: Path) -> Left:
    """The newest case whose last run did not come to its end. Raises SystemExit where there is none."""

    def look(now: Queries) -> tuple[list[Row], list[Row]]:
        rows = now.query(UNFINISHED)
        return rows, now.query(ANSWERS, {"case": rows[0]["session"]}) if rows else []

    rows, said = index_of(data).read(look)
    if not rows:
        raise SystemExit("No application was left unfinished.")
    with Contents(data) as contents:
        answers = [{"args": contents.get(row["args"]).value, "decision": row["decision"]} for row in said]
    return Left(str(rows[0]["session"]), str(rows[0]["run"]), answers)


def dossier(data: Path, case: str) -> Row:
    """Everything that is recorded of ``case``, as JSON."""
    queries = (RUNS, CALLS, EFFECTS, APPROVALS)
    runs, calls, effects, approvals = index_of(data).read(
        lambda now: [now.query(sql, {"case": case}) for sql in queries]
    )
    with Contents(data) as contents:
        steps = [_step(row, contents) for row in calls if not str(row["tool"]).startswith("ask_")]
    done = [step for step in steps if step["verdict"] == "allow" and step["outcome"] == "ok"]
    return {
        "case": case,
        "applicant": case.partition("-")[0],
        "on_behalf_of": f"{runs[0]['tenant']}/{runs[0]['user']}",
        "decision": next((step for step in reversed(done) if step["tool"] == "book_decision"), None),
        "data_used": {step["tool"]: step["result"] for step in done if step["tool"] in DATA},
        "human": [_plain(row) for row in approvals],
        "steps": steps,
        "effects": [_plain(row) for row in effects],
        "interruptions": [_interruption(run, steps) for run in runs if run["outcome"] == "lost"],
        "runs": [_plain(row) for row in runs],
    }


def _step(row: Row, contents: Contents) -> Row:
    result = contents.get(row["result"]).value
    return {
        **_plain(row),
        "chain": json.loads(row["chain"]),
        "findings": [finding["code"] for finding in json.loads(row["findings"] or "[]")],
        "args": contents.get(row["args"]).value,
        "result": _read(result["content"] if isinstance(result, dict) else result),
    }


def _interruption(run: Row, steps: Sequence[Row]) -> Row:
    """A run whose process died, and the calls of which it did not see the end."""
    lost = [step["tool"] for step in steps if (step["run"], step["outcome"]) == (run["run"], "lost")]
    return {"run": run["run"], "died_in": lost}


def _read(content: object) -> object:
    try:
        return json.loads(str(content))
    except ValueError:
        return content


def _plain(row: Row) -> Row:
    kept = (str, int, float, type(None))
    return {name: value if isinstance(value, kept) else str(value) for name, value in row.items()}


def text(found: Row) -> str:
    """The dossier for people."""
    return "\n".join([*_head(found), *_body(found)])


def _head(found: Row) -> Iterator[str]:
    yield f"DOSSIER {found['case']}"
    yield f"Applicant    {found['applicant']}, on behalf of {found['on_behalf_of']}"
    booked = found["decision"]
    if booked is None:
        yield "Decision     none was booked"
        return
    args = booked["args"]
    loan = f"{args['amount']:,.2f} USD over {args['months']} months"
    yield f"Decision     {args['decision']}: {loan}, booked as {booked['result']}"
    yield f"Reasons      {', '.join(args['reasons']) or 'none needed'}"
    yield f"Decided by   {' > '.join(booked['chain'])}"
    yield f"By rule      {booked['rule']} of policy {booked['policy'][:16]}"


def _body(found: Row) -> Iterator[str]:
    yield "A person"
    yield from (f"  {_said(row)}" for row in found["human"])
    yield "Data used"
    yield from (f"  {tool}: {json.dumps(result)}" for tool, result in found["data_used"].items())
    yield "Steps"
    yield from (_line(step) for step in found["steps"])
    yield "Done to the world"
    yield from (f"  {_effect(row)}" for row in found["effects"] if row["effect"] != "read")
    yield "Interruptions"
    yield from (f"  run {each['run']} died in {', '.join(each['died_in'])}" for each in found["interruptions"])
    yield from (
        f"  {row['tool']} was asked for again, and not done again" for row in found["effects"] if row["replays"]
    )
    yield "Runs"
    yield from (f"  {_run(row)}" for row in found["runs"])


def _effect(row: Row) -> str:
    how = (
        f", found by {row['resolved_by']}"
        if row["resolved_by"]
        else ", with the same key"
        if row["attempts"] > 1
        else ""
    )
    return f"{row['tool']:16} {row['key']}  {row['status']}, attempts: {row['attempts']}{how}"


def _run(row: Row) -> str:
    models = f"model calls: {row['model_calls']}, tokens that they read: {row['input_tokens']}"
    return f"{row['started_at'][:23]}  {row['run']} {row['outcome']}, {models}"


def _said(row: Row) -> str:
    who = f" by {row['user']} at the {row['channel']}" if row["event"] == "answered" else ""
    return " ".join([row["noted_at"][:23], "", row["event"], row["decision"] or "about", row["tool"]]) + who


def _line(step: Row) -> str:
    why = ", ".join([step["rule"] or step["decided_by"], *step["findings"]])
    again = "" if step["ran"] or step["outcome"] != "ok" else ", not made again"
    who = f"{step['started_at'][11:23]}  {step['tool']:16} {step['agent']:9}"
    return f"  {who} {step['verdict']} ({why}): {step['outcome']}{again}"
