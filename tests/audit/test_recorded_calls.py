"""Recorded decisions explained again: by the policy of then, with the facts of then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handrail.audit import policies
from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.recorded_calls import RecordedCall, recorded_call
from handrail.config import load
from handrail.errors import JournalError
from handrail.policy import build
from tests.audit.recorded import begin, end, tool
from tests.cli.policy.bank import bank, run

FACTS = {"now": 1.7e9, "run": {"steps": 1, "model_calls": 1, "tool_calls": 2}}


def journal(folder: Path, **fields: Any) -> tuple[Path, str]:
    """A data folder with one recorded decision, and the id of its step."""
    settings = load(bank(folder))
    policy, data = build(settings), folder / "data"
    policies.keep(data, settings, policy)
    writer = Journal(data)
    name = begin(writer, user="ana", session="s1")
    args = writer.put(json.dumps({"amount": 900}).encode())
    known: dict[str, Any] = {
        "tool": "refund", "tenant": "acme", "verdict": "deny", "by": "policy", "rule": None, "args": args,
        "chain": ["user:ana", "agent:desk"], "facts": FACTS, "policy": policy.digest,
    }  # fmt: skip
    tool(writer, name, 2, **(known | fields))
    end(writer, name)
    writer.close()
    step = Index(data)
    step.refresh(block=True)
    (row,) = step.query("SELECT step FROM decisions WHERE name = 'refund'")
    return data, str(row["step"])


def found(data: Path, step: str) -> RecordedCall:
    """The decision on ``step``."""
    return recorded_call(Index(data), data, step)


def test_the_question_is_the_one_that_was_asked(tmp_path: Path) -> None:
    """Who, what, arguments, session, counts and time are those of the record, and the policy is that of then."""
    data, step = journal(tmp_path)
    (tmp_path / "handrail.toml").write_text("version = 1\n")
    call = found(data, step)
    asked = call.request
    assert (asked.tenant, asked.principals, asked.tool) == ("acme", ("user:ana", "agent:desk"), "refund")
    assert asked.facts["args"] == {"amount": 900} and asked.facts["env"] == {"now": 1.7e9}
    assert (asked.facts["session"], asked.facts["run"]) == ("s1", FACTS["run"])
    decision = build(call.settings).decide(asked)
    assert (decision.verdict, decision.rule) == (call.verdict, call.rule) == ("deny", None)


def test_it_is_explained_on_the_command_line(tmp_path: Path) -> None:
    """With what was recorded, and what would have turned it round."""
    data, step = journal(tmp_path)
    done = run("explain", "--step", step, "--data", data)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"recorded: deny (step {step})\nDENIED: No rule allows user:ana to call refund")
    assert "args.amount: 900 -> 500 (at most 500)" in done.output
    told = json.loads(run("explain", "--step", step, "--data", data, "--json").output)
    assert told["recorded"] == {"step": step, "verdict": "deny", "rule": None}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"args": None}, "were not kept"),
        ({"facts": None}, "did not keep the facts"),
        ({"by": "unknown_tool"}, "No policy decided"),
        ({"policy": "0" * 64}, "No policy with the digest"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    """A record that cannot be decided again says why."""
    data, step = journal(tmp_path, **fields)
    with pytest.raises(JournalError, match=said):
        found(data, step)


def test_an_unknown_step(tmp_path: Path) -> None:
    """Is not found, and the message says where ids are."""
    data, _ = journal(tmp_path)
    with pytest.raises(JournalError, match="explorer shows the ids"):
        found(data, "0" * 16)
