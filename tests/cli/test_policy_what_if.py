"""``handrail policy what-if`` as a command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.audit.journal import Journal
from tests.audit.recorded import begin, end, tool

CANDIDATE = """
version = 1
[users]
"acme/ana" = ["support"]
[[rule]]
id = "small-refunds"
allow = "support"
call = "refund"
when = "args.amount <= 500"
[[delegate]]
from = "support"
to = "agent:helpdesk"
call = "*"
"""


def _what_if(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handrail", "policy", "what-if", "candidate.toml", "--data", "data", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"NO_COLOR": "1", "PATH": "/bin"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A candidate, and a journal of three refunds of which one is too large, and one call with an odd name."""
    (tmp_path / "candidate.toml").write_text(CANDIDATE)
    journal = Journal(tmp_path / "data")
    run = begin(journal)
    facts = {"now": 1.7e9, "run": {"steps": 1, "model_calls": 1, "tool_calls": 0}}
    for number, amount in enumerate((10, 500, 900)):
        args = journal.put(json.dumps({"amount": amount}).encode())
        tool(journal, run, number + 2, args=args, facts=facts)
    tool(journal, run, 9, tool="evil\x1b[31m\u202etool", facts=facts)
    end(journal, run)
    journal.close()
    return tmp_path


def test_what_would_change_is_told_and_is_exit_code_1(folder: Path) -> None:
    """Counts, the rules on both sides and an example with its arguments; control characters are spelled out."""
    done = _what_if(folder)
    assert done.returncode == 1, done
    assert "4 decisions made again, 2 would change (50.0 %)" in done.stdout
    assert "(no rule) <- r1" in done.stdout
    assert 'acme/ana helpdesk: refund {"amount": 900}' in done.stdout
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and "evil\\u{1b}[31m\\u{202e}tool" in done.stdout


def test_nothing_changes_is_exit_code_0(folder: Path) -> None:
    """A candidate that says the same of every call in the window prints one line."""
    file = folder / "candidate.toml"
    file.write_text(file.read_text().replace('call = "refund"\nwhen = "args.amount <= 500"', 'call = "*"'))
    done = _what_if(folder)
    assert (done.returncode, done.stdout) == (0, "candidate.toml: 4 decisions made again, 0 would change (0.0 %).\n")


def test_json_is_one_object(folder: Path) -> None:
    """Machines get every count; filters hold there too."""
    done = _what_if(folder, "--json", "--tool", "refund")
    said = json.loads(done.stdout)
    assert (done.returncode, said["decided"], said["newly_denied"], said["newly_allowed"]) == (1, 3, 1, 0)
    assert said["by"]["user"] == [{"now": "deny", "name": "acme/ana", "count": 1}]


@pytest.mark.parametrize(
    ("text", "said"),
    [("version = 1\n", "has no policy"), (CANDIDATE.replace("<= 500", "<< 500"), "candidate.toml:5: ")],
    ids=["empty", "broken"],
)
def test_a_candidate_that_cannot_be_used_is_exit_code_2(folder: Path, text: str, said: str) -> None:
    """A candidate without rules or with a wrong one is refused in one line with its place."""
    (folder / "candidate.toml").write_text(text)
    done = _what_if(folder)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""
