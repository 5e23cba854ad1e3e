"""``handrail traces sessions``: a list, and one session as a thread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.journal import Journal
from handrail.cli.traces.sessions import command
from handrail.errors import JournalError
from tests.audit.recorded import begin, end


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    journal = Journal(tmp_path)
    for channel in ("web", "phone"):
        end(journal, begin(journal, session="s1", channel=channel))
    end(journal, begin(journal, session="evil\x1b[2J\u202e", user="bo\nb"))
    journal.close()
    return tmp_path


def run(*args: object) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False)


def test_sessions_are_listed_and_shown(data: Path) -> None:
    """Claim: a line per session with its channels; one of them as its runs in their order."""
    listed = run("--data", data)
    assert listed.exit_code == 0 and len(listed.stdout.splitlines()) == 3
    line = next(line for line in listed.stdout.splitlines() if " s1 " in line)
    assert line.split()[3:] == ["acme/ana", "phone,", "web", "2", "0", "0", "ok"]
    shown = run("s1", "--data", data).stdout.splitlines()
    assert [line.split()[2] for line in shown[1:]] == ["web", "phone"]


def test_json_is_one_object_a_line(data: Path) -> None:
    """Claim: --json gives the columns by name, and moments in UTC."""
    rows = [json.loads(line) for line in run("--data", data, "--json", "-n", 1).stdout.splitlines()]
    assert len(rows) == 1 and rows[0]["latest_at"].endswith("Z")
    thread = [json.loads(line) for line in run("s1", "--data", data, "--json").stdout.splitlines()]
    assert [(row["event"], row["channel"]) for row in thread] == [("run", "web"), ("run", "phone")]


def test_names_cannot_reach_the_terminal(data: Path) -> None:
    """Claim: control characters in a session's or a user's name are spelled out."""
    for result in (run("--data", data), run("evil", "--data", data)):
        assert {char for char in result.stdout if not char.isprintable()} == {"\n"}


def test_a_session_that_is_not_there_is_refused(data: Path) -> None:
    """Claim: the error says how to find one; the help has the exit codes."""
    with pytest.raises(JournalError, match="lists them"):
        run("nothing", "--data", data)
    assert "Exit code 0" in run("--help").stdout
