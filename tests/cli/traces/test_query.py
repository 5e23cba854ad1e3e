"""``handrail traces query``: formats and exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.journal import Journal
from handrail.cli.traces import command
from handrail.errors import IndexFailure
from tests.dashboard import sample


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("query")
    journal = Journal(data)
    sample.write(journal)
    journal.close("exit")
    return data


def query(data: Path, *args: object, stdin: str | None = None) -> Result:
    """The command's result; its errors are raised."""
    words = ["query", "--data", str(data), *map(str, args)]
    return CliRunner().invoke(command, words, input=stdin, catch_exceptions=False)


def test_a_table_is_aligned_and_has_no_control_characters(data: Path) -> None:
    """Claim: names that would command a terminal are spelled out, numbers stand at the right."""
    result = query(data, "SELECT name, count(*) AS calls FROM decisions GROUP BY ALL ORDER BY name")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "calls"]
    assert all(line.isprintable() for line in lines)
    assert any(line.startswith("\\u{202e}txt.exe") for line in lines)


def test_csv_is_safe_to_open_in_a_spreadsheet(data: Path) -> None:
    """Claim: no cell, and no name of a column, begins a formula; every cell is quoted."""
    result = query(data, "SELECT '=cmd()' AS \"=x\", ' +1' AS b, 5 AS c, [1] AS d", "--format", "csv")
    assert result.stdout_bytes.startswith(b'"\'=x","b"')
    assert list(csv.reader(io.StringIO(result.stdout))) == [["'=x", "b", "c", "d"], ["'=cmd()", "' +1", "5", "[1]"]]


def test_json_is_one_object_and_sql_may_come_from_standard_input(data: Path) -> None:
    """Claim: `-` reads the query from standard input, --rows cuts, and the cut is said on standard error."""
    result = query(data, "-", "--format", "json", "--rows", 2, stdin="SELECT run FROM runs ORDER BY run")
    told = json.loads(result.stdout)
    assert (told["columns"], len(told["rows"]), told["more"]) == (["run"], 2, True)
    assert "more rows" in result.stderr


def test_the_views_are_listed_with_their_columns(data: Path) -> None:
    """Claim: --views needs no journal and names every view; nothing to do is wrong usage."""
    result = query(data / "nowhere", "--views")
    assert result.exit_code == 0
    assert "decisions: One row for each proposed tool call" in result.stdout and "success_rate" in result.stdout
    assert query(data).exit_code == 2
    with pytest.raises(IndexFailure, match="no view opens"):
        query(data, "SELECT * FROM opens")
