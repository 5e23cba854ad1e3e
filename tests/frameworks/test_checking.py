"""The policy beside the real tools: refused at ``govern()`` in enforce mode, and when a file changes."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.errors import PolicyError
from handrail.frameworks import opening
from handrail.frameworks.checking import check_again, check_agent, check_tools

pytest.importorskip("langchain_core", reason="govern() is asked with LangChain's tools.")
from langchain_core.tools import BaseTool, tool


@tool
def pay(amount: float, currency: str) -> str:
    """Pay."""
    return f"{amount} {currency}"


@tool
def look_up(name: str) -> str:
    """Look up."""
    return name


HEAD = """version = 1
mode = "{mode}"
[users]
"ana" = ["staff"]
[[rule]]
id = "look"
allow = "staff"
call = "look_up"
[[rule]]
id = "pay"
allow = "staff"
call = "pay"
when = "{when}"
"""
GOOD, INERT = "args.amount <= 500", "args.amuont <= 500"


def write(folder: Path, mode: str = "enforce", when: str = GOOD, more: str = "") -> Path:
    """A handrail.toml in ``folder``."""
    path = folder / "handrail.toml"
    path.write_text(HEAD.format(mode=mode, when=when) + more)
    return path


def test_govern_refuses_an_inert_rule(tmp_path: Path) -> None:
    """In enforce mode a condition on an argument that the tool lacks raises with file, line and the fix."""
    path = write(tmp_path, when=INERT)
    with pytest.raises(PolicyError, match=r"handrail\.toml:9: .*args\.amuont is no argument of pay\. Did you mean"):
        handrail.govern(pay, config=path)


def test_the_rest_is_counted(tmp_path: Path) -> None:
    """The error that is raised says that there are more, and how to see them."""
    path = write(tmp_path, when="args.amuont <= 500 && args.curency == 'EUR'")
    with pytest.raises(PolicyError, match="There are 1 more: `handrail policy check` shows them"):
        handrail.govern(pay, config=path)


def test_observe_only_says_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In observe mode the same is logged, and the agent is governed."""
    governed: Any = handrail.govern(pay, config=write(tmp_path, "observe", INERT))
    assert "args.amuont is no argument of pay" in caplog.text
    assert governed.invoke({"amount": 1.0, "currency": "EUR"}) == "1.0 EUR"


def test_warnings_are_said_once_and_in_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A tool that nobody may call is a warning; governing the same tools again says nothing more."""
    path = write(tmp_path, more='[[rule]]\nid = "all"\nallow = "*"\ncall = ["*"]\n')
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            handrail.govern(pay, config=path)
            handrail.govern(look_up, config=path)
    said = [record for record in caplog.records if "allows everybody to call everything" in record.getMessage()]
    assert len(said) == 2, "once for each tool that is new"
    assert all("\n" not in record.getMessage() for record in said)
    assert all(re.search(r"handrail\.toml: line \d+: ", record.getMessage()) for record in said)


def _gate(path: Path, *tools: BaseTool) -> Any:
    gate = opening.open_gate(path)
    for one in tools:
        check_agent(gate, one)
    return gate


def _change(gate: Any, path: Path, **change: str) -> str:
    """Change the file, renew, and tell the first condition in force."""
    write(path.parent, **change)
    gate.rulebook.renew()
    return str(gate.rulebook.now.settings.rules[1].when)


def test_a_changed_file_with_an_inert_rule_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While agents run, a file whose rule does not fit the tools seen so far leaves the last good one in force."""
    path = write(tmp_path)
    gate = _gate(path, pay, look_up)
    assert _change(gate, path, when="args.amount <= 400") == "args.amount <= 400"
    assert _change(gate, path, when=INERT) == "args.amount <= 400"
    assert "the last good one stays in force" in caplog.text and "args.amuont" in caplog.text
    assert _change(gate, path, when="args.amount <= 300") == "args.amount <= 300"


def test_a_denial_of_everything_is_never_kept_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A denial written in an emergency shadows every allow, which is an error at start; in a changed file it holds."""
    path = write(tmp_path)
    gate = _gate(path, pay, look_up)
    _change(gate, path, more='[[rule]]\nid = "stop"\ndeny = "*"\ncall = "*"\n')
    assert [rule.id for rule in gate.rulebook.now.settings.rules] == ["look", "pay", "stop"]
    assert "never allows anything" in caplog.text
    with pytest.raises(PolicyError, match="never allows anything"):
        check_tools(gate.rulebook.now.settings, gate.rulebook.tools)


def test_only_changed_files_are_checked(tmp_path: Path) -> None:
    """What was laid over the same files while agents ran is not looked at; the same rules from another file are."""
    gate = _gate(write(tmp_path), pay)
    now = gate.rulebook.now.settings
    wrong = replace(now, rules=(replace(now.rules[1], when=INERT),))
    check_again(gate.rulebook, wrong)
    with pytest.raises(PolicyError, match="no argument of pay"):
        check_again(gate.rulebook, replace(wrong, sources={tmp_path / "handrail.toml": b"other"}))
