"""Recorded decisions made again under another policy: the quick way finds what deciding each one again finds."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.report import Window
from handrail.audit.what_if import NO_RULE, WhatIf, what_if
from handrail.config import load
from handrail.frameworks import gates, opening
from handrail.gate import ToolCall
from handrail.policy import Policy, PolicyRequest, build
from handrail.tracing.acting import acting_for
from tests.audit.recorded import begin, end, tool
from tests.frameworks.recorded import Recorded

CANDIDATE = """
version = 1

[users]
"acme/ana" = ["support"]
"acme/bob" = ["lead"]
"other/ana" = ["support"]

[roles]
lead = ["support"]

[[rule]]
id = "reads"
allow = "support"
call = "read_*"

[[rule]]
id = "refunds"
allow = "support"
call = "refund"
when = "args.amount <= 500 && run.tool_calls < 4"
tenant = "acme"

[[rule]]
id = "lead-refunds"
allow = "lead"
call = "refund"

[[rule]]
id = "never-at-night"
deny = "*"
call = "wire"
when = "hour(env.now) < 6 || startswith(session, 'held')"

[[rule]]
id = "wires"
allow = "support"
call = "wire"

[[delegate]]
from = "support"
to = "agent:helpdesk"
call = "*"

[[delegate]]
from = "agent:helpdesk"
to = "agent:clerk"
call = ["refund", "read_*"]
"""
USERS, TOOLS = ("ana", "bob", "eve", "anonymous"), ("read_order", "refund", "wire", "drop_table")
CHAINS: tuple[list[str], ...] = (["agent:helpdesk"], ["agent:helpdesk", "agent:clerk"], ["agent:stranger"], [])
AMOUNTS: tuple[Any, ...] = (10, 499.5, 500, 501, 10**6, "500", None, True)


def _random_call(journal: Journal, run: str, number: int, user: str, chance: random.Random) -> None:
    args: dict[str, Any] = {"amount": chance.choice(AMOUNTS), "n": number} if chance.random() < 0.9 else {}
    verdict, by = chance.choice([("allow", "policy"), ("deny", "policy"), ("would_deny", "policy"), ("allow", "none"),
                                 ("reject", "schema"), ("deny", "unknown_tool"), ("deny", "error")])  # fmt: skip
    facts = {"now": 1.7e9 + chance.randrange(86_400) + 0.25, "run": {"steps": number, "model_calls": 1,
             "tool_calls": chance.randrange(8)}}  # fmt: skip
    fields: dict[str, Any] = {
        "tool": chance.choice(TOOLS), "tenant": chance.choice(("acme", "other")), "verdict": verdict, "by": by,
        "chain": [f"user:{user}", *chance.choice(CHAINS)], "rule": "old" if by == "policy" else None,
        "args": journal.put(json.dumps(args, separators=(",", ":")).encode()) if chance.random() < 0.95 else None,
    }  # fmt: skip
    if chance.random() < 0.9:
        fields["facts"] = facts
    if chance.random() < 0.2:
        fields["scopes"] = [["refund"], ["*"]]
    tool(journal, run, number, **fields)


def _random_journal(data: Path, seed: int, runs: int = 60) -> None:
    chance = random.Random(seed)
    journal = Journal(data)
    for _ in range(runs):
        user = chance.choice(USERS)
        run = begin(journal, user=user, session=chance.choice(("s1", "held")))
        for number in range(2, 2 + chance.randrange(12)):
            _random_call(journal, run, number, user, chance)
        end(journal, run)
    journal.close()


def _replayed(data: Path, policy: Policy, *, examples: int = 10**6, **only: str) -> WhatIf:
    index = Index(data)
    index.refresh(block=True)
    now = datetime.now(UTC)
    window = Window(now - timedelta(days=1), now + timedelta(days=1), only.get("tenant"), only.get("user"))
    with index.snapshot() as copy:
        return what_if(copy, data, policy, window, tool=only.get("tool"), examples=examples)


def _one_by_one(data: Path, policy: Policy) -> dict[str, tuple[str, str]]:
    """Step -> verdict and rule, for each recorded call that the policy decides otherwise; the slow, plain way."""
    recorded = Recorded(data)
    runs = {record["run"]: record for record in recorded.all("run.start")}
    found: dict[str, tuple[str, str]] = {}
    for record in recorded.all("tool.call"):
        decision = _again(recorded, runs[record["run"]], record, policy)
        was = "deny" if record["by"] == "policy" and record["verdict"] in ("deny", "would_deny") else "allow"
        if decision is not None and decision[0] != was:
            found[f"{record['run']}/{record['step']}"] = decision
    return found


def _again(recorded: Recorded, run: Any, record: Any, policy: Policy) -> tuple[str, str] | None:
    if record["by"] not in ("policy", "schema", "validator", "none"):
        return None
    chain, action = tuple(record["chain"]), record.get("action", "call")
    if chain[0] == "user:anonymous":
        return "deny", NO_RULE
    scopes = tuple(map(tuple, record.get("scopes", ())))
    settled = policy.settled(record["tenant"], chain, record["tool"], action, scopes)
    if settled is None and ("facts" not in record or record["args"] is None):
        return None
    facts: dict[str, object] = {}
    if "facts" in record and record["args"] is not None:
        facts = {"args": recorded.value(record["args"]), "session": run["session"], "channel": run["channel"],
                 "run": record["facts"]["run"], "env": {"now": record["facts"]["now"]}}  # fmt: skip
    decision = policy.decide(PolicyRequest(record["tenant"], chain, record["tool"], action, facts, scopes))
    return decision.verdict, decision.rule or NO_RULE


@pytest.fixture
def candidate(tmp_path: Path) -> Policy:
    """The candidate of this file, built."""
    (tmp_path / "candidate.toml").write_text(CANDIDATE)
    return build(load(tmp_path / "candidate.toml"))


@pytest.mark.parametrize("seed", range(8))
def test_the_quick_way_equals_deciding_each_again(tmp_path: Path, candidate: Policy, seed: int) -> None:
    """Over random journals exactly those calls are found that change when each is decided by itself, with its rule."""
    _random_journal(tmp_path / "data", seed)
    found = _replayed(tmp_path / "data", candidate)
    slow = _one_by_one(tmp_path / "data", candidate)
    assert {f"{one.run}/{one.step}": (one.turn.now, one.turn.rule) for one in found.examples} == slow
    assert found.changed == len(slow) > 20
    rules = Counter((verdict, rule) for verdict, rule in slow.values())
    counted: Counter[tuple[str, str]] = Counter()
    for turn, calls in found.turns.items():
        counted[turn.now, turn.rule] += calls
    assert counted == rules


def test_every_call_is_accounted_for(tmp_path: Path, candidate: Policy) -> None:
    """What was decided again and what could not be add up to the recorded calls, and each reason is named."""
    _random_journal(tmp_path / "data", 99)
    found = _replayed(tmp_path / "data", candidate)
    calls = len(Recorded(tmp_path / "data").all("tool.call"))
    assert found.decided + found.skipped.total() == calls
    assert set(found.skipped) == {
        "denied because no tool had that name",
        "denied because deciding or recording failed",
        "the record is of a release that did not keep the facts",
        "the arguments were not kept",
    }


def test_filters_narrow(tmp_path: Path, candidate: Policy) -> None:
    """Tenant, user and tool leave out what they do not name, and together they leave nothing out."""
    _random_journal(tmp_path / "data", 5)
    whole = _replayed(tmp_path / "data", candidate)
    parts = [_replayed(tmp_path / "data", candidate, tenant=tenant) for tenant in ("acme", "other")]
    assert parts[0].turns + parts[1].turns == whole.turns
    only = _replayed(tmp_path / "data", candidate, tool="refund", user="bob")
    assert only.turns == {t: n for t, n in whole.turns.items() if t.tool == "refund" and t.user.endswith("/bob")}
    assert only.changed > 0


def test_few_examples_and_all_counts(tmp_path: Path, candidate: Policy) -> None:
    """The number of examples bounds what is shown for a pair of rules, not what is counted."""
    _random_journal(tmp_path / "data", 6)
    every, few = (_replayed(tmp_path / "data", candidate, examples=most) for most in (10**6, 2))
    assert few.turns == every.turns
    assert max(Counter(one.turn[:3] for one in few.examples).values()) == 2
    assert _replayed(tmp_path / "data", candidate, examples=0).examples == []


def test_what_the_gate_decided_it_decides_again(tmp_path: Path) -> None:
    """Calls through the real gate, decided again by the policy that was in force: nothing changes, in either mode."""
    for mode in ("enforce", "observe"):
        file = tmp_path / mode / "handrail.toml"
        file.parent.mkdir()
        file.write_text(f'mode = "{mode}"\n{CANDIDATE}')
        gate = opening.open_gate(file)
        chance = random.Random(1)
        for _ in range(30):
            user = chance.choice(USERS)
            with acting_for(tenant="acme", user=user, session=chance.choice(("s1", "held")) + user):
                step = gates.enter(gate, "helpdesk", object())
            assert step is not None
            for _ in range(8):
                call = ToolCall(chance.choice(TOOLS), {"amount": chance.choice(AMOUNTS)})
                gate.tool(step.frame, call, lambda args: "done")
            gates.leave(step)
        found = _replayed(file.parent / ".handrail", build(load(file)))
        assert found.changed == 0
        assert found.decided > 100
        harsher = file.read_text().replace("<= 500", "<= 10")
        (tmp_path / "harsher.toml").write_text(harsher)
        changed = _replayed(file.parent / ".handrail", build(load(tmp_path / "harsher.toml")))
        assert {(turn.now, turn.before, turn.tool) for turn in changed.turns} == {("deny", "refunds", "refund")}


def test_a_damaged_payload_is_told_and_not_believed(tmp_path: Path, candidate: Policy) -> None:
    """Arguments that were changed on the disk are not decided by; the call is counted as one that cannot be."""
    data = tmp_path / "data"
    journal = Journal(data)
    run = begin(journal)
    facts = {"now": 1.7e9, "run": {"steps": 1, "model_calls": 1, "tool_calls": 1}}
    tool(journal, run, 2, args=journal.put(b'{"amount":499}'), facts=facts)
    journal.close()
    side = next((data / "journal").glob("*.pl"))
    side.write_bytes(side.read_bytes().replace(b"499", b"999"))
    found = _replayed(data, candidate)
    assert (found.decided, dict(found.skipped)) == (0, {"the arguments are damaged or missing in the journal": 1})


def test_as_dict_is_json(tmp_path: Path, candidate: Policy) -> None:
    """The machine form has every count, grouped in four ways that each add up, and the examples."""
    _random_journal(tmp_path / "data", 7)
    found = _replayed(tmp_path / "data", candidate, examples=1)
    said = cast("dict[str, Any]", json.loads(json.dumps(found.as_dict())))
    assert said["changed"] == said["newly_denied"] + said["newly_allowed"] == found.changed
    for rows in said["by"].values():
        assert sum(row["count"] for row in rows) == said["changed"]
    assert {"now", "rule", "before", "tool", "agent", "user", "at", "run", "step", "args"} == said["examples"][0].keys()


def test_redacted_arguments_are_not_decided_by(tmp_path: Path, candidate: Policy) -> None:
    """What was taken out of arguments before they were kept could decide the call: it is counted, not guessed."""
    data = tmp_path / "data"
    journal = Journal(data)
    run = begin(journal)
    facts = {"now": 1.7e9, "run": {"steps": 1, "model_calls": 1, "tool_calls": 1}}
    tool(journal, run, 2, args={**journal.put(b'{"amount":"[redacted]"}'), "r": 1}, facts=facts)
    journal.close()
    found = _replayed(data, candidate)
    assert (found.decided, dict(found.skipped)) == (0, {"the arguments were redacted before they were kept": 1})
