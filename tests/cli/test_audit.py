"""``handrail audit``: tail, verify, rebuild, compact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.cli.audit import command
from tests.audit.recorded import begin, tool, whole

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "data")
    yield journal
    journal.close("exit")


@pytest.fixture(name="data")
def _data(journal: Journal, tmp_path: Path) -> Path:
    journal.open()
    return tmp_path / "data"


def run(*args: object, color: bool = False) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False, color=color)


def test_tail_shows_the_newest_records_for_people(journal: Journal, data: Path) -> None:
    """Claim: one line per record with who it was for, the tool, the verdict and the rule; oldest first."""
    whole(journal, verdict="deny", rule="nobody-refunds", ran=False)
    lines = run("tail", "--data", data, "-n", 3).stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["kind", "tool.call", "tool.result", "run.end"]
    assert lines[1].split()[2:] == ["acme/ana", "helpdesk", "refund", "deny", "nobody-refunds"]


def test_tail_neutralises_escape_sequences(journal: Journal, data: Path) -> None:
    """Claim: no control character of a record reaches the terminal, as text or as JSON."""
    run_id = begin(journal, user="\x1b]0;owned\x07")
    tool(journal, run_id, tool="\x1b[2J\x9b31m\u202eevil", ends=False)
    for result in (run("tail", "--data", data), run("tail", "--data", data, "--json")):
        assert not {char for char in result.stdout if not char.isprintable()} - {"\n"}
        assert "evil" in result.stdout


def test_tail_json_is_the_record_and_can_be_narrowed_to_a_run(journal: Journal, data: Path) -> None:
    """Claim: each line of --json is one record with its envelope; --run leaves out all others."""
    whole(journal)
    wanted = whole(journal)
    records = [
        json.loads(line)
        for line in run("tail", "--data", data, "--json", "--run", wanted, "-n", 99).stdout.splitlines()
    ]
    assert [record["k"] for record in records][:2] == ["run.start", "model.call"]
    assert {record["run"] for record in records} == {wanted}
    assert {"v", "w", "n", "t"} <= records[0].keys()


def test_tail_takes_the_newest_of_all_writers(tmp_path: Path) -> None:
    """Claim: the last records are the newest over living and dead writers, packed or not."""
    journals = [Journal(tmp_path / "data") for _ in range(3)]
    runs = [whole(journal) for journal in journals for _ in range(2)]
    journals[0].close("exit")
    journals[2].close("exit")
    shown = run("tail", "--data", tmp_path / "data", "--json", "-n", 3).stdout.splitlines()
    assert [json.loads(line)["k"] for line in shown] == ["run.end", "writer.stop", "writer.stop"]
    assert json.loads(shown[0])["run"] == runs[-1]
    journals[1].close("exit")


def test_tail_follows_and_ctrl_c_is_a_good_end(journal: Journal, data: Path) -> None:
    """Claim: a record written later appears, also of a new writer, and Ctrl-C leaves with 0."""
    followed = subprocess.Popen(
        [sys.executable, "-m", "handrail.cli", "audit", "tail", "-f", "--json", "-n", "1", "--data", str(data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(REPO)},
    )  # fmt: skip
    with followed:
        assert followed.stdout is not None and followed.stderr is not None
        assert json.loads(followed.stdout.readline())["k"] == "writer.start"
        first = begin(journal)
        assert json.loads(followed.stdout.readline())["run"] == first
        other = Journal(data)
        second = begin(other)
        assert [json.loads(followed.stdout.readline())["k"] for _ in range(2)] == ["writer.start", "run.start"]
        other.close("exit")
        followed.send_signal(signal.SIGINT)
        assert (followed.wait(), followed.stderr.read()) == (0, "")
    assert first != second


def test_verdicts_are_coloured_only_where_colour_is_wanted(journal: Journal, data: Path) -> None:
    """Claim: a denial is red on a terminal; NO_COLOR and a pipe get plain text."""
    whole(journal, verdict="deny", ran=False)
    assert "\x1b[31m" in run("tail", "--data", data, color=True).stdout
    plain = subprocess.run(
        [sys.executable, "-m", "handrail.cli", "audit", "tail", "--data", str(data)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(REPO), "NO_COLOR": "1"},
    )  # fmt: skip
    assert "\x1b" not in plain.stdout


def test_tail_uses_the_good_prefix_and_tells_of_damage(journal: Journal, data: Path) -> None:
    """Claim: damage goes to stderr with file and offset; the records before it are shown."""
    whole(journal)
    journal.close("exit")
    segment = next((data / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes()[:-10])
    result = run("tail", "--data", data, "--json", "-n", 99)
    assert json.loads(result.stdout.splitlines()[-1])["k"] == "run.end"
    assert segment.name in result.stderr and "offset" in result.stderr


def test_verify_passes_an_intact_journal(journal: Journal, data: Path) -> None:
    """Claim: exit code 0, with what was checked."""
    whole(journal)
    result = run("verify", "--data", data)
    assert (result.exit_code, "7 records in 1 segment of 1 writer, 4 payloads" in result.stdout) == (0, True)
    assert json.loads(run("verify", "--data", data, "--json").stdout)["intact"] is True


def test_verify_names_damage_and_fails(journal: Journal, data: Path) -> None:
    """Claim: a changed record is named with file and offset, in both forms, with exit code 1."""
    whole(journal)
    journal.close("exit")
    segment = next((data / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes().replace(b'"tool":"refund"', b'"tool":"refuns"'))
    result = run("verify", "--data", data)
    assert (result.exit_code, f"{segment.name}: offset " in result.stdout) == (1, True)
    as_json = run("verify", "--data", data, "--json")
    problem = json.loads(as_json.stdout)["problems"][0]
    assert (as_json.exit_code, problem["file"], problem["code"]) == (1, segment.name, "hash")


def test_rebuild_makes_the_index_and_says_so_on_stderr(journal: Journal, data: Path, tmp_path: Path) -> None:
    """Claim: the index is there afterwards, where --index says, and stdout stays empty."""
    whole(journal)
    result = run("rebuild", "--data", data, "--index", tmp_path / "ix")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "7 records" in result.stderr
    assert Index(data, folder=tmp_path / "ix").query("SELECT count(*) AS n FROM runs") == [{"n": 1}]


def test_compact_packs_dead_writers(tmp_path: Path) -> None:
    """Claim: dead short-lived writers are packed, and the journal stays intact."""
    for _ in range(9):
        journal = Journal(tmp_path / "data")
        whole(journal)
        journal.close("exit")
    assert run("compact", "--data", tmp_path / "data").stdout == "9 writers were packed.\n"
    assert run("verify", "--data", tmp_path / "data").exit_code == 0


@pytest.mark.parametrize("name", ["tail", "rebuild", "verify", "compact"])
def test_exit_codes_are_in_the_help(name: str) -> None:
    """Claim: each command documents its exit codes."""
    assert "Exit code 0" in run(name, "--help").stdout
