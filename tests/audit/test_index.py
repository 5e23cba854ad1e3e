"""The DuckDB index: what it says, that it counts exactly, and that no damage reaches who looks."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from handrail.audit.compact import compact
from handrail.audit.fold import fold
from handrail.audit.index import ENVIRONMENT, Index
from handrail.audit.journal import Journal
from handrail.errors import IndexFailure
from tests.audit.recorded import begin, end, model, root_of, tool, whole

REPO = Path(__file__).resolve().parents[2]
FORK = multiprocessing.get_context("fork")
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "data")
    yield journal
    journal.close("exit")


@pytest.fixture(name="index")
def _index(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    return Index(tmp_path / "data")


def one(index: Index, sql: str, *params: object) -> dict[str, object]:
    """The only row of a query."""
    rows = index.query(sql, params)
    assert len(rows) == 1
    return rows[0]


def test_a_run_and_its_steps_read_as_they_were_recorded(journal: Journal, index: Index) -> None:
    """Claim: the views hold what the records said, joined over call and result."""
    run = whole(journal, verdict="deny", reason="no rule allows it", rule=None, ran=False)
    assert index.refresh() == 7
    shown = one(index, "SELECT * FROM runs")
    expected = {
        "run": run, "agent": "helpdesk", "tenant": "acme", "user": "ana", "session": "s1", "mode": "enforce",
        "model": "gpt-x", "outcome": "ok", "duration_ms": 9.0, "steps": 2, "model_calls": 1, "tool_calls": 1,
        "denied": 1, "would_deny": 0, "input_tokens": 100, "output_tokens": 10, "writer": journal.writer,
    }  # fmt: skip
    assert shown | expected == shown
    steps = {row["type"]: row for row in index.query("SELECT * FROM steps WHERE run = ? ORDER BY n", [run])}
    assert [steps[kind]["outcome"] for kind in ("agent", "model", "tool")] == ["ok", "ok", "rejected"]
    assert steps["tool"]["parent"] == steps["agent"]["step"] == root_of(run)
    assert (steps["tool"]["decided_by"], steps["tool"]["ran"], steps["tool"]["duration_ms"]) == ("policy", False, 3.0)
    assert steps["model"]["input_tokens"] == 100
    assert one(index, 'SELECT "user", verdict, reason FROM decisions')["reason"] == "no rule allows it"


def test_a_second_refresh_adds_only_what_is_new(journal: Journal, index: Index) -> None:
    """Claim: each record is folded once, also when a run spans several folds."""
    run = begin(journal)
    index.refresh()
    model(journal, run)
    tool(journal, run)
    assert (index.refresh(), index.refresh()) == (4, 0)
    end(journal, run)
    index.refresh()
    assert one(index, "SELECT steps, outcome FROM runs") == {"steps": 2, "outcome": "ok"}


def test_a_run_is_running_while_its_writer_lives_then_lost(journal: Journal, index: Index) -> None:
    """Claim: an unfinished run, and its unfinished steps, are told apart by whether the writer still lives."""
    run = begin(journal)
    tool(journal, run, ends=False)
    index.refresh()
    seen = "SELECT (SELECT outcome FROM runs) AS run, (SELECT outcome FROM steps WHERE type = 'tool') AS step"
    assert one(index, seen) == {"run": "running", "step": "running"}
    journal.close("exit")
    index.refresh()
    assert one(index, seen) == {"run": "lost", "step": "lost"}


def _end_as_child(journal: Journal, run: str) -> None:
    end(journal, run, {"outcome": "cancelled"})
    tool(journal, run, number=9)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_end_its_parents_run(journal: Journal, index: Index) -> None:
    """Claim: closing records of a forked child that unwinds its parent's stack change nothing; its own steps count."""
    run = begin(journal)
    child = FORK.Process(target=_end_as_child, args=(journal, run))
    child.start()
    child.join()
    index.refresh()
    assert one(index, "SELECT outcome, tool_calls FROM runs") == {"outcome": "running", "tool_calls": 1}
    end(journal, run)
    index.refresh()
    assert one(index, "SELECT outcome FROM runs") == {"outcome": "ok"}


def test_a_process_that_goes_on_as_another_writer_ends_its_own_run(journal: Journal, index: Index) -> None:
    """Claim: a run begun by one writer and ended by the next writer of the same process has ended."""
    run = begin(journal)
    journal.close("exit")
    end(journal, run)
    index.refresh()
    assert one(index, "SELECT outcome FROM runs") == {"outcome": "ok"}


@pytest.mark.parametrize(
    "fields",
    [
        {"tool": {"a": [1]}, "verdict": 7, "reason": ["x"], "ran": "yes", "findings": "none", "tenant": None},
        {"reason": "\x00\u202e\x1b[31m'; DROP TABLE opens; --", "tool": "x" * 5000},
        {"args": [[[[1]]]], "chain": {"not": "a list"}, "agent": 10**30},
    ],
)
def test_fields_of_another_type_never_stop_the_fold(fields: dict[str, object], journal: Journal, index: Index) -> None:
    """Claim: a record whose fields are not what they should be is counted, and what follows it is folded."""
    run = begin(journal)
    tool(journal, run, **fields)  # type: ignore[arg-type]
    model(journal, run, tokens=(9_000_000_000_000_000_000, -5))
    model(journal, run, number=3, tokens=({"a": 1}, "many"))
    journal.append({"k": "model.result", "run": run, "step": "f" * 16, "usage": "none", "dur": "long"})
    journal.append({"k": "something.new", "run": [run]})
    end(journal, run)
    index.refresh()
    assert one(index, "SELECT outcome, steps, input_tokens FROM runs") == {
        "outcome": "ok",
        "steps": 3,
        "input_tokens": 0,
    }
    assert len(index.query("SELECT * FROM decisions")) == 1
    assert one(index, "SELECT count(*) AS n FROM events WHERE kind = 'something.new'") == {"n": 1}


def test_damage_in_the_journal_is_named_and_the_rest_is_used(journal: Journal, index: Index) -> None:
    """Claim: the good prefix of a changed segment is folded, the damage named with file and offset, once."""
    whole(journal)
    segment = next((index.data / "journal").glob("*.jl"))
    journal.close("exit")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:3], lines[3].replace(b"model", b"modem"), *lines[4:]]))
    other = Journal(index.data)
    whole(other)
    index.refresh()
    index.refresh()
    other.close("exit")
    problem = one(index, "SELECT file, byte_offset FROM problems")
    assert problem == {"file": segment.name, "byte_offset": sum(map(len, lines[:3]))}
    assert one(index, "SELECT count(*) AS n FROM runs") == {"n": 2}


def _damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 9000)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_format(path: Path) -> None:
    with duckdb.connect(path) as con:
        con.execute("UPDATE meta SET format = 'from the future'")


def _other_database(path: Path) -> None:
    path.unlink()
    with duckdb.connect(path) as con:
        con.execute("CREATE TABLE something (x INTEGER)")


@pytest.mark.parametrize("harm", [_damage_header, _truncate, _garbage, _empty, _other_format, _other_database])
@pytest.mark.parametrize("first", ["query", "refresh", "snapshot"])
def test_a_damaged_or_foreign_index_is_made_again(
    harm: object, first: str, journal: Journal, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    """Claim: whoever comes first to a harmed index gets right answers and no error; the log says what happened."""
    run = whole(journal)
    index.refresh()
    assert callable(harm)
    harm(index.path)
    with caplog.at_level(logging.WARNING, logger="handrail.audit.index"):
        if first == "refresh":
            index.refresh()
        elif first == "snapshot":
            with index.snapshot() as copy:
                assert copy.query("SELECT run FROM runs") == [{"run": run}]
        assert one(index, "SELECT run FROM runs") == {"run": run}
    assert [record.message for record in caplog.records if "made again" in record.message] != []


def test_rebuild_gives_the_same_and_lets_others_read_meanwhile(journal: Journal, index: Index) -> None:
    """Claim: a rebuilt index equals the old one, which stays readable until it is replaced."""
    for _ in range(5):
        whole(journal)
    index.refresh()
    everything = "SELECT * FROM steps ORDER BY writer, n"
    before = index.query(everything)
    seen: list[int] = []
    records = index.rebuild(lambda done, total: seen.append(len(index.query(everything))))
    assert (records, seen[0], index.query(everything)) == (31, len(before), before)
    assert sorted(path.name for path in index.folder.iterdir()) == [
        "index.duckdb",
        "index.lock",
        "rebuild.lock",
        "turn.lock",
    ]


def test_packing_segments_changes_nothing(journal: Journal, index: Index) -> None:
    """Claim: an index made before its journal was compacted goes on where it was."""
    for _ in range(3):
        whole(journal)
        journal.close("exit")
    index.refresh()
    assert compact(index.data, min_writers=1) == 3
    whole(journal)
    index.refresh()
    assert one(index, "SELECT count(*) AS runs, sum(steps)::INT AS steps FROM runs") == {"runs": 4, "steps": 8}
    assert index.rebuild() == one(index, "SELECT sum(records)::INT AS n FROM parts")["n"]


def test_the_index_lies_elsewhere_when_told_and_stays_private(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claim: argument and environment move the index; files are 0600, folders 0700; the data folder is left alone."""
    whole(journal)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "named"))
    for index in (Index(tmp_path / "data"), Index(tmp_path / "data", folder=tmp_path / "argued" / "deep")):
        index.refresh()
        assert one(index, "SELECT count(*) AS n FROM runs") == {"n": 1}
        assert stat.S_IMODE(index.folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in index.folder.iterdir()} == {0o600}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["journal"]
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    index = Index(tmp_path / "data", folder=open_to_all)
    index.refresh()
    assert stat.S_IMODE(index.path.parent.stat().st_mode) == 0o700


def test_a_link_planted_in_place_of_the_folder_is_refused(journal: Journal, tmp_path: Path) -> None:
    """Claim: an index folder that is a symbolic link is refused with a sentence, and nothing is written behind it."""
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(IndexFailure, match="symbolic link"):
        Index(tmp_path / "data", folder=tmp_path / "link").refresh()
    assert list((tmp_path / "target").iterdir()) == []


def test_a_wrong_statement_is_an_error_and_costs_no_rebuild(journal: Journal, index: Index) -> None:
    """Claim: a caller's mistake raises IndexFailure, and files cannot be read through a query."""
    whole(journal)
    index.refresh()
    before = index.path.stat().st_ino
    for sql in ("SELECT nothing FROM runs", "SELEC", "SELECT * FROM read_csv('/etc/passwd')", "DROP TABLE opens"):
        with pytest.raises(IndexFailure):
            index.query(sql)
    assert index.path.stat().st_ino == before


def test_an_index_that_someone_holds_open_is_not_thrown_away(journal: Journal, index: Index) -> None:
    """Claim: while another program has the file open for writing, a fold says so and keeps the file."""
    whole(journal)
    index.refresh()
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(index.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        before = index.path.stat().st_ino
        with pytest.raises(IndexFailure, match="lock"):
            index.refresh()
        assert index.path.stat().st_ino == before
        other.kill()
    index.refresh()


def test_a_snapshot_stays_as_it_was_and_leaves_nothing_behind(journal: Journal, index: Index) -> None:
    """Claim: a private copy does not change while others fold, and its file has no name while it is read."""
    whole(journal)
    index.refresh()
    with index.snapshot() as copy:
        whole(journal)
        assert index.refresh() == 6
        assert copy.query("SELECT count(*) AS n FROM runs") == [{"n": 1}]
        assert list(index.folder.rglob("copy.duckdb*")) == []
    assert sorted(path.name for path in index.folder.iterdir()) == ["index.duckdb", "index.lock", "turn.lock"]


def _write_runs(folder: Path, count: int) -> None:
    journal = Journal(folder, segment_bytes=1 << 15)
    for _ in range(count):
        whole(journal)
    journal.close("exit")


def _look(folder: Path, stop: Path, failures: Path) -> None:
    index = Index(folder)
    try:
        while not stop.exists():
            index.refresh()
            index.query("SELECT count(*) AS n, sum(steps) AS steps FROM runs")
    except BaseException as error:
        failures.write_text(f"{failures.read_text() if failures.exists() else ''}{type(error).__name__}: {error}\n")


def test_writers_and_readers_at_once_meet_no_lock_and_count_exactly(tmp_path: Path) -> None:
    """Claim: 4 processes that fold and query while 4 others write see no error, and all is there once."""
    data, stop = tmp_path / "data", tmp_path / "stop"
    first = Journal(data)
    first.open()
    readers = [SPAWN.Process(target=_look, args=(data, stop, tmp_path / f"failed{n}")) for n in range(4)]
    writers = [SPAWN.Process(target=_write_runs, args=(data, 60)) for _ in range(4)]
    for process in (*readers, *writers):
        process.start()
    for writer in writers:
        writer.join()
    Index(data).rebuild()
    first.close("exit")
    stop.touch()
    for reader in readers:
        reader.join()
    assert [path.read_text() for path in tmp_path.glob("failed*")] == []
    index = Index(data)
    index.refresh(block=True)
    assert one(index, "SELECT count(*) AS n, count(DISTINCT run) AS runs, sum(steps)::INT AS steps FROM runs") == {
        "n": 240, "runs": 240, "steps": 480,
    }  # fmt: skip
    assert one(index, "SELECT count(*) AS n, count(DISTINCT (writer, n)) AS apart FROM steps") == {
        "n": 720,
        "apart": 720,
    }


def test_a_kill_in_the_middle_of_a_fold_loses_and_doubles_nothing(journal: Journal, index: Index) -> None:
    """Claim: processes killed (-9) while they fold leave an index that the next fold completes exactly."""
    for _ in range(150):
        whole(journal)
    script = (
        "import sys, duckdb; from pathlib import Path; from handrail.audit import index; index.CHUNK_BYTES = 20_000; "
        "print('ready', flush=True); index.Index(Path(sys.argv[1])).refresh(block=True)"
    )
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        folder = subprocess.Popen(
            [sys.executable, "-c", script, str(index.data)], stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPO)},
        )  # fmt: skip
        with folder:
            assert folder.stdout is not None
            folder.stdout.readline()
            time.sleep(delay)
            folder.send_signal(signal.SIGKILL)
    index.refresh(block=True)
    assert one(index, "SELECT count(*) AS n, count(DISTINCT run) AS runs, sum(steps)::INT AS steps FROM runs") == {
        "n": 150, "runs": 150, "steps": 300,
    }  # fmt: skip
    assert one(index, "SELECT count(*) AS n FROM steps WHERE outcome <> 'ok'") == {"n": 0}


def test_a_fold_that_fails_half_way_is_taken_back(journal: Journal, index: Index) -> None:
    """Claim: records and offset are in one transaction: without its commit neither is there."""
    whole(journal)
    index.refresh()
    whole(journal)
    with duckdb.connect(index.path) as con:
        con.execute("ALTER TABLE writers RENAME TO elsewhere")
        before = con.execute("SELECT * FROM parts").fetchall()
        with pytest.raises(duckdb.Error):
            fold(con, index.data)
        con.execute("ROLLBACK")
        con.execute("ALTER TABLE elsewhere RENAME TO writers")
        assert con.execute("SELECT * FROM parts").fetchall() == before
    assert index.refresh() == 6
    assert one(index, "SELECT count(*) AS n FROM opens") == {"n": 6}


def test_importing_the_index_loads_no_duckdb() -> None:
    """Claim: duckdb is loaded by the first fold or query, not by an import."""
    script = "import sys, handrail.audit.index, handrail.audit.report_formats; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(REPO)}).returncode == 0
