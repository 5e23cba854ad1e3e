"""``handrail report``: options, exit codes, files."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.journal import Journal
from handrail.cli.report import command
from handrail.errors import IndexFailure
from tests.audit.recorded import whole


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Iterator[Path]:
    journal = Journal(tmp_path / "data")
    whole(journal, verdict="deny", reason="nobody may", ran=False)
    yield tmp_path / "data"
    journal.close("exit")


def run(*args: object) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False)


@pytest.mark.parametrize("form", ["html", "csv", "json", "parquet"])
def test_every_format_is_written_to_a_private_file(form: str, data: Path, tmp_path: Path) -> None:
    """Claim: each format gives a non-empty file that only its owner can read."""
    target = tmp_path / f"report.{form}"
    assert run("--data", data, "--format", form, "-o", target).exit_code == 0
    assert target.stat().st_size > 100
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_replaced_only_with_force(data: Path, tmp_path: Path) -> None:
    """Claim: without --force an existing file stays as it is."""
    target = tmp_path / "report.html"
    target.write_text("mine")
    with pytest.raises(IndexFailure, match="--force"):
        run("--data", data, "-o", target)
    assert target.read_text() == "mine"
    assert run("--data", data, "-o", target, "--force").exit_code == 0
    assert "nobody may" in target.read_text()


@pytest.mark.parametrize(("since", "calls"), [("7d", 1), ("1m", 1), ("2026-01-01", 1), ("2020-01-01T00:00+02:00", 1)])
def test_since_takes_spans_and_moments(since: str, calls: int, data: Path) -> None:
    """Claim: a span back from now and an ISO date both work; without -o the report is on stdout."""
    result = run("--data", data, "--since", since, "--format", "json")
    assert json.loads(result.stdout)["activity"]["tool_calls"] == calls


@pytest.mark.parametrize("since", ["7", "yesterday", "999999999w", "2026-13-01", "-1d", ""])
def test_a_moment_that_is_none_is_refused(since: str, data: Path) -> None:
    """Claim: a wrong moment ends with exit code 2 and shows how one is written."""
    result = run("--data", data, "--since", since)
    assert (result.exit_code, "2026-11-01" in result.stderr) == (2, True)


def test_parquet_needs_a_file(data: Path) -> None:
    """Claim: binary output is never sent to a terminal."""
    assert run("--data", data, "--format", "parquet").exit_code == 2


def test_the_index_may_lie_elsewhere(data: Path, tmp_path: Path) -> None:
    """Claim: with --index nothing is written beside the journal."""
    assert run("--data", data, "--index", tmp_path / "ix", "--format", "csv").exit_code == 0
    assert [path.name for path in data.iterdir()] == ["journal"]
