"""What the recording says should be found, what the index says was found, and where the two differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from handrail.audit.index import Index
from handrail.audit.reader import payload
from handrail.audit.report import Report, Window, gather
from handrail.audit.verify import verify
from handrail.gate import NEUTRAL
from tests.replay.player import TENANT, USER, Heard
from tests.replay.recorded import Run

TOKENS = 11, 7
"""Input and output tokens that the scripted model reports for each answer."""

RUNS = """
    SELECT session, outcome, model, model_calls, tool_calls, denied, input_tokens, output_tokens, agent
    FROM runs WHERE tenant = ? AND "user" = ?
"""
CALLS = """
    SELECT session, name AS tool, verdict, decided_by, ran, outcome, error, args, n
    FROM decisions WHERE tenant = ? AND "user" = ? ORDER BY started_at, n
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What the index holds of a replay."""

    runs: Mapping[str, Mapping[str, Any]]
    """Session -> its run."""
    calls: Mapping[str, Sequence[Mapping[str, Any]]]
    """Session -> its calls that came to be decided by us, in order."""
    stopped: Mapping[str, Sequence[str]]
    """Session -> tools that were asked for when the recording cuts the run off: these calls were never made."""
    problems: Sequence[Mapping[str, Any]]
    """Damaged parts of the journal."""
    doubled: int
    """Runs beyond the first of a session."""
    report: Report
    """What ``handrail report`` says of all of it."""
    data: Path
    """Folder of the journal."""


@dataclass(slots=True)
class Counts:
    """One way of counting a replay; two of them are equal or something is wrong."""

    runs: Counter[str] = field(default_factory=Counter)
    """Outcome -> runs."""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(tool, verdict) -> calls."""
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(tool, ``ok`` or the class of the error) -> calls that came back so."""
    totals: Counter[str] = field(default_factory=Counter)
    """Answers of the model, tokens, problems."""


def read(data: Path) -> Found:
    """Fold the journal under ``data`` and read the replay back."""
    index = Index(data)
    index.refresh(block=True)
    runs = index.query(RUNS, (TENANT, USER))
    calls: dict[str, list[Mapping[str, Any]]] = {}
    stopped: dict[str, list[str]] = {}
    for row in index.query(CALLS, (TENANT, USER)):
        if row["verdict"] == "stopped":
            stopped.setdefault(str(row["session"]), []).append(str(row["tool"]))
        else:
            calls.setdefault(str(row["session"]), []).append(row)
    by_session: dict[str, Mapping[str, Any]] = {str(row["session"]): row for row in runs}
    problems = index.query("SELECT * FROM problems")
    with index.snapshot() as copy:
        report = gather(copy, Window(datetime.fromtimestamp(0, UTC), datetime.now(UTC)))
    return Found(by_session, calls, stopped, problems, len(runs) - len(by_session), report, data)


def found(index: Found) -> Counts:
    """Count what the index holds."""
    counts = Counts()
    for run in index.runs.values():
        counts.runs[run["outcome"]] += 1
        _add(counts, run["model_calls"], run["input_tokens"], run["output_tokens"])
    for row in (row for rows in index.calls.values() for row in rows):
        counts.calls[row["tool"], row["verdict"]] += 1
        counts.results[row["tool"], row["error"] or row["outcome"]] += 1
    return counts


def expected(runs: Sequence[Run], tools: Mapping[str, list[dict[str, Any]]]) -> Counts:
    """Count the file itself, for a replay in observe mode without a policy.

    A call is ``would_reject`` when its arguments do not fit the tool's schema, else ``allow``; a run that the
    recording cut off ends in an error.
    """
    schemas = {
        (suite, tool["tool"]): Draft202012Validator(tool["schema"])
        for suite, described in tools.items()
        for tool in described
    }
    counts = Counts()
    for run in runs:
        counts.runs["error" if run.capped else "ok"] += 1
        _add(counts, len(run.answers), *(tokens * len(run.answers) for tokens in TOKENS))
        for call in run.calls:
            fits = schemas[run.suite, call.tool].is_valid(dict(call.args))
            counts.calls[call.tool, "allow" if fits else "would_reject"] += 1
            counts.results[call.tool, (call.error or "ok").partition(":")[0]] += 1
    return counts


def _add(counts: Counts, answers: int, input_tokens: int, output_tokens: int) -> None:
    counts.totals.update(answers=answers, input_tokens=input_tokens, output_tokens=output_tokens)


def observed_differences(heard: Sequence[Heard], index: Found, wanted: Counts) -> Iterator[str]:
    """Differences of a replay in observe mode from the recording; nothing may differ."""
    counted = found(index)
    for what in ("runs", "calls", "results", "totals"):
        yield from _unequal(what, getattr(wanted, what), getattr(counted, what))
    for one in heard:
        told = tuple(call.heard for call in one.run.calls)
        if one.results != told:
            yield f"{one.run.session}: the model read other results than in the recording"


def differences(heard: Sequence[Heard], index: Found) -> Iterator[str]:
    """Differences that no policy excuses: lost, doubled, crashed, undecided, or run against the verdict."""
    yield from (f"damaged journal: {problem}" for problem in (*index.problems, *verify(index.data).problems))
    yield from _report_differences(index)
    if index.doubled:
        yield f"{index.doubled} runs were recorded twice"
    for one in heard:
        yield from (f"{one.run.session}: {problem}" for problem in _run_differences(one, index))


def _report_differences(index: Found) -> Iterator[str]:
    counts = found(index)
    told = index.report.activity
    yield from _unequal(
        "report",
        Counter(runs=len(index.runs), calls=counts.calls.total(), answers=counts.totals["answers"]),
        Counter({"runs": told["runs"], "calls": told["tool_calls"], "answers": told["model_calls"]}),
    )
    stopped = Counter({key: n for key, n in counts.calls.items() if key[1] != "allow"})
    yield from _unequal("denials", stopped, Counter((row["tool"], row["verdict"]) for row in index.report.denials))


def _run_differences(one: Heard, index: Found) -> Iterator[str]:
    if one.crash:
        yield f"ended with {one.crash}"
    if one.asked != len(one.run.answers):
        yield f"the model was asked for {one.asked} answers, {len(one.run.answers)} are recorded"
    if one.run.session not in index.runs:
        yield "the run is not in the index"
        return
    rows = index.calls.get(one.run.session, ())
    if [row["tool"] for row in rows] != [call.tool for call in one.run.calls]:
        yield f"{len(rows)} calls were decided, {len(one.run.calls)} were made, or their order differs"
        return
    left = [call.tool for answer in one.run.answers for call in answer.calls][len(one.run.calls) :]
    if list(index.stopped.get(one.run.session, ())) != left:
        yield f"{left} were asked for and not made, which the index tells otherwise"
    for row, call, told in zip(rows, one.run.calls, one.results, strict=True):
        kept = payload(index.data, json.loads(row["args"]))
        if kept is None or json.loads(kept) != call.args:
            yield f"the arguments of a call of {call.tool} were not kept as they are in the recording"
        if row["ran"] != (told == call.heard) or (row["verdict"] == "deny" and told != NEUTRAL):
            yield f"{call.tool} was decided {row['verdict']}, and the model read {told[:60]!r}"


def _unequal(what: str, wanted: Counter[Any], counted: Counter[Any]) -> Iterator[str]:
    for key in sorted(wanted.keys() | counted.keys()):
        if wanted[key] != counted[key]:
            yield f"{what} {key}: {wanted[key]} wanted, {counted[key]} found"
