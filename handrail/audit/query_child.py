"""The process in which somebody's own SQL runs: limited by the system, no files, no settings, one SELECT.

Reads one JSON request on standard input (see query.py) and writes one JSON object: columns, rows, more, or problem.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from handrail.audit.views import names

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OVERHEAD_BYTES = 1_600 << 20
"""Address space besides the memory that DuckDB counts: code, threads' stacks, reserved arenas."""
_GRACE_SECONDS = 5.0
"""Time for an interrupted query to end by itself, before the process does."""
_BATCH = 1_000
_MAX_PROBLEM = 1_000
"""Characters of what DuckDB says: a query may make it say anything."""
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "json_each", "json_tree"})
"""Functions that may stand where a table stands."""
_SOURCES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "CTE"})
FORBIDDEN = frozenset(
    {
        "current_setting", "getenv", "getvariable", "nextval", "currval", "setseed", "write_log", "query",
        "query_table", "sql_auto_complete", "force_checkpoint", "checkpoint",
    }
)  # fmt: skip
"""Functions that tell of the process or change it."""


class Refused(Exception):
    """A query that is not allowed; the text says why and what to do. Never seen outside this process."""


def main() -> None:
    """Answer the request on standard input, and leave without DuckDB's clean-up, which may never end."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    _limit_process(request["memory_bytes"], request["seconds"])
    try:
        answer = _answer(request)
    except Refused as refused:
        answer = {"problem": str(refused)}
    except RecursionError:
        answer = {"problem": "The query is nested too deeply, or a sum in it is too long. Ask for less."}
    except MemoryError:
        answer = {"problem": _too_much(request)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)


def _limit_process(memory_bytes: int, seconds: float) -> None:
    """Let the system end what DuckDB's own limits do not."""
    dog = threading.Timer(seconds + _GRACE_SECONDS, _end_now, [seconds])
    dog.daemon = True
    dog.start()
    try:
        import resource
    except ImportError:  # Windows: only time is limited
        return
    room = memory_bytes + _OVERHEAD_BYTES
    for limit, most in ((resource.RLIMIT_AS, room), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0),
                        (resource.RLIMIT_CPU, int(seconds * 2 + 20))):  # fmt: skip
        resource.setrlimit(limit, (most, most))


def _end_now(seconds: float) -> None:
    sys.stdout.write(json.dumps({"problem": _too_long(seconds)}))
    sys.stdout.flush()
    os._exit(0)


def _too_long(seconds: float) -> str:
    return f"The query took more than {seconds:g} seconds. Ask for less, or give it more time."


def _too_much(request: Mapping[str, Any]) -> str:
    return f"The query needs more than {request['memory_bytes'] >> 20:,} MiB of memory. Ask for less."


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    import duckdb

    try:
        con = connected(request)
        check(con, request["sql"])
        timer = threading.Timer(request["seconds"], con.interrupt)
        timer.daemon = True
        timer.start()
        con.execute(request["sql"])
        return _fetched(con, request)
    except duckdb.InterruptException:
        raise Refused(_too_long(request["seconds"])) from None
    except duckdb.OutOfMemoryException:
        raise Refused(_too_much(request)) from None
    except duckdb.Error as error:
        raise Refused(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return str(error)[:_MAX_PROBLEM].split("\n", 1)[0]


def connected(request: Mapping[str, Any]) -> DuckDBPyConnection:
    """Open the index of ``request`` read-only, with no way to files, extensions or settings."""
    import duckdb

    open_with: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2, "memory_limit": f"{request['memory_bytes']}B", "autoinstall_known_extensions": False,
        "autoload_known_extensions": False, "allow_community_extensions": False,
        "python_enable_replacements": False,
    }  # fmt: skip
    con = duckdb.connect(request["path"], read_only=True, config=open_with)
    # in this order: with no access outside, the folder for spilling can no longer be taken away
    for setting in ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true"):
        con.execute(f"SET {setting}")
    return con


def check(con: DuckDBPyConnection, sql: str) -> None:
    """Raise Refused unless ``sql`` is one SELECT over documented views and harmless functions."""
    import duckdb

    try:
        found = con.extract_statements(sql)
    except duckdb.Error as error:
        raise Refused(_first_line(error)) from None
    if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
        raise Refused("A query is one SELECT statement, and nothing else.")
    told = con.execute("SELECT json_serialize_sql($1::VARCHAR)", [found[0].query]).fetchone()
    tree: Any = json.loads(told[0]) if told else {"error": True}
    if tree.get("error"):
        raise Refused(f"The query cannot be read: {tree.get('error_message', 'not a plain SELECT')}.")
    nodes = list(_nodes(tree))
    inside = _named_inside(nodes)
    if taken := inside & _hidden(con):
        raise Refused(f"WITH cannot give the name {min(taken)} to something: the index uses it. Take another name.")
    allowed = names() | inside
    for node in nodes:
        _check_node(node, allowed)


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    # a stack, not recursion: the query decides how deep it is
    waiting: list[object] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            node = cast("dict[str, Any]", value)
            yield node
            waiting.extend(node.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[object]", value))


def _named_inside(nodes: list[dict[str, Any]]) -> set[str]:
    """Names that the query itself gives to subqueries (WITH)."""
    maps: list[Any] = [node["cte_map"]["map"] for node in nodes if isinstance(node.get("cte_map"), dict)]
    return {str(entry["key"]).lower() for entries in maps for entry in entries or ()}


def _hidden(con: DuckDBPyConnection) -> frozenset[str]:
    """Names of tables and views that are not documented."""
    rows = con.execute("SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()").fetchall()
    return frozenset(str(row[0]).lower() for row in rows) - names()


def _check_node(node: Mapping[str, Any], allowed: frozenset[str] | set[str]) -> None:
    if "alias" in node and "sample" in node and node.get("type") not in _SOURCES:
        raise Refused(f"{node.get('type')} is not allowed in a query: `--views` lists views and columns.")
    if node.get("type") == "BASE_TABLE":
        table = str(node.get("table_name"))
        if table.lower() not in allowed or node.get("schema_name") not in ("", "main") or node.get("catalog_name"):
            raise Refused(f"There is no view {table}. `--views` lists those that there are.")
    if node.get("type") == "TABLE_FUNCTION":
        told: Any = node.get("function") or {}
        name = str(told.get("function_name"))
        if name.lower() not in TABLE_FUNCTIONS:
            raise Refused(f"The function {name} is not allowed as a table.")
    function = str(node.get("function_name") or "").lower()
    if function in FORBIDDEN or function.startswith(("duckdb_", "pragma_", "pg_")):
        raise Refused(f"The function {function} is not allowed.")


def _fetched(con: DuckDBPyConnection, request: Mapping[str, Any]) -> dict[str, Any]:
    columns = [column[0] for column in con.description or ()]
    rows: list[list[object]] = []
    size, most = 0, request["rows"]
    while batch := con.fetchmany(min(_BATCH, most + 1 - len(rows))):
        for row in batch:
            plain = [_plain(value) for value in row]
            size += len(json.dumps(plain))
            rows.append(plain)
        if size > request["answer_bytes"]:
            raise Refused(f"The answer is larger than {request['answer_bytes'] >> 20:,} MiB. Ask for less.")
        if len(rows) > most:
            break
    return {"columns": columns, "rows": rows[:most], "more": len(rows) > most}


def _plain(value: object) -> object:
    """``value`` in JSON types: moments in ISO 8601, durations in seconds, bytes in hex, decimals as text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in cast("dict[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in cast("list[object]", value)]
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return _text(value)


def _text(value: object) -> object:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(cast("bytes", value)).hex()
    return str(value)


if __name__ == "__main__":
    main()
