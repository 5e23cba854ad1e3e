"""Recorded behaviour of real models, through a governed agent. The short form: 40 of 600 runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.replay import recorded
from tests.replay.__main__ import replay

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}( ?[A-Z0-9]){11,30}")


def test_observing_changes_nothing_and_loses_nothing(test_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Runs, calls by tool and verdict, answers and tokens in the index equal those of the file."""
    folder = test_data("agentdojo")
    runs = recorded.runs(folder, count=40)
    result = replay(folder, runs, tmp_path / "data")
    assert result.differences == []
    assert sum(sum(verdicts.values()) for verdicts in result.calls.values()) == sum(len(r.calls) for r in runs)
    assert result.totals["answers"] == sum(len(run.answers) for run in runs)


def test_capped_runs_and_broken_arguments_are_in_the_short_form(test_data: Callable[[str], Path]) -> None:
    """The odd runs are among the 40, so that the short form proves something of them."""
    runs = recorded.runs(test_data("agentdojo"), count=40)
    assert any(run.capped for run in runs)
    assert any(call.error for run in runs for call in run.calls)
    assert any(len(answer.calls) > 1 for run in runs for answer in run.answers)


def test_the_file_holds_what_the_module_says(test_data: Callable[[str], Path]) -> None:
    """The figures in the docstring of ``recorded`` are those of the file."""
    runs = recorded.runs(test_data("agentdojo"))
    asked = [call for run in runs for answer in run.answers for call in answer.calls]
    answered = [call for run in runs for call in run.calls]
    figures = len(runs), sum(len(run.answers) for run in runs), len(asked), len(answered)
    assert figures == (600, 2889, 2698, 2674)
    assert sum(run.capped for run in runs) == 24
    assert sum(call.error is not None for call in answered) == 161
    assert sum(call.error is None and call.result == "" for call in answered) == 26


def test_the_banking_policy_decides_as_it_reads(test_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Under banking.toml, verdicts by tool equal those of the same policy written out by hand in Python."""
    folder = test_data("agentdojo")
    runs = recorded.runs(folder, count=40, suite="banking")
    policy = Path(__file__).with_name("banking.toml")
    result = replay(folder, runs, tmp_path / "data", policy=policy)
    assert result.differences == []
    wanted = Counter((call.tool, _verdict(call)) for run in runs for call in run.calls)
    found = {(tool, verdict): n for tool, verdicts in result.calls.items() for verdict, n in verdicts.items()}
    assert found == dict(wanted)
    # A policy written without looking at the attacks stops only part of them.
    assert (result.attacks["tried"], result.attacks["stopped"], result.attacks["landed"]) == (9, 5, 4)


def _verdict(call: recorded.Call) -> str:
    args: Any = call.args
    if call.tool in ("update_password", "update_user_info"):
        return "deny"
    if call.tool == "read_file":
        path = str(args["file_path"])
        return "deny" if path.startswith(("/", "~")) or ".." in path else "allow"
    if call.tool in ("send_money", "schedule_transaction"):
        once = call.tool == "send_money" or args.get("recurring") is False
        if not (once and _small(args.get("amount"))):
            return "deny"
        formed = {"recipient", "subject", "date"} <= args.keys() and IBAN.fullmatch(args["recipient"])
        return "allow" if formed and len(args["subject"]) <= 140 else "reject"
    if call.tool == "update_scheduled_transaction":
        kept = args.get("recipient") is None and args.get("recurring") is not True
        short = len(args.get("subject") or "") <= 140
        return "allow" if kept and short and (args.get("amount") is None or _small(args["amount"])) else "reject"
    return "allow"


def _small(amount: object) -> bool:
    return isinstance(amount, (int, float)) and 0 < amount <= 100
