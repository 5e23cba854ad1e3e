"""What is not as this release made it: records of a newer format, an index that is damaged or of another version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from handrail.audit.format import GENESIS, chained, encode, record_line
from handrail.audit.index import Index
from handrail.audit.journal import Journal
from tests.acceptance.commands import handrail
from tests.acceptance.explorer import browsing, complaints, served, shows
from tests.audit.recorded import begin, whole

Damage = Callable[[Path], None]


def newer_writer(data: Path, *, good: int = 0) -> str:
    """A writer of format 3 with a right chain, as the next release may have it; the name of its segment.

    Its first ``good`` records are of format 1.
    """
    writer, previous, lines = "ee" * 8, GENESIS, b""
    for number in range(4):
        record = {"v": 1 if number < good else 3, "w": writer, "n": number, "t": number, "k": "of-tomorrow"}
        body = encode(record)
        previous = chained(previous, body)
        lines += record_line(previous, body)
    path = data / "journal" / f"{writer}-000000.jl"
    path.write_bytes(lines)
    return path.name


@pytest.mark.parametrize("good", [0, 2])
def test_records_of_a_newer_format_are_refused_by_name_and_the_rest_is_read(tmp_path: Path, good: int) -> None:
    """Two releases write side by side: verify and the index name file, place and format; all of ours is there."""
    journal = Journal(tmp_path)
    run = whole(journal)
    segment = newer_writer(tmp_path, good=good)
    later = whole(journal)
    done = handrail("audit", "verify", "--data", tmp_path, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["intact"], report["records"]) == (1, False, 13 + good)
    [problem] = report["problems"]
    assert (problem["file"], problem["code"]) == (segment, "format") and "format 3" in problem["what"]
    assert problem["offset"] == sum(len(line) for line in _lines(tmp_path / "journal" / segment)[:good])
    index = Index(tmp_path)
    index.refresh(block=True)
    assert {row["run"] for row in index.query("SELECT run FROM runs")} == {run, later}
    [row] = index.query("SELECT file, byte_offset, problem FROM problems")
    assert (row["file"], row["byte_offset"]) == (segment, problem["offset"]) and "format 3" in str(row["problem"])
    tail = handrail("audit", "tail", "--data", tmp_path, "--json")
    assert (tail.returncode, len(tail.stdout.splitlines())) == (0, 13 + good)
    assert segment in tail.stderr and "format 3" in tail.stderr
    assert handrail("report", "--data", tmp_path).returncode == 0
    journal.close()


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def overwritten(index: Path) -> None:
    """Garbage from the first byte on."""
    index.write_bytes(b"garbage" * 10_000)


def cut_off(index: Path) -> None:
    """The second half is gone."""
    with index.open("r+b") as file:
        file.truncate(index.stat().st_size // 2)


def scratched(index: Path) -> None:
    """Every block behind the headers is damaged."""
    content = bytearray(index.read_bytes())
    for offset in range(12_288 + 64, len(content), 4096):
        content[offset] ^= 0xFF
    index.write_bytes(content)


def emptied(index: Path) -> None:
    """No byte is left."""
    index.write_bytes(b"")


def removed(index: Path) -> None:
    """There is no file any more."""
    index.unlink()


def of_another_release(index: Path) -> None:
    """Another number of format than ours."""
    with duckdb.connect(index) as con:
        con.execute("UPDATE meta SET format = 'of-another-release'")


def of_another_shape(index: Path) -> None:
    """A DuckDB file, but not with our tables."""
    index.unlink()
    with duckdb.connect(index) as con:
        con.execute("CREATE TABLE something (of_somebody INTEGER)")


DAMAGES: list[Damage] = [overwritten, cut_off, scratched, emptied, removed, of_another_release, of_another_shape]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_next_command_makes_a_bad_index_again(tmp_path: Path, damage: Damage) -> None:
    """Report ends with 0, and what it reports is what it reported before, and what was written since."""
    journal = Journal(tmp_path)
    whole(journal)
    before = handrail("report", "--data", tmp_path, "--format", "csv")
    assert (before.returncode, before.stderr) == (0, "")
    whole(journal)
    damage(tmp_path / "index" / "index.duckdb")
    after = handrail("report", "--data", tmp_path, "--format", "csv")
    assert after.returncode == 0 and "Traceback" not in after.stderr
    rows, more = before.stdout.splitlines(), after.stdout.splitlines()
    assert (len(rows), len(more)) == (2, 3) and set(rows) < set(more)
    journal.close()


def test_the_explorer_shows_no_error_when_its_index_goes_bad(tmp_path: Path) -> None:
    """Damaged under an open page, again and again: runs written afterwards appear, and no page tells of an error."""
    journal = Journal(tmp_path)
    newest = whole(journal)
    with browsing() as page, served(tmp_path) as (url, stderr):
        page.goto(url)
        shows(page, "acme / ana")
        for damage in (overwritten, removed, of_another_release):
            damage(tmp_path / "index" / "index.duckdb")
            newest = begin(journal, agent=f"after-{damage.__name__}")
            shows(page, f"after-{damage.__name__}")
            assert complaints(page) == [], damage
        page.goto(f"{url}/run?run={newest}")
        page.locator("[data-testid=stMetric]").first.wait_for()
        assert complaints(page) == []
    assert "Traceback" not in stderr[0]
    journal.close()
