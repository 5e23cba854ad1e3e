"""Somebody's own SQL: what it may read, what it may not, and what it may take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handrail.audit import query_child
from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.query import Limits, ask
from handrail.audit.views import documented, names, unused
from handrail.errors import IndexFailure
from tests.audit import recorded

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORBIDDEN = (
    "SELECT 1; SELECT 2", "", ";", "SELECT", "ATTACH '/tmp/x.db'", "COPY runs TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/passwd'", "SELECT * FROM runs WHERE agent IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT (SELECT max(content) FROM read_blob('/etc/passwd'))", "SELECT * FROM glob('/etc/*')",
    "SELECT 1 FROM runs UNION ALL SELECT count(*) FROM parquet_scan('/tmp/x')",
    "PRAGMA database_list", "PRAGMA enable_external_access = true", "INSTALL httpfs", "LOAD json", "SET threads = 8",
    "SET VARIABLE x = 1", "RESET lock_configuration", "SELECT getenv('HOME')", "SELECT current_setting('threads')",
    "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_databases()", "FROM duckdb_secrets()",
    "SELECT * FROM pragma_database_list()", "CALL pragma_version()", "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('opens')", "SHOW TABLES", "DESCRIBE runs", "SUMMARIZE runs", "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1", "CREATE TABLE x (a INT)", "CREATE TEMP VIEW x AS SELECT 1", "DROP VIEW runs",
    "INSERT INTO notes SELECT * FROM notes", "UPDATE opens SET rule = 'x'", "DELETE FROM opens", "BEGIN", "CHECKPOINT",
    "VACUUM", "PREPARE x AS SELECT 1", "EXECUTE x", "USE memory", "EXPORT DATABASE '/tmp/x'", "PIVOT runs ON agent",
    "SELECT * FROM opens", "SELECT * FROM main.opens", "SELECT * FROM copy.main.runs", "SELECT * FROM checksum",
    "SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_class", "SELECT * FROM duckdb_tables",
    "SELECT * FROM steps_in(NULL, NULL, NULL, NULL, NULL)", "SELECT * FROM runs, opens", "SELECT * FROM OPENS",
    "WITH x AS (WITH opens AS (SELECT 1) SELECT 2) SELECT * FROM opens", "WITH opens AS (SELECT 1) SELECT * FROM opens",
    "SELECT * FROM runs WHERE EXISTS (SELECT 1 FROM parts)", "SELECT [x.run FOR x IN (SELECT w FROM writers)]",
    "SELECT x FROM runs ORDER BY (SELECT max(body) FROM events)", "SELECT 'a' || (FROM meta)",
)  # fmt: skip
ALLOWED = (
    "SELECT 1", "VALUES (1, 2)", "FROM runs", "SELECT * FROM main.runs", "SELECT * FROM RUNS AS r",
    "WITH t AS (SELECT * FROM steps) SELECT type, count(*) FROM t GROUP BY ALL",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
    "SELECT * FROM range(3)", "SELECT unnest([1, 2])", "SELECT * FROM steps s, LATERAL (SELECT s.n + 1)",
    "SELECT run, row_number() OVER (ORDER BY started_at) FROM runs QUALIFY row_number() OVER () = 1",
    "SELECT * FROM (PIVOT decisions ON verdict IN ('allow', 'deny') USING count(*) GROUP BY name)",
    "SELECT * FROM runs POSITIONAL JOIN steps", "SELECT a.run FROM runs a LEFT JOIN limits b USING (run)",
    "SELECT * FROM steps ASOF JOIN limits ON steps.started_at >= limits.noted_at",
)  # fmt: skip


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("query")
    journal = Journal(data)
    recorded.whole(journal)
    recorded.whole(journal, verdict="deny", reason="nobody may", ran=False)
    journal.close("exit")
    Index(data).refresh()
    return data


@pytest.fixture(scope="module", name="copy")
def _copy(data: Path) -> Iterator[Path]:
    with Index(data).copy() as path:
        yield path


@pytest.fixture(name="con")
def _con(copy: Path) -> Iterator[DuckDBPyConnection]:
    con = query_child.connected({"path": str(copy), "memory_bytes": 1 << 28})
    yield con
    con.close()


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_what_is_no_select_over_the_views_is_refused(con: DuckDBPyConnection, sql: str) -> None:
    """Claim: no file, setting, other table, other statement or second statement passes the check."""
    with pytest.raises(query_child.Refused):
        query_child.check(con, sql)


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_the_connection_itself_reaches_no_file_and_changes_nothing(con: DuckDBPyConnection, sql: str) -> None:
    """Claim: even without the check, none of these statements reads a file, writes one, or changes a setting."""
    import duckdb

    told = ""
    try:
        con.execute(sql)
        told = str(con.fetchall()) if con.description else ""
    except duckdb.Error as error:
        told = str(error)
    con = con.cursor()
    assert "root:" not in told
    assert con.execute("SELECT count(*) FROM main.opens").fetchall() == [(6,)]
    assert con.execute("SELECT current_setting('enable_external_access')").fetchall() == [(False,)]
    assert con.execute("SELECT current_setting('threads')").fetchall() == [(2,)]
    assert not Path("/tmp/x.csv").exists() and not Path("/tmp/x.db").exists()


@pytest.mark.parametrize("sql", ALLOWED)
def test_questions_over_the_views_pass(con: DuckDBPyConnection, sql: str) -> None:
    """Claim: joins, windows, subqueries, recursion and lists over documented views can be asked."""
    query_child.check(con, sql)
    con.execute(sql).fetchall()


def test_every_documented_view_can_be_asked(con: DuckDBPyConnection) -> None:
    """Claim: the documentation names views that there are, and each of them passes."""
    for name in sorted(names()):
        query_child.check(con, f"FROM {name}")
        con.execute(f"FROM {name}").fetchall()


def test_every_column_is_documented_and_no_other() -> None:
    """Claim: a column without a meaning, or a meaning without a column, cannot be added."""
    missing = [f"{view.name}.{column.name}" for view in documented() for column in view.columns if not column.meaning]
    assert (missing, unused()) == ([], [])
    assert all(view.columns for view in documented())


def test_an_answer_has_columns_rows_and_says_that_there_is_more(data: Path) -> None:
    """Claim: values come back in JSON types, and a cut answer says so."""
    index = Index(data)
    answer = ask(
        index,
        "SELECT 1 AS a, 1.5::DECIMAL(3,1) AS b, TIMESTAMP '2026-11-21 08:00:00' AS c, 'nan'::DOUBLE AS d, "
        "[1, NULL] AS e, {'x': 2} AS f, '\\x01'::BLOB AS g, NULL AS h, "
        "170141183460469231731::HUGEINT AS i, INTERVAL 90 SECOND AS j FROM runs",
    )
    assert answer.columns == tuple("abcdefghij")
    assert answer.rows[0] == (1, "1.5", "2026-11-21T08:00:00", None, [1, None], {"x": 2}, "01", None,
                              170141183460469231731, 90.0)  # fmt: skip
    assert (len(answer.rows), answer.more) == (2, False)
    cut = ask(index, "SELECT * FROM range(10)", Limits(rows=4))
    assert (cut.rows, cut.more) == (((0,), (1,), (2,), (3,)), True)


@pytest.mark.parametrize("sql", [
    "SELECT length(repeat('x', 2000000000))", "SELECT list_sum(range(3000000000))",
    "SELECT string_agg(repeat('x', 10000000), '') FROM range(1000)", "SELECT list_sort(range(300000000))",
    "SELECT * FROM range(100000000) ORDER BY hash(range)",
])  # fmt: skip
def test_a_query_cannot_take_more_memory_than_it_may(data: Path, sql: str) -> None:
    """Claim: an expression that DuckDB does not count ends its own process, not ours, and is told in a sentence."""
    with pytest.raises(IndexFailure, match="MiB"):
        ask(Index(data), sql, Limits(memory_bytes=256 << 20, seconds=20))


@pytest.mark.parametrize("sql", [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b, steps WHERE hash(a.range, b.range) = 1",
    "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
])  # fmt: skip
def test_a_query_cannot_take_more_time_than_it_may(data: Path, sql: str) -> None:
    """Claim: what would go on for ever is ended, also what DuckDB cannot interrupt."""
    with pytest.raises(IndexFailure, match="more than 1 seconds"):
        ask(Index(data), sql, Limits(seconds=1))


def test_an_answer_that_is_too_large_is_refused(data: Path) -> None:
    """Claim: few rows of much text do not fill our memory either."""
    with pytest.raises(IndexFailure, match="larger than 1 MiB"):
        ask(Index(data), "SELECT repeat('x', 100000) FROM range(20)", Limits(answer_bytes=1 << 20))


def test_a_wrong_query_is_told_by_duckdb_and_leaves_nothing_behind(data: Path) -> None:
    """Claim: a misspelled column is named, and no copy of the index stays in the folder."""
    before = set((data / "index").iterdir())
    with pytest.raises(IndexFailure, match='"agnet" not found'):
        ask(Index(data), "SELECT agnet FROM runs")
    with pytest.raises(IndexFailure, match="100,000 are allowed"):
        ask(Index(data), "SELECT 1 --" + "x" * 100_000)
    assert set((data / "index").iterdir()) == before


@pytest.mark.parametrize(
    "sql", ["(" * 5000 + "1" + ")" * 5000, "SELECT " + "-" * 1 + "(" * 3000, "SELECT " + "NOT " * 40000 + "true"]
)
def test_deep_queries_end_in_a_sentence(data: Path, sql: str) -> None:
    """Claim: what overflows a parser's stack is a refused query, not a crash of the command."""
    with pytest.raises(IndexFailure):
        ask(Index(data), sql)
